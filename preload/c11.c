/* C11 threads (ISO C11 7.26): in glibc these are the pthread calls under other names, and so they are here.
 *
 * mtx_t, cnd_t and thrd_t hold what the pthread types hold (their sizes are asserted in glibc's headers). The others of the header
 * (mtx_init, cnd_init, tss_*, thrd_current…) only write memory or read the TCB: libc's own are right. */
#include "preload/lock.h"

/* glibc nptl/thrd_priv.h: thrd_err_map. */
static int thread_error(int error)
{
    switch (error) {
    case 0: return thrd_success;
    case ENOMEM: return thrd_nomem;
    case ETIMEDOUT: return thrd_timedout;
    case EBUSY: return thrd_busy;
    default: return thrd_error;
    }
}

HOOK_EXPORT int mtx_lock(mtx_t *m)
{
    return thread_error(pthread_mutex_lock((pthread_mutex_t *)m));
}

HOOK_EXPORT int mtx_trylock(mtx_t *m)
{
    return thread_error(pthread_mutex_trylock((pthread_mutex_t *)m));
}

HOOK_EXPORT int mtx_timedlock(mtx_t *restrict m, const struct timespec *restrict deadline)
{
    return thread_error(pthread_mutex_timedlock((pthread_mutex_t *)m, deadline));
}

HOOK_EXPORT int mtx_unlock(mtx_t *m)
{
    return thread_error(pthread_mutex_unlock((pthread_mutex_t *)m));
}

HOOK_EXPORT int cnd_wait(cnd_t *c, mtx_t *m)
{
    return thread_error(pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m));
}

HOOK_EXPORT int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict deadline)
{
    return thread_error(pthread_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, deadline));
}

HOOK_EXPORT int cnd_signal(cnd_t *c)
{
    return thread_error(pthread_cond_signal((pthread_cond_t *)c));
}

HOOK_EXPORT int cnd_broadcast(cnd_t *c)
{
    return thread_error(pthread_cond_broadcast((pthread_cond_t *)c));
}

/* The x86-64 ABI returns int and void * in the same register; thrd_join takes its lower half, as glibc's does. */
HOOK_EXPORT int thrd_create(thrd_t *thread, thrd_start_t start, void *argument)
{
    return thread_error(pthread_create(thread, NULL, (void *(*)(void *))(void *)start, argument));
}

HOOK_EXPORT int thrd_join(thrd_t thread, int *result)
{
    void *value;
    int error = pthread_join(thread, &value);
    if (error == 0 && result)
        *result = (int)(intptr_t)value;
    return thread_error(error);
}

HOOK_EXPORT int thrd_detach(thrd_t thread)
{
    return thread_error(pthread_detach(thread));
}

HOOK_EXPORT _Noreturn void thrd_exit(int result)
{
    pthread_exit((void *)(intptr_t)result);
}

HOOK_EXPORT void thrd_yield(void)
{
    sched_yield();
}
