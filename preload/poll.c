/* poll and ppoll (POSIX poll; Linux ppoll(2)). The real call comes first: it judges the arguments, and often something is ready. */
#include "preload/multiplex.h"

struct poll_call {
    struct pollfd *fds;
    nfds_t count;
};

static long ask(void *argument)
{
    struct poll_call *call = argument;
    return sys_call(SYS_poll, call->fds, call->count, 0);
}

static int park(void *argument, int64_t deadline_ns)
{
    struct poll_call *call = argument;
    return multiplex_park(call->fds, call->count, deadline_ns);
}

/* POSIX poll. */
HOOK_EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    if (!wait_enter(FAMILY_poll))
        return (int)sys_ret(sys_call(SYS_poll, fds, count, timeout_ms));
    struct poll_call call = {fds, count};
    struct multiplex m = {ask, park, &call, NULL, multiplex_deadline_ms(timeout_ms)};
    return (int)sys_ret(multiplex_run(&m));
}

HOOK_ALIAS(__poll, poll);

/* ppoll(2); libc's wrapper leaves *timeout alone, the system call does not. */
HOOK_EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    if (!wait_enter(FAMILY_poll)) {
        struct timespec copy = {0};
        if (timeout && !wait_copy_in(&copy, timeout, sizeof copy))
            return (int)sys_ret(-EFAULT);
        return (int)sys_ret(sys_call(SYS_ppoll, fds, count, timeout ? &copy : NULL, mask, _NSIG / 8));
    }
    struct poll_call call = {fds, count};
    struct multiplex m = {ask, park, &call, mask, multiplex_deadline(timeout)};
    return (int)sys_ret(m.deadline_ns < 0 ? m.deadline_ns : multiplex_run(&m));
}

/* The fortified twins, debug/poll_chk.c: the compiler knew the size of the array. */
HOOK_EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t size_bytes)
{
    if (size_bytes / sizeof *fds < count)
        __chk_fail();
    return poll(fds, count, timeout_ms);
}

HOOK_EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                            size_t size_bytes)
{
    if (size_bytes / sizeof *fds < count)
        __chk_fail();
    return ppoll(fds, count, timeout, mask);
}
