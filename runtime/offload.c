/* The offload pool. A carrier is a kernel thread that takes green threads from one queue, runs each until it calls
 * offload_end, and makes it runnable on its own hub again. */
#include "runtime/offload.h"

#include <linux/futex.h>

#include "asm/x86_64/stoppable.h"
#include "runtime/glibc.h"
#include "runtime/heap.h"
#include "runtime/native.h"
#include "runtime/signal.h"

#define CARRIER_STACK (64 * 1024)

struct carrier {
    fcontext_t context; /* its own, while it carries somebody */
    void *tcb;
    bool may_unwind; /* between offload_begin_cancelable and its end */
};

static struct spin lock; /* guards the queue and the counts */
static struct green *head, *tail;
static int threads, threads_max = 4;
static int calls, waits;             /* begun and not ended; those of them that do not count against the maximum */
static _Atomic uint32_t queued_word; /* futex: changes with each push */

void offload_init(int max_threads)
{
    threads_max = max_threads;
}

int offload_thread_count(void)
{
    return threads;
}

static void push(void *argument)
{
    struct green *g = argument;
    spin_lock(&lock);
    g->next = NULL;
    if (tail)
        tail->next = g;
    else
        head = g;
    tail = g;
    spin_unlock(&lock);
    atomic_fetch_add(&queued_word, 1);
    sys_call(SYS_futex, &queued_word, FUTEX_WAKE_PRIVATE, 1);
}

static struct green *pop(void)
{
    for (;;) {
        uint32_t seen = atomic_load(&queued_word);
        spin_lock(&lock);
        struct green *g = head;
        if (g) {
            head = g->next;
            if (!head)
                tail = NULL;
        }
        spin_unlock(&lock);
        if (g)
            return g;
        sys_call(SYS_futex, &queued_word, FUTEX_WAIT_PRIVATE, seen, NULL);
    }
}

static void *carry(void *unused)
{
    (void)unused;
    struct carrier own = {.tcb = context_thread_pointer()};
    heap_warm();
    for (;;) {
        struct green *g = pop();
        g->carrier = &own;
        heap_share(g->tcb, own.tcb); /* its worker goes on meanwhile */
        fcontext_t to = g->context;
        context_set_thread_pointer(g->tcb);
        struct transfer t = context_jump(to, &own.context);
        *(fcontext_t *)t.data = t.from;
        g->carrier = NULL;
        spin_lock(&lock);
        calls--;
        spin_unlock(&lock);
        hub_start(g);
    }
    return NULL;
}

/* One more carrier unless there are enough or the pool is full. -1 when there is none at all. */
static int provide_carrier(bool is_wait)
{
    int result = 0;
    spin_lock(&lock);
    calls++;
    waits += is_wait;
    if (threads < calls && threads < threads_max + waits) {
        pthread_t thread;
        if (native_thread_start(&thread, "green-offload", CARRIER_STACK, carry, NULL) == 0) {
            threads++;
        } else if (!threads) {
            calls--;
            waits -= is_wait;
            result = -1;
        }
    }
    spin_unlock(&lock);
    return result;
}

static int begin(bool is_wait)
{
    struct green *g = self;
    runtime_enter();
    if (!glibc_become_threaded() || provide_carrier(is_wait)) {
        runtime_leave();
        return -1;
    }
    g->wait_kind = WAIT_OFFLOAD;
    g->hub->offloaded++;
    worker_hub = NULL;
    hub_hand_over(push, g);
    return 0;
}

int offload_begin(void)
{
    return begin(false);
}

int offload_begin_wait(void)
{
    return begin(true);
}

/* From the carrier to the own worker; still inside the runtime. */
static void come_back(void)
{
    struct green *g = self;
    int error = errno;
    struct carrier *carrier = g->carrier;
    worker_hub = g->hub;
    heap_share(g->tcb, g->hub->tcb);
    context_set_thread_pointer(carrier->tcb);
    struct transfer t = context_jump(carrier->context, &g->context);
    hub_entered(t);
    g->hub->offloaded--;
    g->wait_kind = WAIT_NONE;
    errno = error;
}

void offload_end(void)
{
    come_back();
    runtime_leave();
}

static void come_back_from_wait(void)
{
    spin_lock(&lock);
    waits--;
    spin_unlock(&lock);
    come_back();
}

void offload_end_wait(void)
{
    come_back_from_wait();
    runtime_leave();
}

int offload_begin_cancelable(void)
{
    struct green *g = self;
    if (begin(true))
        return -1;
    hub_set_wait_flags(g, HUB_PARK_CANCEL);
    g->carrier->may_unwind = true;
    signal_allow_kick(true);
    /* A request that came before this is seen by libc, which looks before it sleeps. */
    atomic_store(&g->stoppable_tid, (int)sys_call(SYS_gettid));
    return 0;
}

void offload_end_cancelable(void)
{
    struct green *g = self;
    atomic_store(&g->stoppable_tid, 0);
    signal_allow_kick(false);
    g->carrier->may_unwind = false;
    offload_end_wait();
}

bool offload_may_unwind(const struct green *g)
{
    return g->carrier && g->carrier->may_unwind;
}

long offload_call(long number, const long arguments[6], unsigned flags)
{
    struct green *g = self;
    if (offload_begin_wait())
        return sys_call6(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
    hub_set_wait_flags(g, flags);
    atomic_store(&g->stop, 0);
    signal_allow_kick(true);
    /* Pairs with offload_alert's caller, who set the alert before it looks here. */
    atomic_store(&g->stoppable_tid, (int)sys_call(SYS_gettid));
    if (hub_alert_of(g) != WAKE_UP)
        atomic_store(&g->stop, 1);
    long result = stoppable_call(&g->stop, number, arguments);
    atomic_store(&g->stoppable_tid, 0);
    signal_allow_kick(false);
    come_back_from_wait();
    /* The caller must see whether handlers run: they decide between EINTR and another try. */
    if (result == -EINTR) {
        signal_ends_wait(g);
        runtime_leave_quietly();
    } else {
        runtime_leave();
    }
    return result;
}

void offload_alert(struct green *g)
{
    int tid = atomic_load(&g->stoppable_tid);
    if (!tid || hub_alert_of(g) == WAKE_UP)
        return;
    atomic_store(&g->stop, 1);
    signal_kick(tid);
}

void offload_after_fork(void)
{
    atomic_store(&lock.locked, 0);
    head = tail = NULL;
    threads = calls = waits = 0;
}
