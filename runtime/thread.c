/* The life of a green thread: create, run, end, join, detach.
 *
 * The end has an order that programs can see (glibc's start_thread): C++ thread_local destructors, then the destructors of
 * thread-specific data, then robust mutexes are marked, then the thread is joinable or gone. The last steps run on the next context's
 * stack (thread_finished), when the ended thread's own is no longer in use. */
#include "runtime/thread.h"

#include <dlfcn.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/glibc.h"
#include "runtime/loader.h"
#include "runtime/heap.h"
#include "runtime/park.h"
#include "runtime/registry.h"
#include "runtime/robust.h"
#include "runtime/schedule.h"
#include "runtime/signal.h"
#include "runtime/stack.h"
#include "runtime/tls.h"

/* glibc's side of pthread_cleanup_push, which pthread.h declares only where the C form of the macro is in use. */
extern void __pthread_register_cancel(__pthread_unwind_buf_t *buffer);
extern void __pthread_unregister_cancel(__pthread_unwind_buf_t *buffer);

__thread struct green *self;
__thread int runtime_depth;
__thread int in_vfork_child;
_Atomic uint32_t thread_live_count;

/* Linux never gives a thread id above 2^22 (PID_MAX_LIMIT); futex words hold 30 bits. */
#define TID_FIRST (1 << 23)
#define TID_LAST ((1 << 30) - 1)

static struct green main_green;
static _Atomic uint64_t last_serial = 1;
static _Atomic uint32_t last_tid = TID_FIRST;
static size_t default_stack_size, default_guard_size;

void thread_set_default_attr(size_t stack_size_bytes, size_t guard_size_bytes)
{
    default_stack_size = stack_size_bytes;
    default_guard_size = guard_size_bytes;
}

/* Each process counts from a place of its own, far from its neighbours': process-shared locks write the owner's id where other
 * processes compare it with theirs. (The multiplier is 2^32 divided by the golden ratio.) */
static void choose_first_tid(int pid)
{
    uint64_t place = (uint32_t)pid * 0x9E3779B1u;
    atomic_store(&last_tid, TID_FIRST + (uint32_t)(place * (TID_LAST - TID_FIRST) >> 32));
}

void thread_init(void)
{
    struct green *g = &main_green;
    if (self)
        return;
    g->tcb = context_thread_pointer();
    g->hub = worker_hub;
    g->is_main = 1;
    g->serial = 1;
    g->tid = (int)sys_call(SYS_getpid);
    choose_first_tid(g->tid);
    g->state = GREEN_LIVE;
    atomic_store(&g->hub->live, 1);
    atomic_store(&thread_live_count, 1);
    must(registry_add(g) == 0, "no memory for the first registry");
    self = g;
    signal_init();
}

static int next_tid(void)
{
    uint32_t tid = atomic_fetch_add_explicit(&last_tid, 1, memory_order_relaxed) + 1;
    if (unlikely(tid >= TID_LAST))
        atomic_store_explicit(&last_tid, TID_FIRST, memory_order_relaxed);
    return (int)tid;
}

/* ---- thread-specific data ---- */

#define KEY_BLOCK 32 /* keys a block, blocks a table: PTHREAD_KEYS_MAX is 1024 (nptl: PTHREAD_KEY_2NDLEVEL_SIZE) */

struct key_data {
    uintptr_t sequence;
    void *data;
};

static bool run_destructors_once(struct key_data **table)
{
    bool ran = false;
    for (int b = 0; b < KEY_BLOCK; b++) {
        struct key_data *block = table[b];
        if (!block)
            continue;
        for (int i = 0; i < KEY_BLOCK; i++) {
            void *data = block[i].data;
            if (!data)
                continue;
            block[i].data = NULL;
            struct glibc_key *key = &glibc.keys[b * KEY_BLOCK + i];
            /* A key that was deleted (and perhaps made anew) since: no destructor, POSIX pthread_key_delete. */
            if (block[i].sequence != key->sequence || !key->destructor)
                continue;
            ran = true;
            key->destructor(data);
        }
    }
    return ran;
}

