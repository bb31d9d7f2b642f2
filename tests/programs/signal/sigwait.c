/* sigwait, sigwaitinfo and sigtimedwait in a thread of their own, the way daemons do it: all others block the signals and
   wait in something else. */
/* run: */
/* expect:
sigwait got: SIGHUP SIGUSR1 SIGTERM
sigwaitinfo: SIGUSR2 value 42
sigtimedwait, nothing: -1 EAGAIN
sigtimedwait: in time
sigtimedwait, pending already: SIGUSR2
sigtimedwait, bad time: -1 EINVAL
thread-directed: SIGUSR1
two waiters, two signals: 2
queued real-time signals, lowest first, in order: 1 2 3 10
sigwait, interrupted by another signal's handler, goes on: SIGUSR2
workers undisturbed: 20
*/
#include <signal.h>
#include "say.h"

static sigset_t waited;
static int ends[2], undisturbed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t go = PTHREAD_COND_INITIALIZER;
static int released;

static const char *name(int signal)
{
    static __thread char text[32];
    snprintf(text, sizeof text, "SIG%s", sigabbrev_np(signal));
    return text;
}

static void *works(void *arg)
{
    char byte;
    if ((long)arg % 2) {
        __atomic_add_fetch(&undisturbed, read(ends[0], &byte, 1) == 1, __ATOMIC_RELAXED);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    while (!released)
        pthread_cond_wait(&go, &lock);
    undisturbed++;
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void *waits_for_three(void *arg)
{
    int signals[3];
    for (int i = 0; i < 3; i++)
        NEED(sigwait(&waited, &signals[i]) == 0);
    printf("sigwait got:");
    for (int i = 0; i < 3; i++)
        printf(" %s", name(signals[i]));
    printf("\n");
    return arg;
}

static void *waits_for_info(void *arg)
{
    siginfo_t info;
    (void)arg;
    int signal = sigwaitinfo(&waited, &info);
    printf("sigwaitinfo: %s value %d\n", name(signal), info.si_value.sival_int);
    return NULL;
}

static void *waits_for_one(void *arg)
{
    int signal = 0;
    (void)arg;
    NEED(sigwait(&waited, &signal) == 0);
    return (void *)(long)signal;
}

static void timed(void)
{
    struct timespec soon = {0, 30000000}, bad = {0, -1};
    long long begin = now_ms();
    int result = sigtimedwait(&waited, NULL, &soon);
    printf("sigtimedwait, nothing: %d %s\n", result, error_name(errno));
    say_took("sigtimedwait", begin, 29, 3000);
    pthread_kill(pthread_self(), SIGUSR2);
    printf("sigtimedwait, pending already: %s\n", name(sigtimedwait(&waited, NULL, &soon)));
    result = sigtimedwait(&waited, NULL, &bad);
    printf("sigtimedwait, bad time: %d %s\n", result, error_name(errno));
}

static void queued(void)
{
    const int order[] = {SIGRTMIN, SIGRTMIN, SIGRTMIN + 1, SIGRTMIN};
    const int values[] = {1, 2, 10, 3};
    siginfo_t info;
    for (int i = 0; i < 4; i++)
        sigqueue(getpid(), order[i], (union sigval){.sival_int = values[i]});
    printf("queued real-time signals, lowest first, in order:");
    for (int i = 0; i < 4; i++) {
        NEED(sigwaitinfo(&waited, &info) > 0);
        printf(" %d", info.si_value.sival_int);
    }
    printf("\n");
}

static void on_int(int signal)
{
    (void)signal;
}

static void *goes_on(void *arg)
{
    int signal;
    sigset_t other;
    sigemptyset(&other);
    sigaddset(&other, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &other, NULL);
    NEED(sigwait(&waited, &signal) == 0);
    printf("sigwait, interrupted by another signal's handler, goes on: %s\n", name(signal));
    return arg;
}

int main(void)
{
    pthread_t workers[20], waiter, second;
    const int all[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGRTMIN, SIGRTMIN + 1};
    struct sigaction action = {.sa_handler = on_int};
    sigset_t blocked;
    sigaction(SIGINT, &action, NULL);
    sigemptyset(&waited);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        sigaddset(&waited, all[i]);
    blocked = waited;
    sigaddset(&blocked, SIGINT);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    NEED(pipe(ends) == 0);
    for (long i = 0; i < 20; i++)
        workers[i] = start(works, (void *)i);

    waiter = start(waits_for_three, NULL);
    for (int i = 0; i < 3; i++) {
        sleep_ms(20);
        kill(getpid(), ((const int[]){SIGHUP, SIGUSR1, SIGTERM})[i]);
    }
    join(waiter);
    waiter = start(waits_for_info, NULL);
    sleep_ms(10);
    sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = 42});
    join(waiter);
    timed();
    waiter = start(waits_for_one, NULL);
    sleep_ms(10);
    pthread_kill(waiter, SIGUSR1);
    printf("thread-directed: %s\n", name((int)(long)join(waiter)));
    waiter = start(waits_for_one, NULL);
    second = start(waits_for_one, NULL);
    sleep_ms(10);
    kill(getpid(), SIGHUP);
    kill(getpid(), SIGUSR1);
    int got = (join(waiter) != NULL) + (join(second) != NULL);
    printf("two waiters, two signals: %d\n", got);
    queued();
    waiter = start(goes_on, NULL);
    sleep_ms(10);
    pthread_kill(waiter, SIGINT);
    sleep_ms(10);
    pthread_kill(waiter, SIGUSR2);
    join(waiter);

    for (int i = 0; i < 10; i++)
        NEED(write(ends[1], "x", 1) == 1);
    pthread_mutex_lock(&lock);
    released = 1;
    pthread_cond_broadcast(&go);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 20; i++)
        join(workers[i]);
    printf("workers undisturbed: %d\n", undisturbed);
    return 0;
}
