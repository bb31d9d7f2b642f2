/* syscall(2): programs and language runtimes make calls by number that libc does not wrap, or to avoid libc's wrapper.
 * Those that we hook by name must reach the same hook; all others go to the kernel as they are. */
#include <linux/futex.h>
#include <stdarg.h>

#include "preload/futex.h"
#include "preload/hook.h"
#include "preload/signal.h"

struct arguments {
    long a, b, c, d, e, f;
};

static long dispatch(long number, const struct arguments *args)
{
    switch (number) {
    case SYS_futex:
        return hook_futex((uint32_t *)args->a, (int)args->b, (uint32_t)args->c, (const struct timespec *)args->d,
                          (uint32_t *)args->e, (uint32_t)args->f);
    case SYS_gettid: return gettid();
    case SYS_tkill: return sys_ret(hook_tgkill((int)sys_call(SYS_getpid), (int)args->a, (int)args->b, NULL));
    case SYS_tgkill: return sys_ret(hook_tgkill((int)args->a, (int)args->b, (int)args->c, NULL));
    case SYS_rt_tgsigqueueinfo:
        return sys_ret(hook_tgkill((int)args->a, (int)args->b, (int)args->c, (const siginfo_t *)args->d));
    case SYS_kill: return kill((pid_t)args->a, (int)args->b);
    case SYS_pause: return pause();
    case SYS_rt_sigaction:
        return sys_ret(hook_sigaction((int)args->a, (const struct kernel_action *)args->b,
                                      (struct kernel_action *)args->c, (size_t)args->d));
    case SYS_rt_sigprocmask: return sigprocmask((int)args->a, (const sigset_t *)args->b, (sigset_t *)args->c);
    case SYS_rt_sigpending: return sigpending((sigset_t *)args->a);
    case SYS_rt_sigsuspend: return sigsuspend((const sigset_t *)args->a);
    case SYS_rt_sigtimedwait:
        return sigtimedwait((const sigset_t *)args->a, (siginfo_t *)args->b, (const struct timespec *)args->c);
    case SYS_sigaltstack: return sigaltstack((const stack_t *)args->a, (stack_t *)args->b);
    case SYS_signalfd: return signalfd((int)args->a, (const sigset_t *)args->b, 0);
    case SYS_signalfd4: return signalfd((int)args->a, (const sigset_t *)args->b, (int)args->d);
    case SYS_sched_yield: return sched_yield();
    default: return sys_ret(sys_call(number, args->a, args->b, args->c, args->d, args->e, args->f));
    }
}

/* Linux syscall(2): -1 and errno on error. Reading six arguments is harmless whatever their number. */
HOOK_EXPORT long syscall(long number, ...)
{
    struct arguments args;
    va_list list;
    va_start(list, number);
    args.a = va_arg(list, long);
    args.b = va_arg(list, long);
    args.c = va_arg(list, long);
    args.d = va_arg(list, long);
    args.e = va_arg(list, long);
    args.f = va_arg(list, long);
    va_end(list);
    return dispatch(number, &args);
}
