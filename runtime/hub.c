/* The scheduler. Code here runs on three kinds of stack: a green thread that parks or yields, a hub's own, and (hub_unpark,
 * hub_alert) any thread's. See the header for who owns what. */
#include "runtime/hub.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "runtime/glibc.h"
#include "runtime/heap.h"
#include "runtime/native.h"
#include "runtime/offload.h"
#include "runtime/ownfd.h"
#include "runtime/readiness.h"
#include "runtime/report.h"
#include "runtime/signal.h"
#include "runtime/stack.h"
#include "runtime/tls.h"

#define BUDGET_MIN 128 /* switches between two polls, when fewer are runnable */
#define HUB_STACK (256 * 1024)
#define WARM_FRAMES 768 /* read parks 656 bytes below its caller's frame */

static struct hub hub_storage[HUB_MAX];
struct hub *hubs[HUB_MAX];
int hub_count;
__thread struct hub *worker_hub;

static _Atomic int hubs_started;
static struct spin start_lock;

/* ---- the run queue: own worker only ---- */

static void queue_push(struct hub *h, struct green *g)
{
    g->next = NULL;
    if (h->ready_tail)
        h->ready_tail->next = g;
    else
        h->ready_head = g;
    h->ready_tail = g;
    h->ready_count++;
}

static struct green *queue_pop(struct hub *h)
{
    struct green *g = h->ready_head;
    if (g) {
        h->ready_head = g->next;
        if (!h->ready_head)
            h->ready_tail = NULL;
        h->ready_count--;
    }
    return g;
}

/* ---- other threads' way in ---- */

void hub_kick(struct hub *h)
{
    /* Pairs with hub_epoll_wait: it stores sleeping before it looks at the inbox, we pushed before we look at sleeping. */
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&h->sleeping, memory_order_relaxed)) {
        uint64_t one = 1;
        sys_call(SYS_write, h->wake_fd, &one, sizeof(one));
    }
}

static void inbox_push(struct hub *h, struct green *g)
{
    struct green *top = atomic_load_explicit(&h->inbox, memory_order_relaxed);
    do
        g->next = top;
    while (!atomic_compare_exchange_weak_explicit(&h->inbox, &top, g, memory_order_release, memory_order_relaxed));
    hub_kick(h);
}

static void take_inbox(struct hub *h)
{
    struct green *newest = atomic_exchange_explicit(&h->inbox, NULL, memory_order_acquire), *oldest = NULL;
    while (newest) {
        struct green *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct green *next = oldest->next;
        queue_push(h, oldest);
        oldest = next;
    }
}

static void make_ready(struct green *g)
{
    if (worker_hub == g->hub)
        queue_push(g->hub, g);
    else
        inbox_push(g->hub, g);
}

void hub_start(struct green *g)
{
    make_ready(g);
}

bool hub_claim(struct green *g, enum wake reason)
{
    uint32_t waits = 1;
    if (!atomic_compare_exchange_strong(&g->waiting, &waits, 0))
        return false;
    g->wake = (uint8_t)reason;
    return true;
}

void hub_release(struct green *g)
{
    runtime_enter();
    make_ready(g);
    runtime_leave_quietly();
}

bool hub_unpark(struct green *g, enum wake reason)
{
    if (!hub_claim(g, reason))
        return false;
    hub_release(g);
    return true;
}

/* ---- alerts: signals and cancellation for a parked thread ---- */

void hub_alert(struct green *g)
{
    if (atomic_fetch_or(&g->alerts, ALERT_LISTED) & ALERT_LISTED)
        return;
    struct hub *h = g->hub;
    struct green *top = atomic_load(&h->alerted);
    do
        g->alert_next = top;
    while (!atomic_compare_exchange_weak(&h->alerted, &top, g));
    hub_kick(h);
}

enum wake hub_alert_of(const struct green *g)
{
    uint32_t alerts = atomic_load(&g->alerts);
    if (alerts & ALERT_CANCEL && g->wait_flags & HUB_PARK_CANCEL && glibc_cancel_is_due(g->tcb))
        return WAKE_CANCEL;
    if (alerts & ALERT_SIGNAL && g->wait_flags & HUB_PARK_SIGNAL)
        return WAKE_SIGNAL;
    return WAKE_UP;
}

bool hub_has_alerts(struct hub *h)
{
    return atomic_load_explicit(&h->alerted, memory_order_relaxed) != NULL;
}

