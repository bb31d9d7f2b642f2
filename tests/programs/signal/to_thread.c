/* pthread_kill runs the handler in the thread that it names, blocked or not, and interrupts that one's call only; masks are
   each thread's own; pending signals wait for the mask; SIGUSR1 to the process goes to one that does not block it. */
/* run: */
/* expect:
handler in the right thread: 50, reads interrupted 50
others not interrupted: 50
blocked in a thread: pending 1, not in another 0
unblocked: handled at once 1
mask inherited by the new thread: 1
mask changed in one is not in others: 1
process signal goes to the one that takes it: 20
pthread_kill with 0: 0
pthread_kill, bad signal: EINVAL
raise in a thread: that thread 1
kill(getpid()) with main blocking all but one thread: 1
sigqueue value: 4711, from ourselves 1
blocked in its own handler: nested 0, afterwards 2
SA_NODEFER nests: 1
SA_RESETHAND: default after
siglongjmp out of a handler: 3
*/
#include <setjmp.h>
#include <signal.h>
#include "say.h"

enum { COUNT = 50 };
static int pipes[COUNT][2], interrupted, undisturbed, in_right;
static __thread volatile sig_atomic_t mine;
static pthread_barrier_t ready;
static volatile sig_atomic_t depth, deepest, value, from_self, handled;
static pthread_t last_handler;

static void on_usr1(int signal)
{
    (void)signal;
    mine = 1;
    last_handler = pthread_self();
}

static void install(int signal, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    NEED(sigaction(signal, &action, NULL) == 0);
}

static sigset_t set_of(int signal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    return set;
}

