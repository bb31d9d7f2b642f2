/* The calls that make, copy and end descriptor numbers: they keep the table of descriptors and the watchers right.
 *
 * A number is forgotten before the kernel frees it, because another thread may get it at once. The runtime's own descriptors are
 * not open as far as the program can tell. */
#include "preload/wait.h"

#include <limits.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>

#include "runtime/ownfd.h"
#include "runtime/readiness.h"

/* fd is about to be closed or replaced. Those who wait for it wake up with EBADF. */
static void forget(int fd)
{
    if (!wait_keeps_books())
        return;
    descriptor_reset(fd);
    readiness_forget(fd);
}

/* socket(7): with SO_LINGER, the close of a blocking socket waits until what was written is acknowledged. */
static bool close_may_wait(int fd)
{
    struct descriptor *d = hook_green(FAMILY_io) ? descriptor_at(fd) : NULL;
    return d && unlikely(descriptor_has(d, DESCRIPTOR_LINGER));
}

static int close_hooked(int fd)
{
    if (ownfd_is(fd))
        return (int)sys_ret(-EBADF);
    bool may_wait = close_may_wait(fd);
    forget(fd);
    return (int)sys_ret(may_wait ? WAIT_ABROAD(SYS_close, fd) : sys_call(SYS_close, fd));
}

/* POSIX close. */
HOOK_EXPORT int close(int fd)
{
    wait_cancellation_point();
    return close_hooked(fd);
}

HOOK_ALIAS(__close, close);

/* libc's own, where it must not be a cancellation point (fclose, closedir, the resolver). */
HOOK_EXPORT int __close_nocancel(int fd)
{
    return close_hooked(fd);
}

/* Closes [first, last] around the numbers that are ours. */
static long close_all_but_ours(unsigned first, unsigned last)
{
    for (int own; first <= INT_MAX && (own = ownfd_next((int)first)) >= 0 && (unsigned)own <= last;
         first = (unsigned)own + 1) {
        long result = (unsigned)own > first ? sys_call(SYS_close_range, first, own - 1, 0) : 0;
        if (result < 0 || (unsigned)own == last)
            return result;
    }
    return sys_call(SYS_close_range, first, last, 0);
}

/* close_range(2). The runtime's descriptors are close-on-exec already, and a vfork child may close its copies. */
HOOK_EXPORT int close_range(unsigned first, unsigned last, int flags)
{
    if (flags || first > last || !wait_keeps_books())
        return (int)sys_ret(sys_call(SYS_close_range, first, last, flags));
    for (int fd = first <= INT_MAX ? descriptor_next_known((int)first) : -1; fd >= 0 && (unsigned)fd <= last;
         fd = descriptor_next_known(fd + 1))
        forget(fd);
    return (int)sys_ret(close_all_but_ours(first, last));
}

/* closefrom(3), glibc: there is no descriptor below zero, and it cannot fail. */
HOOK_EXPORT void closefrom(int first)
{
    close_range(first > 0 ? (unsigned)first : 0, ~0u, 0);
}

/* ---- copies ---- */

static int copied(int fd, long copy)
{
    if (copy >= 0 && wait_keeps_books()) {
        descriptor_share(fd);
        descriptor_reset((int)copy);
    }
    return (int)sys_ret(copy);
}

/* POSIX dup. */
HOOK_EXPORT int dup(int fd)
{
    return ownfd_is(fd) ? (int)sys_ret(-EBADF) : copied(fd, sys_call(SYS_dup, fd));
}

/* dup2 and dup3 close `copy`, but only when fd is open (POSIX dup2). */
static int replace(int fd, int copy, long number, int flags)
{
    if (ownfd_is(fd) || ownfd_is(copy))
        return (int)sys_ret(-EBADF);
    if (fd != copy && sys_call(SYS_fcntl, fd, F_GETFD) >= 0)
        forget(copy);
    long result = sys_call(number, fd, copy, flags);
    return fd == copy ? (int)sys_ret(result) : copied(fd, result);
}

HOOK_EXPORT int dup2(int fd, int copy)
{
    return replace(fd, copy, SYS_dup2, 0);
}

HOOK_ALIAS(__dup2, dup2);

/* dup3(2). */
HOOK_EXPORT int dup3(int fd, int copy, int flags)
{
    return replace(fd, copy, SYS_dup3, flags);
}

/* ---- flags and locks ---- */

