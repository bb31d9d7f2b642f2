/* clone(2), which makes processes and threads that libc knows nothing of.
 *
 *   memory of its own (no CLONE_VM)   a fork: the child's runtime starts over
 *   CLONE_VFORK                       the parent stands still, the child is one of vfork's kind
 *   CLONE_SETTLS                      a foreign thread with TLS of its own, where `self` is NULL
 *   none of these                     a foreign thread in the TLS of its creator, which goes on: to our hooks the two would be one
 *                                     green thread, so it gets TLS of its own */
#include <sched.h>
#include <stdarg.h>

#include "preload/hook.h"
#include "runtime/fork.h"
#include "runtime/glibc.h"
#include "runtime/signal.h"
#include "runtime/stack.h"
#include "runtime/tls.h"

struct start {
    int (*function)(void *);
    void *argument;
    uint64_t blocked; /* the signal mask to begin with */
};

struct request {
    void *stack;
    int flags;
    void *parent_tid, *tls, *child_tid;
};

static int real_clone_with(int (*function)(void *), void *argument, const struct request *r)
{
    return REAL(clone)(function, r->stack, r->flags, argument, r->parent_tid, r->tls, r->child_tid);
}

/* ---- a process with memory of its own ---- */

static int start_process(void *raw)
{
    const struct start *s = raw;
    fork_child();
    return s->function(s->argument);
}

static int clone_process(struct start *s, const struct request *r)
{
    bool is_green = self && !in_vfork_child;
    if (is_green)
        signal_native_begin(false);
    int pid = real_clone_with(start_process, s, r);
    if (is_green)
        signal_native_end();
    return pid;
}

/* ---- one that runs in our memory while we do not ---- */

static int clone_like_vfork(const struct start *s, const struct request *r)
{
    signal_native_begin(false);
    in_vfork_child = 1;
    int pid = real_clone_with(s->function, s->argument, r);
    in_vfork_child = 0;
    signal_native_end();
    return pid;
}

/* ---- a foreign thread ---- */

/* In the new TLS: what to run there. */
static __thread struct start foreign_start __attribute__((tls_model("initial-exec")));

static void set_kernel_mask(uint64_t mask)
{
    sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
}

/* Not inlined: a TLS address from before the thread pointer was set must not be used after. */
static __attribute__((noinline)) int run_foreign(void *tcb)
{
    *(int *)((char *)tcb + glibc.tid_offset) = (int)sys_call(SYS_gettid);
    set_kernel_mask(foreign_start.blocked);
    return foreign_start.function(foreign_start.argument);
}

/* Begins and ends in the TLS of its creator, which it does not touch, with all signals blocked, whose handlers would. */
static int start_foreign(void *tcb)
{
    void *creators = context_thread_pointer();
    context_set_thread_pointer(tcb);
    int status = run_foreign(tcb);
    set_kernel_mask(UINT64_MAX);
    context_set_thread_pointer(creators);
    stack_give_tls(tcb);
    return status;
}

static int clone_foreign(struct start *s, const struct request *r)
{
    runtime_enter();
    void *tcb = stack_take_tls();
    runtime_leave();
    if (!tcb)
        return (int)sys_ret(-EAGAIN);
    TLS_SET(tcb, foreign_start, *s);
    signal_native_begin(false);
    set_kernel_mask(UINT64_MAX);
    int tid = real_clone_with(start_foreign, tcb, r);
    if (tid < 0)
        stack_give_tls(tcb);
    signal_native_end();
    return tid;
}

HOOK_EXPORT int clone(int (*function)(void *), void *stack, int flags, void *argument, ...)
{
    va_list list;
    va_start(list, argument);
    struct request r = {.stack = stack, .flags = flags};
    r.parent_tid = va_arg(list, void *);
    r.tls = va_arg(list, void *);
    r.child_tid = va_arg(list, void *);
    va_end(list);
    bool is_green = self && !in_vfork_child && !runtime_depth;
    struct start s = {function, argument, is_green ? self->signal.blocked : 0};
    if (!function || !stack)
        return real_clone_with(function, argument, &r); /* EINVAL */
    if (!(flags & CLONE_VM))
        return clone_process(&s, &r);
    if (!is_green || flags & CLONE_SETTLS)
        return real_clone_with(function, argument, &r);
    return flags & CLONE_VFORK ? clone_like_vfork(&s, &r) : clone_foreign(&s, &r);
}

HOOK_ALIAS(__clone, clone);