static void *reads(void *arg)
{
    long number = (long)arg;
    char byte;
    pthread_barrier_wait(&ready);
    ssize_t n = read(pipes[number / 2][0], &byte, 1);
    if (number % 2 == 0) {
        __atomic_add_fetch(&interrupted, n == -1 && errno == EINTR, __ATOMIC_RELAXED);
        __atomic_add_fetch(&in_right, mine, __ATOMIC_RELAXED);
    } else {
        __atomic_add_fetch(&undisturbed, n == 1 && !mine, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void kill_half(void)
{
    pthread_t threads[2 * COUNT];
    install(SIGUSR1, on_usr1, 0);
    for (int i = 0; i < COUNT; i++)
        NEED(pipe(pipes[i]) == 0);
    pthread_barrier_init(&ready, NULL, 2 * COUNT + 1);
    for (long i = 0; i < 2 * COUNT; i++)
        threads[i] = start(reads, (void *)i);
    pthread_barrier_wait(&ready);
    sleep_ms(50);
    /* Again and again: on a busy machine not all may have been blocked yet. */
    while (__atomic_load_n(&interrupted, __ATOMIC_RELAXED) < COUNT) {
        for (int i = 0; i < 2 * COUNT; i += 2)
            NEED(pthread_kill(threads[i], SIGUSR1) == 0);
        sleep_ms(50);
    }
    for (int i = 0; i < 2 * COUNT; i += 2)
        join(threads[i]);
    for (int i = 0; i < COUNT; i++)
        NEED(write(pipes[i][1], "x", 1) == 1);
    for (int i = 1; i < 2 * COUNT; i += 2)
        join(threads[i]);
    printf("handler in the right thread: %d, reads interrupted %d\n", in_right, interrupted);
    printf("others not interrupted: %d\n", undisturbed);
}

static int is_pending(int signal)
{
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, signal);
}

static void *looks_pending(void *arg)
{
    (void)arg;
    return (void *)(long)is_pending(SIGUSR1);
}

static int is_blocked(int signal)
{
    sigset_t now;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    return sigismember(&now, signal);
}

static void *looks_at_mask(void *arg)
{
    int inherited = is_blocked(SIGUSR2);
    sigset_t more = set_of(SIGHUP);
    pthread_sigmask(SIG_BLOCK, &more, NULL);
    (void)arg;
    return (void *)(long)inherited;
}

static void masks(void)
{
    sigset_t usr1 = set_of(SIGUSR1), usr2 = set_of(SIGUSR2);
    mine = 0;
    pthread_sigmask(SIG_BLOCK, &usr1, NULL);
    pthread_kill(pthread_self(), SIGUSR1);
    int here = is_pending(SIGUSR1);
    printf("blocked in a thread: pending %d, not in another %ld\n", here, (long)join(start(looks_pending, NULL)));
    NEED(!mine);
    pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
    printf("unblocked: handled at once %d\n", mine);
    pthread_sigmask(SIG_BLOCK, &usr2, NULL);
    printf("mask inherited by the new thread: %ld\n", (long)join(start(looks_at_mask, NULL)));
    printf("mask changed in one is not in others: %d\n", !is_blocked(SIGHUP));
    pthread_sigmask(SIG_UNBLOCK, &usr2, NULL);
}

static int taken, over;
static pthread_t taker;

static void on_usr1_of_taker(int signal)
{
    (void)signal;
    __atomic_add_fetch(&taken, pthread_equal(pthread_self(), taker) != 0, __ATOMIC_RELAXED);
}

static void *takes_signals(void *arg)
{
    sigset_t usr1 = set_of(SIGUSR1);
    taker = pthread_self();
    pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
        sleep_ms(1);
    return arg;
}

static void to_process(void)
{
    sigset_t usr1 = set_of(SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, NULL);
    install(SIGUSR1, on_usr1_of_taker, 0);
    pthread_t thread = start(takes_signals, NULL);
    for (int i = 0; i < 20; i++) {
        kill(getpid(), SIGUSR1);
        while (__atomic_load_n(&taken, __ATOMIC_RELAXED) <= i)
            sleep_ms(1);
    }
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    printf("process signal goes to the one that takes it: %d\n", taken);
    printf("pthread_kill with 0: %s\n", error_name(pthread_kill(thread, 0)));
    printf("pthread_kill, bad signal: %s\n", error_name(pthread_kill(pthread_self(), 999)));
    join(thread);
    install(SIGUSR1, on_usr1, 0);
    pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
}

static void *raises(void *arg)
{
    (void)arg;
    raise(SIGUSR1);
    return (void *)(long)mine;
}

static void *unblocks_and_waits(void *arg)
{
    sigset_t none;
    sigemptyset(&none);
    while (!mine)
        sigsuspend(&none);
    return arg;
}

static void on_queue(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    value = info->si_value.sival_int;
    from_self = info->si_pid == getpid() && info->si_code == SI_QUEUE;
}

static void on_nested(int signal)
{
    depth++;
    if (depth > deepest)
        deepest = depth;
    if (handled == 0 && depth == 1)
        raise(signal);
    depth--;
    handled++;
}

static sigjmp_buf before;

static void jumps(int signal)
{
    (void)signal;
    siglongjmp(before, 1);
}

static void flags(void)
{
    struct sigaction queue = {.sa_sigaction = on_queue, .sa_flags = SA_SIGINFO}, now;
    union sigval sent = {.sival_int = 4711};
    sigaction(SIGRTMIN, &queue, NULL);
    sigqueue(getpid(), SIGRTMIN, sent);
    printf("sigqueue value: %d, from ourselves %d\n", value, from_self);
    install(SIGUSR2, on_nested, 0);
    raise(SIGUSR2);
    printf("blocked in its own handler: nested %d, afterwards %d\n", deepest - 1, handled);
    install(SIGUSR2, on_nested, SA_NODEFER);
    deepest = handled = 0;
    raise(SIGUSR2);
    printf("SA_NODEFER nests: %d\n", deepest == 2);
    install(SIGUSR2, on_usr1, (int)SA_RESETHAND);
    raise(SIGUSR2);
    sigaction(SIGUSR2, NULL, &now);
    printf("SA_RESETHAND: %s after\n", now.sa_handler == SIG_DFL ? "default" : "handler");
    install(SIGUSR2, jumps, 0);
    volatile int times = 0;
    while (times < 3)
        if (sigsetjmp(before, 1) == 0)
            raise(SIGUSR2);
        else
            times++;
    printf("siglongjmp out of a handler: %d\n", times);
}

int main(void)
{
    kill_half();
    masks();
    to_process();
    printf("raise in a thread: that thread %ld\n", (long)join(start(raises, NULL)));
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    pthread_t waiter = start(unblocks_and_waits, NULL);
    sleep_ms(20);
    kill(getpid(), SIGUSR1);
    join(waiter);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    printf("kill(getpid()) with main blocking all but one thread: %d\n", pthread_equal(last_handler, waiter) != 0);
    flags();
    return 0;
}