/* F_SETLKW and F_OFD_SETLKW: a lock that is taken is waited for on an offload thread, which is the same process to the kernel. */
static long lock_waiting(int fd, int command, void *lock)
{
    if (!wait_enter(FAMILY_io))
        return sys_call(SYS_fcntl, fd, command, lock);
    long result = sys_call(SYS_fcntl, fd, command == F_SETLKW ? F_SETLK : F_OFD_SETLK, lock);
    return result == -EAGAIN || result == -EACCES ? WAIT_ABROAD(SYS_fcntl, fd, command, lock) : result;
}

/* The program's own O_NONBLOCK, also while one of our calls has it on for its length (nowait.c). */
static long get_flags(int fd)
{
    long flags = sys_call(SYS_fcntl, fd, F_GETFL);
    struct descriptor *d = flags >= 0 && wait_keeps_books() ? descriptor_at(fd) : NULL;
    if (d && descriptor_is_private(d))
        flags = (flags & ~O_NONBLOCK) | (descriptor_has(d, DESCRIPTOR_NONBLOCK) ? O_NONBLOCK : 0);
    return flags;
}

static long set_flags(int fd, long flags)
{
    long result = sys_call(SYS_fcntl, fd, F_SETFL, flags);
    if (result == 0 && wait_keeps_books())
        descriptor_set_nonblocking(fd, flags & O_NONBLOCK);
    return result;
}

/* POSIX fcntl; every command takes at most one word. */
HOOK_EXPORT int fcntl64(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);

    if (ownfd_is(fd))
        return (int)sys_ret(-EBADF);
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC: return copied(fd, sys_call(SYS_fcntl, fd, command, argument));
    case F_GETFL: return (int)sys_ret(get_flags(fd));
    case F_SETFL: return (int)sys_ret(set_flags(fd, (long)argument));
    case F_SETLKW:
    case F_OFD_SETLKW: return (int)sys_ret(lock_waiting(fd, command, argument));
    default: return (int)sys_ret(sys_call(SYS_fcntl, fd, command, argument));
    }
}

HOOK_ALIAS(fcntl, fcntl64);
HOOK_ALIAS(__fcntl, fcntl64);

/* ioctl(2): FIONBIO is the other way to O_NONBLOCK. */
HOOK_EXPORT int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);

    long result = sys_call(SYS_ioctl, fd, request, argument);
    if (request == FIONBIO && result == 0 && wait_keeps_books())
        descriptor_set_nonblocking(fd, *(int *)argument != 0);
    return (int)sys_ret(result);
}

/* ---- births ---- */

static int born(long fd, enum descriptor_kind kind, int is_nonblocking)
{
    if (fd >= 0 && wait_keeps_books())
        descriptor_born((int)fd, kind, is_nonblocking ? DESCRIPTOR_NONBLOCK : 0);
    return (int)sys_ret(fd);
}

/* pipe2(2). */
HOOK_EXPORT int pipe2(int fds[2], int flags)
{
    long result = sys_call(SYS_pipe2, fds, flags);
    for (int i = 0; result == 0 && i < 2; i++)
        born(fds[i], DESCRIPTOR_PIPE, flags & O_NONBLOCK);
    return (int)sys_ret(result);
}

/* POSIX pipe. */
HOOK_EXPORT int pipe(int fds[2])
{
    return pipe2(fds, 0);
}

HOOK_ALIAS(__pipe, pipe);

/* eventfd(2). */
HOOK_EXPORT int eventfd(unsigned count, int flags)
{
    return born(sys_call(SYS_eventfd2, count, flags), DESCRIPTOR_OTHER, flags & EFD_NONBLOCK);
}

/* timerfd_create(2). */
HOOK_EXPORT int timerfd_create(clockid_t clock, int flags)
{
    return born(sys_call(SYS_timerfd_create, clock, flags), DESCRIPTOR_OTHER, flags & TFD_NONBLOCK);
}

/* inotify_init1(2). */
HOOK_EXPORT int inotify_init1(int flags)
{
    return born(sys_call(SYS_inotify_init1, flags), DESCRIPTOR_OTHER, flags & IN_NONBLOCK);
}

/* eventfd_read(3), eventfd_write(3): libc's own bodies call read and write past us. */
HOOK_EXPORT int eventfd_read(int fd, eventfd_t *value)
{
    return read(fd, value, sizeof *value) == sizeof *value ? 0 : -1;
}

HOOK_EXPORT int eventfd_write(int fd, eventfd_t value)
{
    return write(fd, &value, sizeof value) == sizeof value ? 0 : -1;
}
