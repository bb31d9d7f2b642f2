/* epoll: level and edge triggered, one-shot, exclusive, modified and deleted while waited on, nested, user data, time-outs
   (also of epoll_pwait2), many threads on one epoll descriptor, read by poll. */
/* run: */
/* expect:
nothing, time-out 0: 0
nothing, 30 ms: 0
nothing, 30 ms: in time
level: 1 1, after reading 0
edge: 1 0, new byte 1
one-shot: 1 0, armed again 1
added while waited on: 1
modified while waited on: 1
deleted: 0
nested: 1, inner 1
poll on an epoll descriptor: 1
late event: 1, data 123456789012
two of three ready, one asked: 1 1
closed descriptor leaves: 0
EEXIST ENOENT EPERM EBADF
eventfd: 1, counter 3
timerfd: 1, expirations at least 1
epoll_pwait: -1 EINTR
epoll_pwait2: 0
epoll_pwait2: in time
10 threads, one-shot, 1000 events: each once 1
event loop served: 20 clients, 400 messages
*/
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include "say.h"

static int epoll, ends[2];

static void control(int operation, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event event = {events, {.u64 = data}};
    NEED(epoll_ctl(epoll, operation, fd, &event) == 0);
}

static int wait(int ms)
{
    struct epoll_event events[10];
    return epoll_wait(epoll, events, 10, ms);
}

static void put(void)
{
    NEED(write(ends[1], "x", 1) == 1);
}

static void get(void)
{
    char byte;
    NEED(read(ends[0], &byte, 1) == 1);
}

static void fresh(void)
{
    epoll = epoll_create1(EPOLL_CLOEXEC);
    NEED(epoll >= 0 && pipe(ends) == 0);
}

static void triggers(void)
{
    fresh();
    control(EPOLL_CTL_ADD, ends[0], EPOLLIN, 0);
    printf("nothing, time-out 0: %d\n", wait(0));
    long long begin = now_ms();
    printf("nothing, 30 ms: %d\n", wait(30));
    say_took("nothing, 30 ms", begin, 29, 3000);
    put();
    int first = wait(-1), second = wait(-1);
    get();
    printf("level: %d %d, after reading %d\n", first, second, wait(0));
    control(EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLET, 0);
    put();
    first = wait(-1), second = wait(10);
    put();
    printf("edge: %d %d, new byte %d\n", first, second, wait(-1));
    control(EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLONESHOT, 0);
    first = wait(-1), second = wait(10);
    control(EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLONESHOT, 0);
    printf("one-shot: %d %d, armed again %d\n", first, second, wait(-1));
}

static void *waits(void *arg)
{
    (void)arg;
    return (void *)(long)wait(20000);
}

static void changes(void)
{
    fresh();
    put();
    pthread_t thread = start(waits, NULL);
    sleep_ms(10);
    control(EPOLL_CTL_ADD, ends[0], EPOLLIN, 0);
    printf("added while waited on: %ld\n", (long)join(thread));
    control(EPOLL_CTL_MOD, ends[0], 0, 0);
    thread = start(waits, NULL);
    sleep_ms(10);
    control(EPOLL_CTL_MOD, ends[0], EPOLLIN, 0);
    printf("modified while waited on: %ld\n", (long)join(thread));
    control(EPOLL_CTL_DEL, ends[0], 0, 0);
    printf("deleted: %d\n", wait(10));
    close(ends[0]);
    close(ends[1]);
    close(epoll);
}

static void *puts_late(void *arg)
{
    sleep_ms(20);
    put();
    return arg;
}

static void nested(void)
{
    fresh();
    control(EPOLL_CTL_ADD, ends[0], EPOLLIN, 0);
    int inner = epoll;
    epoll = epoll_create1(0);
    control(EPOLL_CTL_ADD, inner, EPOLLIN, 0);
    pthread_t thread = start(puts_late, NULL);
    int outer_ready = wait(-1);
    join(thread);
    epoll = inner;
    printf("nested: %d, inner %d\n", outer_ready, wait(0));
    get();
    struct pollfd entry = {inner, POLLIN, 0};
    thread = start(puts_late, NULL);
    printf("poll on an epoll descriptor: %d\n", poll(&entry, 1, -1));
    join(thread);
}

static void data(void)
{
    struct epoll_event event;
    int others[2][2];
    fresh();
    control(EPOLL_CTL_ADD, ends[0], EPOLLIN, 123456789012ULL);
    pthread_t thread = start(puts_late, NULL);
    int ready = epoll_wait(epoll, &event, 1, -1);
    join(thread);
    printf("late event: %d, data %llu\n", ready, (unsigned long long)event.data.u64);
    for (int i = 0; i < 2; i++) {
        NEED(pipe(others[i]) == 0);
        control(EPOLL_CTL_ADD, others[i][0], EPOLLIN, i);
    }
    NEED(write(others[0][1], "x", 1) == 1);
    int first = epoll_wait(epoll, &event, 1, -1), second = epoll_wait(epoll, &event, 1, -1);
    printf("two of three ready, one asked: %d %d\n", first, second);
    close(others[0][0]);
    get();
    printf("closed descriptor leaves: %d\n", wait(0));
    int file = open("/proc/self/exe", O_RDONLY);
    const int operations[][2] = {{EPOLL_CTL_ADD, ends[0]},
                                 {EPOLL_CTL_MOD, others[0][1]},
                                 {EPOLL_CTL_ADD, file},
                                 {EPOLL_CTL_ADD, 900}};
    for (int i = 0; i < 4; i++) {
        NEED(epoll_ctl(epoll, operations[i][0], operations[i][1], &event) == -1);
        printf("%s%s", error_name(errno), i == 3 ? "\n" : " ");
    }
}

