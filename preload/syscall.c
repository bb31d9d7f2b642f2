/* syscall(2): programs and language runtimes make calls by number that libc does not wrap, or to avoid libc's wrapper.
 * Those that we hook by name must reach the same hook; all others go to the kernel as they are.
 *
 * The hooks are cancellation points where POSIX says so; a call by number is none, so cancellation is off meanwhile. */
#include <linux/futex.h>
#include <stdarg.h>

#include "preload/futex.h"
#include "preload/hook.h"
#include "preload/signal.h"
#include "preload/wait.h"
#include "runtime/fork.h"

struct arguments {
    long a, b, c, d, e, f;
};

static long to_kernel(long number, const struct arguments *args)
{
    return sys_ret(sys_call(number, args->a, args->b, args->c, args->d, args->e, args->f));
}

/* libc's wrapper returns the error where the kernel returns its negative. */
static long sleep_on_clock(const struct arguments *args)
{
    return sys_ret(-clock_nanosleep((clockid_t)args->a, (int)args->b, (const struct timespec *)args->c,
                                    (struct timespec *)args->d));
}

/* The kernel's sixth argument holds the mask and its size. */
static long select_with_mask(const struct arguments *args)
{
    const struct {
        const sigset_t *mask;
        size_t size;
    } *sixth = (const void *)args->f;
    return pselect((int)args->a, (fd_set *)args->b, (fd_set *)args->c, (fd_set *)args->d,
                   (const struct timespec *)args->e, sixth ? sixth->mask : NULL);
}

/* The kernel would end the worker. */
static long end_thread(const struct arguments *args)
{
    if (hook_self_or_alone())
        thread_vanish((int)args->a);
    return to_kernel(SYS_exit, args);
}

/* Without a stack of its own a child can only be a process: a fork, or one that shares our memory, of which we know nothing. */
static long clone_by_number(const struct arguments *args)
{
    if (args->a & CLONE_VM || args->b)
        return to_kernel(SYS_clone, args);
    return sys_ret(fork_process_with((unsigned long)args->a, (void *)args->c, (void *)args->d, (void *)args->e));
}

static long process_call(long number, const struct arguments *args)
{
    switch (number) {
    /* The child of vfork would return from here on a stack that its parent goes on with: it gets memory of its own. */
    case SYS_fork:
    case SYS_vfork: return sys_ret(fork_process());
    case SYS_clone: return clone_by_number(args);
    case SYS_execve: return execve((const char *)args->a, (char *const *)args->b, (char *const *)args->c);
    case SYS_execveat:
        return execveat((int)args->a, (const char *)args->b, (char *const *)args->c, (char *const *)args->d,
                        (int)args->e);
    case SYS_wait4: return wait4((pid_t)args->a, (int *)args->b, (int)args->c, (struct rusage *)args->d);
    case SYS_waitid:
        return args->e ? to_kernel(number, args)
                       : waitid((idtype_t)args->a, (id_t)args->b, (siginfo_t *)args->c, (int)args->d);
    default: return to_kernel(number, args);
    }
}

static long signal_call(long number, const struct arguments *args)
{
    switch (number) {
    case SYS_tkill: return sys_ret(hook_tgkill((int)sys_call(SYS_getpid), (int)args->a, (int)args->b, NULL));
    case SYS_tgkill: return sys_ret(hook_tgkill((int)args->a, (int)args->b, (int)args->c, NULL));
    case SYS_rt_tgsigqueueinfo:
        return sys_ret(hook_tgkill((int)args->a, (int)args->b, (int)args->c, (const siginfo_t *)args->d));
    case SYS_kill: return kill((pid_t)args->a, (int)args->b);
    case SYS_pause: return pause();
    case SYS_rt_sigaction:
        return sys_ret(hook_sigaction((int)args->a, (const struct kernel_action *)args->b,
                                      (struct kernel_action *)args->c, (size_t)args->d));
    case SYS_rt_sigprocmask: return sigprocmask((int)args->a, (const sigset_t *)args->b, (sigset_t *)args->c);
    case SYS_rt_sigpending: return sigpending((sigset_t *)args->a);
    case SYS_rt_sigsuspend: return sigsuspend((const sigset_t *)args->a);
    case SYS_rt_sigtimedwait:
        return sigtimedwait((const sigset_t *)args->a, (siginfo_t *)args->b, (const struct timespec *)args->c);
    case SYS_sigaltstack: return sigaltstack((const stack_t *)args->a, (stack_t *)args->b);
    case SYS_signalfd: return signalfd((int)args->a, (const sigset_t *)args->b, 0);
    case SYS_signalfd4: return signalfd((int)args->a, (const sigset_t *)args->b, (int)args->d);
    default: return process_call(number, args);
    }
}

