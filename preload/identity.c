/* What a thread is to the rest of the system: its name, processors, scheduling and clock.
 *
 * The kernel knows workers only. So a name is kept here, and what a thread wishes of the scheduler in runtime/schedule.h, without
 * effect, because it would bind all others on that worker as well. The main thread is its kernel thread also for the system, and gets what it asks for. */
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "preload/hook.h"
#include "runtime/hub.h"
#include "runtime/registry.h"
#include "runtime/schedule.h"

#define NAME_SIZE 16 /* the kernel's TASK_COMM_LEN */

/* A green thread that the kernel does not know under its id; NULL for the main thread and for what is not ours. */
static struct green *unknown_to_kernel(struct green *g)
{
    return g && !g->is_main ? g : NULL;
}

static struct green *green_of_tid(int tid)
{
    struct green *g = hook_self_or_alone();
    if (!g || tid == 0)
        return unknown_to_kernel(g);
    runtime_enter();
    g = registry_find_tid(tid);
    runtime_leave();
    return unknown_to_kernel(g);
}

static struct green *green_of(pthread_t thread)
{
    return hook_self_or_alone() ? unknown_to_kernel(thread_find(thread)) : NULL;
}

/* ---- names ---- */

/* The name of the process, which a thread has as long as nobody gave it one. */
static void read_process_name(char name[NAME_SIZE])
{
    long fd = sys_call(SYS_openat, AT_FDCWD, "/proc/self/comm", O_RDONLY | O_CLOEXEC);
    long size = fd < 0 ? 0 : sys_call(SYS_read, fd, name, NAME_SIZE);
    if (fd >= 0)
        sys_call(SYS_close, fd);
    name[size > 0 ? size - 1 : 0] = '\0'; /* in place of the newline */
}

static void get_name(const struct green *g, char name[NAME_SIZE])
{
    if (g->name[0])
        memcpy(name, g->name, NAME_SIZE);
    else
        read_process_name(name);
}

static void set_name(struct green *g, const char *name)
{
    strncpy(g->name, name, NAME_SIZE - 1);
}

/* New threads have their creator's name. */
static void note_name_of_main(const char *name)
{
    struct green *g = hook_self_or_alone();
    if (g && g->is_main)
        set_name(g, name);
}

/* pthread_setname_np(3): ERANGE for more than 15 bytes. */
HOOK_EXPORT int pthread_setname_np(pthread_t thread, const char *name)
{
    struct green *g = green_of(thread);
    if (strnlen(name, NAME_SIZE) == NAME_SIZE)
        return ERANGE;
    if (g) {
        set_name(g, name);
        return 0;
    }
    if (thread == pthread_self())
        note_name_of_main(name);
    return REAL(pthread_setname_np)(thread, name);
}

/* pthread_getname_np(3): ERANGE where the longest name would not fit. */
HOOK_EXPORT int pthread_getname_np(pthread_t thread, char *buffer, size_t size)
{
    struct green *g = green_of(thread);
    if (!g)
        return REAL(pthread_getname_np)(thread, buffer, size);
    if (size < NAME_SIZE)
        return ERANGE;
    get_name(g, buffer);
    return 0;
}

/* prctl(2): of its options the names are a thread's own; the rest is for the kernel. */
HOOK_EXPORT int prctl(int option, ...)
{
    va_list list;
    va_start(list, option);
    unsigned long b = va_arg(list, unsigned long), c = va_arg(list, unsigned long), d = va_arg(list, unsigned long),
                  e = va_arg(list, unsigned long);
    va_end(list);
    struct green *g = option == PR_SET_NAME || option == PR_GET_NAME ? green_of_tid(0) : NULL;
    if (g && option == PR_SET_NAME)
        set_name(g, (const char *)b);
    else if (g)
        get_name(g, (char *)b);
    else if (option == PR_SET_NAME)
        note_name_of_main((const char *)b);
    return g ? 0 : (int)sys_ret(sys_call(SYS_prctl, option, b, c, d, e));
}

/* ---- processors ---- */

/* pthread_getaffinity_np(3). */
HOOK_EXPORT int pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set)
{
    struct green *g = green_of(thread);
    return g ? schedule_get_processors(g, size, set) : REAL(pthread_getaffinity_np)(thread, size, set);
}

/* pthread_setaffinity_np(3). */
HOOK_EXPORT int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set)
{
    struct green *g = green_of(thread);
    return g ? schedule_set_processors(g, size, set) : REAL(pthread_setaffinity_np)(thread, size, set);
}

/* sched_getaffinity(2). */
HOOK_EXPORT int sched_getaffinity(pid_t tid, size_t size, cpu_set_t *set)
{
    struct green *g = green_of_tid(tid);
    return g ? (int)sys_ret(-schedule_get_processors(g, size, set)) : REAL(sched_getaffinity)(tid, size, set);
}

/* sched_setaffinity(2). */
HOOK_EXPORT int sched_setaffinity(pid_t tid, size_t size, const cpu_set_t *set)
{
    struct green *g = green_of_tid(tid);
    return g ? (int)sys_ret(-schedule_set_processors(g, size, set)) : REAL(sched_setaffinity)(tid, size, set);
}

/* ---- scheduling ---- */

/* The kernel may have given the main thread something: threads that it makes inherit it, on other workers too. */
static void note_policy_of_main(void)
{
    struct green *g = hook_self_or_alone();
    struct sched_param param;
    if (!g || !g->is_main)
        return;
    int policy = (int)sys_call(SYS_sched_getscheduler, 0);
    if (policy >= 0 && sys_call(SYS_sched_getparam, 0, &param) == 0)
        schedule_note_policy(g, policy, &param);
}

