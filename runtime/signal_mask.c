/* Masks of green threads, and the masks of the kernel threads beneath them.
 *
 * Worker 0 blocks in the kernel what all live green threads block: such signals stay pending there, and default actions, signalfd
 * and sigpending need nothing from us. A program that has only one thread thus has exactly the mask it asked for. The other
 * workers block all but faults for good.
 *
 * A signal can be made virtual: then the kernel never holds it back while there are several threads; it reaches the wrapper
 * whatever its disposition, and waits in our own pending sets. That is so, from then on, for signals that a thread takes by
 * sigwait, for SIGPIPE and SIGXFSZ that some thread blocks (the kernel sends them to the kernel thread that wrote, and others
 * that run on it may not block them), and for what threads of other workers block last (their change of worker 0's mask could not
 * take effect before their call returns). */
#include "runtime/signal_internal.h"

uint32_t signal_live;
bool signal_has_green_stacks;
uint64_t signal_virtual;
uint64_t signal_kept_in_kernel;
_Atomic uint64_t signal_kernel_mask;

/* Under the lock. */
static uint32_t blocked_by[_NSIG]; /* how many live green threads block it */
static uint64_t some_block;        /* those of which that is not 0 */
static _Atomic uint64_t applied;   /* what worker 0 has; written on worker 0 only */

static bool on_first_worker(void)
{
    return worker_hub && worker_hub->index == 0;
}

/* As thread_is_alone of the main thread, which then makes its calls natively and must have the mask it asked for. */
static bool is_alone(void)
{
    return signal_live == 1 && signal_main->is_main && signal_main->signal.is_live;
}

/* Those of set that all live threads block. */
static uint64_t blocked_by_all(uint64_t set)
{
    uint64_t all = 0;
    for (uint64_t rest = set & some_block; rest; rest &= rest - 1)
        if (blocked_by[__builtin_ctzll(rest) + 1] == signal_live)
            all |= rest & -rest;
    return all;
}

void signal_refresh_kernel_mask(uint64_t changed)
{
    uint64_t before = atomic_load_explicit(&signal_kernel_mask, memory_order_relaxed);
    changed |= signal_virtual;
    uint64_t mask = (before & ~changed) | blocked_by_all(changed);
    if (!is_alone()) {
        uint64_t blocked_elsewhere = on_first_worker() ? 0 : mask & ~before;
        signal_make_virtual(blocked_elsewhere | (some_block & SIGNALS_WRITER));
        mask &= ~signal_virtual;
    }
    atomic_store(&signal_kernel_mask, mask & ~(SIGNALS_RESERVED | SIGNALS_UNBLOCKABLE));
}

void signal_make_virtual(uint64_t set)
{
    set &= ~(signal_virtual | signal_kept_in_kernel | SIGNALS_RESERVED | SIGNALS_UNBLOCKABLE | SIGNALS_FAULT);
    signal_virtual |= set;
    if (!set)
        return;
    for (uint64_t rest = set; rest; rest &= rest - 1)
        if (!signal_is_handled(__builtin_ctzll(rest) + 1))
            signal_install(__builtin_ctzll(rest) + 1);
    if (!is_alone())
        atomic_fetch_and(&signal_kernel_mask, ~set);
}

void signal_keep_in_kernel(const sigset_t *set)
{
    uint64_t keep;
    memcpy(&keep, set, sizeof(keep));
    signal_load_actions();
    struct signal_hold hold = signal_lock();
    signal_kept_in_kernel |= keep;
    uint64_t back = signal_virtual & keep;
    signal_virtual &= ~keep;
    for (uint64_t rest = back; rest; rest &= rest - 1)
        signal_install(__builtin_ctzll(rest) + 1);
    signal_refresh_kernel_mask(back);
    signal_unlock(hold);
    signal_apply_kernel_mask();
}

static void count(uint64_t set, uint32_t more)
{
    for (; set; set &= set - 1) {
        uint32_t now = blocked_by[__builtin_ctzll(set) + 1] += more;
        some_block = now ? some_block | (set & -set) : some_block & ~(set & -set);
    }
}

void signal_set_blocked(struct green *g, uint64_t blocked)
{
    blocked &= ~(SIGNALS_RESERVED | SIGNALS_UNBLOCKABLE);
    uint64_t changed = g->signal.blocked ^ blocked;
    g->signal.blocked = blocked;
    if (!changed)
        return;
    count(changed & blocked, 1);
    count(changed & ~blocked, -1u);
    signal_refresh_kernel_mask(changed);
}

/* While notes are short, real-time signals wait in the kernel's queue. */
static uint64_t mask_of_first_worker(void)
{
    uint64_t mask = atomic_load(&signal_kernel_mask);
    return signal_is_congested() ? mask | ~0ull << (SIGRTMIN - 1) : mask;
}

void signal_apply_kernel_mask(void)
{
    if (likely(mask_of_first_worker() == atomic_load(&applied)))
        return;
    if (!on_first_worker()) {
        if (hubs[0])
            signal_kick(hubs[0]->kernel_tid);
        return;
    }
    signal_adopt_mask_here();
}

