/* write and its vector and positioned forms (POSIX write, writev, pwrite; Linux pwritev, pwritev2), by the kind of the
 * descriptor: sockets send, pipes and ttys are awaited until all is written, files go to the page cache at once unless each
 * write waits for the device. */
#include "preload/transfer.h"

#include <limits.h>

#define HERE (-1L) /* pwritev2(2): use and move the file offset */

/* POSIX write on a pipe: a blocking write ends when all is written; up to PIPE_BUF bytes go as one. After a part went out, an
 * error or a signal ends it with that part. */
static long write_polled(const struct nowait *io, const struct iovec *vectors, size_t count)
{
    size_t done = 0, size = SIZE_MAX;
    for (;;) {
        struct iovec window[IOVEC_WINDOW];
        long more = done ? nowait_attempt(io, window, (size_t)iovec_rest(window, vectors, count, done))
                         : nowait_attempt(io, vectors, count);
        if (more < 0 && more != -EAGAIN)
            return done ? (long)done : more;
        if (more >= 0) {
            size = done ? size : iovec_size(vectors, count);
            done += (size_t)more;
            if (done >= size || io->kind == DESCRIPTOR_OTHER)
                return (long)done;
        }
        if (descriptor_is_nonblocking(io->d, io->fd)) {
            if (!done)
                wait_found_nothing();
            return done ? (long)done : -EAGAIN;
        }
        int failure = wait_for(io->fd, EV_WRITE, DEADLINE_NEVER, done ? SIGNAL_NEVER_RESTARTS : SIGNAL_RESTARTS);
        if (failure)
            return done ? (long)done : failure;
    }
}

/* To a file at offset, or HERE. */
static long write_file(struct descriptor *d, int fd, const struct iovec *vectors, size_t count, long offset, int flags)
{
    if (unlikely(descriptor_has(d, DESCRIPTOR_SLOW) || flags & (RWF_SYNC | RWF_DSYNC)))
        return wait_offloaded(SYS_pwritev2, fd, (long)vectors, (long)count, offset, offset, flags);
    return sys_call(SYS_pwritev2, fd, vectors, count, offset, offset, flags);
}

static long write_vectors(struct descriptor *d, int fd, const struct iovec *vectors, size_t count)
{
    struct nowait io = {d, fd, descriptor_kind(d, fd), EV_WRITE};
    struct msghdr message = {.msg_iov = (struct iovec *)vectors, .msg_iovlen = count};
    switch (io.kind) {
    case DESCRIPTOR_STREAM:
    case DESCRIPTOR_MESSAGE: return send_message(d, fd, &message, 0);
    case DESCRIPTOR_FILE: return write_file(d, fd, vectors, count, HERE, 0);
    case DESCRIPTOR_UNKNOWN: return sys_call(SYS_writev, fd, vectors, count);
    default: return write_polled(&io, vectors, count);
    }
}

static long write_bytes(struct descriptor *d, int fd, const void *buffer, size_t size)
{
    struct iovec whole = {(void *)buffer, size};
    switch (descriptor_kind(d, fd)) {
    case DESCRIPTOR_STREAM:
    case DESCRIPTOR_MESSAGE: {
        long sent = send_bytes(d, fd, buffer, size, 0, NULL, 0);
        if (likely(sent != -ENOTSOCK))
            return sent;
        descriptor_reset(fd); /* closed behind our back, and used again for something else */
        return write_vectors(d, fd, &whole, 1);
    }
    case DESCRIPTOR_FILE:
        if (likely(!descriptor_has(d, DESCRIPTOR_SLOW)))
            return sys_call(SYS_write, fd, buffer, size);
        return WAIT_OFFLOADED(SYS_write, fd, buffer, size);
    default: return size ? write_vectors(d, fd, &whole, 1) : sys_call(SYS_write, fd, buffer, size);
    }
}

/* POSIX write. */
HOOK_EXPORT ssize_t write(int fd, const void *buffer, size_t size)
{
    struct descriptor *d = wait_enter_on(FAMILY_io, fd);
    return sys_ret(d ? write_bytes(d, fd, buffer, size) : sys_call(SYS_write, fd, buffer, size));
}

HOOK_ALIAS(__write, write);

/* libc's own, where it must not be a cancellation point. */
HOOK_EXPORT ssize_t __write_nocancel(int fd, const void *buffer, size_t size)
{
    struct descriptor *d = hook_green(FAMILY_io) ? descriptor_at(fd) : NULL;
    if (!d)
        return sys_ret(sys_call(SYS_write, fd, buffer, size));
    int state = wait_disable_cancellation();
    long done = write_bytes(d, fd, buffer, size);
    wait_restore_cancellation(state);
    return sys_ret(done);
}

/* POSIX writev. */
HOOK_EXPORT ssize_t writev(int fd, const struct iovec *vectors, int count)
{
    struct descriptor *d = wait_enter_on(FAMILY_io, fd);
    if (!d || count <= 0 || count > IOV_MAX)
        return sys_ret(sys_call(SYS_writev, fd, vectors, count));
    return sys_ret(write_vectors(d, fd, vectors, (size_t)count));
}

/* Only files have positions; the kernel refuses the others at once. */
static struct descriptor *enter_on_file(int fd)
{
    struct descriptor *d = wait_enter_on(FAMILY_io, fd);
    return d && descriptor_kind(d, fd) == DESCRIPTOR_FILE ? d : NULL;
}

/* POSIX pwrite. */
HOOK_EXPORT ssize_t pwrite64(int fd, const void *buffer, size_t size, off64_t offset)
{
    struct descriptor *d = enter_on_file(fd);
    if (d && descriptor_has(d, DESCRIPTOR_SLOW))
        return sys_ret(WAIT_OFFLOADED(SYS_pwrite64, fd, buffer, size, offset));
    return sys_ret(sys_call(SYS_pwrite64, fd, buffer, size, offset));
}

HOOK_ALIAS(pwrite, pwrite64);
HOOK_ALIAS(__pwrite64, pwrite64);
HOOK_ALIAS(__libc_pwrite, pwrite64);

/* pwritev2(2). Its offset may be -1, and RWF_NOWAIT is the program's own wish not to wait. */
HOOK_EXPORT ssize_t pwritev64v2(int fd, const struct iovec *vectors, int count, off64_t offset, int flags)
{
    struct descriptor *d = wait_enter_on(FAMILY_io, fd);
    bool is_file = d && descriptor_kind(d, fd) == DESCRIPTOR_FILE;
    if (!d || count <= 0 || count > IOV_MAX || flags & RWF_NOWAIT || (!is_file && (flags || offset != HERE)))
        return sys_ret(sys_call(SYS_pwritev2, fd, vectors, count, offset, offset, flags));
    return sys_ret(is_file ? write_file(d, fd, vectors, (size_t)count, offset, flags)
                           : write_vectors(d, fd, vectors, (size_t)count));
}

HOOK_ALIAS(pwritev2, pwritev64v2);

/* pwritev(2). */
HOOK_EXPORT ssize_t pwritev64(int fd, const struct iovec *vectors, int count, off64_t offset)
{
    struct descriptor *d = enter_on_file(fd);
    if (!d || count <= 0 || count > IOV_MAX || offset < 0)
        return sys_ret(sys_call(SYS_pwritev, fd, vectors, count, offset, offset));
    return sys_ret(write_file(d, fd, vectors, (size_t)count, offset, 0));
}

HOOK_ALIAS(pwritev, pwritev64);
