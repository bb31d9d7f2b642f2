/* send and its relatives (POSIX send, sendto, sendmsg; Linux sendmmsg), and write on a socket through transfer.h.
 *
 * Every attempt carries MSG_DONTWAIT. A blocking send on a stream is over when all is sent, or, as in the kernel, with the
 * number of bytes that went out before an error, a timeout or a signal; the error is left for the next call to find. */
#include "preload/transfer.h"

/* One send call while it lasts. */
struct send {
    struct descriptor *d;
    int fd;
    int flags;
    bool has_deadline;
    int64_t deadline_ns;
};

static inline bool may_wait(const struct send *call)
{
    return !(call->flags & MSG_DONTWAIT) && !descriptor_is_nonblocking(call->d, call->fd);
}

static int wait_for_room(struct send *call, bool is_partial)
{
    if (!call->has_deadline) {
        call->deadline_ns = descriptor_deadline(call->d, call->fd, SO_SNDTIMEO);
        call->has_deadline = true;
    }
    /* signal(7): never restarted with a timeout, and a partial send ends with what was sent. */
    bool restarts = call->deadline_ns == DEADLINE_NEVER && !is_partial;
    return wait_for(call->fd, EV_WRITE, call->deadline_ns, restarts ? SIGNAL_RESTARTS : SIGNAL_NEVER_RESTARTS);
}

/* Continues a stream's send of which sent bytes are out. */
static long send_rest(struct send *call, const struct iovec *vectors, size_t count, size_t sent, size_t size)
{
    while (sent < size) {
        if (wait_for_room(call, true) || stream_has_error(call->fd))
            break;
        struct iovec window[IOVEC_WINDOW];
        struct msghdr rest = {.msg_iov = window, .msg_iovlen = (size_t)iovec_rest(window, vectors, count, sent)};
        /* No SIGPIPE: this call succeeds with what it sent. */
        long more = sys_call(SYS_sendmsg, call->fd, &rest, call->flags | MSG_DONTWAIT | MSG_NOSIGNAL);
        if (more >= 0)
            sent += (size_t)more;
        else if (more != -EAGAIN)
            break;
    }
    return (long)sent;
}

/* Is there room according to poll although the call has just found none? Then readiness does not tell of what the call waits
 * for: a datagram to a UNIX socket whose queue is full. */
static bool is_unpollable(const struct send *call)
{
    return descriptor_kind(call->d, call->fd) != DESCRIPTOR_STREAM && wait_poll_now(call->fd, POLLOUT) & POLLOUT;
}

/* Repeats a system call (sendto or sendmsg) until it took something, or may not wait. */
static inline long send_some(struct send *call, long number, long b, long c, long d, long e, long f)
{
    for (;;) {
        long sent = sys_call6(number, call->fd, b, c, d, e, f);
        if (likely(sent != -EAGAIN))
            return sent;
        if (!may_wait(call)) {
            wait_found_nothing();
            return -EAGAIN;
        }
        if (is_unpollable(call)) {
            bool is_bytes = number == SYS_sendto;
            return wait_abroad_and_restart(number, call->fd, b, is_bytes ? c : call->flags, is_bytes ? call->flags : 0,
                                           e, f);
        }
        int failure = wait_for_room(call, false);
        if (failure)
            return failure;
    }
}

/* A short send may go on: the stream is full and the call may wait. */
static inline bool is_short(const struct send *call, long sent, size_t size)
{
    return sent >= 0 && unlikely((size_t)sent < size) && descriptor_kind(call->d, call->fd) == DESCRIPTOR_STREAM &&
           may_wait(call);
}

long send_bytes(struct descriptor *d, int fd, const void *buffer, size_t size, int flags, const struct sockaddr *to,
                socklen_t to_size)
{
    struct send call = {.d = d, .fd = fd, .flags = flags};
    /* MSG_FASTOPEN connects, and MSG_DONTWAIT would make it a non-blocking connect. */
    if (unlikely(flags & MSG_FASTOPEN) && may_wait(&call))
        return WAIT_ABROAD(SYS_sendto, fd, buffer, size, flags, to, to_size);

    long sent = send_some(&call, SYS_sendto, (long)buffer, (long)size, flags | MSG_DONTWAIT, (long)to, to_size);
    if (is_short(&call, sent, size)) {
        struct iovec whole = {(void *)buffer, size};
        sent = send_rest(&call, &whole, 1, (size_t)sent, size);
    }
    return sent;
}

