/* read and its vector and positioned forms (POSIX read, readv, pread; Linux preadv, preadv2), by the kind of the descriptor:
 * sockets receive, files read what the page cache has and fetch the rest on an offload thread, all others are awaited. */
#include "preload/transfer.h"

#include <limits.h>

#define HERE (-1L) /* preadv2(2): use and move the file offset */

/* Job control, tty_ioctl(4): a read from the background is answered by SIGTTIN or EIO even when there is no input. A read of
 * nothing finds out without waiting. */
static long check_job_control(const struct nowait *io)
{
    char nothing;
    return io->kind == DESCRIPTOR_TTY ? sys_call(SYS_read, io->fd, &nothing, 0) : 0;
}

static long read_polled(const struct nowait *io, const struct iovec *vectors, size_t count)
{
    bool is_drained = descriptor_has(io->d, DESCRIPTOR_DRAINED);
    for (;;) {
        if (!is_drained) {
            long got = nowait_attempt(io, vectors, count);
            if (got != -EAGAIN)
                return got;
        }
        if (descriptor_is_nonblocking(io->d, io->fd)) {
            if (is_drained) {
                is_drained = false;
                continue;
            }
            wait_found_nothing();
            return -EAGAIN;
        }
        long failure = check_job_control(io);
        if (failure < 0 || (failure = wait_for(io->fd, EV_READ, DEADLINE_NEVER, SIGNAL_RESTARTS)) < 0)
            return failure;
        is_drained = false;
    }
}

/* A pipe that gave less than was asked is empty, like a stream (receive.c). */
static long read_pipe(const struct nowait *io, const struct iovec *vectors, size_t count)
{
    long got = read_polled(io, vectors, count);
    if (got >= 0)
        descriptor_mark(io->d, DESCRIPTOR_DRAINED, got > 0 && (size_t)got < iovec_size(vectors, count));
    return got;
}

/* From a file at offset, or HERE. */
static long read_cached(int fd, const struct iovec *vectors, size_t count, long offset, int flags)
{
    return sys_call(SYS_preadv2, fd, vectors, count, offset, offset, flags | RWF_NOWAIT);
}

static long read_uncached(int fd, const struct iovec *vectors, size_t count, long offset, int flags)
{
    return wait_offloaded(SYS_preadv2, fd, (long)vectors, (long)count, offset, offset, flags);
}

/* The page cache gave a part. A file's read is only short at its end, so the rest is looked for, and fetched. */
static long read_file_rest(int fd, const struct iovec *vectors, size_t count, long offset, int flags, size_t got)
{
    size_t size = iovec_size(vectors, count);
    size = size < TRANSFER_MAX ? size : TRANSFER_MAX;
    while (got < size) {
        struct iovec window[IOVEC_WINDOW];
        size_t filled = (size_t)iovec_rest(window, vectors, count, got);
        long from = offset == HERE ? HERE : offset + (long)got;
        long more = read_cached(fd, window, filled, from, flags);
        if (more == -EAGAIN)
            more = read_uncached(fd, window, filled, from, flags);
        if (more <= 0)
            break;
        got += (size_t)more;
    }
    return (long)got;
}

static long read_file(struct descriptor *d, int fd, const struct iovec *vectors, size_t count, long offset, int flags)
{
    long got = read_cached(fd, vectors, count, offset, flags);
    if (got > 0)
        return read_file_rest(fd, vectors, count, offset, flags, (size_t)got);
    /* Not known to this filesystem: those in memory (proc) do not wait, those on a network do. */
    if (got == -EOPNOTSUPP && !descriptor_has(d, DESCRIPTOR_SLOW))
        return sys_call(SYS_preadv2, fd, vectors, count, offset, offset, flags);
    return got == -EAGAIN || got == -EOPNOTSUPP ? read_uncached(fd, vectors, count, offset, flags) : got;
}

static long read_vectors(struct descriptor *d, int fd, const struct iovec *vectors, size_t count)
{
    struct nowait io = {d, fd, descriptor_kind(d, fd), EV_READ};
    struct msghdr message = {.msg_iov = (struct iovec *)vectors, .msg_iovlen = count};
    switch (io.kind) {
    case DESCRIPTOR_STREAM:
    case DESCRIPTOR_MESSAGE: return receive_message(d, fd, &message, 0);
    case DESCRIPTOR_FILE: return read_file(d, fd, vectors, count, HERE, 0);
    case DESCRIPTOR_PIPE: return read_pipe(&io, vectors, count);
    case DESCRIPTOR_UNKNOWN: return sys_call(SYS_readv, fd, vectors, count);
    default: return read_polled(&io, vectors, count);
    }
}