static void end_specific_data(struct green *g)
{
    struct key_data **table = (struct key_data **)((char *)g->tcb + glibc.key_table_offset);
    for (int round = 0; round < PTHREAD_DESTRUCTOR_ITERATIONS && run_destructors_once(table); round++)
        ;
    for (int b = 1; b < KEY_BLOCK; b++)
        if (table[b]) {
            free(table[b]);
            table[b] = NULL;
        }
    memset(table[0], 0, KEY_BLOCK * sizeof(struct key_data));
}

/* ---- the end ---- */

static void recycle(struct green *g)
{
    atomic_store(&g->state, GREEN_FREE);
    if (!g->is_main)
        stack_give(g);
}

/* Runs on the next context, inside the runtime. */
static void thread_finished(void *argument)
{
    struct green *g = argument;
    const void *key = &g->state;
    /* The list of alerted threads must not hold what may be unmapped. */
    if (unlikely(atomic_load(&g->alerts) & ALERT_LISTED))
        hub_take_alerts();
    atomic_fetch_sub_explicit(&g->hub->live, 1, memory_order_relaxed);
    atomic_store(&g->state, GREEN_ENDED);
    /* One of us and of who detaches or joins it sees what the other did, and gives it back; it may be gone at once then. */
    if (atomic_fetch_or(&g->claim, CLAIM_ENDED) & CLAIM_DETACHED)
        recycle(g);
    else if (park_may_have_waiters(key))
        park_wake(key, UINT_MAX, 0);
}

static void give_up_locks(struct green *g)
{
    runtime_enter();
    robust_thread_ended(g);
    schedule_forget(g);
    if (g->resolver.options & RES_INIT) {
        res_nclose(&g->resolver);
        memset(&g->resolver, 0, sizeof(g->resolver));
    }
}

/* Inside the runtime, and no longer counted among the living. */
static _Noreturn void leave(struct green *g)
{
    g->wait_kind = WAIT_END;
    signal_thread_end(g);
    hub_leave(thread_finished, g);
}

static _Noreturn void thread_end(struct green *g)
{
    give_up_locks(g);
    if (atomic_fetch_sub(&thread_live_count, 1) == 1) {
        /* POSIX pthread_exit: the process exits with 0 after the last thread. */
        atomic_store(&thread_live_count, 1);
        runtime_leave_quietly();
        exit(0);
    }
    leave(g);
}

_Noreturn void thread_vanish(int status)
{
    struct green *g = self;
    give_up_locks(g);
    if (atomic_fetch_sub(&thread_live_count, 1) == 1)
        sys_call(SYS_exit_group, status);
    leave(g);
}

/* ---- the beginning ---- */

/* What runs in the thread after its function: C++ thread_local destructors, then those of thread-specific data. */
static void run_destructors(struct green *g)
{
    glibc.call_tls_dtors();
    end_specific_data(g);
    dlerror(); /* forgets an error that nobody asked for: the next thread with this TLS would hear of it */
    atomic_fetch_or(glibc_cancel_word(g->tcb), CANCEL_EXITING);
}

/* Runs body so that pthread_exit and cancellation unwind to here and no further, as glibc's start_thread does. So it is for the
 * destructors too, which may be cancelled or call pthread_exit: then the rest of them runs. Returns whether body returned. */
static bool run_to_end(struct green *g, void *(*body)(struct green *), bool ends_with_body)
{
    __pthread_unwind_buf_t buffer;
    volatile bool has_returned = false;
    if (likely(!__sigsetjmp_cancel(buffer.__cancel_jmp_buf, 0))) {
        __pthread_register_cancel(&buffer);
        g->result = body(g);
        has_returned = true;
    } else if (!g->exit_called) {
        g->result = PTHREAD_CANCELED;
    }
    g->exit_called = 0;
    bool is_over = ends_with_body || !has_returned;
    if (is_over)
        run_destructors(g);
    __pthread_unregister_cancel(&buffer);
    return !is_over;
}