static long wait_call(long number, const struct arguments *args)
{
    switch (number) {
    case SYS_poll: return poll((struct pollfd *)args->a, (nfds_t)args->b, (int)args->c);
    case SYS_ppoll:
        return ppoll((struct pollfd *)args->a, (nfds_t)args->b, (const struct timespec *)args->c,
                     (const sigset_t *)args->d);
    case SYS_select:
        return select((int)args->a, (fd_set *)args->b, (fd_set *)args->c, (fd_set *)args->d, (struct timeval *)args->e);
    case SYS_pselect6: return select_with_mask(args);
    case SYS_epoll_create: return epoll_create((int)args->a);
    case SYS_epoll_create1: return epoll_create1((int)args->a);
    case SYS_epoll_ctl: return epoll_ctl((int)args->a, (int)args->b, (int)args->c, (struct epoll_event *)args->d);
    case SYS_epoll_wait: return epoll_wait((int)args->a, (struct epoll_event *)args->b, (int)args->c, (int)args->d);
    case SYS_epoll_pwait:
        return epoll_pwait((int)args->a, (struct epoll_event *)args->b, (int)args->c, (int)args->d,
                           (const sigset_t *)args->e);
    case SYS_epoll_pwait2:
        return epoll_pwait2((int)args->a, (struct epoll_event *)args->b, (int)args->c, (const struct timespec *)args->d,
                            (const sigset_t *)args->e);
    case SYS_nanosleep: return nanosleep((const struct timespec *)args->a, (struct timespec *)args->b);
    case SYS_clock_nanosleep: return sleep_on_clock(args);
    default: return signal_call(number, args);
    }
}

static long socket_call(long number, const struct arguments *args)
{
    switch (number) {
    case SYS_socket: return socket((int)args->a, (int)args->b, (int)args->c);
    case SYS_socketpair: return socketpair((int)args->a, (int)args->b, (int)args->c, (int *)args->d);
    case SYS_connect: return connect((int)args->a, (const struct sockaddr *)args->b, (socklen_t)args->c);
    case SYS_accept: return accept((int)args->a, (struct sockaddr *)args->b, (socklen_t *)args->c);
    case SYS_accept4: return accept4((int)args->a, (struct sockaddr *)args->b, (socklen_t *)args->c, (int)args->d);
    case SYS_shutdown: return shutdown((int)args->a, (int)args->b);
    case SYS_setsockopt:
        return setsockopt((int)args->a, (int)args->b, (int)args->c, (const void *)args->d, (socklen_t)args->e);
    case SYS_recvfrom:
        return recvfrom((int)args->a, (void *)args->b, (size_t)args->c, (int)args->d, (struct sockaddr *)args->e,
                        (socklen_t *)args->f);
    case SYS_recvmsg: return recvmsg((int)args->a, (struct msghdr *)args->b, (int)args->c);
    case SYS_recvmmsg:
        return recvmmsg((int)args->a, (struct mmsghdr *)args->b, (unsigned)args->c, (int)args->d,
                        (struct timespec *)args->e);
    case SYS_sendto:
        return sendto((int)args->a, (const void *)args->b, (size_t)args->c, (int)args->d,
                      (const struct sockaddr *)args->e, (socklen_t)args->f);
    case SYS_sendmsg: return sendmsg((int)args->a, (const struct msghdr *)args->b, (int)args->c);
    case SYS_sendmmsg: return sendmmsg((int)args->a, (struct mmsghdr *)args->b, (unsigned)args->c, (int)args->d);
    default: return wait_call(number, args);
    }
}

