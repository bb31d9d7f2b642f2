/* What threads wish of the scheduler: see the header. */
#include "runtime/schedule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "runtime/hub.h"

/* Allocated when a thread first wishes something. Other threads may set and read it; each wish is its last writer's. */
struct schedule {
    bool has_policy, has_processors, has_nice;
    int policy, priority, nice;
    cpu_set_t processors;
};

static int worker_of(const struct green *g)
{
    return g->hub->kernel_tid;
}

/* NULL without memory. */
static struct schedule *wishes_of(struct green *g)
{
    struct schedule *s = atomic_load(&g->schedule), *fresh;
    if (s || !(fresh = calloc(1, sizeof(*fresh))))
        return s;
    if (atomic_compare_exchange_strong(&g->schedule, &s, fresh))
        return fresh;
    free(fresh);
    return s;
}

static bool is_privileged(void)
{
    return sys_call(SYS_geteuid) == 0;
}

/* ---- policy ---- */

/* sched(7): a priority of the policy's range; real time is for the privileged. */
int schedule_check_policy(int policy, const struct sched_param *param)
{
    long least = sys_call(SYS_sched_get_priority_min, policy), most = sys_call(SYS_sched_get_priority_max, policy);
    if (least < 0 || param->sched_priority < least || param->sched_priority > most)
        return EINVAL;
    struct rlimit limit;
    if (most > 0 && !is_privileged() && getrlimit(RLIMIT_RTPRIO, &limit) == 0 &&
        limit.rlim_cur < (rlim_t)param->sched_priority)
        return EPERM;
    return 0;
}

void schedule_note_policy(struct green *g, int policy, const struct sched_param *param)
{
    struct schedule *s = wishes_of(g);
    if (!s)
        return;
    s->policy = policy;
    s->priority = param->sched_priority;
    s->has_policy = true;
}

int schedule_set_policy(struct green *g, int policy, const struct sched_param *param)
{
    int error = schedule_check_policy(policy & ~SCHED_RESET_ON_FORK, param);
    if (!error)
        schedule_note_policy(g, policy, param);
    return error;
}

int schedule_get_policy(const struct green *g, int *policy, struct sched_param *param)
{
    const struct schedule *s = atomic_load(&g->schedule);
    if (s && s->has_policy) {
        *policy = s->policy;
        param->sched_priority = s->priority;
        return 0;
    }
    long found = sys_call(SYS_sched_getscheduler, worker_of(g));
    long error = found < 0 ? found : sys_call(SYS_sched_getparam, worker_of(g), param);
    *policy = (int)found;
    return (int)-error;
}

/* ---- processors ---- */

/* What the kernel lets the worker have of it goes to granted. sched_setaffinity(2): EINVAL where that is nothing. */
static int grant(const struct green *g, size_t size, const cpu_set_t *wanted, cpu_set_t *granted)
{
    memset(granted, 0, sizeof(*granted));
    long filled = sys_call(SYS_sched_getaffinity, worker_of(g), sizeof(*granted), granted);
    if (filled < 0)
        return (int)-filled;
    unsigned long any = 0, *words = (unsigned long *)granted;
    for (size_t i = 0; i < sizeof(*granted) / sizeof(long); i++) {
        words[i] &= i < size / sizeof(long) ? ((const unsigned long *)wanted)[i] : 0;
        any |= words[i];
    }
    return any ? 0 : EINVAL;
}

int schedule_check_processors(const struct green *g, size_t size, const cpu_set_t *wanted)
{
    cpu_set_t granted;
    return grant(g, size, wanted, &granted);
}

int schedule_set_processors(struct green *g, size_t size, const cpu_set_t *wanted)
{
    cpu_set_t granted;
    int error = grant(g, size, wanted, &granted);
    struct schedule *s = error ? NULL : wishes_of(g);
    if (s) {
        s->processors = granted;
        s->has_processors = true;
    }
    return error;
}

int schedule_get_processors(const struct green *g, size_t size, cpu_set_t *set)
{
    long filled = sys_call(SYS_sched_getaffinity, worker_of(g), size, set);
    if (filled < 0)
        return (int)-filled;
    memset((char *)set + filled, 0, size - (size_t)filled);
    const struct schedule *s = atomic_load(&g->schedule);
    if (s && s->has_processors)
        memcpy(set, &s->processors, size < sizeof(s->processors) ? size : sizeof(s->processors));
    return 0;
}

/* ---- nice ---- */

int schedule_get_nice(const struct green *g)
{
    const struct schedule *s = atomic_load(&g->schedule);
    /* The system call answers 20 - nice. */
    return s && s->has_nice ? s->nice : 20 - (int)sys_call(SYS_getpriority, PRIO_PROCESS, worker_of(g));
}

void schedule_note_nice(struct green *g, int nice)
{
    struct schedule *s = wishes_of(g);
    if (!s)
        return;
    s->nice = nice;
    s->has_nice = true;
}

/* setpriority(2): a value beyond the range is the range's end; to become less nice needs a limit that allows it. */
int schedule_set_nice(struct green *g, int nice)
{
    struct rlimit limit;
    nice = nice < -20 ? -20 : nice > 19 ? 19 : nice;
    if (nice < schedule_get_nice(g) && !is_privileged() && getrlimit(RLIMIT_NICE, &limit) == 0 &&
        limit.rlim_cur < (rlim_t)(20 - nice))
        return EACCES;
    schedule_note_nice(g, nice);
    return 0;
}

/* ---- life ---- */

void schedule_inherit(struct green *g)
{
    const struct schedule *creators = self ? atomic_load(&self->schedule) : NULL;
    struct schedule *s = creators ? wishes_of(g) : NULL;
    if (s)
        *s = *creators;
}

void schedule_forget(struct green *g)
{
    free(atomic_exchange(&g->schedule, NULL));
}
