/* The one handler that the kernel knows: it finds the receiver of a signal, and runs the program's handlers.
 *
 * It starts with all signals blocked, on the stack that was interrupted or on the worker's alternate stack. Three cases:
 * a fault belongs to the instruction that was interrupted; a signal that interrupts a green thread in the program's code is settled
 * under the lock, and whatever that thread may take now is run in this very frame; in all other cases (inside the
 * runtime, in a hub) a note is left and worker 0's hub gives it away.
 *
 * Before a handler runs, the frame is moved off the worker's alternate stack, so that the handler may park or leave by siglongjmp
 * and the next signal finds that stack empty. While it runs, the kernel has the mask of the worker again. */
#include <sys/mman.h>

#include "asm/x86_64/stoppable.h"
#include "runtime/glibc.h"
#include "runtime/offload.h"
#include "runtime/signal_internal.h"
#include "runtime/signal_timer.h"
#include "runtime/stack.h"

#define WORKER_STACK (64 * 1024)

/* Each worker's kernel thread: where its alternate stack is. In the TLS of the kernel thread, which green code does not see:
 * hence a table by hub. */
static char *worker_stacks[HUB_MAX];

static bool is_within(const char *low, size_t size, const void *address)
{
    return low && (const char *)address >= low && (const char *)address < low + size;
}

static bool is_on_worker_stack(const void *address)
{
    return worker_hub && is_within(worker_stacks[worker_hub->index], WORKER_STACK, address);
}

static bool is_on_altstack(const stack_t *s, const void *address)
{
    return !(s->ss_flags & SS_DISABLE) && is_within(s->ss_sp, s->ss_size, address);
}

/* ---- running a handler ---- */

/* SA_RESETHAND (sigaction(2)): the disposition is reset on entry. Under the lock. */
static struct kernel_action claim_action(int sig)
{
    struct kernel_action action = signal_actions[sig];
    if (action.flags & SA_RESETHAND) {
        signal_actions[sig].handler = (void *)SIG_DFL;
        signal_install(sig);
    }
    return action;
}

/* What the handler sees, as the kernel would have made it. Under the lock. */
static void enter_handler(struct green *g, int sig, const struct kernel_action *action, ucontext_t *context)
{
    struct signal_state *s = &g->signal;
    *frame_mask(context) = s->has_saved ? s->saved : s->blocked;
    s->has_saved = false;
    signal_set_blocked(g, s->blocked | action->mask | (action->flags & SA_NODEFER ? 0 : signal_bit(sig)));
    if (s->owes_verdict)
        s->owed = (struct signal_verdict){true, action->flags & SA_RESTART};
    s->owes_verdict = false;
}

/* On the stack that the handler shall run on, with all signals blocked; returns to the restorer. */
static void run_handler(int sig, siginfo_t *info, void *raw)
{
    struct green *g = self;
    ucontext_t *context = raw;
    stack_t worker_stack = context->uc_stack, altstack = g->signal.altstack;
    int depth = runtime_depth;

    struct signal_hold hold = signal_lock();
    struct kernel_action action = claim_action(sig);
    enter_handler(g, sig, &action, context);
    signal_unlock(hold);
    struct signal_verdict owed = g->signal.owed; /* the handler may wait, and be interrupted, itself */
    context->uc_stack = altstack;
    if (is_on_altstack(&altstack, raw)) {
        context->uc_stack.ss_flags |= SS_ONSTACK;
        if (altstack.ss_flags & (int)SS_AUTODISARM)
            g->signal.altstack = (stack_t){.ss_flags = SS_DISABLE};
    }
    runtime_depth = 0;
    /* The kernel would push a frame for each further signal before the first handler starts. */
    if (signal_is_due(g))
        signal_kick(worker_hub->kernel_tid);
    signal_adopt_mask_here();

    action.handler(sig, info, context);

    signal_swap_kernel_mask(SIGNALS_ALL);
    g->signal.altstack = altstack;
    g->signal.owed = owed;
    g->signal.owes_verdict = false;
    context->uc_stack = worker_stack;
    hold = signal_lock();
    uint64_t blocked = *frame_mask(context), before = g->signal.blocked;
    signal_set_blocked(g, blocked);
    signal_retarget(blocked & ~before);
    signal_unlock(hold);
    runtime_depth = depth;
    if (signal_is_due(g)) {
        atomic_fetch_or(&g->alerts, ALERT_SIGNAL);
        if (!depth)
            signal_kick(worker_hub->kernel_tid);
    }
    signal_adopt_mask_in(context);
}

