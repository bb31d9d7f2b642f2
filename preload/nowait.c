/* One attempt at a read or write that does not wait, on a descriptor that is no socket.
 *
 * RWF_NOWAIT says it without touching anything (Linux 6.18: pipes, eventfd reads, timerfd, signalfd, files). What does not know
 * it (FIFOs, ttys, inotify, eventfd writes) gets O_NONBLOCK for the length of the call where the open file description is ours
 * alone; where others may see it, poll says whether the plain call may be made. */
#include "preload/transfer.h"

#include <sys/ioctl.h>

static short poll_events(const struct nowait *io)
{
    return io->events == EV_READ ? POLLIN : POLLOUT;
}

/* The lock keeps our other threads from making their call when the flag is off again. */
static long call_with_flag(const struct nowait *io, long number, const struct iovec *vectors, long count)
{
    int on = 1, off = 0;
    runtime_enter();
    spin_lock(&io->d->act);
    sys_call(SYS_ioctl, io->fd, FIONBIO, &on);
    long result = sys_call(number, io->fd, vectors, count);
    sys_call(SYS_ioctl, io->fd, FIONBIO, &off);
    spin_unlock(&io->d->act);
    runtime_leave();
    return result;
}

/* The lock keeps our other threads from taking what poll has seen. */
static long call_if_ready(const struct nowait *io, long number, const struct iovec *vectors, long count)
{
    runtime_enter();
    spin_lock(&io->d->act);
    long result = wait_poll_now(io->fd, poll_events(io)) ? sys_call(number, io->fd, vectors, count) : -EAGAIN;
    spin_unlock(&io->d->act);
    runtime_leave();
    return result;
}

/* Poll promises less than the call may need: room for one byte only (tty), or what another process takes first (FIFO). */
static bool poll_is_no_promise(const struct nowait *io)
{
    return io->kind == DESCRIPTOR_PIPE || (io->kind == DESCRIPTOR_TTY && io->events == EV_WRITE);
}

long nowait_attempt(const struct nowait *io, const struct iovec *vectors, size_t vector_count)
{
    bool is_read = io->events == EV_READ;
    long count = (long)vector_count;
    if (likely(!descriptor_has(io->d, DESCRIPTOR_NO_NOWAIT))) {
        /* -1: at the file's offset, if it has one (preadv2(2)). */
        long result = sys_call(is_read ? SYS_preadv2 : SYS_pwritev2, io->fd, vectors, count, -1L, -1L, RWF_NOWAIT);
        if (likely(result != -EOPNOTSUPP))
            return result;
        descriptor_mark(io->d, DESCRIPTOR_NO_NOWAIT, true);
    }
    long number = is_read ? SYS_readv : SYS_writev;
    if (descriptor_is_nonblocking(io->d, io->fd))
        return sys_call(number, io->fd, vectors, count);
    if (descriptor_is_private(io->d))
        return call_with_flag(io, number, vectors, count);
    if (!poll_is_no_promise(io))
        return call_if_ready(io, number, vectors, count);
    return wait_poll_now(io->fd, poll_events(io)) ? WAIT_ABROAD(number, io->fd, vectors, count) : -EAGAIN;
}

size_t iovec_size(const struct iovec *vectors, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += vectors[i].iov_len;
    return size;
}

int iovec_rest(struct iovec *window, const struct iovec *vectors, size_t count, size_t skip)
{
    int filled = 0;
    for (size_t i = 0; i < count && filled < IOVEC_WINDOW; i++) {
        if (skip >= vectors[i].iov_len) {
            skip -= vectors[i].iov_len;
            continue;
        }
        window[filled++] = (struct iovec){(char *)vectors[i].iov_base + skip, vectors[i].iov_len - skip};
        skip = 0;
    }
    return filled;
}
