/* Files: what opens them, locks them, and waits for their device (POSIX open, fsync, lockf, …; Linux flock, fallocate, …).
 *
 * None of it has readiness. What can be tried without waiting is tried; the rest is done by an offload thread. */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>

#include "preload/wait.h"
#include "runtime/offload.h"

/* Makes a system call that always waits: on an offload thread if a green thread asks. */
#define CALL_SLOWLY(...) (wait_enter(FAMILY_io) ? WAIT_OFFLOADED(__VA_ARGS__) : sys_call(__VA_ARGS__))

/* ---- open ---- */

/* POSIX open: a FIFO is opened for one direction when somebody has opened it for the other. */
static bool open_may_wait(int directory, const char *path, int flags)
{
    struct stat st;
    return (flags & O_ACCMODE) != O_RDWR && !(flags & (O_NONBLOCK | O_PATH | O_DIRECTORY)) &&
           sys_call(SYS_newfstatat, directory, path, &st, 0) == 0 && S_ISFIFO(st.st_mode);
}

static int open_hooked(bool is_green, int directory, const char *path, int flags, mode_t mode)
{
    long fd = is_green && open_may_wait(directory, path, flags) ? WAIT_ABROAD(SYS_openat, directory, path, flags, mode)
                                                                : sys_call(SYS_openat, directory, path, flags, mode);
    if (fd >= 0 && wait_keeps_books())
        descriptor_born((int)fd, DESCRIPTOR_UNKNOWN, flags & O_NONBLOCK ? DESCRIPTOR_NONBLOCK : 0);
    return (int)sys_ret(fd);
}

/* The mode is there when a file may be created; reading it otherwise is harmless. */
#define MODE_AFTER(last)                                                                                               \
    ({                                                                                                                 \
        va_list arguments_;                                                                                            \
        va_start(arguments_, last);                                                                                    \
        mode_t mode_ = va_arg(arguments_, mode_t);                                                                     \
        va_end(arguments_);                                                                                            \
        mode_;                                                                                                         \
    })

/* POSIX open. */
HOOK_EXPORT int open64(const char *path, int flags, ...)
{
    return open_hooked(wait_enter(FAMILY_io), AT_FDCWD, path, flags | O_LARGEFILE, MODE_AFTER(flags));
}

HOOK_ALIAS(open, open64);
HOOK_ALIAS(__open, open64);
HOOK_ALIAS(__open64, open64);

/* libc's own, where it must not be a cancellation point. */
HOOK_EXPORT int __open64_nocancel(const char *path, int flags, ...)
{
    mode_t mode = MODE_AFTER(flags);
    if (!hook_green(FAMILY_io))
        return open_hooked(false, AT_FDCWD, path, flags | O_LARGEFILE, mode);
    int state = wait_disable_cancellation();
    int fd = open_hooked(true, AT_FDCWD, path, flags | O_LARGEFILE, mode);
    wait_restore_cancellation(state);
    return fd;
}

HOOK_ALIAS(__open_nocancel, __open64_nocancel);

/* POSIX openat. */
HOOK_EXPORT int openat64(int directory, const char *path, int flags, ...)
{
    return open_hooked(wait_enter(FAMILY_io), directory, path, flags | O_LARGEFILE, MODE_AFTER(flags));
}

HOOK_ALIAS(openat, openat64);

/* POSIX creat. */
HOOK_EXPORT int creat64(const char *path, mode_t mode)
{
    return open_hooked(wait_enter(FAMILY_io), AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_LARGEFILE, mode);
}

HOOK_ALIAS(creat, creat64);

/* ---- to the device ---- */

HOOK_EXPORT int fsync(int fd)
{
    return (int)sys_ret(CALL_SLOWLY(SYS_fsync, fd));
}

HOOK_EXPORT int fdatasync(int fd)
{
    return (int)sys_ret(CALL_SLOWLY(SYS_fdatasync, fd));
}

HOOK_EXPORT int syncfs(int fd)
{
    return (int)sys_ret(CALL_SLOWLY(SYS_syncfs, fd));
}

