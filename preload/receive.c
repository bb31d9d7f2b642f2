/* recv and its relatives (POSIX recv, recvfrom, recvmsg; Linux recvmmsg), and read on a socket through transfer.h.
 *
 * Every attempt carries MSG_DONTWAIT, so O_NONBLOCK is never touched. A stream that gave less than was asked is drained: the
 * next receive parks at once, because its failed attempt would tell nothing that the hub's level-triggered watcher does not. */
#include "preload/transfer.h"

#include <limits.h>

/* recv(2): these never wait. tcp(7) and the kernel's tcp_recv_urg: neither does MSG_OOB. */
#define NEVER_WAITS (MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB)

/* One receive call while it lasts. */
struct receive {
    struct descriptor *d;
    int fd;
    int flags;
    bool has_deadline;
    int64_t deadline_ns;
};

static inline bool may_wait(const struct receive *call)
{
    return !(call->flags & NEVER_WAITS) && !descriptor_is_nonblocking(call->d, call->fd);
}

static int wait_for_more(struct receive *call)
{
    if (!call->has_deadline) {
        call->deadline_ns = descriptor_deadline(call->d, call->fd, SO_RCVTIMEO);
        call->has_deadline = true;
    }
    /* signal(7): with a receive timeout the call fails with EINTR even under SA_RESTART. */
    return wait_for(call->fd, EV_READ, call->deadline_ns,
                    call->deadline_ns == DEADLINE_NEVER ? SIGNAL_RESTARTS : SIGNAL_NEVER_RESTARTS);
}

/* Repeats a system call until there is something, or it may not wait. */
static inline long receive_some(struct receive *call, long number, long b, long c, long d, long e, long f)
{
    bool is_drained = descriptor_has(call->d, DESCRIPTOR_DRAINED);
    for (;;) {
        if (!is_drained) {
            long got = sys_call6(number, call->fd, b, c, d, e, f);
            if (likely(got != -EAGAIN))
                return got;
        }
        if (!may_wait(call)) {
            if (is_drained) {
                is_drained = false;
                continue;
            }
            wait_found_nothing();
            return -EAGAIN;
        }
        int failure = wait_for_more(call);
        if (failure)
            return failure;
        is_drained = false;
    }
}

/* Keeps the hint for the next receive. What is peeked at stays; out-of-band data says nothing of the rest. */
static inline void note_drained(const struct receive *call, long got, size_t size)
{
    if (got >= 0 && !(call->flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE | MSG_TRUNC)) &&
        descriptor_kind(call->d, call->fd) == DESCRIPTOR_STREAM)
        descriptor_mark(call->d, DESCRIPTOR_DRAINED, got > 0 && (size_t)got < size);
}

bool stream_has_error(int fd)
{
    return wait_poll_now(fd, POLLIN) & POLLERR;
}

/* How much a blocking receive waits for: all with MSG_WAITALL, else SO_RCVLOWAT (socket(7)), else anything. */
static size_t wanted_at_least(const struct receive *call, size_t size)
{
    if (call->flags & MSG_WAITALL)
        return size;
    if (!descriptor_has(call->d, DESCRIPTOR_LOWAT))
        return 1;
    int lowat = 1;
    socklen_t length = sizeof lowat;
    sys_call(SYS_getsockopt, call->fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, &length);
    return (size_t)lowat < size ? (size_t)lowat : size;
}

/* got bytes are there, more are wanted: reads on into what is left of the vectors. As natively, what ends it (end of file, error,
 * signal, timeout) is left for the next call to find. */
static long receive_rest(struct receive *call, const struct iovec *vectors, size_t count, long got, size_t target)
{
    while ((size_t)got < target) {
        struct iovec window[IOVEC_WINDOW];
        struct msghdr rest = {.msg_iov = window, .msg_iovlen = (size_t)iovec_rest(window, vectors, count, (size_t)got)};
        long more = sys_call(SYS_recvmsg, call->fd, &rest, call->flags | MSG_DONTWAIT);
        if (more > 0)
            got += more;
        else if (more != -EAGAIN || wait_for_more(call) || stream_has_error(call->fd))
            break;
    }
    return got;
}

/* MSG_WAITALL and SO_RCVLOWAT mean nothing to message sockets, nor once the call may not wait. */
static inline bool wants_more(const struct receive *call, long got, size_t size)
{
    return got > 0 && (size_t)got < size &&
           unlikely(call->flags & MSG_WAITALL || descriptor_has(call->d, DESCRIPTOR_LOWAT)) &&
           descriptor_kind(call->d, call->fd) == DESCRIPTOR_STREAM && may_wait(call);
}

long receive_bytes(struct descriptor *d, int fd, void *buffer, size_t size, int flags, struct sockaddr *from,
                   socklen_t *from_size)
{
    struct receive call = {.d = d, .fd = fd, .flags = flags};
    /* Peeked bytes stay readable, so there is nothing to park on until all of them are there. */
    if (unlikely((flags & (MSG_PEEK | MSG_WAITALL)) == (MSG_PEEK | MSG_WAITALL) && may_wait(&call)))
        return WAIT_ABROAD(SYS_recvfrom, fd, buffer, size, flags, from, from_size);

    long got =
        receive_some(&call, SYS_recvfrom, (long)buffer, (long)size, flags | MSG_DONTWAIT, (long)from, (long)from_size);
    if (unlikely(wants_more(&call, got, size))) {
        struct iovec whole = {buffer, size};
        got = receive_rest(&call, &whole, 1, got, wanted_at_least(&call, size));
    }
    note_drained(&call, got, size);
    return got;
}

