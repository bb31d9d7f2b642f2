/* Making, accepting and connecting sockets, and the options that decide how long others of their calls wait. */
#include "preload/wait.h"

#include <sys/ioctl.h>

#include "runtime/readiness.h"

static inline enum descriptor_kind kind_of_type(int type)
{
    return (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM ? DESCRIPTOR_STREAM : DESCRIPTOR_MESSAGE;
}

static inline uint64_t flags_of_type(int type)
{
    return type & SOCK_NONBLOCK ? DESCRIPTOR_NONBLOCK : 0;
}

/* POSIX socket. Never waits; known as private from its birth. */
HOOK_EXPORT int socket(int domain, int type, int protocol)
{
    long fd = sys_call(SYS_socket, domain, type, protocol);
    if (fd >= 0 && wait_keeps_books())
        descriptor_born((int)fd, kind_of_type(type), flags_of_type(type));
    return (int)sys_ret(fd);
}

/* POSIX socketpair. */
HOOK_EXPORT int socketpair(int domain, int type, int protocol, int fds[2])
{
    long result = sys_call(SYS_socketpair, domain, type, protocol, fds);
    for (int i = 0; i < 2 && result == 0 && wait_keeps_books(); i++)
        descriptor_born(fds[i], kind_of_type(type), flags_of_type(type));
    return (int)sys_ret(result);
}

/* ---- accept ---- */

struct accept {
    struct descriptor *d;
    int fd;
    int flags;
    struct sockaddr *from;
    socklen_t *from_size;
};

/* Does fd listen? If not, accept fails at once, and poll would not tell. */
static bool listens(struct descriptor *d, int fd)
{
    if (likely(descriptor_has(d, DESCRIPTOR_LISTENS)))
        return true;
    int answer = 0;
    socklen_t size = sizeof answer;
    if (sys_call(SYS_getsockopt, fd, SOL_SOCKET, SO_ACCEPTCONN, &answer, &size) < 0 || !answer)
        return false;
    descriptor_mark(d, DESCRIPTOR_LISTENS, true);
    return true;
}

static long accept_plainly(const struct accept *call)
{
    return sys_call(SYS_accept4, call->fd, call->from, call->from_size, call->flags);
}

/* What the first poll says yes to, the accept gets: the lock keeps our other threads out, and other processes have no such
 * descriptor. (One that they have too is accepted from on an offload thread, which may block.) */
static long accept_if_ready(const struct accept *call)
{
    if (!descriptor_is_private(call->d))
        return wait_poll_now(call->fd, POLLIN)
                   ? WAIT_ABROAD(SYS_accept4, call->fd, call->from, call->from_size, call->flags)
                   : -EAGAIN;
    runtime_enter();
    spin_lock(&call->d->act);
    long fd = wait_poll_now(call->fd, POLLIN) ? accept_plainly(call) : -EAGAIN;
    spin_unlock(&call->d->act);
    runtime_leave();
    return fd;
}

/* Waits until there is a connection. A queue that was found empty is waited for first, the next time. */
static long accept_waiting(const struct accept *call)
{
    int64_t deadline_ns = descriptor_deadline(call->d, call->fd, SO_RCVTIMEO);
    bool is_drained = descriptor_has(call->d, DESCRIPTOR_DRAINED);
    for (;;) {
        long fd = is_drained ? -EAGAIN : accept_if_ready(call);
        if (fd != -EAGAIN) {
            descriptor_mark(call->d, DESCRIPTOR_DRAINED, false);
            return fd;
        }
        descriptor_mark(call->d, DESCRIPTOR_DRAINED, true);
        int failure = wait_for(call->fd, EV_READ, deadline_ns,
                               deadline_ns == DEADLINE_NEVER ? SIGNAL_RESTARTS : SIGNAL_NEVER_RESTARTS);
        if (failure)
            return failure;
        is_drained = false;
    }
}

static int accept_hooked(int fd, struct sockaddr *from, socklen_t *from_size, int flags)
{
    struct descriptor *d = wait_enter_on(FAMILY_socket, fd);
    struct accept call = {d, fd, flags, from, from_size};
    bool is_valid = !(flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC));
    bool may_wait = d && is_valid && listens(d, fd) && !descriptor_is_nonblocking(d, fd);
    long result = may_wait ? accept_waiting(&call) : accept_plainly(&call);
    if (result >= 0 && wait_keeps_books() && (d || (d = descriptor_at(fd))))
        descriptor_accepted((int)result, d, flags & SOCK_NONBLOCK);
    else if (result == -EAGAIN && d && !may_wait)
        wait_found_nothing();
    return (int)sys_ret(result);
}