static void *adds_to_eventfd(void *arg)
{
    sleep_ms(10);
    eventfd_write((int)(long)arg, 3);
    return NULL;
}

static void on_signal(int signal)
{
    (void)signal;
}

static void *special(void *arg)
{
    uint64_t value = 0;
    fresh();
    int fd = eventfd(0, 0);
    control(EPOLL_CTL_ADD, fd, EPOLLIN, 0);
    pthread_t thread = start(adds_to_eventfd, (void *)(long)fd);
    int ready = wait(-1);
    join(thread);
    NEED(read(fd, &value, 8) == 8);
    printf("eventfd: %d, counter %llu\n", ready, (unsigned long long)value);
    fd = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec soon = {{0, 0}, {0, 10000000}};
    timerfd_settime(fd, 0, &soon, NULL);
    control(EPOLL_CTL_ADD, fd, EPOLLIN, 0);
    ready = wait(-1);
    NEED(read(fd, &value, 8) == 8);
    printf("timerfd: %d, expirations at least %d\n", ready, value >= 1);

    sigset_t blocked, none;
    struct epoll_event event;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    pthread_kill(pthread_self(), SIGUSR1);
    ready = epoll_pwait(epoll, &event, 1, 5000, &none);
    printf("epoll_pwait: %d %s\n", ready, error_name(errno));
    struct timespec limit = {0, 30000000};
    long long begin = now_ms();
    printf("epoll_pwait2: %d\n", epoll_pwait2(epoll, &event, 1, &limit, NULL));
    say_took("epoll_pwait2", begin, 29, 3000);
    return arg;
}

static int seen[1000];

static void *takes_events(void *arg)
{
    struct epoll_event events[3];
    for (;;) {
        int ready = epoll_wait(epoll, events, 3, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.u64 == 5000)
                return arg;
            __atomic_add_fetch(&seen[events[i].data.u64], 1, __ATOMIC_RELAXED);
        }
        usleep(10);
    }
}

static void many_threads(void)
{
    pthread_t threads[10];
    int once = 1, fds[1000];
    fresh();
    for (int i = 0; i < 10; i++)
        threads[i] = start(takes_events, NULL);
    for (int i = 0; i < 1000; i++) {
        fds[i] = eventfd(1, 0);
        control(EPOLL_CTL_ADD, fds[i], EPOLLIN | EPOLLONESHOT, i);
    }
    for (int taken = 0; taken < 1000; usleep(1000)) {
        taken = 0;
        for (int i = 0; i < 1000; i++)
            taken += __atomic_load_n(&seen[i], __ATOMIC_RELAXED) > 0;
    }
    put();
    control(EPOLL_CTL_ADD, ends[0], EPOLLIN, 5000);
    for (int i = 0; i < 10; i++)
        join(threads[i]);
    for (int i = 0; i < 1000; i++) {
        once &= seen[i] == 1;
        close(fds[i]);
    }
    printf("10 threads, one-shot, 1000 events: each once %d\n", once);
}

static void *client(void *arg)
{
    char byte;
    for (int i = 0; i < 20; i++)
        NEED(send((int)(long)arg, "m", 1, 0) == 1 && recv((int)(long)arg, &byte, 1, 0) == 1 && byte == 'n');
    close((int)(long)arg);
    return NULL;
}

static void *event_loop(void *arg)
{
    int open = 20, messages = 0;
    struct epoll_event events[10];
    while (open > 0) {
        int ready = epoll_wait(epoll, events, 10, -1);
        for (int i = 0; i < ready; i++) {
            char byte;
            ssize_t n = recv(events[i].data.fd, &byte, 1, 0);
            NEED(n >= 0);
            if (n == 0) {
                close(events[i].data.fd);
                open--;
            } else {
                byte++;
                messages++;
                NEED(send(events[i].data.fd, &byte, 1, 0) == 1);
            }
        }
    }
    printf("event loop served: %d clients, %d messages\n", 20 - open, messages);
    return arg;
}

int main(void)
{
    pthread_t threads[20], loop;
    triggers();
    changes();
    nested();
    data();
    join(start(special, NULL));
    many_threads();
    fresh();
    for (int i = 0; i < 20; i++) {
        int pair[2];
        NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        control(EPOLL_CTL_ADD, pair[0], EPOLLIN, pair[0]);
        threads[i] = start(client, (void *)(long)pair[1]);
    }
    loop = start(event_loop, NULL);
    for (int i = 0; i < 20; i++)
        join(threads[i]);
    join(loop);
    return 0;
}