void hub_take_alerts(void)
{
    struct hub *h = worker_hub;
    struct green *g = atomic_exchange(&h->alerted, NULL);
    while (g) {
        struct green *next = g->alert_next;
        atomic_fetch_and(&g->alerts, ~ALERT_LISTED);
        enum wake reason = atomic_load(&g->waiting) ? hub_alert_of(g) : WAKE_UP;
        if (reason != WAKE_UP)
            hub_unpark(g, reason);
        offload_alert(g);
        g = next;
    }
}

/* ---- switching ---- */

/* What every context does when it is resumed: keep where the last one was left, run what it left to do. */
static inline void resumed(struct transfer t)
{
    *(fcontext_t *)t.data = t.from;
    struct hub *h = worker_hub;
    if (h && unlikely(h->after_switch != NULL)) {
        void (*done)(void *) = h->after_switch;
        h->after_switch = NULL;
        done(h->after_argument);
    }
}

void hub_entered(struct transfer t)
{
    resumed(t);
}

/* With thousands of connections a green thread comes back to a cold cache. While one runs, the next one's frames and the
 * words that hub_prepare will touch come in, and the struct of the one after that. */
static inline void warm_up(const struct green *g)
{
    for (int i = 0; i < WARM_FRAMES; i += CONTEXT_CACHE_LINE)
        context_prefetch((char *)g->context + i);
    context_prefetch((char *)g->tcb + glibc.cancel_offset);
    context_prefetch(g->next);
}

/* No TLS may be touched between setting the thread pointer and the jump. */
static inline void switch_to_green(struct hub *h, struct green *next, fcontext_t *save)
{
    h->current = next;
    h->turn = 0;
    fcontext_t to = next->context;
    if (h->ready_head)
        warm_up(h->ready_head);
    context_set_thread_pointer(next->tcb);
    resumed(context_jump(to, save));
}

static inline void switch_to_hub(struct hub *h, fcontext_t *save)
{
    h->current = NULL;
    fcontext_t to = h->context;
    context_set_thread_pointer(h->tcb);
    resumed(context_jump(to, save));
}

/* The caller g is in no queue, or in this hub's. Runs somebody else until g is resumed. */
static void switch_away(struct hub *h, struct green *g)
{
    struct green *next = NULL;
    if (likely(h->budget > 0)) {
        h->budget--;
        next = queue_pop(h);
    }
    if (next == g && !h->after_switch) {
        h->turn = 0;
        return;
    }
    if (!next && unlikely(!h->context))
        must(hub_require_loop(h) == 0, "no memory for the first hub");
    if (next)
        switch_to_green(h, next, &g->context);
    else
        switch_to_hub(h, &g->context);
}

void hub_set_wait_flags(struct green *g, unsigned flags)
{
    if (*(volatile int *)((char *)g->tcb + glibc.cancel_offset) & CANCEL_DISABLED)
        flags &= ~HUB_PARK_CANCEL;
    g->wait_flags = (uint8_t)flags;
}

void hub_prepare(struct green *g, enum wait_kind kind, uint64_t object, unsigned flags)
{
    runtime_enter();
    g->wait_kind = (uint8_t)kind;
    g->wait_object = object;
    hub_set_wait_flags(g, flags);
    /* No fence: an alert that hub_park does not see yet is in the hub's list, and the hub looks at it after g has parked. */
    atomic_store_explicit(&g->waiting, 1, memory_order_release);
}

static void end_wait(struct green *g)
{
    g->wait_kind = WAIT_NONE;
    if (g->wake == WAKE_SIGNAL) {
        signal_ends_wait(g);
        runtime_leave_quietly();
    } else {
        runtime_leave();
    }
}

void hub_visit(struct green *g, void (*visit)(struct green *))
{
    struct hub *h = worker_hub;
    h->visit = visit;
    switch_to_green(h, g, &h->context);
}

static void receive_visit(struct hub *h, struct green *g)
{
    void (*visit)(struct green *) = h->visit;
    h->visit = NULL;
    visit(g);
    switch_to_hub(h, &g->context);
}