static long read_bytes(struct descriptor *d, int fd, void *buffer, size_t size)
{
    if (unlikely(size == 0)) /* POSIX read: finds errors, never waits */
        return sys_call(SYS_read, fd, buffer, size);
    enum descriptor_kind kind = descriptor_kind(d, fd);
    if (likely(kind == DESCRIPTOR_STREAM || kind == DESCRIPTOR_MESSAGE)) {
        long got = receive_bytes(d, fd, buffer, size, 0, NULL, NULL);
        if (likely(got != -ENOTSOCK))
            return got;
        descriptor_reset(fd); /* closed behind our back, and used again for something else */
    }
    struct iovec whole = {buffer, size};
    return read_vectors(d, fd, &whole, 1);
}

/* POSIX read. */
HOOK_EXPORT ssize_t read(int fd, void *buffer, size_t size)
{
    struct descriptor *d = wait_enter_on(FAMILY_io, fd);
    return sys_ret(d ? read_bytes(d, fd, buffer, size) : sys_call(SYS_read, fd, buffer, size));
}

HOOK_ALIAS(__read, read);

/* libc's own, where it must not be a cancellation point. */
HOOK_EXPORT ssize_t __read_nocancel(int fd, void *buffer, size_t size)
{
    struct descriptor *d = hook_green(FAMILY_io) ? descriptor_at(fd) : NULL;
    if (!d)
        return sys_ret(sys_call(SYS_read, fd, buffer, size));
    int state = wait_disable_cancellation();
    long got = read_bytes(d, fd, buffer, size);
    wait_restore_cancellation(state);
    return sys_ret(got);
}

/* debug/read_chk.c: the compiler knew the size of the buffer. */
HOOK_EXPORT ssize_t __read_chk(int fd, void *buffer, size_t size, size_t buffer_size)
{
    if (size > buffer_size)
        __chk_fail();
    return read(fd, buffer, size);
}

/* POSIX readv. */
HOOK_EXPORT ssize_t readv(int fd, const struct iovec *vectors, int count)
{
    struct descriptor *d = wait_enter_on(FAMILY_io, fd);
    if (!d || count <= 0 || count > IOV_MAX)
        return sys_ret(sys_call(SYS_readv, fd, vectors, count));
    return sys_ret(read_vectors(d, fd, vectors, (size_t)count));
}

/* Only files have positions; the kernel refuses the others at once. */
static struct descriptor *enter_on_file(int fd)
{
    struct descriptor *d = wait_enter_on(FAMILY_io, fd);
    return d && descriptor_kind(d, fd) == DESCRIPTOR_FILE ? d : NULL;
}

/* POSIX pread. */
HOOK_EXPORT ssize_t pread64(int fd, void *buffer, size_t size, off64_t offset)
{
    struct descriptor *d = enter_on_file(fd);
    struct iovec whole = {buffer, size};
    if (!d || offset < 0)
        return sys_ret(sys_call(SYS_pread64, fd, buffer, size, offset));
    return sys_ret(read_file(d, fd, &whole, 1, offset, 0));
}

HOOK_ALIAS(pread, pread64);
HOOK_ALIAS(__pread64, pread64);
HOOK_ALIAS(__libc_pread, pread64);

HOOK_EXPORT ssize_t __pread64_chk(int fd, void *buffer, size_t size, off64_t offset, size_t buffer_size)
{
    if (size > buffer_size)
        __chk_fail();
    return pread64(fd, buffer, size, offset);
}

HOOK_ALIAS(__pread_chk, __pread64_chk);

/* preadv(2), preadv2(2). The latter's offset may be -1, and RWF_NOWAIT is the program's own wish not to wait. */
HOOK_EXPORT ssize_t preadv64v2(int fd, const struct iovec *vectors, int count, off64_t offset, int flags)
{
    struct descriptor *d = wait_enter_on(FAMILY_io, fd);
    bool is_file = d && descriptor_kind(d, fd) == DESCRIPTOR_FILE;
    if (!d || count <= 0 || count > IOV_MAX || offset < HERE || flags & RWF_NOWAIT ||
        (!is_file && (flags || offset != HERE)))
        return sys_ret(sys_call(SYS_preadv2, fd, vectors, count, offset, offset, flags));
    return sys_ret(is_file ? read_file(d, fd, vectors, (size_t)count, offset, flags)
                           : read_vectors(d, fd, vectors, (size_t)count));
}

HOOK_ALIAS(preadv2, preadv64v2);

HOOK_EXPORT ssize_t preadv64(int fd, const struct iovec *vectors, int count, off64_t offset)
{
    struct descriptor *d = enter_on_file(fd);
    if (!d || count <= 0 || count > IOV_MAX || offset < 0)
        return sys_ret(sys_call(SYS_preadv, fd, vectors, count, offset, offset));
    return sys_ret(read_file(d, fd, vectors, (size_t)count, offset, 0));
}

HOOK_ALIAS(preadv, preadv64);