/* Descriptors that went out with a message are known to others from now on. */
static void share_sent_descriptors(const struct msghdr *message)
{
    if (likely(!message->msg_controllen) || !wait_keeps_books())
        return;
    struct msghdr *m = (struct msghdr *)message;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++)
            descriptor_share(((int *)(void *)CMSG_DATA(c))[i]);
    }
}

long send_message(struct descriptor *d, int fd, const struct msghdr *message, int flags)
{
    struct send call = {.d = d, .fd = fd, .flags = flags};
    if (unlikely(flags & MSG_FASTOPEN) && may_wait(&call))
        return WAIT_ABROAD(SYS_sendmsg, fd, message, flags);

    long sent = send_some(&call, SYS_sendmsg, (long)message, flags | MSG_DONTWAIT, 0, 0, 0);
    if (sent < 0)
        return sent;
    share_sent_descriptors(message);
    size_t size = iovec_size(message->msg_iov, message->msg_iovlen);
    if (is_short(&call, sent, size))
        sent = send_rest(&call, message->msg_iov, message->msg_iovlen, (size_t)sent, size);
    return sent;
}

/* POSIX sendto. */
HOOK_EXPORT ssize_t sendto(int fd, const void *buffer, size_t size, int flags, __CONST_SOCKADDR_ARG to,
                           socklen_t to_size)
{
    struct descriptor *d = wait_enter_on(FAMILY_socket, fd);
    if (!d)
        return sys_ret(sys_call(SYS_sendto, fd, buffer, size, flags, to.__sockaddr__, to_size));
    return sys_ret(send_bytes(d, fd, buffer, size, flags, to.__sockaddr__, to_size));
}

/* POSIX send: sendto without the address. */
HOOK_EXPORT ssize_t send(int fd, const void *buffer, size_t size, int flags)
{
    struct descriptor *d = wait_enter_on(FAMILY_socket, fd);
    if (!d)
        return sys_ret(sys_call(SYS_sendto, fd, buffer, size, flags, NULL, 0));
    return sys_ret(send_bytes(d, fd, buffer, size, flags, NULL, 0));
}

HOOK_ALIAS(__send, send);

/* POSIX sendmsg. */
HOOK_EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct descriptor *d = wait_enter_on(FAMILY_socket, fd);
    if (d)
        return sys_ret(send_message(d, fd, message, flags));
    long sent = sys_call(SYS_sendmsg, fd, message, flags);
    if (sent >= 0)
        share_sent_descriptors(message);
    return sys_ret(sent);
}

/* A message at a time, so that a stream sends each one whole. */
static long send_messages(struct descriptor *d, int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    for (unsigned i = 0; i < count; i++) {
        long sent = send_message(d, fd, &messages[i].msg_hdr, flags);
        if (sent < 0)
            return i ? (long)i : sent;
        messages[i].msg_len = (unsigned)sent;
    }
    return count;
}

/* sendmmsg(2): what one batch does not take is sent one by one, and parks. */
HOOK_EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    struct descriptor *d = wait_enter_on(FAMILY_socket, fd);
    if (!d)
        return (int)sys_ret(sys_call(SYS_sendmmsg, fd, messages, count, flags));

    struct send call = {.d = d, .fd = fd, .flags = flags};
    long sent = 0;
    if (descriptor_kind(d, fd) != DESCRIPTOR_STREAM || !may_wait(&call)) {
        sent = sys_call(SYS_sendmmsg, fd, messages, count, flags | MSG_DONTWAIT);
        if (sent < 0 && (sent != -EAGAIN || !may_wait(&call)))
            return (int)sys_ret(sent);
        sent = sent < 0 ? 0 : sent;
        for (long i = 0; i < sent; i++)
            share_sent_descriptors(&messages[i].msg_hdr);
        if (!may_wait(&call))
            return (int)sent;
    }
    long more = send_messages(d, fd, messages + sent, count - (unsigned)sent, flags);
    return (int)sys_ret(more >= 0 ? sent + more : sent ? sent : more);
}