enum wake hub_park(int64_t deadline_ns)
{
    struct green *g = self;
    struct hub *h = g->hub;
    enum wake alert = hub_alert_of(g);
    uint32_t waits = 1;
    if (unlikely(alert != WAKE_UP) && atomic_compare_exchange_strong(&g->waiting, &waits, 0)) {
        g->wake = (uint8_t)alert;
        end_wait(g);
        return alert;
    }
    if (deadline_ns != DEADLINE_NEVER)
        timer_add(&h->timers, &g->timer, deadline_ns);
    switch_away(h, g);
    while (unlikely(h->visit != NULL))
        receive_visit(h, g);
    if (deadline_ns != DEADLINE_NEVER)
        timer_remove(&h->timers, &g->timer);
    enum wake reason = g->wake;
    end_wait(g);
    return reason;
}

bool hub_unprepare(struct green *g)
{
    uint32_t waits = 1;
    bool was_woken = !atomic_compare_exchange_strong(&g->waiting, &waits, 0);
    if (was_woken) {
        /* It is in the run queue or on its way there: it must be taken out by running it once. */
        switch_away(g->hub, g);
    }
    g->wait_kind = WAIT_NONE;
    runtime_leave();
    return was_woken;
}

void hub_yield(void)
{
    struct green *g = self;
    struct hub *h = g->hub;
    runtime_enter();
    /* Nobody else is runnable: whoever yields in a loop waits for the outside, so look there. */
    if (!h->ready_head)
        h->budget = 0;
    queue_push(h, g);
    switch_away(h, g);
    runtime_leave();
}

void hub_hand_over(void (*done)(void *), void *argument)
{
    struct green *g = self;
    struct hub *h = g->hub;
    h->after_switch = done;
    h->after_argument = argument;
    switch_away(h, g);
}

_Noreturn void hub_leave(void (*done)(void *), void *argument)
{
    hub_hand_over(done, argument);
    base_abort(__FILE__, __LINE__, "a green thread ran after its end");
}

/* ---- the hub's own context ---- */

int hub_epoll_wait(int epoll_fd, struct epoll_event *events, int max_events, int timeout_ms)
{
    struct hub *h = worker_hub;
    struct timespec wait = {0, 0}, *timeout = &wait;
    h->epoll_fd = epoll_fd;
    if (max_events > HUB_EVENTS_MAX)
        max_events = HUB_EVENTS_MAX;
    if (timeout_ms != 0 && h->poll_deadline_ns != 0) {
        /* Pairs with hub_kick. */
        atomic_store(&h->sleeping, 1);
        if (!atomic_load(&h->inbox) && !atomic_load(&h->alerted)) {
            if (h->poll_deadline_ns == DEADLINE_NEVER)
                timeout = NULL;
            else
                wait = deadline_left(h->poll_deadline_ns);
        }
    }
    long n = sys_call(SYS_epoll_pwait2, epoll_fd, events, max_events, timeout, NULL, 0);
    if (n == -ENOSYS)
        n = sys_call(SYS_epoll_pwait, epoll_fd, events, max_events,
                     timeout ? (int)(wait.tv_sec * 1000 + (wait.tv_nsec + 999999) / 1000000) : -1, NULL, 0);
    atomic_store_explicit(&h->sleeping, 0, memory_order_relaxed);
    readiness_warm_up(h, events, n);
    return (int)sys_ret(n);
}