/* The descriptors that came with a message are new numbers of descriptions that others have too. */
static void reset_received_descriptors(struct msghdr *message)
{
    if (likely(!message->msg_controllen) || !wait_keeps_books())
        return;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++)
            descriptor_reset(((int *)(void *)CMSG_DATA(c))[i]);
    }
}

long receive_message(struct descriptor *d, int fd, struct msghdr *message, int flags)
{
    struct receive call = {.d = d, .fd = fd, .flags = flags};
    if (unlikely((flags & (MSG_PEEK | MSG_WAITALL)) == (MSG_PEEK | MSG_WAITALL) && may_wait(&call)))
        return WAIT_ABROAD(SYS_recvmsg, fd, message, flags);

    long got = receive_some(&call, SYS_recvmsg, (long)message, flags | MSG_DONTWAIT, 0, 0, 0);
    if (got < 0)
        return got;
    reset_received_descriptors(message);
    size_t size = iovec_size(message->msg_iov, message->msg_iovlen);
    if (unlikely(wants_more(&call, got, size)) && !message->msg_controllen)
        got = receive_rest(&call, message->msg_iov, message->msg_iovlen, got, wanted_at_least(&call, size));
    note_drained(&call, got, size);
    return got;
}

/* POSIX recvfrom. */
HOOK_EXPORT ssize_t recvfrom(int fd, void *restrict buffer, size_t size, int flags, __SOCKADDR_ARG from,
                             socklen_t *restrict from_size)
{
    struct descriptor *d = wait_enter_on(FAMILY_socket, fd);
    if (!d)
        return sys_ret(sys_call(SYS_recvfrom, fd, buffer, size, flags, from.__sockaddr__, from_size));
    return sys_ret(receive_bytes(d, fd, buffer, size, flags, from.__sockaddr__, from_size));
}

/* POSIX recv: recvfrom without the address. */
HOOK_EXPORT ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    struct descriptor *d = wait_enter_on(FAMILY_socket, fd);
    if (!d)
        return sys_ret(sys_call(SYS_recvfrom, fd, buffer, size, flags, NULL, NULL));
    return sys_ret(receive_bytes(d, fd, buffer, size, flags, NULL, NULL));
}

HOOK_ALIAS(__recv, recv);

/* The fortified twins, debug/recv_chk.c: the compiler knew the size of the buffer. */
HOOK_EXPORT ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t buffer_size, int flags)
{
    if (size > buffer_size)
        __chk_fail();
    return recv(fd, buffer, size, flags);
}

HOOK_EXPORT ssize_t __recvfrom_chk(int fd, void *restrict buffer, size_t size, size_t buffer_size, int flags,
                                   __SOCKADDR_ARG from, socklen_t *restrict from_size)
{
    if (size > buffer_size)
        __chk_fail();
    return recvfrom(fd, buffer, size, flags, from, from_size);
}

/* POSIX recvmsg. */
HOOK_EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    struct descriptor *d = wait_enter_on(FAMILY_socket, fd);
    if (d)
        return sys_ret(receive_message(d, fd, message, flags));
    long got = sys_call(SYS_recvmsg, fd, message, flags);
    if (got >= 0)
        reset_received_descriptors(message);
    return sys_ret(got);
}

static long receive_messages(struct receive *call, struct mmsghdr *messages, unsigned count, int64_t deadline_ns)
{
    unsigned got = 0;
    while (got < count) {
        long more = receive_some(call, SYS_recvmmsg, (long)(messages + got), count - got,
                                 (call->flags & ~MSG_WAITFORONE) | MSG_DONTWAIT, 0, 0);
        if (more < 0)
            return got ? got : more;
        for (long i = 0; i < more; i++)
            reset_received_descriptors(&messages[got + i].msg_hdr);
        got += (unsigned)more;
        /* recvmmsg(2), BUGS: the timeout is checked after a message only. */
        if (call->flags & MSG_WAITFORONE || (deadline_ns != DEADLINE_NEVER && deadline_now() >= deadline_ns))
            break;
    }
    return got;
}

/* recvmmsg(2). */
HOOK_EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    struct descriptor *d = wait_enter_on(FAMILY_socket, fd);
    /* The kernel takes at most UIO_MAXIOV at once; with none to wait for, it is the judge of the arguments. */
    if (!d || !count || flags & NEVER_WAITS)
        return (int)sys_ret(sys_call(SYS_recvmmsg, fd, messages, count, flags, timeout));

    struct receive call = {.d = d, .fd = fd, .flags = flags};
    struct timespec limit = {0};
    int64_t deadline_ns = DEADLINE_NEVER;
    if (timeout) {
        if (!wait_copy_in(&limit, timeout, sizeof limit))
            return (int)sys_ret(-EFAULT);
        if (limit.tv_sec < 0 || !timespec_is_valid(&limit))
            return (int)sys_ret(-EINVAL);
        deadline_ns = deadline_after(&limit);
    }
    long got = receive_messages(&call, messages, count < IOV_MAX ? count : IOV_MAX, deadline_ns);
    if (got > 0 && timeout)
        *timeout = deadline_left(deadline_ns);
    return (int)sys_ret(got);
}
