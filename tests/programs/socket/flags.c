/* MSG_PEEK, MSG_WAITALL, MSG_DONTWAIT, MSG_OOB, MSG_NOSIGNAL, MSG_MORE; each also when the data comes late or in parts. */
/* run: */
/* expect:
MSG_DONTWAIT, nothing there: -1 EAGAIN
MSG_PEEK late: 5 peek
then read: 5 peek!
MSG_WAITALL in 4 parts: 20
MSG_WAITALL cut short by the end: 10
MSG_PEEK|MSG_WAITALL: 4
MSG_DONTWAIT|MSG_WAITALL: 3
out-of-band byte: 1 !
SO_OOBINLINE off, normal data around it: ab cd
MSG_OOB without one: -1 EINVAL
MSG_NOSIGNAL: -1 EPIPE
MSG_DONTWAIT send to a full socket: -1 EAGAIN
MSG_MORE, then the rest: 6
zero bytes received when there are some: 0
zero bytes sent: 0
MSG_ERRQUEUE, nothing there: -1 EAGAIN
*/
#include <arpa/inet.h>
#include <sys/socket.h>
#include "say.h"

static char buffer[100000];

static void tcp_pair(int ends[2])
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    NEED(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0);
    NEED(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    NEED(connect(ends[0], (struct sockaddr *)&address, size) == 0);
    ends[1] = accept(listener, NULL, NULL);
    NEED(ends[1] >= 0);
    close(listener);
}

static void say_result(const char *what, ssize_t result)
{
    if (result == -1)
        printf("%s: -1 %s\n", what, error_name(errno));
    else
        printf("%s: %zd\n", what, result);
}

static void *sends_parts(void *arg)
{
    for (int i = 0; i < 4; i++) {
        sleep_ms(5);
        NEED(send((int)(long)arg, "part.", 5, 0) == 5);
    }
    return NULL;
}

static void *sends_two_and_ends(void *arg)
{
    for (int i = 0; i < 2; i++) {
        sleep_ms(5);
        NEED(send((int)(long)arg, "part.", 5, 0) == 5);
    }
    shutdown((int)(long)arg, SHUT_WR);
    return NULL;
}

static void *sends_late(void *arg)
{
    sleep_ms(20);
    NEED(send((int)(long)arg, "peek!", 5, 0) == 5);
    return NULL;
}

static void *sends_urgent(void *arg)
{
    int fd = (int)(long)arg;
    sleep_ms(10);
    NEED(send(fd, "ab", 2, 0) == 2 && send(fd, "!", 1, MSG_OOB) == 1 && send(fd, "cd", 2, 0) == 2);
    return NULL;
}

static void receiving(int ends[2])
{
    say_result("MSG_DONTWAIT, nothing there", recv(ends[0], buffer, 10, MSG_DONTWAIT));
    pthread_t thread = start(sends_late, (void *)(long)ends[1]);
    ssize_t length = recv(ends[0], buffer, 10, MSG_PEEK);
    printf("MSG_PEEK late: %zd %.4s\n", length, buffer);
    length = recv(ends[0], buffer, 10, 0);
    printf("then read: %zd %.5s\n", length, buffer);
    join(thread);
    thread = start(sends_parts, (void *)(long)ends[1]);
    say_result("MSG_WAITALL in 4 parts", recv(ends[0], buffer, 20, MSG_WAITALL));
    join(thread);
    thread = start(sends_two_and_ends, (void *)(long)ends[1]);
    say_result("MSG_WAITALL cut short by the end", recv(ends[0], buffer, 20, MSG_WAITALL));
    join(thread);
}

static void urgent(int ends[2])
{
    char first[3] = "", second[3] = "";
    pthread_t thread = start(sends_urgent, (void *)(long)ends[1]);
    NEED(recv(ends[0], first, 2, 0) == 2);
    join(thread);
    sleep_ms(10);
    ssize_t length = recv(ends[0], buffer, 1, MSG_OOB);
    printf("out-of-band byte: %zd %c\n", length, buffer[0]);
    NEED(recv(ends[0], second, 2, MSG_WAITALL) == 2);
    printf("SO_OOBINLINE off, normal data around it: %s %s\n", first, second);
    say_result("MSG_OOB without one", recv(ends[0], buffer, 1, MSG_OOB));
}

static void *body(void *arg)
{
    int ends[2];
    tcp_pair(ends);
    receiving(ends);
    tcp_pair(ends);
    send(ends[1], "four", 4, 0);
    sleep_ms(5);
    say_result("MSG_PEEK|MSG_WAITALL", recv(ends[0], buffer, 4, MSG_PEEK | MSG_WAITALL));
    NEED(recv(ends[0], buffer, 1, 0) == 1);
    say_result("MSG_DONTWAIT|MSG_WAITALL", recv(ends[0], buffer, 4, MSG_DONTWAIT | MSG_WAITALL));
    urgent(ends);

    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    close(ends[1]);
    say_result("MSG_NOSIGNAL", send(ends[0], "x", 1, MSG_NOSIGNAL));
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    while (send(ends[0], buffer, sizeof buffer, MSG_DONTWAIT) > 0)
        ;
    say_result("MSG_DONTWAIT send to a full socket", send(ends[0], "x", 1, MSG_DONTWAIT));
    tcp_pair(ends);
    send(ends[1], "abc", 3, MSG_MORE);
    send(ends[1], "def", 3, 0);
    say_result("MSG_MORE, then the rest", recv(ends[0], buffer, 6, MSG_WAITALL));
    send(ends[1], "x", 1, 0);
    say_result("zero bytes received when there are some", recv(ends[0], buffer, 0, 0));
    say_result("zero bytes sent", send(ends[0], buffer, 0, 0));
    say_result("MSG_ERRQUEUE, nothing there", recv(ends[0], buffer, 10, MSG_ERRQUEUE));
    return arg;
}

int main(void)
{
    join(start(body, NULL));
    return 0;
}
