/* Waiting for signals, alternate stacks, and what fork and exec take along.
 *
 * A thread in sigtimedwait tells what it awaits; such a signal is handed to it by signal_route.c whatever its disposition. While
 * there is only one thread the kernel's own calls do all of it. */
#include "runtime/offload.h"
#include "runtime/signal_internal.h"
#include "runtime/signal_timer.h"

static uint64_t word_of(const sigset_t *set)
{
    uint64_t word;
    memcpy(&word, set, sizeof(word));
    return word;
}

/* ---- a mask for the duration of a call ---- */

static void begin(uint64_t mask)
{
    struct green *g = self;
    runtime_enter();
    struct signal_hold hold = signal_lock();
    g->signal.saved = g->signal.blocked;
    g->signal.has_saved = true;
    signal_set_blocked(g, mask);
    signal_unlock(hold);
    signal_apply_kernel_mask();
    signal_fetch_from_kernel(~mask & g->signal.saved);
    if (signal_is_due(g))
        atomic_fetch_or(&g->alerts, ALERT_SIGNAL);
}

void signal_with_mask_begin(const sigset_t *mask)
{
    begin(word_of(mask));
}

void signal_with_mask_end(void)
{
    struct green *g = self;
    if (g->signal.has_saved) {
        struct signal_hold hold = signal_lock();
        uint64_t before = g->signal.blocked;
        g->signal.has_saved = false;
        signal_set_blocked(g, g->signal.saved);
        signal_retarget(g->signal.blocked & ~before);
        signal_unlock(hold);
        signal_apply_kernel_mask();
        if (signal_is_due(g))
            atomic_fetch_or(&g->alerts, ALERT_SIGNAL);
    }
    runtime_leave();
}

/* rt_sigsuspend lets in what the mask allows and sleeps in one step, so nothing is missed after the look at the notes. */
static void sleep_alone(struct green *g)
{
    uint64_t mask = signal_swap_kernel_mask(SIGNALS_ALL);
    if (!signal_has_notes() && !signal_is_due(g))
        sys_call(SYS_rt_sigsuspend, &mask, sizeof(mask));
    signal_swap_kernel_mask(mask);
}

int signal_suspend(const sigset_t *mask)
{
    struct green *g = self;
    enum wake wake = WAKE_SIGNAL;
    begin(mask ? word_of(mask) : g->signal.blocked);
    do {
        if (thread_is_alone(g)) {
            signal_ends_wait(g);
            sleep_alone(g);
        } else {
            hub_prepare(g, WAIT_SIGNAL, 0, HUB_PARK_SIGNAL | HUB_PARK_CANCEL);
            wake = hub_park(DEADLINE_NEVER);
        }
    } while (wake != WAKE_CANCEL && !signal_deliver(SIGNAL_NEVER_RESTARTS));
    signal_with_mask_end();
    return wake == WAKE_CANCEL ? -ECANCELED : -EINTR;
}

/* ---- sigtimedwait ---- */

/* Takes a signal of set; without one, awaits those of `awaited`. */
static int take_awaited(struct green *g, uint64_t set, siginfo_t *info, uint64_t awaited)
{
    signal_settle();
    struct signal_hold hold = signal_lock();
    int sig = signal_take(g, set, info);
    bool stops_waiting = g->signal.awaited && (sig || !awaited);
    g->signal.awaited = sig ? 0 : awaited;
    /* It may have been told of several; another one in sigtimedwait takes the next. */
    if (stops_waiting)
        signal_retarget(set);
    signal_unlock(hold);
    return sig;
}

static int wait_alone(uint64_t set, siginfo_t *info, int64_t deadline_ns)
{
    struct timespec left = {0, 0};
    if (deadline_ns != DEADLINE_NEVER)
        left = deadline_left(deadline_ns);
    return (int)sys_call(SYS_rt_sigtimedwait, &set, info, deadline_ns == DEADLINE_NEVER ? NULL : &left, sizeof(set));
}

static int wait_parked(struct green *g, uint64_t set, siginfo_t *info, int64_t deadline_ns)
{
    for (;;) {
        int sig = take_awaited(g, set, info, set);
        if (sig)
            return sig;
        hub_prepare(g, WAIT_SIGNAL, 0, HUB_PARK_SIGNAL | HUB_PARK_CANCEL);
        enum wake wake = hub_park(deadline_ns);
        atomic_fetch_and(&g->alerts, ~ALERT_SIGNAL);
        sig = take_awaited(g, set, info, 0);
        if (sig)
            return sig;
        if (wake == WAKE_TIMEOUT)
            return -EAGAIN;
        if (wake == WAKE_CANCEL)
            return -ECANCELED;
        if (signal_deliver(SIGNAL_NEVER_RESTARTS))
            return -EINTR;
    }
}

/* What a signalfd reads as well stays in the kernel: a kernel thread of ours waits there, which blocks it too. */
static int wait_in_kernel(uint64_t set, siginfo_t *info, int64_t deadline_ns)
{
    struct timespec left = {0, 0};
    if (deadline_ns != DEADLINE_NEVER)
        left = deadline_left(deadline_ns);
    const long arguments[6] = {(long)&set, (long)info, (long)(deadline_ns == DEADLINE_NEVER ? NULL : &left),
                               sizeof(set)};
    for (;;) {
        long sig = offload_call(SYS_rt_sigtimedwait, arguments, HUB_PARK_SIGNAL | HUB_PARK_CANCEL);
        if (sig != -EINTR)
            return (int)sig;
        if (atomic_load(&self->alerts) & ALERT_CANCEL)
            return -ECANCELED;
        if (signal_deliver(SIGNAL_NEVER_RESTARTS))
            return -EINTR;
    }
}

