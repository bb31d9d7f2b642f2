/* sleep, usleep, nanosleep, clock_nanosleep: a hundred threads sleep as long as one; absolute and relative, both clocks;
   short sleeps are short; errors; what is left after a signal. */
/* run: */
/* expect:
sleep(1) by 100: in time
usleep by 100: in time
nanosleep by 100: in time
clock_nanosleep relative by 100: in time
clock_nanosleep monotonic absolute by 100: in time
clock_nanosleep realtime absolute by 100: in time
main sleeps as long: in time
in order of their times: 1
20 usleep(100), the best of several: short
absolute, past: 0
bad nanoseconds: -1 EINVAL, EINVAL
negative: -1 EINVAL
zero: 0 0 0
bad clock: EINVAL
thread's CPU clock: EINVAL
sleep interrupted: 1 left at least
nanosleep interrupted: -1 EINTR, left 1
clock_nanosleep absolute interrupted: EINTR
usleep interrupted: -1 EINTR
*/
#include <signal.h>
#include <sys/time.h>
#include "say.h"

enum { COUNT = 100 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int order[20], ordered;

static void *by_sleep(void *arg)
{
    NEED(sleep(1) == 0);
    return arg;
}

static void *by_usleep(void *arg)
{
    NEED(usleep(50000) == 0);
    return arg;
}

static void *by_nanosleep(void *arg)
{
    struct timespec time = {0, 50000000};
    NEED(nanosleep(&time, NULL) == 0);
    return arg;
}

static void *relative(void *arg)
{
    struct timespec time = {0, 50000000};
    NEED(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL) == 0);
    return arg;
}

static void *absolute_monotonic(void *arg)
{
    struct timespec time = in_ms(CLOCK_MONOTONIC, 50);
    NEED(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == 0);
    return arg;
}

static void *absolute_realtime(void *arg)
{
    struct timespec time = in_ms(CLOCK_REALTIME, 50);
    NEED(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL) == 0);
    return arg;
}

static void together(const char *name, void *(*body)(void *), int least)
{
    pthread_t threads[COUNT];
    char label[64];
    long long begin = now_ms();
    for (int i = 0; i < COUNT; i++)
        threads[i] = start(body, NULL);
    for (int i = 0; i < COUNT; i++)
        join(threads[i]);
    snprintf(label, sizeof label, "%s by 100", name);
    say_took(label, begin, least, least + 2500);
}

static void *in_order(void *arg)
{
    sleep_ms(20 + (long)arg * 40);
    pthread_mutex_lock(&lock);
    order[ordered++] = (int)(long)arg;
    pthread_mutex_unlock(&lock);
    return NULL;
}

static int are_in_order(void)
{
    pthread_t threads[20];
    int right = 1;
    ordered = 0;
    for (long i = 0; i < 20; i++)
        threads[i] = start(in_order, (void *)(i * 7 % 20));
    for (int i = 0; i < 20; i++)
        join(threads[i]);
    for (int i = 0; i < 20; i++)
        right &= order[i] == i;
    return right;
}

/* A machine that is busy elsewhere may hold one of them up. */
static void ordering(void)
{
    int right = 0;
    for (int i = 0; i < 5 && !right; i++)
        right = are_in_order();
    printf("in order of their times: %d\n", right);
}

/* 1 ms each, as a loop's coarse timers would make of them, would be 20 ms at best. */
static void short_sleeps(void)
{
    long long best = 1000, begin, took;
    for (int i = 0; i < 50 && best > 12; i++) {
        begin = now_ms();
        for (int j = 0; j < 20; j++)
            usleep(100);
        took = now_ms() - begin;
        best = took < best ? took : best;
    }
    printf("20 usleep(100), the best of several: %s\n", best >= 2 && best <= 12 ? "short" : "not so short");
}

static void *errors(void *arg)
{
    struct timespec bad = {0, 1000000000}, negative = {-1, 0}, past = {1, 0}, zero = {0, 0};
    printf("absolute, past: %d\n", clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &past, NULL));
    int result = nanosleep(&bad, NULL), error = errno;
    printf("bad nanoseconds: %d %s, %s\n", result, error_name(error),
           error_name(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, NULL)));
    result = nanosleep(&negative, NULL);
    printf("negative: %d %s\n", result, error_name(errno));
    int slept = usleep(0), left = (int)sleep(0);
    printf("zero: %d %d %d\n", slept, left, nanosleep(&zero, NULL));
    printf("bad clock: %s\n", error_name(clock_nanosleep(1234567, 0, &zero, NULL)));
    printf("thread's CPU clock: %s\n", error_name(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &zero, NULL)));
    return arg;
}

static void on_signal(int signal)
{
    (void)signal;
}

static void alarm_soon(void)
{
    struct itimerval soon = {{0, 0}, {0, 30000}};
    setitimer(ITIMER_REAL, &soon, NULL);
}

static void interrupted(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct timespec time = {5, 0}, left, absolute = in_ms(CLOCK_MONOTONIC, 5000);
    sigaction(SIGALRM, &action, NULL);
    alarm_soon();
    printf("sleep interrupted: %d left at least\n", sleep(5) >= 4);
    alarm_soon();
    int result = nanosleep(&time, &left);
    printf("nanosleep interrupted: %d %s, left %d\n", result, error_name(errno), left.tv_sec == 4);
    alarm_soon();
    printf("clock_nanosleep absolute interrupted: %s\n",
           error_name(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &absolute, NULL)));
    alarm_soon();
    result = usleep(900000);
    printf("usleep interrupted: %d %s\n", result, error_name(errno));
}

static void *sleeps_on(void *arg)
{
    sleep_ms((long)arg);
    return NULL;
}

int main(void)
{
    together("sleep(1)", by_sleep, 999);
    together("usleep", by_usleep, 49);
    together("nanosleep", by_nanosleep, 49);
    together("clock_nanosleep relative", relative, 49);
    together("clock_nanosleep monotonic absolute", absolute_monotonic, 49);
    together("clock_nanosleep realtime absolute", absolute_realtime, 49);
    long long begin = now_ms();
    pthread_t thread = start(sleeps_on, (void *)100L);
    sleep_ms(100);
    join(thread);
    say_took("main sleeps as long", begin, 99, 3000);
    ordering();
    thread = start(sleeps_on, (void *)50L);
    short_sleeps();
    join(thread);
    join(start(errors, NULL));
    thread = start(sleeps_on, (void *)150L);
    interrupted();
    join(thread);
    return 0;
}
