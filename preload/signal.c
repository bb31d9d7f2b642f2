/* Signals by name: masks, dispositions, sending, waiting. The rules are in runtime/signal.h; here are libc's signatures, its checks of
 * arguments, and cancellation.
 *
 * libc's other functions (signal, sigset, sigpause, siginterrupt, system, siglongjmp…) call these at the entries that the
 * deep hooks take over. */
#include <string.h>

#include "preload/hook.h"
#include "preload/signal.h"
#include "runtime/hub.h"
#include "runtime/registry.h"
#include "runtime/signal.h"

/* POSIX sigaction; EINVAL for the two signals that glibc keeps to itself. */
HOOK_EXPORT int sigaction(int sig, const struct sigaction *action, struct sigaction *old)
{
    return (int)sys_ret(signal_change_action(sig, action, old));
}
HOOK_ALIAS(__sigaction, sigaction);

/* rt_sigaction(2): the kernel's structure, and a restorer that we do not need. */
long hook_sigaction(int sig, const struct kernel_action *action, struct kernel_action *old, size_t set_size)
{
    struct sigaction new = {0}, before;
    if (set_size != sizeof(uint64_t))
        return -EINVAL;
    if (action)
        signal_to_libc(&new, action);
    int error = signal_change_action(sig, action ? &new : NULL, old ? &before : NULL);
    if (!error && old)
        signal_to_kernel(old, &before);
    return error;
}

/* POSIX pthread_sigmask: an error number. */
HOOK_EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    return -signal_change_mask(how, set, old);
}

/* POSIX sigprocmask: as pthread_sigmask (glibc has the same for processes with threads). */
HOOK_EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    return (int)sys_ret(signal_change_mask(how, set, old));
}

/* POSIX sigpending: blocked signals that are pending for the caller or the process. */
HOOK_EXPORT int sigpending(sigset_t *set)
{
    signal_pending(set);
    return 0;
}

/* sigaltstack(2): belongs to the thread. */
HOOK_EXPORT int sigaltstack(const stack_t *stack, stack_t *old)
{
    return (int)sys_ret(signal_change_altstack(stack, old));
}

/* ---- sending ---- */

/* Signal 0 asks whether the receiver exists. */
static bool is_a_signal(int sig)
{
    return sig >= 0 && sig < _NSIG;
}

/* A handler runs before it returns when g is the caller and does not block sig. */
static int send_to(struct green *g, int sig, const siginfo_t *info)
{
    if (sig == 0 || atomic_load(&g->state) != GREEN_LIVE)
        return 0;
    if (g == self && thread_is_alone(g) && !in_vfork_child)
        return signal_send_alone(sig, info);
    return signal_send(g, sig, info);
}

/* POSIX pthread_kill. A thread that has ended and was not joined is no error (glibc 2.34). */
HOOK_EXPORT int pthread_kill(pthread_t thread, int sig)
{
    if (!is_a_signal(sig) || sig == 32 || sig == 33)
        return EINVAL;
    if (thread == pthread_self() && (in_vfork_child || !self))
        return -(int)sys_call(SYS_tgkill, sys_call(SYS_getpid), sys_call(SYS_gettid), sig);
    struct green *g = thread_find(thread);
    return g ? send_to(g, sig, NULL) : ESRCH;
}

/* POSIX raise: pthread_kill(pthread_self()). */
HOOK_EXPORT int raise(int sig)
{
    return (int)sys_ret(-pthread_kill(pthread_self(), sig));
}
HOOK_ALIAS(gsignal, raise);

static void unblock_abort(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGABRT);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* POSIX abort: blocked or ignored, SIGABRT ends the process, unless its handler does not return. libc's own unblocks it in the kernel
 * only. */
HOOK_EXPORT void abort(void)
{
    const struct sigaction by_default = {.sa_handler = SIG_DFL};
    unblock_abort();
    raise(SIGABRT);
    sigaction(SIGABRT, &by_default, NULL);
    unblock_abort();
    raise(SIGABRT);
    __builtin_trap();
}

static siginfo_t queued_info(int sig, int code, const union sigval value)
{
    siginfo_t info;
    memset(&info, 0, sizeof(info));
    info.si_signo = sig;
    info.si_code = code;
    info.si_pid = (pid_t)sys_call(SYS_getpid);
    info.si_uid = (uid_t)sys_call(SYS_getuid);
    info.si_value = value;
    return info;
}

/* pthread_sigqueue(3): EAGAIN when too many are queued. */
HOOK_EXPORT int pthread_sigqueue(pthread_t thread, int sig, const union sigval value)
{
    if (!is_a_signal(sig) || sig == 32 || sig == 33)
        return EINVAL;
    struct green *g = thread_find(thread);
    if (!g)
        return ESRCH;
    siginfo_t info = queued_info(sig, SI_QUEUE, value);
    return send_to(g, sig, &info);
}

/* To the own process from a worker that receives no signals from the kernel: POSIX has one delivered before kill returns if no other
 * thread takes it. */
