/* What a thread is to the rest of the system: its name, processors, scheduling and clock.
 *
 * The kernel knows workers only. So a name is kept here, and questions are answered for the worker that runs the thread. What a
 * thread asks for itself is checked as the kernel would and then has no effect, because it would bind all others on
 * that worker as well. The main thread is its kernel thread also for the system, and gets what it asks for. */
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "preload/hook.h"
#include "runtime/hub.h"
#include "runtime/registry.h"

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

static int worker_of(const struct green *g)
{
    return g->hub->kernel_tid;
}

/* sched_setaffinity(2): EINVAL where none of the processors may be used. */
static int check_affinity(const struct green *g, size_t size, const cpu_set_t *wanted)
{
    unsigned long allowed[128 / sizeof(long)];
    long filled = sys_call(SYS_sched_getaffinity, worker_of(g), sizeof(allowed), allowed);
    if (filled < 0)
        return (int)-filled;
    for (size_t i = 0; i < size / sizeof(long) && i < (size_t)filled / sizeof(long); i++)
        if (((const unsigned long *)wanted)[i] & allowed[i])
            return 0;
    return EINVAL;
}

static int get_affinity(const struct green *g, size_t size, cpu_set_t *set)
{
    long filled = sys_call(SYS_sched_getaffinity, worker_of(g), size, set);
    if (filled < 0)
        return (int)-filled;
    memset((char *)set + filled, 0, size - (size_t)filled);
    return 0;
}

/* pthread_getaffinity_np(3). */
HOOK_EXPORT int pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set)
{
    struct green *g = green_of(thread);
    return g ? get_affinity(g, size, set) : REAL(pthread_getaffinity_np)(thread, size, set);
}

/* pthread_setaffinity_np(3). */
HOOK_EXPORT int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set)
{
    struct green *g = green_of(thread);
    return g ? check_affinity(g, size, set) : REAL(pthread_setaffinity_np)(thread, size, set);
}

/* sched_getaffinity(2). */
HOOK_EXPORT int sched_getaffinity(pid_t tid, size_t size, cpu_set_t *set)
{
    struct green *g = green_of_tid(tid);
    return g ? (int)sys_ret(-get_affinity(g, size, set)) : REAL(sched_getaffinity)(tid, size, set);
}

/* sched_setaffinity(2). */
HOOK_EXPORT int sched_setaffinity(pid_t tid, size_t size, const cpu_set_t *set)
{
    struct green *g = green_of_tid(tid);
    return g ? (int)sys_ret(-check_affinity(g, size, set)) : REAL(sched_setaffinity)(tid, size, set);
}

/* ---- scheduling ---- */

/* sched(7): a priority of the policy's range; real time is for the privileged. */
static int check_policy(int policy, const struct sched_param *param)
{
    long least = sys_call(SYS_sched_get_priority_min, policy), most = sys_call(SYS_sched_get_priority_max, policy);
    if (least < 0 || param->sched_priority < least || param->sched_priority > most)
        return EINVAL;
    struct rlimit limit;
    bool is_privileged = sys_call(SYS_geteuid) == 0;
    if (most > 0 && !is_privileged && getrlimit(RLIMIT_RTPRIO, &limit) == 0 &&
        limit.rlim_cur < (rlim_t)param->sched_priority)
        return EPERM;
    return 0;
}

static int get_policy(const struct green *g, int *policy, struct sched_param *param)
{
    long found = sys_call(SYS_sched_getscheduler, worker_of(g));
    long error = found < 0 ? found : sys_call(SYS_sched_getparam, worker_of(g), param);
    *policy = (int)found;
    return (int)-error;
}

/* POSIX pthread_getschedparam. */
HOOK_EXPORT int pthread_getschedparam(pthread_t thread, int *policy, struct sched_param *param)
{
    struct green *g = green_of(thread);
    return g ? get_policy(g, policy, param) : REAL(pthread_getschedparam)(thread, policy, param);
}

/* POSIX pthread_setschedparam. */
HOOK_EXPORT int pthread_setschedparam(pthread_t thread, int policy, const struct sched_param *param)
{
    return green_of(thread) ? check_policy(policy, param) : REAL(pthread_setschedparam)(thread, policy, param);
}

/* POSIX pthread_setschedprio. */
HOOK_EXPORT int pthread_setschedprio(pthread_t thread, int priority)
{
    struct green *g = green_of(thread);
    if (!g)
        return REAL(pthread_setschedprio)(thread, priority);
    struct sched_param param;
    int policy, error = get_policy(g, &policy, &param);
    param.sched_priority = priority;
    return error ? error : check_policy(policy, &param);
}

/* POSIX sched_getscheduler. */
HOOK_EXPORT int sched_getscheduler(pid_t tid)
{
    struct green *g = green_of_tid(tid);
    return (int)sys_ret(sys_call(SYS_sched_getscheduler, g ? worker_of(g) : tid));
}

/* POSIX sched_getparam. */
HOOK_EXPORT int sched_getparam(pid_t tid, struct sched_param *param)
{
    struct green *g = green_of_tid(tid);
    return (int)sys_ret(sys_call(SYS_sched_getparam, g ? worker_of(g) : tid, param));
}

/* POSIX sched_setscheduler. */
HOOK_EXPORT int sched_setscheduler(pid_t tid, int policy, const struct sched_param *param)
{
    if (green_of_tid(tid))
        return (int)sys_ret(-check_policy(policy & ~SCHED_RESET_ON_FORK, param));
    return (int)sys_ret(sys_call(SYS_sched_setscheduler, tid, policy, param));
}

/* POSIX sched_setparam. */
HOOK_EXPORT int sched_setparam(pid_t tid, const struct sched_param *param)
{
    struct green *g = green_of_tid(tid);
    if (!g)
        return (int)sys_ret(sys_call(SYS_sched_setparam, tid, param));
    struct sched_param now;
    int policy, error = get_policy(g, &policy, &now);
    return (int)sys_ret(-(error ? error : check_policy(policy, param)));
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
    return REAL(getpriority)(which, g ? (id_t)worker_of(g) : id);
}

/* POSIX setpriority. */
HOOK_EXPORT int setpriority(__priority_which_t which, id_t id, int nice)
{
    if (which == PRIO_PROCESS && green_of_tid((int)id))
        return 0;
    return (int)sys_ret(sys_call(SYS_setpriority, which, id, nice));
}

/* ---- clock ---- */

/* POSIX pthread_getcpuclockid. include/linux/posix-timers.h: the complement of the id, then PERTHREAD and SCHED. */
HOOK_EXPORT int pthread_getcpuclockid(pthread_t thread, clockid_t *clock)
{
    struct green *g = green_of(thread);
    if (!g)
        return REAL(pthread_getcpuclockid)(thread, clock);
    *clock = (clockid_t)(~(unsigned)worker_of(g) << 3 | 6u);
    return 0;
}