static void *call_start(struct green *g)
{
    return g->start(g->argument);
}

static void thread_entry(struct transfer t)
{
    /* Unwinders and debuggers stop here: this is the first frame. */
    __asm__ volatile(".cfi_undefined rip");
    hub_entered(t);
    struct green *g = self;
    heap_share(g->tcb, g->hub->tcb);
    /* As glibc's start_thread: the global locale, and with it the ctype tables of this TLS. */
    uselocale(LC_GLOBAL_LOCALE);
    runtime_leave();
    run_to_end(g, call_start, true);
    thread_end(g);
}

struct start_wishes {
    size_t stack_size_bytes, guard_size_bytes;
    char *user_stack;
    int detached;
    bool has_mask, has_policy, has_processors;
    sigset_t mask;
    int policy;
    struct sched_param param;
    cpu_set_t processors;
};

/* An attribute that says nothing of processors shows all there could ever be (pthread_attr_getaffinity_np(3)). */
static int read_schedule(const pthread_attr_t *attr, struct start_wishes *w)
{
    int inherits = PTHREAD_INHERIT_SCHED;
    pthread_attr_getinheritsched(attr, &inherits);
    w->has_policy = inherits == PTHREAD_EXPLICIT_SCHED;
    if (w->has_policy) {
        pthread_attr_getschedpolicy(attr, &w->policy);
        pthread_attr_getschedparam(attr, &w->param);
        int error = schedule_check_policy(w->policy, &w->param);
        if (error)
            return error;
    }
    w->has_processors = pthread_attr_getaffinity_np(attr, sizeof(w->processors), &w->processors) == 0 &&
                        CPU_COUNT(&w->processors) != CPU_SETSIZE;
    return w->has_processors && self ? schedule_check_processors(self, sizeof(w->processors), &w->processors) : 0;
}

static int read_attr(const pthread_attr_t *attr, struct start_wishes *w)
{
    w->stack_size_bytes = default_stack_size;
    w->guard_size_bytes = default_guard_size;
    w->user_stack = NULL;
    w->detached = 0;
    w->has_mask = w->has_policy = w->has_processors = false;
    if (!attr)
        return 0;
    void *stack;
    size_t size;
    pthread_attr_getstack(attr, &stack, &size);
    pthread_attr_getstacksize(attr, &w->stack_size_bytes);
    pthread_attr_getguardsize(attr, &w->guard_size_bytes);
    pthread_attr_getdetachstate(attr, &w->detached);
    w->has_mask = pthread_attr_getsigmask_np(attr, &w->mask) == 0;
    int error = read_schedule(attr, w);
    if (error)
        return error;
    /* glibc keeps the high end; without setstack it is NULL and getstack shows its negative size. */
    if ((uintptr_t)stack + size != 0)
        w->user_stack = stack;
    /* glibc's allocate_stack: room for the guard, TLS and a rest of 2048 bytes. */
    size_t needed = glibc.tls_size + 2048 + (w->user_stack ? 0 : w->guard_size_bytes);
    return w->stack_size_bytes < needed ? EINVAL : 0;
}

static void prepare(struct green *g, struct hub *h, void *(*start)(void *), void *argument)
{
    g->hub = h;
    g->start = start;
    g->argument = argument;
    g->result = NULL;
    atomic_store(&g->alerts, 0);
    g->waiting = 0;
    g->exit_called = 0;
    g->serial = atomic_fetch_add_explicit(&last_serial, 1, memory_order_relaxed) + 1;
    g->tid = next_tid();
    if (self)
        memcpy(g->name, self->name, sizeof(g->name));
    *(int *)((char *)g->tcb + glibc.tid_offset) = g->tid;
    *(struct __res_state **)((char *)g->tcb + glibc.resolver_offset) = &g->resolver;
    TLS_SET(g->tcb, self, g);
    TLS_SET(g->tcb, runtime_depth, 1);
    TLS_SET(g->tcb, worker_hub, h);
}

