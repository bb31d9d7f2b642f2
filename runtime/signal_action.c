/* Dispositions: what the program set, and what the kernel is given for it.
 *
 * SIG_DFL and SIG_IGN are given to the kernel as they are wherever possible: no wrapper can stop, continue or kill as the kernel
 * does. A handler becomes the wrapper, with all signals masked while it decides; the program's sa_mask, SA_NODEFER and SA_RESETHAND are
 * applied to the green thread. */
#include "runtime/signal_internal.h"

/* Flags that only the kernel can honour. */
#define FLAGS_OF_KERNEL (SA_RESTART | SA_NOCLDSTOP | SA_NOCLDWAIT | SA_ONSTACK)

struct kernel_action signal_actions[_NSIG];
struct spin signal_spin;
static _Atomic bool is_loaded;

static long kernel_sigaction(int sig, const struct kernel_action *action, struct kernel_action *old)
{
    return sys_call(SYS_rt_sigaction, sig, action, old, sizeof(uint64_t));
}

void signal_load_actions(void)
{
    if (likely(atomic_load_explicit(&is_loaded, memory_order_acquire)))
        return;
    struct signal_hold hold = signal_lock();
    if (!atomic_load(&is_loaded)) {
        for (int sig = 1; sig < _NSIG; sig++)
            kernel_sigaction(sig, NULL, &signal_actions[sig]);
        atomic_store_explicit(&is_loaded, true, memory_order_release);
    }
    signal_unlock(hold);
}

static bool is_default(int sig)
{
    return (void *)signal_actions[sig].handler == (void *)SIG_DFL;
}

bool signal_is_handled(int sig)
{
    return !is_default(sig) && (void *)signal_actions[sig].handler != (void *)SIG_IGN;
}

bool signal_is_ignored(int sig)
{
    return is_default(sig) ? signal_bit(sig) & SIGNALS_IGNORED_BY_DEFAULT : !signal_is_handled(sig);
}

/* Those that a thread brings upon itself come from nobody else. */
bool signal_may_arrive(void)
{
    for (int sig = 1; sig < _NSIG; sig++)
        if (!(signal_bit(sig) & (SIGNALS_FAULT | SIGNALS_WRITER)) && signal_is_handled(sig))
            return true;
    return false;
}

/* Besides for handlers: for signals whose masks are virtual, and for what a stack overflow raises. An ignored SIGCHLD stays the
 * kernel's, which then reaps children by itself (waitpid(2)). */
static bool needs_wrapper(int sig)
{
    if (signal_is_handled(sig))
        return true;
    if (sig == SIGCHLD && !is_default(sig))
        return false;
    return signal_virtual & signal_bit(sig) || (signal_has_green_stacks && (sig == SIGSEGV || sig == SIGBUS));
}

void signal_install(int sig)
{
    struct kernel_action action = signal_actions[sig];
    if (needs_wrapper(sig)) {
        bool is_handled = signal_is_handled(sig);
        action.flags = SA_SIGINFO | SA_RESTORER | (action.flags & FLAGS_OF_KERNEL);
        if (!is_handled)
            action.flags |= SA_RESTART;
        if (sig == SIGSEGV || sig == SIGBUS)
            action.flags |= SA_ONSTACK;
        action.handler = signal_wrapper;
        action.restorer = signal_restorer;
        action.mask = SIGNALS_ALL;
    }
    kernel_sigaction(sig, &action, NULL);
}

void signal_make_fatal(int sig)
{
    struct kernel_action fatal = {0};
    kernel_sigaction(sig, &fatal, NULL);
}

void signal_act_by_default(int sig, const siginfo_t *info)
{
    struct kernel_action by_default = {0}, before;
    uint64_t bit = signal_bit(sig), mask;
    long pid = sys_call(SYS_getpid), tid = sys_call(SYS_gettid);
    kernel_sigaction(sig, &by_default, &before);
    sys_call(SYS_rt_sigprocmask, SIG_UNBLOCK, &bit, &mask, sizeof(bit));
    if (!info || sys_call(SYS_rt_tgsigqueueinfo, pid, tid, sig, info) < 0)
        sys_call(SYS_tgkill, pid, tid, sig);
    /* Stopped and continued, or a stop signal that an orphaned process group ignores. */
    sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
    kernel_sigaction(sig, &before, NULL);
}

void signal_to_kernel(struct kernel_action *to, const struct sigaction *from)
{
    to->handler = from->sa_sigaction;
    to->flags = (unsigned int)from->sa_flags;
    memcpy(&to->mask, &from->sa_mask, sizeof(to->mask));
    to->mask &= ~SIGNALS_UNBLOCKABLE;
}

void signal_to_libc(struct sigaction *to, const struct kernel_action *from)
{
    memcpy(&to->sa_mask, &from->mask, sizeof(from->mask));
    to->sa_sigaction = from->handler;
    to->sa_flags = (int)from->flags;
    to->sa_restorer = from->restorer;
}

/* The child of vfork has dispositions of its own, but sees our memory: only the kernel is asked. */
static int change_in_vfork_child(int sig, const struct kernel_action *new, struct kernel_action *old)
{
    long result = kernel_sigaction(sig, new, old);
    if (!result && old && old->handler == signal_wrapper)
        *old = signal_actions[sig];
    return (int)result;
}

int signal_change_action(int sig, const struct sigaction *action, struct sigaction *old)
{
    if (!signal_is_valid(sig) || (action && signal_bit(sig) & SIGNALS_UNBLOCKABLE))
        return -EINVAL;
    signal_load_actions();
    struct kernel_action new, before;
    if (action) {
        signal_to_kernel(&new, action);
        new.flags |= SA_RESTORER; /* what glibc's sigaction asks for, and shows */
        new.restorer = signal_restorer;
    }
    if (in_vfork_child) {
        int error = change_in_vfork_child(sig, action ? &new : NULL, &before);
        if (error)
            return error;
    } else {
        struct signal_hold hold = signal_lock();
        before = signal_actions[sig];
        if (action) {
            signal_actions[sig] = new;
            signal_install(sig);
            /* POSIX 2.4.3: ignoring a signal discards it where it is pending, blocked or not. */
            if (signal_is_ignored(sig))
                signal_discard(sig);
        }
        signal_unlock(hold);
    }
    if (old)
        signal_to_libc(old, &before);
    return 0;
}
