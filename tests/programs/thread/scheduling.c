/* Processors, policies, priorities and CPU clocks of threads, by pthread_t and by thread id: what is asked for what a
   thread has by default, and what is refused. */
/* run: */
/* expect:
affinity: own 0, another's 0, by tid 0, as main's 1
affinity set: the same 0, by tid 0
affinity set: none EINVAL
affinity: size too small EINVAL
policy: 0 SCHED_OTHER 1 priority 0
policy set: the same 0, priority 5 EINVAL, bad EINVAL
priority set: 5 EINVAL, 0 0
by tid: policy 0, parameters 0, as main's nice 1, the same set 0
by tid: bad policy EINVAL
no such tid: ESRCH ESRCH ESRCH
CPU clock: 0, goes 1
CLOCK_THREAD_CPUTIME_ID goes: 1
in 20 threads all right: 20
*/
#include <sched.h>
#include <sys/resource.h>
#include "say.h"

static cpu_set_t of_main;
static int nice_of_main;
static pthread_t main_thread;

static const char *failure(int result)
{
    return error_name(result == -1 ? errno : result);
}

static void affinity(void)
{
    cpu_set_t own, other, by_tid, none;
    int first = pthread_getaffinity_np(pthread_self(), sizeof own, &own);
    int second = pthread_getaffinity_np(main_thread, sizeof other, &other);
    int third = sched_getaffinity(gettid(), sizeof by_tid, &by_tid);
    printf("affinity: own %d, another's %d, by tid %d, as main's %d\n", first, second, third,
           CPU_EQUAL(&own, &of_main) && CPU_EQUAL(&other, &of_main) && CPU_EQUAL(&by_tid, &of_main));
    first = pthread_setaffinity_np(pthread_self(), sizeof own, &own);
    printf("affinity set: the same %d, by tid %d\n", first, sched_setaffinity(gettid(), sizeof own, &own));
    CPU_ZERO(&none);
    printf("affinity set: none %s\n", failure(pthread_setaffinity_np(pthread_self(), sizeof none, &none)));
    printf("affinity: size too small %s\n", failure(pthread_getaffinity_np(pthread_self(), 0, &own)));
}

static void policy(void)
{
    int policy;
    struct sched_param param;
    int error = pthread_getschedparam(pthread_self(), &policy, &param);
    printf("policy: %d SCHED_OTHER %d priority %d\n", error, policy == SCHED_OTHER, param.sched_priority);
    error = pthread_setschedparam(pthread_self(), policy, &param);
    param.sched_priority = 5;
    int refused = pthread_setschedparam(pthread_self(), SCHED_OTHER, &param);
    printf("policy set: the same %d, priority 5 %s, bad %s\n", error, failure(refused),
           failure(pthread_setschedparam(pthread_self(), 77, &param)));
    refused = pthread_setschedprio(pthread_self(), 5);
    printf("priority set: 5 %s, 0 %d\n", failure(refused), pthread_setschedprio(pthread_self(), 0));
}

static void by_tid(void)
{
    struct sched_param param = {77};
    int policy = sched_getscheduler(gettid()), got = sched_getparam(gettid(), &param), nice;
    errno = 0;
    nice = getpriority(PRIO_PROCESS, (id_t)gettid());
    NEED(errno == 0);
    printf("by tid: policy %d, parameters %d, as main's nice %d, the same set %d\n", policy, got + param.sched_priority,
           nice == nice_of_main, setpriority(PRIO_PROCESS, (id_t)gettid(), nice));
    printf("by tid: bad policy %s\n", failure(sched_setscheduler(gettid(), 77, &param)));
    const char *first = failure(sched_getscheduler(0x3ffffff0)), *second = failure(sched_getparam(0x3ffffff0, &param));
    printf("no such tid: %s %s %s\n", first, second, failure(sched_setscheduler(0x3ffffff0, SCHED_OTHER, &param)));
}

static long long cpu_ns(clockid_t clock)
{
    struct timespec now;
    NEED(clock_gettime(clock, &now) == 0);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int goes(clockid_t clock)
{
    long long begin = cpu_ns(clock);
    for (volatile int i = 0; i < 3000000; i++)
        ;
    return cpu_ns(clock) > begin;
}

static void clocks(void)
{
    clockid_t clock;
    int error = pthread_getcpuclockid(pthread_self(), &clock);
    printf("CPU clock: %d, goes %d\n", error, goes(clock));
    printf("CLOCK_THREAD_CPUTIME_ID goes: %d\n", goes(CLOCK_THREAD_CPUTIME_ID));
}

static void *all(void *arg)
{
    affinity();
    policy();
    by_tid();
    clocks();
    return arg;
}

static void *briefly(void *arg)
{
    cpu_set_t set;
    struct sched_param param;
    int policy;
    (void)arg;
    usleep(100);
    return (void *)(long)(pthread_getaffinity_np(pthread_self(), sizeof set, &set) == 0 && CPU_EQUAL(&set, &of_main) &&
                          pthread_getschedparam(pthread_self(), &policy, &param) == 0 && policy == SCHED_OTHER);
}

int main(void)
{
    pthread_t threads[20];
    long right = 0;
    main_thread = pthread_self();
    nice_of_main = getpriority(PRIO_PROCESS, 0);
    NEED(sched_getaffinity(0, sizeof of_main, &of_main) == 0);
    join(start(all, NULL));
    for (int i = 0; i < 20; i++)
        threads[i] = start(briefly, NULL);
    for (int i = 0; i < 20; i++)
        right += (long)join(threads[i]);
    printf("in 20 threads all right: %ld\n", right);
    return 0;
}
