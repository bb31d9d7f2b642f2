/* Several threads may wait on one descriptor, for the same or different things, by different calls. */
/* run: */
/* expect:
readers of one pipe, a byte each: 20
reader and writer of one socket: 1
all pollers of one pipe see it: 10
a reader and pollers: reader 1, pollers at least woken in the end 10
accept and poll on one listener: 1 1
writers of one full pipe: 10
*/
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include "say.h"

static int ends[2], got, polled, listener;

static void add(int *sum)
{
    __atomic_add_fetch(sum, 1, __ATOMIC_RELAXED);
}

static void *reads_one(void *arg)
{
    char byte;
    NEED(read(ends[0], &byte, 1) == 1);
    add(&got);
    return arg;
}

static void *polls(void *arg)
{
    struct pollfd entry = {ends[0], POLLIN, 0};
    NEED(poll(&entry, 1, -1) == 1);
    add(&polled);
    return arg;
}

static void run(int count, void *(*body)(void *), pthread_t *threads)
{
    for (int i = 0; i < count; i++)
        threads[i] = start(body, NULL);
    sleep_ms(10);
}

static void finish(int count, pthread_t *threads)
{
    for (int i = 0; i < count; i++)
        join(threads[i]);
}

static void *receives_all(void *arg)
{
    static char block[100000];
    long total = 0;
    while (total < 1000000) {
        ssize_t n = recv(ends[0], block, sizeof block, 0);
        NEED(n > 0);
        total += n;
    }
    return (void *)(total + (long)arg);
}

static void *sends_all(void *arg)
{
    static char block[1000];
    for (int i = 0; i < 1000; i++)
        NEED(send((int)(long)arg, block, sizeof block, 0) == sizeof block);
    return NULL;
}

static void both_ways(void)
{
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    pthread_t receiver = start(receives_all, NULL), sender = start(sends_all, (void *)(long)ends[0]);
    static char block[1000];
    long total = 0;
    for (int i = 0; i < 1000; i++)
        NEED(send(ends[1], block, sizeof block, 0) == sizeof block);
    while (total < 1000000)
        total += recv(ends[1], block, sizeof block, 0);
    join(sender);
    printf("reader and writer of one socket: %d\n", (long)join(receiver) == total);
}

static void *accepts(void *arg)
{
    int fd = accept(listener, NULL, NULL);
    NEED(fd >= 0);
    add(&got);
    return arg;
}

static void *polls_listener(void *arg)
{
    struct pollfd entry = {listener, POLLIN, 0};
    NEED(poll(&entry, 1, 10000) >= 0);
    add(&polled);
    return arg;
}

static void listeners(void)
{
    pthread_t poller, acceptor;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    NEED(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 5) == 0);
    NEED(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    got = polled = 0;
    poller = start(polls_listener, NULL);
    acceptor = start(accepts, NULL);
    sleep_ms(10);
    for (int i = 0; i < 2; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        NEED(connect(fd, (struct sockaddr *)&address, size) == 0);
        sleep_ms(10);
    }
    join(poller);
    join(acceptor);
    printf("accept and poll on one listener: %d %d\n", got, polled);
}

static void *fills(void *arg)
{
    static char block[40000];
    NEED(write(ends[1], block, sizeof block) == sizeof block);
    add(&got);
    return arg;
}

int main(void)
{
    pthread_t threads[20], reader;
    NEED(pipe(ends) == 0);
    run(20, reads_one, threads);
    for (int i = 0; i < 20; i++) {
        NEED(write(ends[1], "x", 1) == 1);
        if (i % 3 == 0)
            usleep(100);
    }
    finish(20, threads);
    printf("readers of one pipe, a byte each: %d\n", got);
    both_ways();

    NEED(pipe(ends) == 0);
    run(10, polls, threads);
    NEED(write(ends[1], "x", 1) == 1);
    finish(10, threads);
    printf("all pollers of one pipe see it: %d\n", polled);

    NEED(pipe(ends) == 0);
    got = polled = 0;
    run(10, polls, threads);
    run(1, reads_one, &reader);
    NEED(write(ends[1], "x", 1) == 1);
    join(reader);
    NEED(write(ends[1], "x", 1) == 1);
    finish(10, threads);
    printf("a reader and pollers: reader %d, pollers at least woken in the end %d\n", got, polled);
    listeners();

    NEED(pipe(ends) == 0);
    got = 0;
    run(10, fills, threads);
    static char sink[400000];
    for (size_t total = 0; total < sizeof sink;)
        total += read(ends[0], sink, 30000);
    finish(10, threads);
    printf("writers of one full pipe: %d\n", got);
    return 0;
}
