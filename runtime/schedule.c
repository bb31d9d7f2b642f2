/* Scheduling attributes that are kept for the program; see the header. */
#include "runtime/schedule.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "asm/x86_64/syscall.h"
#include "runtime/base.h"

void schedule_begin(struct schedule *s, const struct schedule *creator)
{
    *s = (struct schedule){.policy = SCHEDULE_AS_MAIN};
    if (likely(!creator))
        return;
    s->policy = creator->policy;
    s->priority = creator->priority;
    if (creator->cpus && (s->cpus = malloc(sizeof(*s->cpus))))
        *s->cpus = *creator->cpus;
}

void schedule_end(struct schedule *s)
{
    free(s->cpus);
    s->cpus = NULL;
}

/* sched(7): a real-time priority above RLIMIT_RTPRIO needs CAP_SYS_NICE. */
static bool may_have(int priority)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
    struct rlimit limit;
    if (priority == 0)
        return true;
    if (sys_call(SYS_capget, &header, data) == 0 && data[0].effective & 1u << CAP_SYS_NICE)
        return true;
    return sys_call(SYS_prlimit64, 0, RLIMIT_RTPRIO, NULL, &limit) == 0 && (rlim_t)priority <= limit.rlim_cur;
}

int schedule_set(struct schedule *s, int policy, int priority)
{
    int kind = policy & ~SCHED_RESET_ON_FORK;
    long least = sys_call(SYS_sched_get_priority_min, kind), most = sys_call(SYS_sched_get_priority_max, kind);
    if (policy < 0 || least < 0 || priority < least || priority > most)
        return EINVAL;
    if (!may_have(priority))
        return EPERM;
    s->policy = policy;
    s->priority = priority;
    return 0;
}

void schedule_get(const struct schedule *s, int *policy, int *priority)
{
    struct sched_param param = {0};
    *policy = s->policy;
    *priority = s->priority;
    if (s->policy != SCHEDULE_AS_MAIN)
        return;
    int pid = (int)sys_call(SYS_getpid);
    *policy = (int)sys_call(SYS_sched_getscheduler, pid);
    sys_call(SYS_sched_getparam, pid, &param);
    *priority = param.sched_priority;
}

int schedule_set_cpus(struct schedule *s, size_t size_bytes, const cpu_set_t *cpus)
{
    cpu_set_t wanted, known;
    CPU_ZERO(&wanted);
    memcpy(&wanted, cpus, size_bytes < sizeof(wanted) ? size_bytes : sizeof(wanted));
    CPU_ZERO(&known);
    for (long i = 0, count = sysconf(_SC_NPROCESSORS_CONF); i < count; i++)
        CPU_SET((size_t)i, &known);
    CPU_AND(&wanted, &wanted, &known);
    if (!CPU_COUNT(&wanted))
        return EINVAL;
    if (!s->cpus && !(s->cpus = malloc(sizeof(*s->cpus))))
        return ENOMEM;
    *s->cpus = wanted;
    return 0;
}

int schedule_get_cpus(const struct schedule *s, size_t size_bytes, cpu_set_t *cpus)
{
    /* Also tells whether the set is large enough. */
    long filled = sys_call(SYS_sched_getaffinity, sys_call(SYS_getpid), size_bytes, cpus);
    if (filled < 0)
        return (int)-filled;
    memset((char *)cpus + filled, 0, size_bytes - (size_t)filled);
    if (s->cpus)
        memcpy(cpus, s->cpus, size_bytes < sizeof(*s->cpus) ? size_bytes : sizeof(*s->cpus));
    return 0;
}
