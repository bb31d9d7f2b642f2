/* Loops on calls that block in general, but here return at once every time: accept without a free descriptor, a pipe that is
   always ready, poll that always finds something. The thread that ends the loop gets the processor all the same. */
/* run: */
/* expect:
read and write: ended by another thread
poll: ended by another thread
accept: EMFILE until another thread closes
*/
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include "say.h"

static int ended, wake[2];

static int is_ended(void)
{
    return __atomic_load_n(&ended, __ATOMIC_ACQUIRE);
}

static void *ends_when_told(void *arg)
{
    char byte;
    NEED(read(wake[0], &byte, 1) == 1);
    if (arg)
        close((int)(long)arg);
    __atomic_store_n(&ended, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* A thread that waits in read and is woken before the loop begins. */
static pthread_t other(int fd_to_close)
{
    __atomic_store_n(&ended, 0, __ATOMIC_RELAXED);
    pthread_t thread = start(ends_when_told, (void *)(long)fd_to_close);
    sleep_ms(10);
    NEED(write(wake[1], "x", 1) == 1);
    return thread;
}

static void no_descriptor(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), spare = dup(client);
    NEED(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 5) == 0);
    NEED(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    NEED(connect(client, (struct sockaddr *)&address, size) == 0);
    pthread_t thread = start(ends_when_told, (void *)(long)spare);
    sleep_ms(10);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = spare + 1;
    NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    NEED(write(wake[1], "x", 1) == 1);
    int fd;
    while ((fd = accept(listener, NULL, NULL)) == -1)
        NEED(errno == EMFILE);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    join(thread);
    NEED(fd == spare);
    printf("accept: EMFILE until another thread closes\n");
}

static void always_ready(void)
{
    char byte = 'x';
    int ends[2];
    NEED(pipe(ends) == 0);
    pthread_t thread = other(0);
    while (!is_ended())
        NEED(write(ends[1], &byte, 1) == 1 && read(ends[0], &byte, 1) == 1);
    join(thread);
    printf("read and write: ended by another thread\n");

    NEED(write(ends[1], &byte, 1) == 1);
    thread = other(0);
    struct pollfd entry = {ends[0], POLLIN, 0};
    while (!is_ended())
        NEED(poll(&entry, 1, -1) == 1);
    join(thread);
    printf("poll: ended by another thread\n");
}

int main(void)
{
    NEED(pipe(wake) == 0);
    always_ready();
    no_descriptor();
    return 0;
}
