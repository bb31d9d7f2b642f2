/* pthread: creation, end, identity. A pthread_t is the address of the TCB, as in glibc, so pthread_self and pthread_equal are
 * libc's own. */
#include <errno.h>
#include <string.h>

#include "preload/hook.h"
#include "preload/init.h"
#include "runtime/hub.h"
#include "runtime/tls.h"

/* With --patch=-thread libc makes and ends them. */
static bool threads_are_libcs(void)
{
    return unlikely(!(hook_families & 1u << FAMILY_thread));
}

/* POSIX pthread_create. */
HOOK_EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *argument)
{
    init_start();
    if (in_vfork_child || threads_are_libcs())
        return REAL(pthread_create)(thread, attr, start, argument);
    return thread_create(thread, attr, start, argument);
}

/* POSIX pthread_join; a cancellation point. */
HOOK_EXPORT int pthread_join(pthread_t thread, void **result)
{
    return threads_are_libcs() ? REAL(pthread_join)(thread, result) : thread_join(thread, result, DEADLINE_NEVER);
}

/* pthread_tryjoin_np(3). */
HOOK_EXPORT int pthread_tryjoin_np(pthread_t thread, void **result)
{
    return threads_are_libcs() ? REAL(pthread_tryjoin_np)(thread, result) : thread_try_join(thread, result);
}

/* pthread_clockjoin_np: EINVAL for a clock other than these two. */
HOOK_EXPORT int pthread_clockjoin_np(pthread_t thread, void **result, clockid_t clock, const struct timespec *absolute)
{
    if (threads_are_libcs())
        return REAL(pthread_clockjoin_np)(thread, result, clock, absolute);
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
        return EINVAL;
    if (!absolute)
        return thread_join(thread, result, DEADLINE_NEVER);
    int error = thread_try_join(thread, result);
    if (error != EBUSY)
        return error;
    if (!timespec_is_valid(absolute))
        return EINVAL;
    return thread_join(thread, result, deadline_at(clock, absolute));
}

/* pthread_timedjoin_np(3): CLOCK_REALTIME. */
HOOK_EXPORT int pthread_timedjoin_np(pthread_t thread, void **result, const struct timespec *absolute)
{
    return pthread_clockjoin_np(thread, result, CLOCK_REALTIME, absolute);
}

/* POSIX pthread_detach. */
HOOK_EXPORT int pthread_detach(pthread_t thread)
{
    return threads_are_libcs() ? REAL(pthread_detach)(thread) : thread_detach(thread);
}

/* POSIX pthread_exit: libc unwinds, through C++ destructors and cleanup handlers, to the frame that ran the thread. */
HOOK_EXPORT void pthread_exit(void *result)
{
    struct green *g = self;
    if (g) {
        g->result = result;
        g->exit_called = 1;
    }
    REAL(pthread_exit)(result);
    __builtin_unreachable();
}

/* pthread_getattr_np(3). The main thread's stack is the kernel's business, and libc asks it. */
HOOK_EXPORT int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr)
{
    struct green *g = thread_find(thread);
    if (!g || g->is_main)
        return REAL(pthread_getattr_np)(thread, attr);
    int error = pthread_attr_init(attr);
    if (error)
        return error;
    pthread_attr_setstack(attr, g->stack_low, g->stack_size_bytes);
    pthread_attr_setguardsize(attr, g->guard_size_bytes);
    pthread_attr_setdetachstate(attr, atomic_load(&g->claim) & CLAIM_DETACHED ? PTHREAD_CREATE_DETACHED
                                                                              : PTHREAD_CREATE_JOINABLE);
    return 0;
}

/* pthread_setattr_default_np(3): libc checks and keeps them, we go by them. */
HOOK_EXPORT int pthread_setattr_default_np(const pthread_attr_t *attr)
{
    size_t stack_size, guard_size;
    int error = REAL(pthread_setattr_default_np)(attr);
    if (error)
        return error;
    pthread_attr_getstacksize(attr, &stack_size);
    pthread_attr_getguardsize(attr, &guard_size);
    thread_set_default_attr(stack_size, guard_size);
    return 0;
}

/* POSIX sched_yield: every other runnable green thread runs first. */
HOOK_EXPORT int sched_yield(void)
{
    if (!hook_green(FAMILY_thread))
        return (int)sys_ret(sys_call(SYS_sched_yield));
    hub_yield();
    return 0;
}

HOOK_ALIAS(__sched_yield, sched_yield);

/* The header makes new programs call sched_yield; old binaries still have the name. */
HOOK_EXPORT int old_pthread_yield(void) __asm__("pthread_yield");
int old_pthread_yield(void)
{
    return sched_yield();
}

/* gettid(2): the pid in the main thread, else a number of our own. */
HOOK_EXPORT pid_t gettid(void)
{
    struct green *g = hook_self_or_alone();
    return g ? g->tid : (pid_t)sys_call(SYS_gettid);
}
