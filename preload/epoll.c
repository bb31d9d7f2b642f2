/* epoll (epoll_wait(2), epoll_create(2)). A set is a descriptor that is readable while an event is there, so a waiter parks on
 * the set itself. libev's own calls, made in the context of a hub, go to the kernel. */
#include "preload/multiplex.h"

#include "runtime/ownfd.h"
#include "runtime/readiness.h"

struct epoll_call {
    int set;
    struct epoll_event *events;
    int max_events;
};

static long ask(void *argument)
{
    struct epoll_call *call = argument;
    return sys_call(SYS_epoll_wait, call->set, call->events, call->max_events, 0);
}

static int park(void *argument, int64_t deadline_ns)
{
    struct epoll_call *call = argument;
    return readiness_wait(call->set, EV_READ, deadline_ns, WAIT_ENDS_EARLY);
}

static int run(struct epoll_call *call, const sigset_t *mask, int64_t deadline_ns)
{
    struct multiplex m = {ask, park, call, mask, deadline_ns};
    return (int)sys_ret(deadline_ns < 0 ? deadline_ns : multiplex_run(&m));
}

/* epoll_wait(2). */
HOOK_EXPORT int epoll_wait(int set, struct epoll_event *events, int max_events, int timeout_ms)
{
    if (hub_is_polling())
        return hub_epoll_wait(set, events, max_events, timeout_ms);
    if (!wait_enter(FAMILY_poll))
        return (int)sys_ret(sys_call(SYS_epoll_wait, set, events, max_events, timeout_ms));
    struct epoll_call call = {set, events, max_events};
    return run(&call, NULL, multiplex_deadline_ms(timeout_ms));
}

/* epoll_pwait(2). */
HOOK_EXPORT int epoll_pwait(int set, struct epoll_event *events, int max_events, int timeout_ms, const sigset_t *mask)
{
    if (!wait_enter(FAMILY_poll))
        return (int)sys_ret(sys_call(SYS_epoll_pwait, set, events, max_events, timeout_ms, mask, _NSIG / 8));
    struct epoll_call call = {set, events, max_events};
    return run(&call, mask, multiplex_deadline_ms(timeout_ms));
}

/* epoll_pwait2(2). */
HOOK_EXPORT int epoll_pwait2(int set, struct epoll_event *events, int max_events, const struct timespec *timeout,
                             const sigset_t *mask)
{
    if (!wait_enter(FAMILY_poll))
        return (int)sys_ret(sys_call(SYS_epoll_pwait2, set, events, max_events, timeout, mask, _NSIG / 8));
    struct epoll_call call = {set, events, max_events};
    return run(&call, mask, multiplex_deadline(timeout));
}

/* epoll_ctl(2). Never waits; the loops' own go through the runtime. */
HOOK_EXPORT int epoll_ctl(int set, int operation, int fd, struct epoll_event *event)
{
    if (hub_is_polling())
        return readiness_epoll_ctl(set, operation, fd, event);
    return (int)sys_ret(sys_call(SYS_epoll_ctl, set, operation, fd, event));
}

/* A new set is the program's, or a loop of the runtime, which belongs out of the program's way. */
static int created(long set)
{
    if (set < 0 || !wait_keeps_books())
        return (int)sys_ret(set);
    if (runtime_depth || hub_is_polling())
        return ownfd_adopt((int)set);
    descriptor_born((int)set, DESCRIPTOR_OTHER, 0);
    return (int)set;
}

/* epoll_create1(2). */
HOOK_EXPORT int epoll_create1(int flags)
{
    return created(sys_call(SYS_epoll_create1, flags));
}

/* epoll_create(2): the size is a hint that must be positive. */
HOOK_EXPORT int epoll_create(int size)
{
    return created(sys_call(SYS_epoll_create, size));
}
