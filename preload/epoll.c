/* epoll. The hubs' own libev reaches the kernel through these symbols too. */
#include <sys/epoll.h>

#include "preload/hook.h"
#include "runtime/hub.h"
#include "runtime/ownfd.h"
#include "runtime/readiness.h"

/* epoll_wait(2). */
HOOK_EXPORT int epoll_wait(int epoll_fd, struct epoll_event *events, int max_events, int timeout_ms)
{
    if (hub_is_polling())
        return hub_epoll_wait(epoll_fd, events, max_events, timeout_ms);
    return (int)sys_ret(sys_call(SYS_epoll_pwait, epoll_fd, events, max_events, timeout_ms, NULL, 0));
}

/* epoll_ctl(2). */
HOOK_EXPORT int epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
    if (hub_is_polling())
        return readiness_epoll_ctl(epoll_fd, operation, fd, event);
    return (int)sys_ret(sys_call(SYS_epoll_ctl, epoll_fd, operation, fd, event));
}

/* epoll_create1(2). A loop of the runtime is made inside the runtime or by a hub: its descriptor is kept out of the program's way. */
HOOK_EXPORT int epoll_create1(int flags)
{
    int fd = (int)sys_ret(sys_call(SYS_epoll_create1, flags));
    return runtime_depth || hub_is_polling() ? ownfd_adopt(fd) : fd;
}
