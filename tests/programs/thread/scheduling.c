/* What a thread sets of its scheduling it gets back, from itself and from others, by pthread_t and by thread id; new threads inherit
   it or have what their attributes say; wrong values are refused. */
/* run: needs=root */
/* expect:
policy set by itself: SCHED_RR 7, by another: SCHED_RR 7, by id: SCHED_RR 7
inherited: SCHED_RR 7
explicit: SCHED_FIFO 3
priority alone: SCHED_RR 9
policy out of range: EINVAL
priority out of range: EINVAL
others are not touched: SCHED_OTHER 0
one processor: 1, inherited 1, by id 1, by attribute 1
no processor: EINVAL
nice: 5, inherited 5, of main 0
nice by id: 7
nice beyond the end: 19
no such thread: ESRCH ESRCH ESRCH
*/
#include <sched.h>
#include <sys/resource.h>
#include "say.h"

static pthread_barrier_t ready, go;
static pid_t tid;

static const char *policy_name(int policy)
{
    return policy == SCHED_RR      ? "SCHED_RR"
           : policy == SCHED_FIFO  ? "SCHED_FIFO"
           : policy == SCHED_OTHER ? "SCHED_OTHER"
                                   : "?";
}

static const char *policy_of(pthread_t thread)
{
    static __thread char text[40];
    struct sched_param param = {-1};
    int policy = -1;
    NEED(pthread_getschedparam(thread, &policy, &param) == 0);
    snprintf(text, sizeof text, "%s %d", policy_name(policy), param.sched_priority);
    return text;
}

static char child_text[40];

static void *child(void *arg)
{
    strcpy(child_text, policy_of(pthread_self()));
    return arg;
}

static char own_text[40];

static void *real_time(void *arg)
{
    struct sched_param param = {.sched_priority = 7};
    NEED(pthread_setschedparam(pthread_self(), SCHED_RR, &param) == 0);
    tid = gettid();
    strcpy(own_text, policy_of(pthread_self()));
    join(start(child, NULL));
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&go);
    return arg;
}

static void policies(void)
{
    struct sched_param param;
    pthread_attr_t attr;
    pthread_t thread = start(real_time, NULL), explicit;
    pthread_barrier_wait(&ready);
    int policy = sched_getscheduler(tid);
    NEED(sched_getparam(tid, &param) == 0);
    printf("policy set by itself: %s, by another: %s, by id: %s %d\n", own_text, policy_of(thread), policy_name(policy),
           param.sched_priority);
    printf("inherited: %s\n", child_text);
    pthread_attr_init(&attr);
    param.sched_priority = 3;
    NEED(pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED) == 0);
    NEED(pthread_attr_setschedpolicy(&attr, SCHED_FIFO) == 0 && pthread_attr_setschedparam(&attr, &param) == 0);
    NEED(pthread_create(&explicit, &attr, child, NULL) == 0);
    join(explicit);
    printf("explicit: %s\n", child_text);
    NEED(pthread_setschedprio(thread, 9) == 0);
    printf("priority alone: %s\n", policy_of(thread));
    printf("policy out of range: %s\n", error_name(pthread_setschedparam(thread, 77, &param)));
    param.sched_priority = 1000;
    printf("priority out of range: %s\n", error_name(pthread_setschedparam(thread, SCHED_RR, &param)));
    printf("others are not touched: %s\n", policy_of(pthread_self()));
    pthread_barrier_wait(&go);
    join(thread);
}

static int cpus_of(pthread_t thread)
{
    cpu_set_t set;
    NEED(pthread_getaffinity_np(thread, sizeof set, &set) == 0);
    return CPU_COUNT(&set);
}

static void *counts(void *arg)
{
    (void)arg;
    return (void *)(long)cpus_of(pthread_self());
}

static void *pinned(void *arg)
{
    cpu_set_t all, one;
    int cpu = 0;
    pthread_attr_t attr;
    pthread_t other;
    NEED(sched_getaffinity(0, sizeof all, &all) == 0);
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_attr_init(&attr);
    NEED(pthread_attr_setaffinity_np(&attr, sizeof one, &one) == 0);
    NEED(pthread_create(&other, &attr, counts, NULL) == 0);
    long by_attribute = (long)join(other);
    NEED(pthread_setaffinity_np(pthread_self(), sizeof one, &one) == 0);
    long inherited = (long)join(start(counts, NULL));
    NEED(sched_getaffinity(gettid(), sizeof all, &all) == 0);
    printf("one processor: %d, inherited %ld, by id %d, by attribute %ld\n", cpus_of(pthread_self()), inherited,
           CPU_COUNT(&all), by_attribute);
    CPU_ZERO(&one);
    printf("no processor: %s\n", error_name(pthread_setaffinity_np(pthread_self(), sizeof one, &one)));
    return arg;
}

static void *niceness(void *arg)
{
    (void)arg;
    return (void *)(long)getpriority(PRIO_PROCESS, 0);
}

static void *is_nice(void *arg)
{
    NEED(setpriority(PRIO_PROCESS, 0, 5) == 0);
    long inherited = (long)join(start(niceness, NULL));
    printf("nice: %d, inherited %ld, of main %d\n", getpriority(PRIO_PROCESS, 0), inherited,
           getpriority(PRIO_PROCESS, getpid()));
    NEED(setpriority(PRIO_PROCESS, gettid(), 7) == 0);
    printf("nice by id: %d\n", getpriority(PRIO_PROCESS, gettid()));
    printf("nice beyond the end: %d\n", nice(100));
    return arg;
}

int main(void)
{
    struct sched_param param;
    cpu_set_t set;
    NEED(setpriority(PRIO_PROCESS, 0, 0) == 0);
    pthread_barrier_init(&ready, NULL, 2);
    pthread_barrier_init(&go, NULL, 2);
    policies();
    join(start(pinned, NULL));
    join(start(is_nice, NULL));
    const int nobody = (1 << 30) - 7;
    printf("no such thread:");
    printf(" %s", sched_getparam(nobody, &param) ? error_name(errno) : "?");
    printf(" %s", sched_getaffinity(nobody, sizeof set, &set) ? error_name(errno) : "?");
    printf(" %s\n", setpriority(PRIO_PROCESS, nobody, 0) ? error_name(errno) : "?");
    return 0;
}