int signal_wait(const sigset_t *raw_set, siginfo_t *info, int64_t deadline_ns)
{
    struct green *g = self;
    siginfo_t unasked;
    uint64_t set = word_of(raw_set) & ~(SIGNALS_UNBLOCKABLE | SIGNALS_RESERVED);
    if (!info)
        info = &unasked;
    runtime_enter();
    int sig = take_awaited(g, set, info, 0);
    if (!sig && thread_is_alone(g)) {
        runtime_leave();
        return wait_alone(set, info, deadline_ns);
    }
    if (!sig && unlikely(set & signal_kept_in_kernel)) {
        runtime_leave();
        return wait_in_kernel(set, info, deadline_ns);
    }
    if (!sig) {
        struct signal_hold hold = signal_lock();
        signal_make_virtual(set);
        signal_unlock(hold);
        signal_apply_kernel_mask();
        signal_fetch_from_kernel(set);
        sig = wait_parked(g, set, info, deadline_ns);
    }
    runtime_leave();
    return sig;
}

void signal_pending(sigset_t *out)
{
    struct green *g = hook_self_or_alone();
    uint64_t kernel = 0;
    sys_call(SYS_rt_sigpending, &kernel, sizeof(kernel));
    if (g) {
        runtime_enter();
        signal_settle();
        kernel = (kernel | g->signal.pending | signal_process_pending) & g->signal.blocked;
        runtime_leave();
    }
    memcpy(out, &kernel, sizeof(kernel));
}

/* ---- sigaltstack(2) ---- */

int signal_change_altstack(const stack_t *new, stack_t *old)
{
    struct green *g = hook_self_or_alone();
    if (!g)
        return (int)sys_call(SYS_sigaltstack, new, old);
    stack_t *own = &g->signal.altstack;
    const char *sp = __builtin_frame_address(0), *low = own->ss_sp;
    bool is_on = !(own->ss_flags & SS_DISABLE) && sp >= low && sp < low + own->ss_size;
    if (old) {
        *old = *own;
        if (is_on)
            old->ss_flags |= SS_ONSTACK;
    }
    if (!new)
        return 0;
    int mode = new->ss_flags & ~(int)SS_AUTODISARM;
    if (is_on)
        return -EPERM;
    if (mode != 0 && mode != SS_DISABLE && mode != SS_ONSTACK)
        return -EINVAL;
    if (mode == SS_DISABLE)
        *own = (stack_t){.ss_flags = new->ss_flags};
    else if (new->ss_size < 2048) /* the kernel's MINSIGSTKSZ */
        return -ENOMEM;
    else
        *own = (stack_t){new->ss_sp, new->ss_flags &(int)SS_AUTODISARM, new->ss_size};
    return 0;
}

/* ---- fork and exec ---- */

/* POSIX exec: what is pending for the process and for the calling thread stays pending. */
static void return_pending_to_kernel(struct green *g)
{
    long pid = sys_call(SYS_getpid), tid = sys_call(SYS_gettid);
    siginfo_t info;
    int sig;
    signal_settle();
    struct signal_hold hold = signal_lock();
    while ((sig = signal_take(g, g->signal.blocked, &info)) != 0)
        sys_call(SYS_rt_tgsigqueueinfo, pid, tid, sig, &info);
    signal_unlock(hold);
}

void signal_native_begin(bool for_exec)
{
    self->signal.has_native_mask = true;
    signal_swap_kernel_mask(self->signal.blocked);
    if (for_exec)
        return_pending_to_kernel(self);
}

void signal_native_end(void)
{
    self->signal.has_native_mask = false;
    signal_adopt_mask_here();
}

static __thread uint64_t mask_before_helper __attribute__((tls_model("initial-exec")));

void signal_helper_begin(void)
{
    mask_before_helper = signal_swap_kernel_mask(SIGNALS_ELSEWHERE);
}

void signal_helper_end(void)
{
    if (worker_hub)
        signal_adopt_mask_here();
    else
        signal_swap_kernel_mask(mask_before_helper);
}

/* POSIX fork: the child has its creator's mask and alternate stack, and nothing pending. */
void signal_after_fork(void)
{
    struct green *g = self;
    struct signal_state kept = g->signal;
    atomic_store(&signal_spin.locked, 0);
    signal_main = g;
    signal_queue_after_fork();
    signal_preempt_after_fork();
    signal_timer_after_fork();
    signal_wrapper_after_fork();
    signal_mask_after_fork();
    sigset_t mask;
    memcpy(&mask, &kept.blocked, sizeof(kept.blocked));
    signal_thread_start(g, &mask);
    g->signal.altstack = kept.altstack;
    g->signal.saved = kept.saved;
    g->signal.has_saved = kept.has_saved;
    /* The kernel thread that forked may have been another worker's. */
    signal_worker_init();
}
