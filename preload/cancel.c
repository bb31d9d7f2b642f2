/* Cancellation. Its state is libc's word in the TCB, and so pthread_setcancelstate, pthread_setcanceltype, pthread_testcancel, the
 * cleanup handlers and the unwinding are libc's own. What is ours is to ask for it: libc would send a signal to a kernel thread.
 *
 * The request is one bit of the word. A target that is parked in a cancellation point is woken and acts; one that runs acts at its
 * next cancellation point, or where it leaves the runtime, or, with the asynchronous type, where a signal interrupts it. */
#include "preload/hook.h"
#include "runtime/glibc.h"
#include "runtime/hub.h"
#include "runtime/signal.h"

static void request(struct green *g)
{
    /* libc's own cancellation points look at the word only when they believe in several threads. */
    runtime_enter();
    glibc_become_threaded();
    runtime_leave();
    int before = atomic_fetch_or(glibc_cancel_word(g->tcb), CANCEL_REQUESTED);
    if (before & (CANCEL_REQUESTED | CANCEL_EXITING))
        return;
    atomic_fetch_or(&g->alerts, ALERT_CANCEL);
    if (g == self) {
        if (glibc_cancels_anywhere(g->tcb))
            pthread_testcancel();
        return;
    }
    runtime_enter();
    hub_alert(g);
    if (glibc_cancels_anywhere(g->tcb))
        signal_interrupt(g);
    runtime_leave();
}

/* POSIX pthread_cancel. As libc: 0 for one that has ended and was not joined yet. */
HOOK_EXPORT int pthread_cancel(pthread_t thread)
{
    if (!(hook_families & 1u << FAMILY_thread))
        return REAL(pthread_cancel)(thread);
    struct green *g = thread_find(thread);
    if (!g)
        return ESRCH;
    if (atomic_load(&g->state) == GREEN_LIVE)
        request(g);
    return 0;
}