void hub_epoll_forget(struct hub *h, int fd)
{
    if (h->epoll_fd >= 0)
        sys_call(SYS_epoll_ctl, h->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

static void expire_timers(struct hub *h)
{
    struct timer *t = timer_first(&h->timers);
    if (!t)
        return;
    int64_t now = deadline_now();
    while (t && t->deadline_ns <= now) {
        timer_remove(&h->timers, t);
        hub_unpark(container_of(t, struct green, timer), WAKE_TIMEOUT);
        t = timer_first(&h->timers);
    }
}

static void poll_once(struct hub *h)
{
    h->poll_deadline_ns = 0;
    if (!h->ready_head) {
        stack_trim();
        struct timer *t = timer_first(&h->timers);
        h->poll_deadline_ns = t ? t->deadline_ns : DEADLINE_NEVER;
        if (!t && !h->fd_waiters && !h->offloaded)
            report_if_dead();
    }
    ev_run(h->loop, h->poll_deadline_ns ? EVRUN_ONCE : EVRUN_NOWAIT);
    expire_timers(h);
    readiness_check_closed(h);
    take_inbox(h);
    signal_give_out();
    hub_take_alerts();
}

static _Noreturn void hub_loop(struct hub *h)
{
    for (;;) {
        /* What an ended thread left to do may have made somebody runnable: then there is no need to look outside yet. */
        if (!h->ready_head || !h->budget) {
            poll_once(h);
            /* All that this poll woke shall run before the next one looks again at the same descriptors. */
            h->budget = h->ready_count > BUDGET_MIN ? h->ready_count : BUDGET_MIN;
        }
        struct green *g = queue_pop(h);
        if (!g)
            continue;
        h->budget--;
        h->switches++;
        switch_to_green(h, g, &h->context);
    }
}

static void drain_wake_fd(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop, (void)events;
    uint64_t count;
    sys_call(SYS_read, watcher->fd, &count, sizeof(count));
}

/* What libev prints its fatal errors to: see the Makefile. */
FILE *hub_stderr;

static int make_loop(struct hub *h)
{
    hub_stderr = stderr;
    h->epoll_fd = -1;
    h->wake_fd = ownfd_adopt((int)sys_ret(sys_call(SYS_eventfd2, 0, EFD_NONBLOCK | EFD_CLOEXEC)));
    if (h->wake_fd < 0)
        return -1;
    h->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (!h->loop)
        return -1;
    ev_io_init(&h->wake_watcher, drain_wake_fd, h->wake_fd, EV_READ);
    ev_io_start(h->loop, &h->wake_watcher);
    return 0;
}

static void first_hub_entry(struct transfer t)
{
    __asm__ volatile(".cfi_undefined rip");
    resumed(t);
    hub_loop(worker_hub);
}

void hub_init(int workers)
{
    struct hub *h = &hub_storage[0];
    hub_count = workers;
    for (int i = 0; i < workers; i++) {
        hubs[i] = &hub_storage[i];
        hubs[i]->index = i;
    }
    h->kernel_tid = (int)sys_call(SYS_gettid);
    worker_hub = h;
}

/* Hub 0's context lives on a stack of ours, because the kernel's first stack is main's. */
int hub_require_loop(struct hub *h)
{
    if (likely(h->loop != NULL))
        return 0;
    char *stack = stack_for_hub(HUB_STACK, &h->tcb);
    if (!stack)
        return -1;
    heap_learn(h->tcb);
    heap_share(h->tcb, context_thread_pointer());
    *(int *)((char *)h->tcb + glibc.tid_offset) = h->kernel_tid;
    TLS_SET(h->tcb, worker_hub, h);
    if (make_loop(h))
        return -1;
    char *top = stack_top(h->tcb);
    h->context = make_fcontext(top, (size_t)(top - stack), first_hub_entry);
    return 0;
}

static void *worker_main(void *argument)
{
    struct hub *h = argument;
    h->kernel_tid = (int)sys_call(SYS_gettid);
    h->tcb = context_thread_pointer();
    worker_hub = h;
    heap_warm();
    glibc.ctype_init();
    signal_worker_init();
    hub_loop(h);
}

static int start_hubs(void)
{
    if (likely(atomic_load_explicit(&hubs_started, memory_order_acquire)))
        return 0;
    spin_lock(&start_lock);
    int result = atomic_load(&hubs_started) ? 0 : hub_require_loop(hubs[0]);
    for (int i = 1; !result && !atomic_load(&hubs_started) && i < hub_count; i++) {
        struct hub *h = hubs[i];
        pthread_t thread;
        result = make_loop(h) || native_thread_start(&thread, "green-worker", HUB_STACK, worker_main, h) ? -1 : 0;
    }
    if (!result)
        atomic_store_explicit(&hubs_started, 1, memory_order_release);
    spin_unlock(&start_lock);
    return result;
}

struct hub *hub_for_new_thread(void)
{
    if (start_hubs())
        return NULL;
    struct hub *best = hubs[0];
    for (int i = 1; i < hub_count; i++)
        if (atomic_load_explicit(&hubs[i]->live, memory_order_relaxed) <
            atomic_load_explicit(&best->live, memory_order_relaxed))
            best = hubs[i];
    atomic_fetch_add_explicit(&best->live, 1, memory_order_relaxed);
    return best;
}

/* Loops, stacks and tables of the parent's hubs are left where they are: a loop may not be freed now, and another worker may have
 * been in the middle of a change. Their descriptors are closed by now. */
void hub_after_fork(void)
{
    memset(hub_storage, 0, sizeof(hub_storage));
    atomic_store(&hubs_started, 0);
    atomic_store(&start_lock.locked, 0);
    hub_init(hub_count);
}