/* POSIX accept. The new socket does not inherit O_NONBLOCK (accept(2), Linux). */
HOOK_EXPORT int accept(int fd, __SOCKADDR_ARG from, socklen_t *restrict from_size)
{
    return accept_hooked(fd, from.__sockaddr__, from_size, 0);
}

/* accept4(2). */
HOOK_EXPORT int accept4(int fd, __SOCKADDR_ARG from, socklen_t *restrict from_size, int flags)
{
    return accept_hooked(fd, from.__sockaddr__, from_size, flags);
}

/* ---- connect ---- */

static int type_of(int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    sys_call(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &size);
    return type;
}

/* One attempt that does not wait. The flag is only seen by us: the description is private. */
static long connect_without_waiting(int fd, const struct sockaddr *to, socklen_t to_size)
{
    int on = 1, off = 0;
    runtime_enter();
    sys_call(SYS_ioctl, fd, FIONBIO, &on);
    long result = sys_call(SYS_connect, fd, to, to_size);
    sys_call(SYS_ioctl, fd, FIONBIO, &off);
    runtime_leave();
    return result;
}

/* POSIX connect: an interrupted one goes on asynchronously; the next call finds it under way (EALREADY) and waits on, or made,
 * as in the kernel. SO_SNDTIMEO ends it with EINPROGRESS (socket(7)). */
static long connect_waiting(struct descriptor *d, int fd, const struct sockaddr *to, socklen_t to_size)
{
    int64_t deadline_ns = descriptor_deadline(d, fd, SO_SNDTIMEO);
    for (;;) {
        long result = connect_without_waiting(fd, to, to_size);
        if (result == -EAGAIN) /* unix(7): the listener's backlog is full; nothing tells when it has room */
            return WAIT_ABROAD(SYS_connect, fd, to, to_size);
        if (result != -EINPROGRESS && result != -EALREADY)
            return result;
        int failure = wait_for(fd, EV_WRITE, deadline_ns,
                               deadline_ns == DEADLINE_NEVER ? SIGNAL_RESTARTS : SIGNAL_NEVER_RESTARTS);
        if (failure)
            return failure == -EAGAIN ? result : failure;
    }
}

/* POSIX connect. Datagram sockets only note the address. */
HOOK_EXPORT int connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t to_size)
{
    struct descriptor *d = wait_enter_on(FAMILY_socket, fd);
    if (!d || (descriptor_kind(d, fd) != DESCRIPTOR_STREAM && type_of(fd) != SOCK_SEQPACKET) ||
        descriptor_is_nonblocking(d, fd))
        return (int)sys_ret(sys_call(SYS_connect, fd, to.__sockaddr__, to_size));
    if (!descriptor_is_private(d))
        return (int)sys_ret(WAIT_ABROAD(SYS_connect, fd, to.__sockaddr__, to_size));
    return (int)sys_ret(connect_waiting(d, fd, to.__sockaddr__, to_size));
}

HOOK_ALIAS(__connect, connect);

/* POSIX shutdown. Of those who wait, the kernel tells a writer by no event that poll could see (unix(7), SHUT_WR). */
HOOK_EXPORT int shutdown(int fd, int how)
{
    long result = sys_call(SYS_shutdown, fd, how);
    if (result == 0 && wait_keeps_books())
        readiness_disturb(fd);
    return (int)sys_ret(result);
}

/* ---- options ---- */

static void note_timeout(int fd, int option, const struct timeval *tv)
{
    bool is_never = (!tv->tv_sec && !tv->tv_usec) || tv->tv_sec > INT64_MAX / 2000000000;
    /* A negative one is taken by the kernel as "do not wait at all". */
    int64_t timeout_ns = is_never         ? DEADLINE_NEVER
                         : tv->tv_sec < 0 ? 0
                                          : tv->tv_sec * 1000000000LL + tv->tv_usec * 1000LL;
    descriptor_set_timeout(fd, option, timeout_ns);
}

/* With a time of 0 close does not wait, it resets the connection (socket(7)). */
static void note_linger(struct descriptor *d, const struct linger *linger)
{
    descriptor_mark(d, DESCRIPTOR_LINGER, linger->l_onoff && linger->l_linger);
}

/* POSIX setsockopt: keeps what our blocking calls go by. */
HOOK_EXPORT int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
    long result = sys_call(SYS_setsockopt, fd, level, option, value, size);
    struct descriptor *d = result == 0 && level == SOL_SOCKET && wait_keeps_books() ? descriptor_at(fd) : NULL;
    if (!d)
        return (int)sys_ret(result);
    switch (option) {
    case SO_RCVTIMEO:
    case SO_SNDTIMEO: note_timeout(fd, option, value); break;
    case SO_RCVLOWAT: descriptor_mark(d, DESCRIPTOR_LOWAT, true); break;
    case SO_LINGER: note_linger(d, value); break;
    default: break;
    }
    return 0;
}