static int create(pthread_t *out, const struct start_wishes *w, void *(*start)(void *), void *argument)
{
    if (unlikely(!glibc_become_threaded()))
        return EAGAIN;
    struct hub *h = hub_for_new_thread();
    if (unlikely(!h))
        return EAGAIN;
    struct green *g = stack_take(w->user_stack ? 0 : w->stack_size_bytes, w->user_stack ? 0 : w->guard_size_bytes);
    if (unlikely(!g)) {
        atomic_fetch_sub_explicit(&h->live, 1, memory_order_relaxed);
        return EAGAIN;
    }
    prepare(g, h, start, argument);
    char *top = stack_top(g->tcb), *low = g->stack_low;
    g->is_user_stack = w->user_stack != NULL;
    if (w->user_stack) {
        low = w->user_stack;
        top = (char *)((uintptr_t)(low + w->stack_size_bytes) & ~63UL);
        g->stack_low = low;
        g->stack_size_bytes = w->stack_size_bytes;
    }
    g->context = make_fcontext(top, (size_t)(top - low), thread_entry);
    g->claim = w->detached ? CLAIM_DETACHED : 0;
    g->joiner = NULL;
    schedule_inherit(g);
    if (unlikely(w->has_policy))
        schedule_note_policy(g, w->policy, &w->param);
    if (unlikely(w->has_processors))
        schedule_set_processors(g, sizeof(w->processors), &w->processors);
    signal_thread_start(g, w->has_mask ? &w->mask : NULL);
    atomic_store_explicit(&g->state, GREEN_LIVE, memory_order_release);
    atomic_fetch_add(&thread_live_count, 1);
    *out = (pthread_t)g->tcb;
    hub_start(g);
    return 0;
}

int thread_create(pthread_t *out, const pthread_attr_t *attr, void *(*start)(void *), void *argument)
{
    struct start_wishes wishes;
    int error = read_attr(attr, &wishes);
    if (error)
        return error;
    if (unlikely(tls_is_stale()))
        loader_wait();
    runtime_enter();
    error = create(out, &wishes, start, argument);
    runtime_leave();
    return error;
}

/* ---- join ---- */

struct green *thread_find(pthread_t thread)
{
    runtime_enter();
    struct green *g = registry_find((void *)thread);
    runtime_leave();
    return g && atomic_load(&g->state) != GREEN_FREE ? g : NULL;
}

static bool has_not_ended(void *argument)
{
    struct green *g = argument;
    return !(atomic_load(&g->claim) & CLAIM_ENDED);
}

/* As glibc: two that join each other, unless the other will end by a cancellation or is about to. */
static bool would_deadlock(struct green *g)
{
    if (!self)
        return false;
    bool is_mutual = atomic_load(&self->joiner) == g &&
                     !(*glibc_cancel_word(g->tcb) & (CANCEL_REQUESTED | CANCEL_EXITING)) && has_not_ended(g);
    return (g == self || is_mutual) && !glibc_cancel_is_due(self->tcb);
}

static int claim_join(struct green *g)
{
    if (atomic_load(&g->claim) & CLAIM_DETACHED)
        return EINVAL;
    if (would_deadlock(g))
        return EDEADLK;
    if (atomic_fetch_or(&g->claim, CLAIM_JOINED) & (CLAIM_JOINED | CLAIM_DETACHED))
        return EINVAL;
    atomic_store(&g->joiner, self);
    return 0;
}

static void give_up_join(struct green *g)
{
    atomic_store(&g->joiner, NULL);
    atomic_fetch_and(&g->claim, ~CLAIM_JOINED);
}

