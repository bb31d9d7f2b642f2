/* Signals: whose mask counts in the kernel, what stays pending where, in what order it is taken, and what ends a wait. */
#include "tests/unit/runtime.h"

#include <errno.h>

#include "runtime/signal.h"

static sigset_t set_of(int sig)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    return set;
}

/* Outside the runtime's own functions there are no hooks here: this asks the kernel. */
static bool kernel_blocks(int sig)
{
    uint64_t mask = 0;
    sys_call(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof(mask));
    return mask >> (sig - 1) & 1;
}

static bool is_pending(int sig)
{
    sigset_t set;
    sigemptyset(&set);
    signal_pending(&set);
    return sigismember(&set, sig);
}

static void change(int how, int sig)
{
    sigset_t set = set_of(sig);
    cr_assert_eq(signal_change_mask(how, &set, NULL), 0);
}

static int handled, last_value;

static void on_signal(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    handled++;
    last_value = info->si_value.sival_int;
}

static void handle(int sig, int flags)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags};
    cr_assert_eq(signal_change_action(sig, &action, NULL), 0);
}

static void *block_and_yield(void *argument)
{
    change(SIG_BLOCK, SIGUSR1);
    hub_yield();
    return argument;
}

Test(signal, kernel_blocks_what_all_threads_block)
{
    runtime_start(1);
    pthread_t t = go(block_and_yield, NULL);
    hub_yield();
    cr_assert(!kernel_blocks(SIGUSR1), "main does not block it");
    change(SIG_BLOCK, SIGUSR1);
    cr_assert(kernel_blocks(SIGUSR1));
    change(SIG_UNBLOCK, SIGUSR1);
    cr_assert(!kernel_blocks(SIGUSR1));
    end_of(t);
}

static void *do_nothing(void *argument)
{
    return argument;
}

Test(signal, end_of_the_one_that_let_it_through_blocks_it)
{
    runtime_start(1);
    pthread_t t = go(do_nothing, NULL);
    change(SIG_BLOCK, SIGUSR1);
    cr_assert(!kernel_blocks(SIGUSR1), "the other thread does not block it");
    end_of(t);
    cr_assert(kernel_blocks(SIGUSR1));
}

Test(signal, directed_signal_waits_for_its_threads_mask)
{
    runtime_start(1);
    pthread_t t = go(do_nothing, NULL);
    handle(SIGUSR1, 0);
    change(SIG_BLOCK, SIGUSR1);
    cr_assert_eq(signal_send(self, SIGUSR1, NULL), 0);
    cr_assert_eq(signal_send(self, SIGUSR1, NULL), 0);
    cr_assert(is_pending(SIGUSR1));
    cr_assert_eq(handled, 0);
    change(SIG_UNBLOCK, SIGUSR1);
    cr_assert_eq(handled, 1, "a standard signal is pending once");
    cr_assert(!is_pending(SIGUSR1));
    end_of(t);
}

Test(signal, realtime_signals_queue_in_order)
{
    runtime_start(1);
    pthread_t t = go(do_nothing, NULL);
    sigset_t set = set_of(SIGRTMIN);
    siginfo_t info = {.si_signo = SIGRTMIN, .si_code = SI_QUEUE}, got;
    change(SIG_BLOCK, SIGRTMIN);
    for (int i = 0; i < 3; i++) {
        info.si_value.sival_int = i;
        cr_assert_eq(signal_send(self, SIGRTMIN, &info), 0);
    }
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(signal_wait(&set, &got, DEADLINE_NEVER), SIGRTMIN);
        cr_assert_eq(got.si_value.sival_int, i);
    }
    cr_assert_eq(signal_wait(&set, &got, deadline_now()), -EAGAIN);
    end_of(t);
}

Test(signal, ignoring_discards_what_is_pending)
{
    runtime_start(1);
    pthread_t t = go(do_nothing, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    handle(SIGUSR1, 0);
    change(SIG_BLOCK, SIGUSR1);
    signal_send(self, SIGUSR1, NULL);
    cr_assert_eq(signal_change_action(SIGUSR1, &ignore, NULL), 0);
    cr_assert(!is_pending(SIGUSR1));
    end_of(t);
}

static int interrupted, restarted;

static void *park_once(void *restart)
{
    hub_prepare(self, WAIT_SLEEP, 0, HUB_PARK_SIGNAL);
    enum wake wake = hub_park(DEADLINE_NEVER);
    cr_assert_eq(wake, WAKE_SIGNAL);
    if (signal_deliver(restart ? SIGNAL_RESTARTS : SIGNAL_NEVER_RESTARTS))
        interrupted++;
    else
        restarted++;
    return NULL;
}

Test(signal, sa_restart_decides_between_eintr_and_going_on)
{
    runtime_start(1);
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART)
        for (intptr_t restarts = 0; restarts <= 1; restarts++) {
            handle(SIGUSR1, flags);
            pthread_t t = go(park_once, (void *)restarts);
            hub_yield();
            cr_assert_eq(signal_send(thread_find(t), SIGUSR1, NULL), 0);
            end_of(t);
        }
    cr_assert_eq(handled, 4);
    cr_assert_eq(interrupted, 3);
    cr_assert_eq(restarted, 1);
}

/* What a hook does on the way to signal_deliver may leave the runtime, and so run the handlers. */
static void *leave_before_delivering(void *unused)
{
    hub_prepare(self, WAIT_SLEEP, 0, HUB_PARK_SIGNAL);
    hub_park(DEADLINE_NEVER);
    runtime_enter();
    runtime_leave();
    cr_assert_eq(handled, 1);
    cr_assert(signal_deliver(SIGNAL_RESTARTS));
    return unused;
}

Test(signal, handlers_that_ran_before_deliver_count)
{
    runtime_start(1);
    handle(SIGUSR1, 0);
    pthread_t t = go(leave_before_delivering, NULL);
    hub_yield();
    signal_send(thread_find(t), SIGUSR1, NULL);
    end_of(t);
}

static void *send_to_process(void *unused)
{
    siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_USER};
    cr_assert_eq(signal_send_process(SIGUSR1, &info), 0);
    cr_assert_eq(handled, 0, "main takes it, not the sender");
    return unused;
}

Test(signal, process_signal_interrupts_main)
{
    runtime_start(1);
    handle(SIGUSR1, 0);
    go(send_to_process, NULL);
    park_once(NULL);
    cr_assert_eq(handled, 1);
    cr_assert_eq(interrupted, 1);
}

Test(signal, mask_of_a_call_lets_a_pending_signal_end_it)
{
    runtime_start(1);
    pthread_t t = go(do_nothing, NULL);
    sigset_t none;
    sigemptyset(&none);
    handle(SIGUSR1, SA_RESTART);
    change(SIG_BLOCK, SIGUSR1);
    signal_send(self, SIGUSR1, NULL);
    signal_with_mask_begin(&none);
    cr_assert_eq(handled, 0, "handlers wait for the call's own look");
    hub_prepare(self, WAIT_SLEEP, 0, HUB_PARK_SIGNAL);
    cr_assert_eq(hub_park(DEADLINE_NEVER), WAKE_SIGNAL);
    cr_assert(signal_deliver(SIGNAL_NEVER_RESTARTS));
    signal_with_mask_end();
    cr_assert_eq(handled, 1);
    signal_send(self, SIGUSR1, NULL);
    cr_assert_eq(handled, 1, "the former mask is back");
    end_of(t);
}