HOOK_EXPORT void sync(void)
{
    CALL_SLOWLY(SYS_sync);
}

HOOK_EXPORT int sync_file_range(int fd, off64_t offset, off64_t size, unsigned flags)
{
    return (int)sys_ret(CALL_SLOWLY(SYS_sync_file_range, fd, offset, size, flags));
}

/* POSIX msync: only MS_SYNC waits. */
HOOK_EXPORT int msync(void *address, size_t size, int flags)
{
    wait_cancellation_point();
    bool waits = flags & MS_SYNC && hook_green(FAMILY_io);
    return (int)sys_ret(waits ? WAIT_OFFLOADED(SYS_msync, address, size, flags)
                              : sys_call(SYS_msync, address, size, flags));
}

HOOK_EXPORT int fallocate64(int fd, int mode, off64_t offset, off64_t size)
{
    return (int)sys_ret(CALL_SLOWLY(SYS_fallocate, fd, mode, offset, size));
}

HOOK_ALIAS(fallocate, fallocate64);

/* POSIX posix_fallocate: where the filesystem cannot, libc writes into each block. */
HOOK_EXPORT int posix_fallocate64(int fd, off64_t offset, off64_t size)
{
    if (!hook_green(FAMILY_io) || offload_begin())
        return REAL(posix_fallocate64)(fd, offset, size);
    int error = REAL(posix_fallocate64)(fd, offset, size);
    offload_end();
    return error;
}

HOOK_ALIAS(posix_fallocate, posix_fallocate64);

HOOK_EXPORT ssize_t readahead(int fd, off64_t offset, size_t size)
{
    return sys_ret(hook_green(FAMILY_io) ? WAIT_OFFLOADED(SYS_readahead, fd, offset, size)
                                         : sys_call(SYS_readahead, fd, offset, size));
}

/* ---- locks ---- */

/* flock(2): the lock belongs to the open file description, whichever thread waits for it. No cancellation point. */
HOOK_EXPORT int flock(int fd, int operation)
{
    if (!hook_green(FAMILY_io) || operation & LOCK_NB)
        return (int)sys_ret(sys_call(SYS_flock, fd, operation));
    long result = sys_call(SYS_flock, fd, operation | LOCK_NB);
    if (result == -EWOULDBLOCK) {
        int state = wait_disable_cancellation();
        result = WAIT_ABROAD(SYS_flock, fd, operation);
        wait_restore_cancellation(state);
    }
    return (int)sys_ret(result);
}

/* POSIX lockf: F_LOCK is F_SETLKW from the present offset on. */
HOOK_EXPORT int lockf64(int fd, int command, off64_t size)
{
    if (command != F_LOCK)
        return REAL(lockf64)(fd, command, size);
    struct flock64 lock = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = size};
    return fcntl64(fd, F_SETLKW, &lock);
}

HOOK_ALIAS(lockf, lockf64);

/* ---- terminals ---- */

/* POSIX tcdrain: waits until the output has been sent. */
HOOK_EXPORT int tcdrain(int fd)
{
    return (int)sys_ret(CALL_SLOWLY(SYS_ioctl, fd, TCSBRK, 1));
}

/* POSIX tcsendbreak: a break takes a quarter of a second or more. */
HOOK_EXPORT int tcsendbreak(int fd, int duration)
{
    if (!hook_green(FAMILY_io) || offload_begin())
        return REAL(tcsendbreak)(fd, duration);
    int result = REAL(tcsendbreak)(fd, duration);
    offload_end();
    return result;
}

/* POSIX tcsetattr: all but TCSANOW wait for the output first. */
HOOK_EXPORT int tcsetattr(int fd, int actions, const struct termios *settings)
{
    if (actions == TCSANOW || !hook_green(FAMILY_io) || offload_begin())
        return REAL(tcsetattr)(fd, actions, settings);
    int result = REAL(tcsetattr)(fd, actions, settings);
    offload_end();
    return result;
}