/* The caller owns the right to join g. */
static void take_result(struct green *g, void **result)
{
    if (result)
        *result = g->result;
    runtime_enter();
    recycle(g);
    runtime_leave();
}

int thread_join(pthread_t thread, void **result, int64_t deadline_ns)
{
    pthread_testcancel();
    struct green *g = thread_find(thread);
    int error = g ? claim_join(g) : ESRCH;
    if (error)
        return error;
    while (has_not_ended(g)) {
        struct park_request request = {.key = &g->state,
                                       .kind = WAIT_JOIN,
                                       .flags = HUB_PARK_SIGNAL | HUB_PARK_CANCEL,
                                       .deadline_ns = deadline_ns,
                                       .validate = has_not_ended,
                                       .argument = g};
        switch (park_wait(&request)) {
        case WAKE_TIMEOUT: give_up_join(g); return ETIMEDOUT;
        case WAKE_CANCEL:
            give_up_join(g);
            pthread_testcancel();
            return EINTR; /* not reached: the request cannot be withdrawn */
        case WAKE_SIGNAL: thread_act_on_alerts(); break;
        }
    }
    take_result(g, result);
    return 0;
}

/* Whatever else is wrong, one that runs is busy (pthread_tryjoin_np(3) in glibc). */
int thread_try_join(pthread_t thread, void **result)
{
    struct green *g = thread_find(thread);
    if (g && has_not_ended(g))
        return EBUSY;
    int error = g ? claim_join(g) : ESRCH;
    if (!error)
        take_result(g, result);
    return error;
}

/* As glibc: 0 for one that is being joined, which goes on. */
int thread_detach(pthread_t thread)
{
    struct green *g = thread_find(thread);
    if (!g)
        return ESRCH;
    uint32_t claim = atomic_load(&g->claim);
    do
        if (claim & (CLAIM_DETACHED | CLAIM_JOINED))
            return claim & CLAIM_DETACHED ? EINVAL : 0;
    while (!atomic_compare_exchange_weak(&g->claim, &claim, claim | CLAIM_DETACHED));
    if (claim & CLAIM_ENDED) {
        runtime_enter();
        recycle(g);
        runtime_leave();
    }
    return 0;
}

/* ---- main ---- */

struct main_call {
    int (*function)(int, char **, char **);
    int argc;
    char **argv, **envp;
    int status;
};

static void *call_main(struct green *g)
{
    struct main_call *call = g->argument;
    call->status = call->function(call->argc, call->argv, call->envp);
    return NULL;
}

int thread_run_main(int (*main_function)(int, char **, char **), int argc, char **argv, char **envp)
{
    struct main_call call = {main_function, argc, argv, envp, 0};
    struct green *g = self;
    g->argument = &call;
    if (run_to_end(g, call_main, false))
        return call.status;
    thread_end(g);
}

void thread_each(void (*visit)(struct green *, void *), void *argument)
{
    runtime_enter();
    registry_each(visit, argument);
    runtime_leave();
}

/* The caller becomes the main thread of the child, as in the kernel. A foreign thread becomes a green one by it. */
void thread_after_fork(void)
{
    struct green *g = self ? self : &main_green;
    if (!self) {
        *g = (struct green){.tcb = context_thread_pointer(), .is_main = 1, .serial = 1, .state = GREEN_LIVE};
        sys_call(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &g->signal.blocked, sizeof(uint64_t));
        self = g;
    }
    g->hub = worker_hub;
    g->carrier = NULL;
    g->joiner = NULL;
    g->tid = (int)sys_call(SYS_getpid);
    choose_first_tid(g->tid);
    atomic_store(&g->alerts, 0);
    atomic_store(&g->hub->live, 1);
    registry_after_fork();
    must(registry_add(g) == 0, "no memory for the registry of a fork child");
    atomic_store(&thread_live_count, 1);
}
