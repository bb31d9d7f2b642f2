/* How hooks wait: the rules that all blocking calls share, written once.
 *
 * A blocking call is a system call that is made non-blocking by its arguments, and repeated when its descriptor is ready. In
 * between the green thread is parked, and may be woken by a signal (then signal(7) says whether the call ends with EINTR or
 * goes on), by a cancellation request (then it unwinds from here), by the close of the descriptor (EBADF), or by the call's
 * timeout. Results are the kernel's: a negative number is a negated errno. Each hook turns it into -1 and errno by sys_ret(). */
#pragma once

#include <ev.h>

#include "preload/hook.h"
#include "runtime/descriptor.h"
#include "runtime/hub.h"
#include "runtime/signal.h"

/* What ends the park of a call that is a cancellation point. */
#define WAIT_ENDS_EARLY (HUB_PARK_SIGNAL | HUB_PARK_CANCEL)

/* Acts on a cancellation request that has come already: POSIX cancellation points do so on entry. */
static inline void wait_cancellation_point(void)
{
    struct green *g = self;
    if (g && unlikely(atomic_load_explicit(&g->alerts, memory_order_relaxed) & ALERT_CANCEL) && !runtime_depth &&
        !in_vfork_child)
        pthread_testcancel();
}

/* How a hook that is a cancellation point starts. The caller's green thread, or NULL for "go native". */
static inline struct green *wait_enter(enum hook_family family)
{
    wait_cancellation_point();
    struct green *g = hook_green(family);
    if (likely(g != NULL))
        hub_count_call(g);
    return g;
}

/* The same for a call on fd: its entry in the table of descriptors, or NULL for "go native". */
static inline struct descriptor *wait_enter_on(enum hook_family family, int fd)
{
    return wait_enter(family) ? descriptor_at(fd) : NULL;
}

/* May the table of descriptors be kept? Not by the child of vfork, which has descriptors of its own and its parent's memory. */
static inline bool wait_keeps_books(void)
{
    return likely(!in_vfork_child);
}

/* Each of these parks and returns 0 for "try again", or a negated errno to fail with: -EINTR, -EBADF, -ENOMEM, and -EAGAIN
 * when the deadline has passed. May switch. */
int wait_for(int fd, int events, int64_t deadline_ns, enum signal_restart restart);
int wait_until(int64_t deadline_ns);
int wait_outcome(int wake, enum signal_restart restart);

/* A call that has just found nothing to do and returns at once: whoever repeats it in a loop must not starve the others.
 * May switch. */
void wait_found_nothing(void);

/* Around libc's "nocancel" calls: no cancellation while they park. */
static inline int wait_disable_cancellation(void)
{
    int state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    return state;
}

static inline void wait_restore_cancellation(int state)
{
    pthread_setcancelstate(state, NULL);
}

/* Is fd ready for any of events (POLLIN, …) now? Never switches. */
short wait_poll_now(int fd, short events);

/* Makes a system call that may block, on an offload thread: WAIT_OFFLOADED(nr, args…) for one that ends by itself (a device), and
 * WAIT_ABROAD(nr, args…) for one that another thread or process must end, and signals and cancellation may. May switch. */
long wait_offloaded(long number, long a, long b, long c, long d, long e, long f);
long wait_abroad(enum signal_restart restart, long number, long a, long b, long c, long d, long e, long f);
static inline long wait_abroad_and_restart(long number, long a, long b, long c, long d, long e, long f)
{
    return wait_abroad(SIGNAL_RESTARTS, number, a, b, c, d, e, f);
}
#define WAIT_OFFLOADED(...)                                                                                            \
    SYS_PICK(__VA_ARGS__, OFF_6, OFF_5, OFF_4, OFF_3, OFF_2, OFF_1, OFF_0)(wait_offloaded, __VA_ARGS__)
#define WAIT_ABROAD(...)                                                                                               \
    SYS_PICK(__VA_ARGS__, OFF_6, OFF_5, OFF_4, OFF_3, OFF_2, OFF_1, OFF_0)(wait_abroad_and_restart, __VA_ARGS__)
#define OFF_0(call, n) call(n, 0, 0, 0, 0, 0, 0)
#define OFF_1(call, n, a) call(n, (long)(a), 0, 0, 0, 0, 0)
#define OFF_2(call, n, a, b) call(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define OFF_3(call, n, a, b, c) call(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define OFF_4(call, n, a, b, c, d) call(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define OFF_5(call, n, a, b, c, d, e) call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define OFF_6(call, n, a, b, c, d, e, f) call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* Copies size bytes from where the program points; false where it points nowhere (EFAULT), which a plain copy would turn
 * into a fault of the runtime. Never switches. */
bool wait_copy_in(void *to, const void *from, size_t size);
