/* Coroutines of the program's own (makecontext, swapcontext) inside threads: each context has a signal mask, which a switch
   changes with it; arguments, links to the next context and floating point modes hold; contexts may wait. */
/* run: libs=-lm */
/* expect:
switches: 2000, masks right 2000
arguments: 1 2 3 4 5 6
rounding mode kept: 10
came back by uc_link: 10
getcontext returns again by setcontext: 3 times
a signal that one context blocks reaches the other: 10
*/
#include <fenv.h>
#include <signal.h>
#include <ucontext.h>
#include "say.h"

#define SIZE 65536
static int switches, right, rounds, linked, reached, arguments[6];
static __thread ucontext_t one, two;
static __thread volatile int got;

static int is_blocked(int signal)
{
    sigset_t now;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    return sigismember(&now, signal);
}

static void block(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(how, &set, NULL);
}

static void on_signal(int signal)
{
    (void)signal;
    got++;
}

static void coroutine(int a, int b, int c, int d, int e, int f)
{
    memcpy(arguments, (int[]){a, b, c, d, e, f}, sizeof arguments);
    fesetround(FE_UPWARD);
    block(SIG_BLOCK);
    for (int i = 0; i < 100; i++) {
        __atomic_add_fetch(&right, is_blocked(SIGUSR1), __ATOMIC_SEQ_CST);
        if (i % 20 == 0)
            sleep_ms(1);
        swapcontext(&two, &one);
    }
    raise(SIGUSR1);
    int early = got;
    swapcontext(&two, &one);
    __atomic_add_fetch(&reached, early == 0 && got == 1, __ATOMIC_SEQ_CST);
}

static void *runs(void *arg)
{
    void *stack = malloc(SIZE);
    getcontext(&two);
    two.uc_stack = (stack_t){.ss_sp = stack, .ss_size = SIZE};
    two.uc_link = &one;
    makecontext(&two, (void (*)(void))coroutine, 6, 1, 2, 3, 4, 5, 6);
    for (int i = 0; i < 101; i++) {
        swapcontext(&one, &two);
        if (i == 100)
            break;
        __atomic_add_fetch(&right, !is_blocked(SIGUSR1), __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&switches, 2, __ATOMIC_SEQ_CST);
    }
    __atomic_add_fetch(&rounds, fegetround() == FE_TONEAREST, __ATOMIC_SEQ_CST);
    swapcontext(&one, &two);
    __atomic_add_fetch(&linked, 1, __ATOMIC_SEQ_CST);
    free(stack);
    return arg;
}

static void again(void)
{
    ucontext_t here;
    volatile int times = 0;
    getcontext(&here);
    if (++times < 3)
        setcontext(&here);
    printf("getcontext returns again by setcontext: %d times\n", times);
}

int main(void)
{
    pthread_t threads[10];
    signal(SIGUSR1, on_signal);
    for (int i = 0; i < 10; i++)
        threads[i] = start(runs, NULL);
    for (int i = 0; i < 10; i++)
        join(threads[i]);
    printf("switches: %d, masks right %d\n", switches, right);
    printf("arguments:");
    for (int i = 0; i < 6; i++)
        printf(" %d", arguments[i]);
    printf("\nrounding mode kept: %d\ncame back by uc_link: %d\n", rounds, linked);
    again();
    printf("a signal that one context blocks reaches the other: %d\n", reached);
    return 0;
}
