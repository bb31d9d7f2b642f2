/* The scheduler: a hub for each worker, its run queue, and the loop that runs when nobody is runnable.
 *
 * A worker is a kernel thread that runs one hub. Parking switches straight to the next runnable green thread; the hub's own
 * context only runs when the queue is empty or the budget between two polls is used up. It then polls libev, expires
 * deadlines and takes in what other threads made runnable.
 *
 * A green thread belongs to one hub for its life, so everything of it that is "own" is touched by one kernel thread only;
 * other threads reach it through `waiting` (thread.h) and the hub's inbox. */
#pragma once

#include <ev.h>
#include <sys/epoll.h>

#include "runtime/thread.h"

#define HUB_MAX 64
#define HUB_TURN 128 /* calls that one green thread may make before the others are asked */

/* What one poll takes in. Few enough that what the kernel and libev touched of each descriptor is still in the cache when
 * its thread runs; the kernel goes on with the others the next time. */
#define HUB_EVENTS_MAX 128

#define HUB_PARK_SIGNAL 1u /* a deliverable signal ends the wait with WAKE_SIGNAL */
#define HUB_PARK_CANCEL 2u /* a cancellation request ends it with WAKE_CANCEL (when cancellation is enabled) */

struct readiness_table;

struct hub {
    struct green *current;                 /* own worker: running now, NULL in the hub's context */
    struct green *ready_head, *ready_tail; /* own worker: FIFO of runnable green threads */
    uint32_t ready_count;                  /* own worker */
    uint32_t budget;                       /* own worker: switches left until the loop must be polled */
    uint32_t turn;                         /* own worker: calls that `current` made since it was resumed */
    _Atomic(struct green *) inbox;         /* any thread pushes, own worker takes all; newest first */
    _Atomic(struct green *) alerted;       /* any thread or signal handler pushes, own worker takes all */
    _Atomic uint32_t sleeping;             /* 1: in the kernel or about to be; who pushes must write wake_fd */
    _Atomic uint32_t live;                 /* green threads that belong here: for the choice of the least loaded */
    int wake_fd;                           /* eventfd in the loop */
    int epoll_fd;                          /* the loop's own, seen when it first polls; -1 before */
    uint64_t switches;                     /* own worker: how often the hub resumed a green thread */
    void (*visit)(struct green *);         /* own worker: what hub_visit asks of the thread that it resumes */
    fcontext_t context;                    /* valid while a green thread runs */
    void *tcb;                             /* FS base of the hub's context */
    void (*after_switch)(void *);          /* run by whoever runs next, once the previous context is saved */
    void *after_argument;
    struct timer_heap timers; /* own worker */
    struct ev_loop *loop;     /* own worker */
    ev_io wake_watcher;
    struct readiness_table *readiness; /* own worker */
    int index;                         /* 0 is the program's first kernel thread */
    int kernel_tid;
    int64_t poll_deadline_ns; /* own worker: until when the present poll may block; 0: not at all */
    uint32_t fd_waiters,
        offloaded; /* own worker: green threads that wait for descriptors; that are carried by offload threads */
};

extern struct hub *hubs[HUB_MAX];
extern int hub_count;

/* Makes hub 0 on the calling kernel thread. Workers 1..n-1 start with the first green thread. Never switches. */
void hub_init(int workers);

/* The hub that a new green thread goes to: the least loaded. Starts the other workers when they are not there yet. */
struct hub *hub_for_new_thread(void);

/* Hub 0's loop and context are made when they are first needed. -1 without memory or descriptors. Inside the runtime. */
int hub_require_loop(struct hub *h);

/* First half of a wait: from here on hub_unpark takes effect. Then publish yourself to wakers, then hub_park or hub_unprepare. */
void hub_prepare(struct green *g, enum wait_kind kind, uint64_t object, unsigned flags);

/* Which alerts may end the wait that g begins: flags, less cancellation while it is disabled. Own. Never switches. */
void hub_set_wait_flags(struct green *g, unsigned flags);

/* The wake-up that g's alerts ask for, as far as its wait flags allow them; WAKE_UP for none. Never switches. */
enum wake hub_alert_of(const struct green *g);

/* Second half: sleeps until woken, an alert that `flags` allows, or deadline_ns. The caller must afterwards withdraw
 * itself from every waker. May switch. */
enum wake hub_park(int64_t deadline_ns);

/* Calls the wait off. True when a wake-up had already been taken (then it must be passed on or used), which then may switch. */
bool hub_unprepare(struct green *g);

/* Makes a prepared or parked green thread runnable. False when somebody else had already done so. From any thread, hub or
 * foreign; not from a signal handler (set alerts and hub_alert there). Never switches. */
bool hub_unpark(struct green *g, enum wake reason);

/* The same in two steps, for a waker that holds a lock: claim decides who wakes g, release makes it runnable. */
bool hub_claim(struct green *g, enum wake reason);
void hub_release(struct green *g);

/* Signal-safe: makes the green thread's hub look at its alerts soon. Never switches. */
void hub_alert(struct green *g);

/* Wakes what alerts shall wake on the calling worker. Inside the runtime. Never switches. */
void hub_take_alerts(void);
bool hub_has_alerts(struct hub *h);

/* Lets every other runnable green thread run first, and the loop be polled in fair measure. May switch. */
void hub_yield(void);

/* In the hub's context: lets a parked green thread of this hub run visit(g) on its own stack, inside the runtime, and parks it
 * again as it was. */
void hub_visit(struct green *g, void (*visit)(struct green *));

/* Counts a call that may or may not park. A thread whose calls never do, because what it waits for is always there (a peer that
 * is faster) or always fails (accept without a free descriptor), would keep the processor for ever. May switch. */
static inline void hub_count_call(struct green *g)
{
    if (unlikely(++g->hub->turn >= HUB_TURN))
        hub_yield();
}

/* Leaves the calling green thread for good; done(argument) runs when its stack is no longer in use. */
_Noreturn void hub_leave(void (*done)(void *), void *argument);

/* Switches away and lets done(argument) run on the next context: how a green thread hands itself to somebody else. May switch. */
void hub_hand_over(void (*done)(void *), void *argument);

/* First thing that a new context does. */
void hub_entered(struct transfer t);

/* Makes a new, never started green thread runnable on its hub. Never switches. */
void hub_start(struct green *g);

/* In the child of fork: the caller's kernel thread is worker 0, the others start when there is work for them. Does not allocate. */
void hub_after_fork(void);

/* Makes a sleeping hub go round its loop. Signal-safe. Never switches. */
void hub_kick(struct hub *h);

/* Takes fd out of the kernel's set behind the loop's back, right before it is closed. Own worker. */
void hub_epoll_forget(struct hub *h, int fd);

/* True in the context of a hub: libev's calls must reach the kernel. */
static inline bool hub_is_polling(void)
{
    return !self && worker_hub;
}

/* What libev's epoll_wait becomes: the same, but blocks until the hub's next deadline to the nanosecond. */
int hub_epoll_wait(int epoll_fd, struct epoll_event *events, int max_events, int timeout_ms);
