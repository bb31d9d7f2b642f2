/* Prototypes of libc symbols that we hook and no public header declares, and the headers of all the others. */
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

int __libc_start_main(int (*main_function)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);
int pthread_yield(void);
int __sigaction(int sig, const struct sigaction *action, struct sigaction *old);
int __sigsuspend(const sigset_t *mask);
int gsignal(int sig);
__typeof__(pthread_mutex_lock) __pthread_mutex_lock, __pthread_mutex_trylock, __pthread_mutex_unlock;
__typeof__(pthread_rwlock_rdlock) __pthread_rwlock_rdlock, __pthread_rwlock_wrlock, __pthread_rwlock_tryrdlock,
    __pthread_rwlock_trywrlock, __pthread_rwlock_unlock;
__typeof__(pthread_once) __pthread_once;
void __lll_lock_wait_private(int *futex);
void __lll_lock_wake_private(int *futex);
