/* Who receives a signal, and how it is told.
 *
 * As Linux does it (kernel/signal.c, complete_signal): a signal for the process goes to the main thread unless that blocks it,
 * otherwise to any that does not; a thread in sigtimedwait does not block what it waits for. The signal stays pending for the process
 * until a thread takes it; the chosen one is only told to look, but what the main thread does not block is left to it: programs
 * count on its calls being interrupted. */
#include "runtime/signal_internal.h"

struct green *signal_main;

static bool may_take(const struct green *g, uint64_t bit)
{
    return g->signal.is_live && (!(g->signal.blocked & bit) || g->signal.awaited & bit);
}

struct search {
    uint64_t bit;
    struct green *found;
    int suits;
};

/* Best is one that awaits the signal, and whom no other signal has woken already. */
static int suitability(const struct green *g, uint64_t bit)
{
    if (!may_take(g, bit))
        return 0;
    return 1 + (g->signal.awaited & bit ? 2 : 0) + (atomic_load(&g->alerts) & ALERT_SIGNAL ? 0 : 1);
}

static void consider(struct green *g, void *argument)
{
    struct search *s = argument;
    int suits = suitability(g, s->bit);
    if (suits > s->suits) {
        s->found = g;
        s->suits = suits;
    }
}

struct green *signal_choose(int sig)
{
    uint64_t bit = signal_bit(sig);
    if (signal_main && may_take(signal_main, bit))
        return signal_main;
    if (self && worker_hub && may_take(self, bit))
        return self;
    struct search s = {bit, NULL, 0};
    thread_each(consider, &s);
    return s.found;
}

void signal_kick(int kernel_tid)
{
    sys_call(SYS_tgkill, sys_call(SYS_getpid), kernel_tid, SIGNAL_KICK);
}

void signal_interrupt(struct green *g)
{
    if (g->hub != worker_hub && !atomic_load(&g->hub->sleeping) && g->hub->kernel_tid)
        signal_kick(g->hub->kernel_tid);
}

void signal_allow_kick(bool is_allowed)
{
    uint64_t kick = signal_bit(SIGNAL_KICK);
    sys_call(SYS_rt_sigprocmask, is_allowed ? SIG_UNBLOCK : SIG_BLOCK, &kick, NULL, sizeof(kick));
}

/* A hub that sleeps is woken by hub_alert and looks at the list of alerted threads; one that does not may run g, or somebody
 * else who computes, so its worker is interrupted. */
void signal_alert(struct green *g)
{
    atomic_fetch_or(&g->alerts, ALERT_SIGNAL);
    if (g == self && worker_hub)
        return;
    hub_alert(g);
    signal_interrupt(g);
}

bool signal_accept(int sig, const siginfo_t *info, struct green *target)
{
    uint64_t bit = signal_bit(sig);
    struct green *receiver = target ? (may_take(target, bit) ? target : NULL) : signal_choose(sig);
    bool is_awaited = receiver && receiver->signal.awaited & bit;
    if (target && !target->signal.is_live)
        return false;
    if (receiver && !is_awaited && !signal_is_handled(sig))
        return !signal_is_ignored(sig);
    if (signal_queue(sig, info, target) && receiver)
        signal_alert(receiver);
    return false;
}

void signal_retarget(uint64_t set)
{
    for (uint64_t rest = signal_process_pending & set; rest; rest &= rest - 1) {
        struct green *g = signal_choose(__builtin_ctzll(rest) + 1);
        if (g)
            signal_alert(g);
    }
}

uint64_t signal_pending_for(const struct green *g)
{
    uint64_t pending = __atomic_load_n(&signal_process_pending, __ATOMIC_RELAXED);
    if (pending && g != signal_main && signal_main->signal.is_live)
        pending &= signal_main->signal.blocked & ~signal_main->signal.awaited;
    return pending;
}

bool signal_is_due(const struct green *g)
{
    return (g->signal.pending | signal_pending_for(g)) & ~g->signal.blocked;
}

void signal_settle(void)
{
    if (!signal_has_notes())
        return;
    struct signal_hold hold = signal_lock();
    uint64_t due = signal_drain();
    signal_unlock(hold);
    for (; due; due &= due - 1)
        signal_act_by_default(__builtin_ctzll(due) + 1, NULL);
}

void signal_give_out(void)
{
    signal_settle();
    signal_apply_kernel_mask();
}

/* A signalfd finds what all threads block in the kernel; so a thread's own goes there as well. */
static bool goes_to_kernel(const struct green *target, int sig)
{
    uint64_t bit = signal_bit(sig);
    return target && signal_kept_in_kernel & bit && atomic_load(&signal_kernel_mask) & bit;
}

/* Default actions concern the process, whoever the signal was directed to. */
static int direct(struct green *target, int sig, const siginfo_t *info)
{
    signal_load_actions();
    if (signal_bit(sig) & SIGNALS_UNBLOCKABLE)
        return (int)sys_call(SYS_kill, sys_call(SYS_getpid), sig);
    if (goes_to_kernel(target, sig)) {
        long pid = sys_call(SYS_getpid);
        return (int)(info ? sys_call(SYS_rt_sigqueueinfo, pid, sig, info) : sys_call(SYS_kill, pid, sig));
    }
    runtime_enter();
    struct signal_hold hold = signal_lock();
    bool has_room = !signal_is_congested() || sig < SIGRTMIN;
    bool by_default = has_room && signal_accept(sig, info, target);
    signal_unlock(hold);
    if (by_default)
        signal_act_by_default(sig, info);
    runtime_leave();
    return has_room ? 0 : -EAGAIN;
}

int signal_send(struct green *g, int sig, const siginfo_t *info)
{
    return -direct(g, sig, info);
}

int signal_send_alone(int sig, const siginfo_t *info)
{
    long pid = sys_call(SYS_getpid), tid = sys_call(SYS_gettid);
    self->signal.left_in_kernel |= signal_bit(sig) & self->signal.blocked;
    return (int)-(info ? sys_call(SYS_rt_tgsigqueueinfo, pid, tid, sig, info) : sys_call(SYS_tgkill, pid, tid, sig));
}

int signal_send_process(int sig, const siginfo_t *info)
{
    return -direct(NULL, sig, info);
}

bool signal_is_ours_to_send(int sig)
{
    signal_load_actions();
    uint64_t bit = signal_bit(sig);
    return !(atomic_load(&signal_kernel_mask) & bit) && (signal_is_handled(sig) || signal_virtual & bit);
}
