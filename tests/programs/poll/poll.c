/* poll and ppoll: time-outs, several descriptors, POLLHUP, POLLNVAL, negative entries, many threads, signal masks. */
/* run: */
/* expect:
nothing, time-out 0: 0
nothing, 30 ms: 0
nothing, 30 ms: in time
only a wait: 0
only a wait: in time
late byte on the third of five: 1, revents 0 0 1 0 0
negative entry ignored: 1, revents 0 1
closed descriptor: 1, POLLNVAL 1
peer closed: 1, POLLIN 0, POLLHUP 1
POLLRDHUP of a half-closed socket: 1, POLLRDHUP 1
POLLOUT of a full socket waits: 1
read end gone: 1, POLLERR 1
regular file: 1, POLLIN 1
two events at once: 2
same descriptor twice: 2
ppoll: 1 EINTR
ppoll time left unchanged: 1
ppoll bad time: -1 EINVAL
100 threads polling 100 pipes: 100
100 threads time out together: in time
1000 descriptors in one poll: 1
*/
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include "say.h"

static int pipes[500][2];

static void *writes_late(void *arg)
{
    sleep_ms(20);
    NEED(write((int)(long)arg, "x", 1) == 1);
    return NULL;
}

static void time_outs(void)
{
    struct pollfd entry = {pipes[0][0], POLLIN, 0};
    printf("nothing, time-out 0: %d\n", poll(&entry, 1, 0));
    long long begin = now_ms();
    printf("nothing, 30 ms: %d\n", poll(&entry, 1, 30));
    say_took("nothing, 30 ms", begin, 29, 3000);
    begin = now_ms();
    printf("only a wait: %d\n", poll(NULL, 0, 30));
    say_took("only a wait", begin, 29, 3000);
}

static void several(void)
{
    struct pollfd entries[5];
    char byte;
    for (int i = 0; i < 5; i++)
        entries[i] = (struct pollfd){pipes[i][0], POLLIN, 0x55};
    pthread_t thread = start(writes_late, (void *)(long)pipes[2][1]);
    int ready = poll(entries, 5, -1);
    join(thread);
    printf("late byte on the third of five: %d, revents", ready);
    for (int i = 0; i < 5; i++)
        printf(" %d", entries[i].revents);
    printf("\n");
    entries[0] = (struct pollfd){-5, POLLIN, 0x55};
    entries[1] = (struct pollfd){pipes[2][0], POLLIN, 0};
    ready = poll(entries, 2, -1);
    printf("negative entry ignored: %d, revents %d %d\n", ready, entries[0].revents, entries[1].revents);
    entries[0].fd = 5000;
    entries[1].fd = pipes[1][0];
    ready = poll(entries, 2, -1);
    printf("closed descriptor: %d, POLLNVAL %d\n", ready, entries[0].revents == POLLNVAL);
    NEED(read(pipes[2][0], &byte, 1) == 1);
}

static void *closes_late(void *arg)
{
    sleep_ms(20);
    close((int)(long)arg);
    return NULL;
}

static void *shuts_late(void *arg)
{
    sleep_ms(20);
    shutdown((int)(long)arg, SHUT_WR);
    return NULL;
}

static void *drains_late(void *arg)
{
    static char sink[100000];
    sleep_ms(20);
    while (recv((int)(long)arg, sink, sizeof sink, MSG_DONTWAIT) > 0)
        ;
    return NULL;
}