static bool must_send_ourselves(pid_t pid, int sig)
{
    struct green *g = hook_self();
    return g && worker_hub && worker_hub->index != 0 && sig > 0 && is_a_signal(sig) &&
           pid == (pid_t)sys_call(SYS_getpid) && signal_is_ours_to_send(sig);
}

/* POSIX kill. */
HOOK_EXPORT int kill(pid_t pid, int sig)
{
    if (must_send_ourselves(pid, sig)) {
        siginfo_t info = queued_info(sig, SI_USER, (union sigval){0});
        return (int)sys_ret(-signal_send_process(sig, &info));
    }
    return (int)sys_ret(sys_call(SYS_kill, pid, sig));
}

/* POSIX sigqueue. */
HOOK_EXPORT int sigqueue(pid_t pid, int sig, const union sigval value)
{
    siginfo_t info = queued_info(sig, SI_QUEUE, value);
    if (must_send_ourselves(pid, sig))
        return (int)sys_ret(-signal_send_process(sig, &info));
    return (int)sys_ret(sys_call(SYS_rt_sigqueueinfo, pid, sig, &info));
}

static struct green *find_tid(int tid)
{
    runtime_enter();
    struct green *g = registry_find_tid(tid);
    runtime_leave();
    return g;
}

/* tgkill(2), tkill(2), rt_tgsigqueueinfo(2): tid may be what gettid says in a green thread. */
long hook_tgkill(int process, int tid, int sig, const siginfo_t *info)
{
    struct green *g = self && !in_vfork_child && process == (int)sys_call(SYS_getpid) ? find_tid(tid) : NULL;
    if (!g || !is_a_signal(sig))
        return info ? sys_call(SYS_rt_tgsigqueueinfo, process, tid, sig, info)
                    : sys_call(SYS_tgkill, process, tid, sig);
    return -send_to(g, sig, info);
}

HOOK_EXPORT int tgkill(pid_t process, pid_t tid, int sig)
{
    return (int)sys_ret(hook_tgkill(process, tid, sig, NULL));
}

/* ---- waiting ---- */

static struct green *enter_wait(void)
{
    struct green *g = hook_self_or_alone();
    if (g)
        pthread_testcancel();
    return g;
}

/* A cancellation request does not return; where it was withdrawn in the last moment, the wait was interrupted. */
static int outcome(int result)
{
    if (result == -ECANCELED) {
        pthread_testcancel();
        result = -EINTR;
    }
    return (int)sys_ret(result);
}

/* POSIX sigsuspend: -1 and EINTR after a handler; a cancellation point. */
HOOK_EXPORT int sigsuspend(const sigset_t *mask)
{
    if (!enter_wait())
        return (int)sys_ret(sys_call(SYS_rt_sigsuspend, mask, sizeof(uint64_t)));
    return outcome(signal_suspend(mask));
}
HOOK_ALIAS(__sigsuspend, sigsuspend);

/* POSIX pause: as sigsuspend with the present mask. */
HOOK_EXPORT int pause(void)
{
    if (!enter_wait())
        return (int)sys_ret(sys_call(SYS_pause));
    return outcome(signal_suspend(NULL));
}

/* The deadline of a relative timeout, NULL for none; -1 for one that is no time. */
static int64_t deadline_of(const struct timespec *timeout)
{
    if (!timeout)
        return DEADLINE_NEVER;
    return timespec_is_valid(timeout) && timeout->tv_sec >= 0 ? deadline_after(timeout) : -1;
}

/* POSIX sigtimedwait: EAGAIN at the timeout, EINTR after a handler for another signal. */
HOOK_EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    int result;
    if (!enter_wait()) {
        result = (int)sys_ret(sys_call(SYS_rt_sigtimedwait, set, info, timeout, sizeof(uint64_t)));
    } else {
        int64_t deadline_ns = deadline_of(timeout);
        result = deadline_ns < 0 ? (int)sys_ret(-EINVAL) : outcome(signal_wait(set, info, deadline_ns));
    }
    /* glibc: pthread_kill and raise are to look like kill. */
    if (result != -1 && info && info->si_code == SI_TKILL)
        info->si_code = SI_USER;
    return result;
}

/* POSIX sigwaitinfo. */
HOOK_EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
    return sigtimedwait(set, info, NULL);
}

/* POSIX sigwait: an error number, and glibc never lets it be EINTR. */
HOOK_EXPORT int sigwait(const sigset_t *set, int *sig)
{
    int result;
    do
        result = sigtimedwait(set, NULL, NULL);
    while (result == -1 && errno == EINTR);
    if (result == -1)
        return errno;
    *sig = result;
    return 0;
}

/* signalfd(2): reads what is pending in the kernel. */
HOOK_EXPORT int signalfd(int fd, const sigset_t *mask, int flags)
{
    if (hook_self_or_alone())
        signal_keep_in_kernel(mask);
    return (int)sys_ret(sys_call(SYS_signalfd4, fd, mask, sizeof(uint64_t), flags));
}
