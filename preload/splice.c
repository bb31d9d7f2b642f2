/* Moving data between descriptors inside the kernel: sendfile(2), splice(2), tee(2), vmsplice(2), copy_file_range(2).
 *
 * Pipes take SPLICE_F_NONBLOCK; sockets only know O_NONBLOCK, so they get it for the length of the call when the description is
 * ours alone. Everything else is done by an offload thread. */
#include <sys/ioctl.h>
#include <sys/sendfile.h>

#include "preload/wait.h"

/* copy_file_range(2): between files, which have no readiness. */
HOOK_EXPORT ssize_t copy_file_range(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t size,
                                    unsigned flags)
{
    return sys_ret(wait_enter(FAMILY_io)
                       ? WAIT_OFFLOADED(SYS_copy_file_range, in, in_offset, out, out_offset, size, flags)
                       : sys_call(SYS_copy_file_range, in, in_offset, out, out_offset, size, flags));
}

/* ---- sendfile ---- */

struct sendfile {
    struct descriptor *d;
    int out, in;
    off64_t *offset;
};

/* The next byte to be sent shall be in the page cache, so that the call does not wait for the device. */
static void fetch(const struct sendfile *call)
{
    off64_t offset = 0;
    char byte;
    struct iovec one = {&byte, 1};
    if (!call->offset)
        offset = sys_call(SYS_lseek, call->in, 0, SEEK_CUR);
    else if (!wait_copy_in(&offset, call->offset, sizeof offset))
        return;
    if (sys_call(SYS_preadv2, call->in, &one, 1, offset, offset, RWF_NOWAIT) == -EAGAIN)
        WAIT_OFFLOADED(SYS_pread64, call->in, &byte, 1, offset);
}

static long sendfile_without_waiting(const struct sendfile *call, size_t size)
{
    int on = 1, off = 0;
    fetch(call);
    runtime_enter();
    spin_lock(&call->d->act);
    sys_call(SYS_ioctl, call->out, FIONBIO, &on);
    long sent = sys_call(SYS_sendfile, call->out, call->in, call->offset, size);
    sys_call(SYS_ioctl, call->out, FIONBIO, &off);
    spin_unlock(&call->d->act);
    runtime_leave();
    return sent;
}

/* To a blocking socket: ends when all is sent, the file ends, or with what was sent before an error. */
static long sendfile_waiting(const struct sendfile *call, size_t size)
{
    size_t sent = 0;
    int64_t deadline_ns = descriptor_deadline(call->d, call->out, SO_SNDTIMEO);
    while (sent < size) {
        long more = sendfile_without_waiting(call, size - sent);
        if (more > 0) {
            sent += (size_t)more;
            continue;
        }
        if (more == -EAGAIN)
            more = wait_for(call->out, EV_WRITE, deadline_ns,
                            sent || deadline_ns != DEADLINE_NEVER ? SIGNAL_NEVER_RESTARTS : SIGNAL_RESTARTS);
        else if (more == 0)
            break;
        if (more < 0)
            return sent ? (long)sent : more;
    }
    return (long)sent;
}

/* sendfile(2). */
HOOK_EXPORT ssize_t sendfile64(int out, int in, off64_t *offset, size_t size)
{
    struct descriptor *d = wait_enter_on(FAMILY_io, out);
    if (!d || descriptor_is_nonblocking(d, out))
        return sys_ret(sys_call(SYS_sendfile, out, in, offset, size));
    struct sendfile call = {d, out, in, offset};
    if (descriptor_kind(d, out) == DESCRIPTOR_STREAM && descriptor_is_private(d))
        return sys_ret(sendfile_waiting(&call, size));
    return sys_ret(WAIT_ABROAD(SYS_sendfile, out, in, offset, size));
}

HOOK_ALIAS(sendfile, sendfile64);

/* ---- pipes ---- */

/* Parks until fd is ready, unless it is. */
static int wait_ready(int fd, short poll_event, int event)
{
    return wait_poll_now(fd, poll_event) ? 0 : wait_for(fd, event, DEADLINE_NEVER, SIGNAL_RESTARTS);
}

static int wait_both_ready(int in, int out)
{
    int failure = wait_ready(in, POLLIN, EV_READ);
    return failure ? failure : wait_ready(out, POLLOUT, EV_WRITE);
}

static bool is_green_and_may_wait(int in, int out, unsigned flags)
{
    struct descriptor *from = wait_enter_on(FAMILY_io, in), *to = from ? descriptor_at(out) : NULL;
    return to && !(flags & SPLICE_F_NONBLOCK) && !descriptor_is_nonblocking(from, in) &&
           !descriptor_is_nonblocking(to, out);
}

/* Does this end of a splice know SPLICE_F_NONBLOCK, or never wait? Sockets and devices do not. */
static bool never_waits(int fd)
{
    struct descriptor *d = descriptor_at(fd);
    enum descriptor_kind kind = d ? descriptor_kind(d, fd) : DESCRIPTOR_UNKNOWN;
    return kind == DESCRIPTOR_PIPE || kind == DESCRIPTOR_FILE || kind == DESCRIPTOR_UNKNOWN;
}

static long splice_once(bool is_inline, int in, off64_t *in_offset, int out, off64_t *out_offset, size_t size,
                        unsigned flags)
{
    return is_inline ? sys_call(SYS_splice, in, in_offset, out, out_offset, size, flags)
                     : WAIT_ABROAD(SYS_splice, in, in_offset, out, out_offset, size, flags);
}

/* splice(2). An end that does not know the flag may still wait, when another process is faster: on an offload thread. */
HOOK_EXPORT ssize_t splice(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t size, unsigned flags)
{
    if (!is_green_and_may_wait(in, out, flags))
        return sys_ret(sys_call(SYS_splice, in, in_offset, out, out_offset, size, flags));
    bool is_inline = never_waits(in) && never_waits(out);
    for (;;) {
        long result = wait_both_ready(in, out);
        if (result == 0)
            result = splice_once(is_inline, in, in_offset, out, out_offset, size, flags | SPLICE_F_NONBLOCK);
        if (result != -EAGAIN)
            return sys_ret(result);
    }
}

/* tee(2): between two pipes. */
HOOK_EXPORT ssize_t tee(int in, int out, size_t size, unsigned flags)
{
    if (!is_green_and_may_wait(in, out, flags))
        return sys_ret(sys_call(SYS_tee, in, out, size, flags));
    for (;;) {
        long result = sys_call(SYS_tee, in, out, size, flags | SPLICE_F_NONBLOCK);
        if (result != -EAGAIN || (result = wait_both_ready(in, out)) != 0)
            return sys_ret(result);
    }
}

/* vmsplice(2): into the writing end of a pipe, or out of its reading end. The kernel does not look at O_NONBLOCK here. */
HOOK_EXPORT ssize_t vmsplice(int fd, const struct iovec *vectors, size_t count, unsigned flags)
{
    if (!wait_enter(FAMILY_io) || flags & SPLICE_F_NONBLOCK)
        return sys_ret(sys_call(SYS_vmsplice, fd, vectors, count, flags));
    bool is_writer = (sys_call(SYS_fcntl, fd, F_GETFL) & O_ACCMODE) == O_WRONLY;
    for (;;) {
        long result = sys_call(SYS_vmsplice, fd, vectors, count, flags | SPLICE_F_NONBLOCK);
        if (result == -EAGAIN)
            result = wait_ready(fd, is_writer ? POLLOUT : POLLIN, is_writer ? EV_WRITE : EV_READ);
        if (result != 0 || !count)
            return sys_ret(result);
    }
}
