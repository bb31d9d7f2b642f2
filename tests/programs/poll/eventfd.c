/* Descriptors of events: eventfd (counter, semaphore, overflow that waits), timerfd (once, periodic, absolute, with
   non-blocking reads), pidfd, inotify, signalfd read by a thread. */
/* run: */
/* expect:
eventfd late: 7
semaphore: 1 1 1 then EAGAIN
write waits until read: 1
write of the maximum: -1 EINVAL
short read: -1 EINVAL
timerfd once: 1, in time
timerfd periodic: at least 3
timerfd absolute: 1
timerfd not armed, non-blocking: -1 EAGAIN
50 threads on timers together: in time
pidfd readable after the end: 1
inotify: 1 made
signalfd: SIGUSR1
eventfds as locks between 10 threads: 1000
*/
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include "say.h"

static int fd;
static long counter;

static void *adds(void *arg)
{
    sleep_ms(10);
    NEED(eventfd_write(fd, (eventfd_t)(long)arg) == 0);
    return NULL;
}

static void *takes(void *arg)
{
    eventfd_t value;
    sleep_ms(10);
    NEED(eventfd_read(fd, &value) == 0);
    return arg;
}

static void *locks(void *arg)
{
    eventfd_t value;
    for (int i = 0; i < 100; i++) {
        eventfd_read(fd, &value);
        long before = counter;
        sched_yield();
        counter = before + 1;
        eventfd_write(fd, 1);
    }
    return arg;
}

static void eventfds(void)
{
    eventfd_t value;
    char small[4];
    uint64_t most = UINT64_MAX;
    fd = eventfd(0, 0);
    pthread_t thread = start(adds, (void *)7L);
    eventfd_read(fd, &value);
    join(thread);
    printf("eventfd late: %llu\n", (unsigned long long)value);
    fd = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
    printf("semaphore:");
    while (eventfd_read(fd, &value) == 0)
        printf(" %llu", (unsigned long long)value);
    printf(" then %s\n", error_name(errno));
    fd = eventfd(0, 0);
    NEED(eventfd_write(fd, UINT64_MAX - 1) == 0);
    thread = start(takes, NULL);
    printf("write waits until read: %d\n", eventfd_write(fd, 5) == 0);
    join(thread);
    ssize_t n = write(fd, &most, 8);
    printf("write of the maximum: %zd %s\n", n, error_name(errno));
    n = read(fd, small, 4);
    printf("short read: %zd %s\n", n, error_name(errno));
}

static uint64_t expirations(int timer)
{
    uint64_t count = 0;
    return read(timer, &count, 8) == 8 ? count : 0;
}

static void *waits_on_timer(void *arg)
{
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec soon = {{0, 0}, {0, 100000000}};
    timerfd_settime(timer, 0, &soon, NULL);
    NEED(expirations(timer) == 1);
    close(timer);
    return arg;
}

static void timers(void)
{
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec once = {{0, 0}, {0, 30000000}}, periodic = {{0, 10000000}, {0, 10000000}};
    long long begin = now_ms();
    timerfd_settime(timer, 0, &once, NULL);
    uint64_t count = expirations(timer);
    printf("timerfd once: %llu, %s\n", (unsigned long long)count, now_ms() - begin >= 29 ? "in time" : "early");
    timerfd_settime(timer, 0, &periodic, NULL);
    for (count = 0; count < 3;)
        count += expirations(timer);
    printf("timerfd periodic: at least 3\n");
    timer = timerfd_create(CLOCK_REALTIME, 0);
    struct itimerspec absolute = {{0, 0}, in_ms(CLOCK_REALTIME, 20)};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &absolute, NULL);
    printf("timerfd absolute: %llu\n", (unsigned long long)expirations(timer));
    timer = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
    ssize_t n = read(timer, &count, 8);
    printf("timerfd not armed, non-blocking: %zd %s\n", n, error_name(errno));
    pthread_t threads[50];
    begin = now_ms();
    for (int i = 0; i < 50; i++)
        threads[i] = start(waits_on_timer, NULL);
    for (int i = 0; i < 50; i++)
        join(threads[i]);
    say_took("50 threads on timers together", begin, 99, 3000);
}

static void *makes_file(void *arg)
{
    sleep_ms(10);
    NEED(mkdir(arg, 0700) == 0);
    return NULL;
}

static void watches(void)
{
    char folder[64], path[80], buffer[1000];
    snprintf(folder, sizeof folder, "/tmp/test-inotify-%d", getpid());
    snprintf(path, sizeof path, "%s/made", folder);
    NEED(mkdir(folder, 0700) == 0);
    int watch = inotify_init1(0);
    NEED(inotify_add_watch(watch, folder, IN_CREATE) >= 0);
    pthread_t thread = start(makes_file, path);
    ssize_t n = read(watch, buffer, sizeof buffer);
    join(thread);
    printf("inotify: %d %s\n", n > 0, ((struct inotify_event *)buffer)->name);
    rmdir(path);
    rmdir(folder);
}

static void *kills(void *arg)
{
    sleep_ms(10);
    kill(getpid(), SIGUSR1);
    return arg;
}

int main(void)
{
    eventfds();
    timers();
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        sleep_ms(20);
        _exit(0);
    }
    struct pollfd entry = {(int)syscall(SYS_pidfd_open, child, 0), POLLIN, 0};
    printf("pidfd readable after the end: %d\n", poll(&entry, 1, 20000));
    waitpid(child, NULL, 0);
    watches();

    sigset_t set;
    struct signalfd_siginfo info;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, 0);
    pthread_t threads[10], killer = start(kills, NULL);
    NEED(read(signals, &info, sizeof info) == sizeof info);
    join(killer);
    printf("signalfd: SIG%s\n", sigabbrev_np((int)info.ssi_signo));
    fd = eventfd(1, 0);
    for (int i = 0; i < 10; i++)
        threads[i] = start(locks, NULL);
    for (int i = 0; i < 10; i++)
        join(threads[i]);
    printf("eventfds as locks between 10 threads: %ld\n", counter);
    return 0;
}
