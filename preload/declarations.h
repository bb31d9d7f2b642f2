/* Prototypes of libc symbols that we hook and no public header declares, and the headers of all the others. */
#pragma once

#include <dlfcn.h>
#include <aio.h>
#include <fcntl.h>
#include <mqueue.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <threads.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

int __libc_start_main(int (*main_function)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);
int pthread_yield(void);
/* <link.h> and <ev.h> cannot be had together. */
struct dl_phdr_info;
int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, size_t, void *), void *argument);
__typeof__(sched_yield) __sched_yield;
void _dl_debug_state(void);
int __sigaction(int sig, const struct sigaction *action, struct sigaction *old);
int __sigsuspend(const sigset_t *mask);
int gsignal(int sig);
__typeof__(vfork) __vfork;
__typeof__(clone) __clone;
__typeof__(wait) __wait;
__typeof__(waitpid) __waitpid;
__typeof__(pthread_mutex_lock) __pthread_mutex_lock, __pthread_mutex_trylock, __pthread_mutex_unlock;
__typeof__(pthread_rwlock_rdlock) __pthread_rwlock_rdlock, __pthread_rwlock_wrlock, __pthread_rwlock_tryrdlock,
    __pthread_rwlock_trywrlock, __pthread_rwlock_unlock;
__typeof__(pthread_once) __pthread_once;
void __lll_lock_wait_private(int *futex);
void __lll_lock_wake_private(int *futex);

/* libc's other names, its fortified twins, and the bodies that are no cancellation points. */
_Noreturn void __chk_fail(void);
__typeof__(recv) __recv;
__typeof__(send) __send;
__typeof__(connect) __connect;
__typeof__(read) __read, __read_nocancel;
__typeof__(write) __write, __write_nocancel;
__typeof__(pread64) __pread64, __libc_pread;
__typeof__(pwrite64) __pwrite64, __libc_pwrite;
__typeof__(close) __close, __close_nocancel;
__typeof__(dup2) __dup2;
__typeof__(pipe) __pipe;
__typeof__(fcntl) __fcntl;
__typeof__(open64) __open, __open64, __open_nocancel, __open64_nocancel;
__typeof__(poll) __poll;
__typeof__(select) __select;
__typeof__(nanosleep) __nanosleep;
ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t buffer_size, int flags);
ssize_t __recvfrom_chk(int fd, void *restrict buffer, size_t size, size_t buffer_size, int flags, __SOCKADDR_ARG from,
                       socklen_t *restrict from_size);
ssize_t __read_chk(int fd, void *buffer, size_t size, size_t buffer_size);
ssize_t __pread64_chk(int fd, void *buffer, size_t size, off64_t offset, size_t buffer_size);
__typeof__(__pread64_chk) __pread_chk;
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t size_bytes);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                size_t size_bytes);

/* liburing and libaio, whose headers need not be there. */
struct io_uring;
struct io_uring_cqe;
struct __kernel_timespec;
struct io_context;
struct io_event;
int __io_uring_get_cqe(struct io_uring *, struct io_uring_cqe **, unsigned, unsigned, sigset_t *);
int io_uring_wait_cqes(struct io_uring *, struct io_uring_cqe **, unsigned, struct __kernel_timespec *, sigset_t *);
int io_uring_wait_cqe_timeout(struct io_uring *, struct io_uring_cqe **, struct __kernel_timespec *);
int io_uring_submit_and_wait(struct io_uring *, unsigned);
int io_uring_submit_and_wait_timeout(struct io_uring *, struct io_uring_cqe **, unsigned, struct __kernel_timespec *,
                                     sigset_t *);
int __io_uring_sqring_wait(struct io_uring *);
int io_uring_enter(unsigned, unsigned, unsigned, unsigned, sigset_t *);
int io_uring_enter2(unsigned, unsigned, unsigned, unsigned, sigset_t *, size_t);
int io_getevents(struct io_context *, long, long, struct io_event *, struct timespec *);
