/* Scheduling calls that name a thread (POSIX: pthread_setschedparam, sched_setscheduler; sched_setaffinity(2)). libc and the kernel
 * would look for a kernel thread with a green thread's id. The main thread is one, and goes to them. */
#include "preload/hook.h"
#include "runtime/hub.h"
#include "runtime/registry.h"

/* The green thread whose attributes we keep; NULL for the main thread and for what is none of ours. */
static struct green *kept(pthread_t thread)
{
    struct green *g = hook_families & 1u << FAMILY_thread && !in_vfork_child ? thread_find(thread) : NULL;
    return g && !g->is_main ? g : NULL;
}

/* The same for an id as gettid() tells it; 0 is the caller. */
static struct green *kept_by_id(pid_t id)
{
    struct green *g = hook_self_or_alone();
    if (!g)
        return NULL;
    if (id != 0 && id != g->tid) {
        runtime_enter();
        g = registry_find_tid(id);
        runtime_leave();
    }
    return g && !g->is_main ? g : NULL;
}

static int fail_with(int error)
{
    if (!error)
        return 0;
    errno = error;
    return -1;
}

static int set_priority(struct schedule *s, int priority)
{
    int policy, old;
    schedule_get(s, &policy, &old);
    return schedule_set(s, policy, priority);
}

/* ---- by pthread_t: an error number ---- */

/* POSIX: 0, ESRCH. */
HOOK_EXPORT int pthread_getschedparam(pthread_t thread, int *policy, struct sched_param *param)
{
    struct green *g = kept(thread);
    if (!g)
        return REAL(pthread_getschedparam)(thread, policy, param);
    schedule_get(&g->schedule, policy, &param->sched_priority);
    return 0;
}

/* POSIX: 0, EINVAL, EPERM, ESRCH. */
HOOK_EXPORT int pthread_setschedparam(pthread_t thread, int policy, const struct sched_param *param)
{
    struct green *g = kept(thread);
    return g ? schedule_set(&g->schedule, policy, param->sched_priority)
             : REAL(pthread_setschedparam)(thread, policy, param);
}

/* POSIX: 0, EINVAL, EPERM, ESRCH. */
HOOK_EXPORT int pthread_setschedprio(pthread_t thread, int priority)
{
    struct green *g = kept(thread);
    return g ? set_priority(&g->schedule, priority) : REAL(pthread_setschedprio)(thread, priority);
}

/* pthread_setaffinity_np(3): 0, EINVAL, ESRCH. */
HOOK_EXPORT int pthread_setaffinity_np(pthread_t thread, size_t size_bytes, const cpu_set_t *cpus)
{
    struct green *g = kept(thread);
    return g ? schedule_set_cpus(&g->schedule, size_bytes, cpus)
             : REAL(pthread_setaffinity_np)(thread, size_bytes, cpus);
}

/* pthread_getaffinity_np(3): 0, EINVAL, ESRCH. */
HOOK_EXPORT int pthread_getaffinity_np(pthread_t thread, size_t size_bytes, cpu_set_t *cpus)
{
    struct green *g = kept(thread);
    return g ? schedule_get_cpus(&g->schedule, size_bytes, cpus)
             : REAL(pthread_getaffinity_np)(thread, size_bytes, cpus);
}

/* POSIX: 0, ESRCH. There is no clock of one green thread; that of its worker's kernel thread also runs while it does. The number is
 * made as the kernel's posix-timers_types.h says: the complement of the id, and 6 for "thread, run time". */
HOOK_EXPORT int pthread_getcpuclockid(pthread_t thread, clockid_t *clock)
{
    struct green *g = kept(thread);
    if (!g)
        return REAL(pthread_getcpuclockid)(thread, clock);
    if (atomic_load(&g->state) != GREEN_LIVE)
        return ESRCH;
    *clock = (clockid_t)(~(unsigned)g->hub->kernel_tid << 3 | 6u);
    return 0;
}

/* ---- by thread id: -1 and errno ---- */

/* POSIX: EINVAL, EPERM, ESRCH. */
HOOK_EXPORT int sched_setscheduler(pid_t id, int policy, const struct sched_param *param)
{
    struct green *g = kept_by_id(id);
    return g ? fail_with(schedule_set(&g->schedule, policy, param->sched_priority))
             : (int)sys_ret(sys_call(SYS_sched_setscheduler, id, policy, param));
}

/* POSIX: the policy; EPERM, ESRCH. */
HOOK_EXPORT int sched_getscheduler(pid_t id)
{
    struct green *g = kept_by_id(id);
    int policy, priority;
    if (!g)
        return (int)sys_ret(sys_call(SYS_sched_getscheduler, id));
    schedule_get(&g->schedule, &policy, &priority);
    return policy;
}

/* POSIX: EINVAL, EPERM, ESRCH. */
HOOK_EXPORT int sched_setparam(pid_t id, const struct sched_param *param)
{
    struct green *g = kept_by_id(id);
    return g ? fail_with(set_priority(&g->schedule, param->sched_priority))
             : (int)sys_ret(sys_call(SYS_sched_setparam, id, param));
}

/* POSIX: EPERM, ESRCH. */
HOOK_EXPORT int sched_getparam(pid_t id, struct sched_param *param)
{
    struct green *g = kept_by_id(id);
    int policy;
    if (!g)
        return (int)sys_ret(sys_call(SYS_sched_getparam, id, param));
    schedule_get(&g->schedule, &policy, &param->sched_priority);
    return 0;
}

/* POSIX: EINVAL, ESRCH. */
HOOK_EXPORT int sched_rr_get_interval(pid_t id, struct timespec *interval)
{
    return (int)sys_ret(sys_call(SYS_sched_rr_get_interval, kept_by_id(id) ? 0 : id, interval));
}

/* sched_setaffinity(2): EINVAL, EPERM, ESRCH. */
HOOK_EXPORT int sched_setaffinity(pid_t id, size_t size_bytes, const cpu_set_t *cpus)
{
    struct green *g = kept_by_id(id);
    return g ? fail_with(schedule_set_cpus(&g->schedule, size_bytes, cpus))
             : (int)sys_ret(sys_call(SYS_sched_setaffinity, id, size_bytes, cpus));
}

/* sched_getaffinity(2): EINVAL, ESRCH. */
HOOK_EXPORT int sched_getaffinity(pid_t id, size_t size_bytes, cpu_set_t *cpus)
{
    struct green *g = kept_by_id(id);
    return g ? fail_with(schedule_get_cpus(&g->schedule, size_bytes, cpus))
             : REAL(sched_getaffinity)(id, size_bytes, cpus);
}

HOOK_ALIAS(__sched_setscheduler, sched_setscheduler);
HOOK_ALIAS(__sched_getscheduler, sched_getscheduler);
HOOK_ALIAS(__sched_getparam, sched_getparam);