static void ends(void)
{
    int p[2], s[2];
    static char block[10000];
    NEED(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    struct pollfd entry = {p[0], POLLIN, 0};
    pthread_t thread = start(closes_late, (void *)(long)p[1]);
    int ready = poll(&entry, 1, -1);
    join(thread);
    printf("peer closed: %d, POLLIN %d, POLLHUP %d\n", ready, !!(entry.revents & POLLIN), !!(entry.revents & POLLHUP));
    entry = (struct pollfd){s[0], POLLRDHUP, 0};
    thread = start(shuts_late, (void *)(long)s[1]);
    ready = poll(&entry, 1, -1);
    join(thread);
    printf("POLLRDHUP of a half-closed socket: %d, POLLRDHUP %d\n", ready, entry.revents == POLLRDHUP);
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    while (send(s[0], block, sizeof block, MSG_DONTWAIT) > 0)
        ;
    entry = (struct pollfd){s[0], POLLOUT, 0};
    NEED(poll(&entry, 1, 0) == 0);
    thread = start(drains_late, (void *)(long)s[1]);
    printf("POLLOUT of a full socket waits: %d\n", poll(&entry, 1, -1));
    join(thread);
    NEED(pipe(p) == 0);
    close(p[0]);
    entry = (struct pollfd){p[1], 0, 0};
    ready = poll(&entry, 1, -1);
    printf("read end gone: %d, POLLERR %d\n", ready, entry.revents == POLLERR);
    entry = (struct pollfd){open("/proc/self/exe", O_RDONLY), POLLIN, 0};
    ready = poll(&entry, 1, -1);
    printf("regular file: %d, POLLIN %d\n", ready, entry.revents == POLLIN);
}

static void twice(void)
{
    char byte;
    struct pollfd entries[2] = {{pipes[0][0], POLLIN, 0}, {pipes[1][0], POLLIN, 0}};
    NEED(write(pipes[0][1], "x", 1) == 1 && write(pipes[1][1], "x", 1) == 1);
    printf("two events at once: %d\n", poll(entries, 2, 1000));
    entries[1] = entries[0];
    printf("same descriptor twice: %d\n", poll(entries, 2, 1000));
    NEED(read(pipes[0][0], &byte, 1) == 1 && read(pipes[1][0], &byte, 1) == 1);
}

static void on_signal(int signal)
{
    (void)signal;
}

static void masks(void)
{
    sigset_t blocked, none;
    struct pollfd entry = {pipes[0][0], POLLIN, 0};
    struct timespec limit = {5, 0}, bad = {0, -1};
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    pthread_kill(pthread_self(), SIGUSR1);
    int result = ppoll(&entry, 1, &limit, &none);
    printf("ppoll: %d %s\n", -result, error_name(errno));
    limit = (struct timespec){0, 20000000};
    NEED(ppoll(&entry, 1, &limit, NULL) == 0);
    printf("ppoll time left unchanged: %d\n", limit.tv_sec == 0 && limit.tv_nsec == 20000000);
    result = ppoll(&entry, 1, &bad, NULL);
    printf("ppoll bad time: %d %s\n", result, error_name(errno));
}

static void *polls_own(void *arg)
{
    char byte;
    struct pollfd entry = {pipes[(long)arg][0], POLLIN, 0};
    NEED(poll(&entry, 1, 20000) == 1 && read(entry.fd, &byte, 1) == 1);
    return (void *)1L;
}

static void *times_out(void *arg)
{
    struct pollfd entry = {pipes[(long)arg][0], POLLIN, 0};
    NEED(poll(&entry, 1, 50) == 0);
    return NULL;
}

static void many(void)
{
    pthread_t threads[100];
    long sum = 0;
    for (long i = 0; i < 100; i++)
        threads[i] = start(polls_own, (void *)i);
    sleep_ms(10);
    for (int i = 99; i >= 0; i--)
        NEED(write(pipes[i][1], "x", 1) == 1);
    for (int i = 0; i < 100; i++)
        sum += (long)join(threads[i]);
    printf("100 threads polling 100 pipes: %ld\n", sum);
    long long begin = now_ms();
    for (long i = 0; i < 100; i++)
        threads[i] = start(times_out, (void *)i);
    for (int i = 0; i < 100; i++)
        join(threads[i]);
    say_took("100 threads time out together", begin, 49, 2500);
    static struct pollfd entries[1000];
    for (int i = 0; i < 1000; i++)
        entries[i] = (struct pollfd){pipes[i / 2][i % 2], POLLIN, 0};
    pthread_t writer = start(writes_late, (void *)(long)pipes[321][1]);
    printf("1000 descriptors in one poll: %d\n", poll(entries, 1000, 20000));
    join(writer);
}

static void *body(void *arg)
{
    time_outs();
    several();
    ends();
    twice();
    masks();
    many();
    return arg;
}

int main(void)
{
    struct rlimit limit = {4096, 20000};
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < 500; i++)
        NEED(pipe(pipes[i]) == 0);
    join(start(body, NULL));
    return 0;
}