/* Calls that make, copy or end descriptors. */
static long descriptor_call(long number, const struct arguments *args)
{
    switch (number) {
    case SYS_open: return open64((const char *)args->a, (int)args->b, (mode_t)args->c);
    case SYS_openat: return openat64((int)args->a, (const char *)args->b, (int)args->c, (mode_t)args->d);
    case SYS_creat: return creat64((const char *)args->a, (mode_t)args->b);
    case SYS_close: return close((int)args->a);
    case SYS_close_range: return close_range((unsigned)args->a, (unsigned)args->b, (int)args->c);
    case SYS_dup: return dup((int)args->a);
    case SYS_dup2: return dup2((int)args->a, (int)args->b);
    case SYS_dup3: return dup3((int)args->a, (int)args->b, (int)args->c);
    case SYS_fcntl: return fcntl64((int)args->a, (int)args->b, args->c);
    case SYS_ioctl: return ioctl((int)args->a, (unsigned long)args->b, args->c);
    case SYS_flock: return flock((int)args->a, (int)args->b);
    case SYS_pipe: return pipe((int *)args->a);
    case SYS_pipe2: return pipe2((int *)args->a, (int)args->b);
    case SYS_eventfd: return eventfd((unsigned)args->a, 0);
    case SYS_eventfd2: return eventfd((unsigned)args->a, (int)args->b);
    case SYS_timerfd_create: return timerfd_create((clockid_t)args->a, (int)args->b);
    case SYS_inotify_init1: return inotify_init1((int)args->a);
    default: return socket_call(number, args);
    }
}

/* The kernel takes offsets in two halves, of which only the lower counts on a 64-bit machine. */
static long transfer_call(long number, const struct arguments *args)
{
    int fd = (int)args->a;
    switch (number) {
    case SYS_read: return read(fd, (void *)args->b, (size_t)args->c);
    case SYS_write: return write(fd, (const void *)args->b, (size_t)args->c);
    case SYS_readv: return readv(fd, (const struct iovec *)args->b, (int)args->c);
    case SYS_writev: return writev(fd, (const struct iovec *)args->b, (int)args->c);
    case SYS_pread64: return pread64(fd, (void *)args->b, (size_t)args->c, args->d);
    case SYS_pwrite64: return pwrite64(fd, (const void *)args->b, (size_t)args->c, args->d);
    case SYS_preadv: return preadv64(fd, (const struct iovec *)args->b, (int)args->c, args->d);
    case SYS_pwritev: return pwritev64(fd, (const struct iovec *)args->b, (int)args->c, args->d);
    case SYS_preadv2: return preadv64v2(fd, (const struct iovec *)args->b, (int)args->c, args->d, (int)args->f);
    case SYS_pwritev2: return pwritev64v2(fd, (const struct iovec *)args->b, (int)args->c, args->d, (int)args->f);
    case SYS_fsync: return fsync(fd);
    case SYS_fdatasync: return fdatasync(fd);
    case SYS_sendfile: return sendfile64(fd, (int)args->b, (off64_t *)args->c, (size_t)args->d);
    case SYS_splice:
        return splice(fd, (off64_t *)args->b, (int)args->c, (off64_t *)args->d, (size_t)args->e, (unsigned)args->f);
    case SYS_copy_file_range:
        return copy_file_range(fd, (off64_t *)args->b, (int)args->c, (off64_t *)args->d, (size_t)args->e,
                               (unsigned)args->f);
    default: return descriptor_call(number, args);
    }
}

/* set_tid_address(2): the word that the kernel clears at a thread's end is, under a green thread, that of its worker: it stays. */
static long set_tid_address(const struct arguments *args)
{
    struct green *g = hook_self_or_alone();
    return g ? g->tid : to_kernel(SYS_set_tid_address, args);
}

static long dispatch(long number, const struct arguments *args)
{
    if (unlikely(in_vfork_child))
        return to_kernel(number, args);
    switch (number) {
    case SYS_futex:
        return hook_futex((uint32_t *)args->a, (int)args->b, (uint32_t)args->c, (const struct timespec *)args->d,
                          (uint32_t *)args->e, (uint32_t)args->f);
    case SYS_gettid: return gettid();
    case SYS_set_tid_address: return set_tid_address(args);
    case SYS_sched_yield: return sched_yield();
    case SYS_exit: return end_thread(args);
    }
    int state = wait_disable_cancellation();
    long result = transfer_call(number, args);
    wait_restore_cancellation(state);
    return result;
}

/* Linux syscall(2): -1 and errno on error. Reading six arguments is harmless whatever their number. */
HOOK_EXPORT long syscall(long number, ...)
{
    struct arguments args;
    va_list list;
    va_start(list, number);
    args.a = va_arg(list, long);
    args.b = va_arg(list, long);
    args.c = va_arg(list, long);
    args.d = va_arg(list, long);
    args.e = va_arg(list, long);
    args.f = va_arg(list, long);
    va_end(list);
    return dispatch(number, &args);
}
