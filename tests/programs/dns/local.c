/* getaddrinfo of localhost and numeric addresses, getnameinfo and the older calls, in 50 threads at once. */
/* run: */
/* expect:
localhost: 50
numeric: 50
not numeric: EAI_NONAME 50
service by name: 50
getnameinfo numeric: 50
gethostbyname_r: 50
getpwuid_r: 50
bad service: EAI_SERVICE 50
*/
#include <arpa/inet.h>
#include <netdb.h>
#include <pwd.h>
#include <sys/socket.h>
#include "say.h"

static int localhost, numeric, not_numeric, service, name, old, password, bad_service;

static void add(int *sum, int n)
{
    __atomic_add_fetch(sum, n, __ATOMIC_RELAXED);
}

static int resolves_to(const char *host, const char *port, const char *address, int wanted_port)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    char text[64];
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return 0;
    struct sockaddr_in *first = (struct sockaddr_in *)found->ai_addr;
    inet_ntop(AF_INET, &first->sin_addr, text, sizeof text);
    int right = strcmp(text, address) == 0 && ntohs(first->sin_port) == wanted_port;
    freeaddrinfo(found);
    return right;
}

static void *body(void *arg)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(7), .sin_addr.s_addr = htonl(0x7f000001)};
    char host[64], port[64], buffer[4096];
    struct hostent entry, *result;
    struct passwd user, *who;
    int error;
    add(&localhost, resolves_to("localhost", "80", "127.0.0.1", 80));
    add(&numeric, resolves_to("192.0.2.7", "1234", "192.0.2.7", 1234));
    add(&not_numeric, getaddrinfo("not.numeric", "80", &hints, &found) == EAI_NONAME);
    add(&service, resolves_to("127.0.0.1", "https", "127.0.0.1", 443));
    error = getnameinfo((struct sockaddr *)&address, sizeof address, host, sizeof host, port, sizeof port,
                        NI_NUMERICHOST | NI_NUMERICSERV);
    add(&name, error == 0 && strcmp(host, "127.0.0.1") == 0 && strcmp(port, "7") == 0);
    add(&old, gethostbyname_r("localhost", &entry, buffer, sizeof buffer, &result, &error) == 0 && result);
    add(&password, getpwuid_r(0, &user, buffer, sizeof buffer, &who) == 0 && who && strcmp(user.pw_name, "root") == 0);
    hints.ai_flags = 0;
    add(&bad_service, getaddrinfo("127.0.0.1", "no-such-service", &hints, &found) == EAI_SERVICE);
    return arg;
}

int main(void)
{
    pthread_t threads[50];
    for (int i = 0; i < 50; i++)
        threads[i] = start(body, NULL);
    for (int i = 0; i < 50; i++)
        join(threads[i]);
    printf("localhost: %d\nnumeric: %d\nnot numeric: EAI_NONAME %d\nservice by name: %d\n", localhost, numeric,
           not_numeric, service);
    printf("getnameinfo numeric: %d\ngethostbyname_r: %d\ngetpwuid_r: %d\nbad service: EAI_SERVICE %d\n", name, old,
           password, bad_service);
    return 0;
}