void signal_adopt_mask_here(void)
{
    if (!on_first_worker()) {
        signal_swap_kernel_mask(SIGNALS_ELSEWHERE);
        return;
    }
    uint64_t mask;
    do {
        /* A kick may change both in between; then what we set is stale. */
        mask = mask_of_first_worker();
        signal_swap_kernel_mask(mask);
        atomic_store_explicit(&applied, mask, memory_order_relaxed);
    } while (mask != mask_of_first_worker());
}

void signal_adopt_mask_in(ucontext_t *context)
{
    if (self && self->signal.has_native_mask)
        return;
    *frame_mask(context) = on_first_worker() ? mask_of_first_worker() : SIGNALS_ELSEWHERE;
    if (on_first_worker())
        atomic_store_explicit(&applied, *frame_mask(context), memory_order_relaxed);
}

static void fetch(uint64_t set, struct green *killed)
{
    const struct timespec at_once = {0, 0};
    siginfo_t info;
    long sig;
    while (set && (sig = sys_call(SYS_rt_sigtimedwait, &set, &info, &at_once, sizeof(set))) > 0)
        signal_leave_note((int)sig, &info, info.si_code == SI_TKILL ? killed : NULL);
    signal_settle();
}

/* POSIX sigprocmask: a pending signal that it unblocks is delivered before it returns. Worker 0 takes up the new mask in its own
 * time, so another worker fetches what the kernel holds back by itself. */
void signal_fetch_from_kernel(uint64_t set)
{
    if (!on_first_worker())
        fetch(set, NULL);
}

/* Alone, the main thread had what it sent itself in the kernel, pending for its kernel thread: that is nobody else's. */
static void fetch_from_time_alone(struct green *g)
{
    if (unlikely(g->signal.left_in_kernel) && g == self)
        fetch(g->signal.left_in_kernel & ~signal_kept_in_kernel, g);
    g->signal.left_in_kernel = 0;
}

/* POSIX pthread_create: the new thread's mask is its creator's, and nothing is pending for it. */
void signal_thread_start(struct green *g, const sigset_t *mask)
{
    uint64_t blocked = 0;
    if (mask)
        memcpy(&blocked, mask, sizeof(blocked));
    else if (self)
        blocked = self->signal.blocked;
    else
        sys_call(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &blocked, sizeof(blocked));
    if (signal_live == 1)
        fetch_from_time_alone(signal_main);
    struct signal_hold hold = signal_lock();
    g->signal = (struct signal_state){.altstack.ss_flags = SS_DISABLE, .is_live = true};
    signal_live++;
    signal_set_blocked(g, blocked);
    /* A signal that all others block is let through now if the new one does not. */
    signal_refresh_kernel_mask(atomic_load(&signal_kernel_mask));
    if (unlikely(signal_live == 2 && !signal_has_green_stacks)) {
        signal_has_green_stacks = true;
        signal_install(SIGSEGV);
        signal_install(SIGBUS);
    }
    signal_unlock(hold);
    signal_apply_kernel_mask();
}

void signal_mask_after_fork(void)
{
    signal_live = 0;
    some_block = 0;
    memset(blocked_by, 0, sizeof(blocked_by));
    atomic_store(&signal_kernel_mask, 0);
}

void signal_thread_end(struct green *g)
{
    signal_settle();
    struct signal_hold hold = signal_lock();
    uint64_t blocked = g->signal.blocked;
    g->signal.is_live = false;
    signal_discard_of(g);
    count(blocked, -1u);
    signal_live--;
    /* What it alone let through is blocked by all now. */
    signal_refresh_kernel_mask(some_block | blocked);
    signal_retarget(~blocked);
    signal_unlock(hold);
    signal_apply_kernel_mask();
}

/* For asm/x86_64/ucontext.S; either may be NULL. */
void signal_swap_context_mask(sigset_t *save, const sigset_t *load)
{
    signal_change_mask(SIG_SETMASK, load, save);
}

int signal_change_mask(int how, const sigset_t *set, sigset_t *old)
{
    uint64_t change = 0;
    if (set)
        memcpy(&change, set, sizeof(change));
    change &= ~SIGNALS_RESERVED; /* as glibc's sigprocmask */
    struct green *g = hook_self_or_alone();
    if (!g) {
        return (int)sys_call(SYS_rt_sigprocmask, how, set ? &change : NULL, old, sizeof(change));
    }
    uint64_t before = g->signal.blocked, after = before;
    if (set)
        switch (how) {
        case SIG_BLOCK: after = before | change; break;
        case SIG_UNBLOCK: after = before & ~change; break;
        case SIG_SETMASK: after = change; break;
        default: return -EINVAL;
        }
    after &= ~SIGNALS_UNBLOCKABLE;
    if (after != before) {
        runtime_enter();
        struct signal_hold hold = signal_lock();
        signal_set_blocked(g, after);
        signal_retarget(after & ~before);
        signal_unlock(hold);
        signal_apply_kernel_mask();
        signal_fetch_from_kernel(before & ~after);
        if (signal_is_due(g))
            atomic_fetch_or(&g->alerts, ALERT_SIGNAL);
        runtime_leave();
    }
    if (old)
        memcpy(old, &before, sizeof(before));
    return 0;
}