/* Goes on in function, on a copy of the frame beneath top; here where top is NULL. */
static void continue_on(char *top, void (*function)(int, siginfo_t *, void *), int sig, siginfo_t *info,
                        ucontext_t *context)
{
    if (!top) {
        function(sig, info, context);
        return;
    }
    struct signal_frame *frame = frame_copy(context, top);
    frame->info = *info;
    frame_enter(frame, function, sig);
}

/* Where a handler belongs: beneath the top of the alternate stack, or on the stack that was interrupted. NULL: it is there. */
static char *stack_for(const struct green *g, bool on_altstack, ucontext_t *context)
{
    const stack_t *altstack = &g->signal.altstack;
    char *interrupted = frame_interrupted_sp(context);
    if (on_altstack && !(altstack->ss_flags & SS_DISABLE) && !is_on_altstack(altstack, interrupted))
        return (char *)altstack->ss_sp + altstack->ss_size;
    return is_on_worker_stack(context) ? interrupted - FRAME_RED_ZONE : NULL;
}

/* Runs the handler of sig for the green thread that was interrupted. */
static void deliver(struct green *g, int sig, siginfo_t *info, ucontext_t *context)
{
    continue_on(stack_for(g, signal_actions[sig].flags & SA_ONSTACK, context), run_handler, sig, info, context);
}

/* A thread on this worker is to take a signal while another computes: natively it would run at once. So the computing one is
 * switched out, unless it may hold what the other's handler needs: libc and the dynamic linker have locks that we do not see. Then it
 * is tried again a little later. */
static void give_way(void)
{
    runtime_depth++;
    hub_take_alerts();
    runtime_depth--;
    hub_yield();
}

static void make_way(int sig, siginfo_t *info, void *raw)
{
    (void)sig, (void)info;
    signal_adopt_mask_here();
    give_way();
    signal_swap_kernel_mask(SIGNALS_ALL);
    signal_adopt_mask_in(raw);
}

static void try_to_make_way(struct green *g, siginfo_t *info, ucontext_t *context)
{
    if (signal_may_switch_at((const void *)context->uc_mcontext.gregs[REG_RIP]))
        continue_on(stack_for(g, true, context), make_way, SIGNAL_KICK, info, context);
    else
        signal_kick_later(SIGNAL_OUT_OF_LIBC_NS);
}

/* The signals that g, interrupted in the program's code, may take now: the first is run here; run_handler asks for the next. */
static void deliver_next(struct green *g, siginfo_t *info, ucontext_t *context)
{
    uint64_t by_default = 0;
    int sig;
    runtime_depth = 1;
    atomic_fetch_and(&g->alerts, ~ALERT_SIGNAL);
    struct signal_hold hold = signal_lock();
    by_default = signal_drain();
    while ((sig = signal_take(g, ~g->signal.blocked, info)) && !signal_is_handled(sig))
        if (!signal_is_ignored(sig))
            by_default |= signal_bit(sig);
    signal_unlock(hold);
    for (; by_default; by_default &= by_default - 1)
        signal_act_by_default(__builtin_ctzll(by_default) + 1, NULL);
    runtime_depth = 0;
    if (sig)
        deliver(g, sig, info, context);
    else if (hub_has_alerts(g->hub))
        try_to_make_way(g, info, context);
}

/* ---- arrivals ---- */

