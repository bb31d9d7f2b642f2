/* Waiting for children: wait4 and waitid, and with them wait, waitpid, wait3, system and pclose, which libc builds on these two.
 *
 * First without waiting (WNOHANG). A child that is awaited by its number and for its end only has a pidfd, which becomes readable;
 * that is a wait like any other. The rest (any child, a group, stops) has nothing to poll: see runtime/reaper.h. Both only
 * tell that it is worth looking again, and the next WNOHANG decides. */
#include <sys/resource.h>

#include "preload/wait.h"
#include "runtime/ownfd.h"
#include "runtime/readiness.h"
#include "runtime/reaper.h"

/* Parks until the child has ended. 0 to look again, or a negated errno. */
static long wait_for_end(pid_t pid)
{
    int fd = ownfd_adopt((int)sys_call(SYS_pidfd_open, pid, 0));
    if (fd < 0)
        return fd;
    int wake = readiness_wait(fd, EV_READ, DEADLINE_NEVER, WAIT_ENDS_EARLY);
    /* Inside the runtime, or the signal that ended the wait would be delivered here, and not be told from none. */
    runtime_enter();
    readiness_forget(fd);
    ownfd_close(fd);
    runtime_leave_quietly();
    return wait_outcome(wake, SIGNAL_RESTARTS);
}

static long wait_for_change(int type, pid_t id, int options)
{
    return wait_outcome(reaper_wait(type, id, options, WAIT_ENDS_EARLY), SIGNAL_RESTARTS);
}

/* wait(2): pid < -1 is a group, -1 any child, 0 the caller's group. */
static long wait_for_pid(pid_t pid, int options)
{
    const int only_flags = __WNOTHREAD;
    if (pid > 0 && !(options & ~only_flags)) {
        long error = wait_for_end(pid);
        /* ESRCH: reaped meanwhile by another thread. No descriptor left, or an old kernel: the other way. */
        if (error == 0 || error == -EINTR || error == -ESRCH)
            return error == -ESRCH ? 0 : error;
    }
    int type = pid == -1 ? P_ALL : pid > 0 ? P_PID : P_PGID;
    return wait_for_change(type, pid < -1 ? -pid : pid > 0 ? pid : 0, options | WEXITED);
}

/* wait4(2); a cancellation point, as all its relatives. */
HOOK_EXPORT pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
    if (!wait_enter(FAMILY_process))
        return (pid_t)sys_ret(sys_call(SYS_wait4, pid, status, options, usage));
    for (;;) {
        long result = sys_call(SYS_wait4, pid, status, options | WNOHANG, usage);
        if (result == 0 && options & WNOHANG)
            wait_found_nothing();
        if (result != 0 || options & WNOHANG)
            return (pid_t)sys_ret(result);
        long error = wait_for_pid(pid, options);
        if (error < 0)
            return (pid_t)sys_ret(error);
    }
}

/* POSIX waitid. With WNOHANG the kernel says "none" by si_pid 0. */
HOOK_EXPORT int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    if (!wait_enter(FAMILY_process))
        return (int)sys_ret(sys_call(SYS_waitid, type, id, info, options, NULL));
    siginfo_t seen;
    if (!info)
        info = &seen;
    for (;;) {
        info->si_pid = 0;
        long result = sys_call(SYS_waitid, type, id, info, options | WNOHANG, NULL);
        if (result < 0 || info->si_pid || options & WNOHANG)
            return (int)sys_ret(result);
        bool is_end_only = type == P_PID && (options & ~(WNOWAIT | __WNOTHREAD)) == WEXITED;
        long error = is_end_only ? wait_for_pid((pid_t)id, options & __WNOTHREAD)
                                 : wait_for_change((int)type, (pid_t)id, options);
        if (error < 0)
            return (int)sys_ret(error);
    }
}

/* POSIX waitpid, wait; wait3(2). libc's own reach wait4 too, but not where deep hooks are off. */
HOOK_EXPORT pid_t waitpid(pid_t pid, int *status, int options)
{
    return wait4(pid, status, options, NULL);
}

HOOK_EXPORT pid_t wait(int *status)
{
    return wait4(-1, status, 0, NULL);
}

HOOK_ALIAS(__waitpid, waitpid);
HOOK_ALIAS(__wait, wait);

HOOK_EXPORT pid_t wait3(int *status, int options, struct rusage *usage)
{
    return wait4(-1, status, options, usage);
}
