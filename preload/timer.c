/* timer_create in its forms. Those that signal the process are the kernel's, and libc makes them. SIGEV_THREAD would start a kernel
 * thread of libc's own for each expiry, and SIGEV_THREAD_ID names a thread that the kernel does not know if it is green. A
 * timer_t is the kernel's number either way, so libc's other calls serve for all. */
#include "preload/hook.h"
#include "runtime/signal_timer.h"

static bool must_be_ours(const struct sigevent *event)
{
    if (!event || !hook_self_or_alone() || !(hook_families >> FAMILY_time & 1))
        return false;
    return event->sigev_notify == SIGEV_THREAD ||
           (event->sigev_notify == SIGEV_THREAD_ID && event->_sigev_un._tid != (pid_t)sys_call(SYS_getpid));
}

/* POSIX timer_create. */
HOOK_EXPORT int timer_create(clockid_t clock, struct sigevent *event, timer_t *timer)
{
    int id;
    if (!must_be_ours(event))
        return REAL(timer_create)(clock, event, timer);
    int error = signal_timer_create(clock, event, &id);
    if (!error)
        *timer = (timer_t)(intptr_t)id;
    return (int)sys_ret(error);
}

/* POSIX timer_delete. */
HOOK_EXPORT int timer_delete(timer_t timer)
{
    int result = REAL(timer_delete)(timer);
    /* libc's own timers with threads are pointers with the highest bit set. */
    if (result == 0 && (intptr_t)timer >= 0 && hook_self_or_alone())
        signal_timer_forget((int)(intptr_t)timer);
    return result;
}