/* tgkill of the main kernel thread means the main green thread; a failed write's signal means the one that wrote. */
static struct green *directed_to(int sig, const siginfo_t *info)
{
    if (info->si_code == SI_TKILL)
        return signal_main;
    if (signal_bit(sig) & SIGNALS_WRITER && info->si_code == SI_USER && info->si_pid == (pid_t)sys_call(SYS_getpid))
        return self;
    return NULL;
}

/* Not here, not now. */
static void put_off(int sig, siginfo_t *info)
{
    struct green *g = self;
    signal_leave_note(sig, info, directed_to(sig, info));
    if (g)
        atomic_fetch_or(&g->alerts, ALERT_SIGNAL);
    if (signal_main)
        hub_alert(signal_main);
}

static void interrupt_program(struct green *g, int sig, siginfo_t *info, ucontext_t *context)
{
    /* Alone, the mask is the kernel's affair, also the one that ppoll or sigsuspend set for a moment. */
    if (thread_is_alone(g) && signal_is_handled(sig)) {
        deliver(g, sig, info, context);
        return;
    }
    signal_leave_note(sig, info, directed_to(sig, info));
    deliver_next(g, info, context);
}

/* A thread that is not ours, or the child of vfork: as if the kernel had called the handler. */
static void run_foreign(int sig, siginfo_t *info, ucontext_t *context)
{
    struct signal_hold hold = signal_lock();
    bool is_handled = signal_is_handled(sig), is_ignored = signal_is_ignored(sig);
    struct kernel_action action = signal_actions[sig];
    if (is_handled)
        action = claim_action(sig);
    signal_unlock(hold);
    if (is_handled) {
        signal_swap_kernel_mask(*frame_mask(context) | action.mask | (action.flags & SA_NODEFER ? 0 : signal_bit(sig)));
        action.handler(sig, info, context);
    } else if (!is_ignored) {
        signal_act_by_default(sig, info);
    }
}

/* Asynchronous cancellation: unwinds from here, through the frame of the kick. */
static void act_on_cancellation(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    signal_adopt_mask_here();
    pthread_testcancel();
}

static bool must_wait_for_malloc(const struct green *g, const ucontext_t *context)
{
    if (likely(!signal_is_in_malloc((const void *)context->uc_mcontext.gregs[REG_RIP])) || thread_is_alone(g))
        return false;
    signal_kick_later(SIGNAL_OUT_OF_MALLOC_NS);
    return true;
}

static void on_kick(struct green *g, siginfo_t *info, ucontext_t *context)
{
    if (!worker_hub) {
        stoppable_stop(context);
        if (g && offload_may_unwind(g) && glibc_cancels_anywhere(g->tcb))
            pthread_testcancel();
        return;
    }
    signal_adopt_mask_in(context);
    if (info->si_code == SI_TIMER && info->si_value.sival_ptr)
        signal_timer_fired(info);
    if (!g || (!runtime_depth && must_wait_for_malloc(g, context)))
        return;
    if (!runtime_depth && glibc_cancels_anywhere(g->tcb))
        continue_on(stack_for(g, true, context), act_on_cancellation, SIGNAL_KICK, info, context);
    else if (!runtime_depth)
        deliver_next(g, info, context);
    else if (hub_has_alerts(worker_hub))
        signal_kick_later(SIGNAL_OUT_OF_LIBC_NS);
}

static bool is_fault(int sig, const siginfo_t *info)
{
    return signal_bit(sig) & SIGNALS_FAULT && info->si_code > 0;
}

/* A fault repeats when we return; with the default action it then ends the process with the true address and registers.
 * POSIX 2.4.1, Linux force_sig_info: a blocked or ignored fault kills as well. */