/* POSIX pthread_getschedparam. */
HOOK_EXPORT int pthread_getschedparam(pthread_t thread, int *policy, struct sched_param *param)
{
    struct green *g = green_of(thread);
    return g ? schedule_get_policy(g, policy, param) : REAL(pthread_getschedparam)(thread, policy, param);
}

/* POSIX pthread_setschedparam. */
HOOK_EXPORT int pthread_setschedparam(pthread_t thread, int policy, const struct sched_param *param)
{
    struct green *g = green_of(thread);
    if (g)
        return schedule_set_policy(g, policy, param);
    int error = REAL(pthread_setschedparam)(thread, policy, param);
    note_policy_of_main();
    return error;
}

static int set_priority(struct green *g, int priority)
{
    struct sched_param param;
    int policy, error = schedule_get_policy(g, &policy, &param);
    param.sched_priority = priority;
    return error ? error : schedule_set_policy(g, policy, &param);
}

/* POSIX pthread_setschedprio. */
HOOK_EXPORT int pthread_setschedprio(pthread_t thread, int priority)
{
    struct green *g = green_of(thread);
    if (g)
        return set_priority(g, priority);
    int error = REAL(pthread_setschedprio)(thread, priority);
    note_policy_of_main();
    return error;
}

/* POSIX sched_getscheduler. */
HOOK_EXPORT int sched_getscheduler(pid_t tid)
{
    struct green *g = green_of_tid(tid);
    struct sched_param param;
    int policy;
    if (!g)
        return (int)sys_ret(sys_call(SYS_sched_getscheduler, tid));
    int error = schedule_get_policy(g, &policy, &param);
    return (int)sys_ret(error ? -error : policy);
}

/* POSIX sched_getparam. */
HOOK_EXPORT int sched_getparam(pid_t tid, struct sched_param *param)
{
    struct green *g = green_of_tid(tid);
    int policy;
    return (int)sys_ret(g ? -schedule_get_policy(g, &policy, param) : sys_call(SYS_sched_getparam, tid, param));
}

/* POSIX sched_setscheduler: Linux returns 0. */
HOOK_EXPORT int sched_setscheduler(pid_t tid, int policy, const struct sched_param *param)
{
    struct green *g = green_of_tid(tid);
    if (g)
        return (int)sys_ret(-schedule_set_policy(g, policy, param));
    long result = sys_call(SYS_sched_setscheduler, tid, policy, param);
    note_policy_of_main();
    return (int)sys_ret(result);
}

/* POSIX sched_setparam. */
HOOK_EXPORT int sched_setparam(pid_t tid, const struct sched_param *param)
{
    struct green *g = green_of_tid(tid);
    if (g)
        return (int)sys_ret(-set_priority(g, param->sched_priority));
    long result = sys_call(SYS_sched_setparam, tid, param);
    note_policy_of_main();
    return (int)sys_ret(result);
}

/* POSIX: the time slice of its worker's kernel thread. */
HOOK_EXPORT int sched_rr_get_interval(pid_t tid, struct timespec *interval)
{
    return (int)sys_ret(sys_call(SYS_sched_rr_get_interval, green_of_tid(tid) ? 0 : tid, interval));
}

HOOK_ALIAS(__sched_getscheduler, sched_getscheduler);
HOOK_ALIAS(__sched_getparam, sched_getparam);
HOOK_ALIAS(__sched_setscheduler, sched_setscheduler);

/* POSIX getpriority; Linux: of one thread. */
HOOK_EXPORT int getpriority(__priority_which_t which, id_t id)
{
    struct green *g = which == PRIO_PROCESS ? green_of_tid((int)id) : NULL;
    return g ? schedule_get_nice(g) : REAL(getpriority)(which, id);
}

/* POSIX setpriority. */
HOOK_EXPORT int setpriority(__priority_which_t which, id_t id, int value)
{
    struct green *g = which == PRIO_PROCESS ? green_of_tid((int)id) : NULL, *own = hook_self_or_alone();
    if (g)
        return (int)sys_ret(-schedule_set_nice(g, value));
    long result = sys_call(SYS_setpriority, which, id, value);
    if (result == 0 && own && own->is_main)
        schedule_note_nice(own, 20 - (int)sys_call(SYS_getpriority, PRIO_PROCESS, 0));
    return (int)sys_ret(result);
}

/* POSIX nice: setpriority's EACCES is EPERM here. */
HOOK_EXPORT int nice(int increment)
{
    errno = 0;
    int value = getpriority(PRIO_PROCESS, 0);
    if (value == -1 && errno)
        return -1;
    if (setpriority(PRIO_PROCESS, 0, value + increment)) {
        if (errno == EACCES)
            errno = EPERM;
        return -1;
    }
    return getpriority(PRIO_PROCESS, 0);
}

/* ---- clock ---- */

/* POSIX pthread_getcpuclockid. include/linux/posix-timers.h: the complement of the id, then PERTHREAD and SCHED. */
HOOK_EXPORT int pthread_getcpuclockid(pthread_t thread, clockid_t *clock)
{
    struct green *g = green_of(thread);
    if (!g)
        return REAL(pthread_getcpuclockid)(thread, clock);
    *clock = (clockid_t)(~(unsigned)g->hub->kernel_tid << 3 | 6u);
    return 0;
}
