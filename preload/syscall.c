/* syscall(2): programs and language runtimes make calls by number that libc does not wrap, or to avoid libc's wrapper.
 * Those that we hook by name must reach the same hook; all others go to the kernel as they are. */
#include <linux/futex.h>
#include <stdarg.h>

#include "preload/futex.h"
#include "preload/hook.h"

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