static void on_fault(struct green *g, int sig, siginfo_t *info, ucontext_t *context)
{
    struct signal_state *s = &g->signal;
    bool can_run = signal_is_handled(sig) && !(s->blocked & signal_bit(sig));
    if ((sig == SIGSEGV || sig == SIGBUS) && stack_is_guard(g, info->si_addr)) {
        bool has_room = signal_actions[sig].flags & SA_ONSTACK && !(s->altstack.ss_flags & SS_DISABLE);
        if (!can_run || !has_room) {
            base_say("thread %lu (%s) overflowed its stack of %zu bytes", (unsigned long)g->serial,
                     g->name[0] ? g->name : program_invocation_short_name, g->stack_size_bytes);
            can_run = false;
        }
    }
    if (can_run)
        deliver(g, sig, info, context);
    else
        signal_make_fatal(sig);
}

void signal_wrapper(int sig, siginfo_t *info, void *raw)
{
    struct green *g = self;
    ucontext_t *context = raw;
    if (sig == SIGNAL_KICK)
        on_kick(g, info, context);
    else if (unlikely(in_vfork_child) || (!worker_hub && (!g || is_fault(sig, info))))
        run_foreign(sig, info, context);
    else if (is_fault(sig, info) && g)
        on_fault(g, sig, info, context);
    else if (is_fault(sig, info))
        signal_make_fatal(sig);
    else if (g && worker_hub && !runtime_depth && !must_wait_for_malloc(g, context))
        interrupt_program(g, sig, info, context);
    else
        put_off(sig, info);
    /* Real-time signals that nobody takes fill the pool: the rest waits in the kernel. */
    if (unlikely(signal_is_congested()) && worker_hub)
        signal_adopt_mask_in(context);
}

/* ---- acting on alerts ---- */

/* Runs, in frames of their own, the handlers that are due for the caller; then those who are to act on signals as well. */
void thread_act_on_alerts(void)
{
    struct green *g = self;
    if (!worker_hub)
        return;
    atomic_fetch_and(&g->alerts, ~ALERT_SIGNAL);
    runtime_depth++;
    signal_settle();
    runtime_depth--;
    if (signal_is_due(g))
        signal_kick(g->hub->kernel_tid); /* it is delivered before tgkill returns */
    if (hub_has_alerts(g->hub))
        give_way();
    if (unlikely(glibc_cancels_anywhere(g->tcb)))
        pthread_testcancel();
}

bool signal_deliver(enum signal_restart restart)
{
    struct green *g = self;
    int depth = runtime_depth;
    runtime_depth = 0;
    thread_act_on_alerts();
    runtime_depth = depth;
    struct signal_verdict verdict = g->signal.owed;
    g->signal.owed = (struct signal_verdict){false, false};
    g->signal.owes_verdict = false;
    return verdict.has_run && !(restart == SIGNAL_RESTARTS && verdict.restarts);
}

/* ---- start ---- */

void signal_worker_init(void)
{
    int index = worker_hub->index;
    char *low = worker_stacks[index];
    if (!low)
        low = (char *)sys_call(SYS_mmap, NULL, WORKER_STACK, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if ((unsigned long)low > -4096UL)
        return;
    worker_stacks[index] = low;
    stack_t stack = {.ss_sp = low, .ss_size = WORKER_STACK};
    sys_call(SYS_sigaltstack, &stack, NULL);
    signal_adopt_mask_here();
}

void signal_wrapper_after_fork(void)
{
    stack_t inherited;
    if (sys_call(SYS_sigaltstack, NULL, &inherited) == 0)
        worker_stacks[0] = inherited.ss_sp;
}

void signal_init(void)
{
    struct kernel_action kick = {signal_wrapper, SA_SIGINFO | SA_RESTORER | SA_RESTART | SA_ONSTACK, signal_restorer,
                                 SIGNALS_ALL};
    sigset_t mask;
    signal_load_actions();
    signal_preempt_init();
    signal_main = self;
    sys_call(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof(uint64_t));
    sys_call(SYS_rt_sigaction, SIGNAL_KICK, &kick, NULL, sizeof(uint64_t));
    signal_thread_start(self, &mask);
    signal_worker_init();
}
