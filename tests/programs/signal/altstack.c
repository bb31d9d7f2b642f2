/* Alternate stacks belong to their threads; handlers with SA_ONSTACK run there, also after an overflow of the thread's stack, also
   when they park or leave by siglongjmp; errors of sigaltstack. */
/* run: */
/* expect:
handler on its thread's alternate stack: 20 of 20
without SA_ONSTACK on the thread's own: 20 of 20
on it: flag seen 1, change refused EPERM
new threads have none: 1
overflows survived on the alternate stack: 10 of 10
too small: ENOMEM
bad flags: EINVAL
a handler that parks on it: 5 of 5
*/
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include "say.h"

#define SIZE 65536
static __thread char *low;
static __thread int was_on, was_off, saw_flag, refused;
static __thread sigjmp_buf back;
static int on_count, off_count, flags_seen, refusals, none_count, survived, parked;
static sem_t go;

static int is_on_it(void)
{
    char here;
    return &here >= low && &here < low + SIZE;
}

static void on_stack(int signal)
{
    stack_t old, other = {.ss_flags = SS_DISABLE};
    (void)signal;
    was_on = is_on_it();
    sigaltstack(NULL, &old);
    saw_flag = old.ss_flags == SS_ONSTACK;
    refused = sigaltstack(&other, NULL) == -1 ? errno : 0;
}

static void off_stack(int signal)
{
    (void)signal;
    was_off = !is_on_it();
}

static void take_altstack(void)
{
    low = malloc(SIZE);
    stack_t stack = {.ss_sp = low, .ss_size = SIZE};
    NEED(sigaltstack(&stack, NULL) == 0);
}

static void drop_altstack(void)
{
    stack_t none = {.ss_flags = SS_DISABLE};
    NEED(sigaltstack(&none, NULL) == 0);
    free(low);
}

static void *handles(void *arg)
{
    stack_t old;
    sigaltstack(NULL, &old);
    __atomic_add_fetch(&none_count, old.ss_flags == SS_DISABLE, __ATOMIC_SEQ_CST);
    take_altstack();
    raise(SIGUSR1);
    raise(SIGUSR2);
    __atomic_add_fetch(&on_count, was_on, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&off_count, was_off, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&flags_seen, saw_flag, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&refusals, refused == EPERM, __ATOMIC_SEQ_CST);
    drop_altstack();
    return arg;
}

static void overflowed(int signal)
{
    (void)signal;
    siglongjmp(back, is_on_it() ? 1 : 2);
}

static volatile int endless = 1;

static __attribute__((noinline)) int grows(volatile char *above)
{
    volatile char frame[4096];
    frame[0] = above[0];
    return endless ? frame[0] + grows(frame) : 0;
}

static void *overflows(void *arg)
{
    take_altstack();
    for (int i = 0; i < 2; i++) {
        volatile char start = 0;
        int how = sigsetjmp(back, 1);
        if (how == 0)
            grows(&start);
        __atomic_add_fetch(&survived, how == 1, __ATOMIC_SEQ_CST);
    }
    drop_altstack();
    return arg;
}

static void parks(int signal)
{
    (void)signal;
    while (sem_wait(&go))
        ;
    __atomic_add_fetch(&parked, is_on_it(), __ATOMIC_SEQ_CST);
}

static void *raises(void *arg)
{
    take_altstack();
    raise(SIGHUP);
    drop_altstack();
    return arg;
}

static void set(int signal, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(signal, &action, NULL);
}

int main(void)
{
    pthread_t threads[20], five[5];
    set(SIGUSR1, on_stack, SA_ONSTACK);
    set(SIGUSR2, off_stack, 0);
    set(SIGSEGV, overflowed, SA_ONSTACK);
    set(SIGHUP, parks, SA_ONSTACK);
    sem_init(&go, 0, 0);
    for (int i = 0; i < 20; i++)
        threads[i] = start(handles, NULL);
    for (int i = 0; i < 20; i++)
        join(threads[i]);
    printf("handler on its thread's alternate stack: %d of 20\n", on_count);
    printf("without SA_ONSTACK on the thread's own: %d of 20\n", off_count);
    printf("on it: flag seen %d, change refused %s\n", flags_seen == 20, refusals == 20 ? "EPERM" : "not");
    printf("new threads have none: %d\n", none_count == 20);
    for (int i = 0; i < 5; i++)
        five[i] = start(overflows, NULL);
    for (int i = 0; i < 5; i++)
        join(five[i]);
    printf("overflows survived on the alternate stack: %d of 10\n", survived);
    stack_t small = {.ss_sp = threads, .ss_size = 100}, bad = {.ss_sp = threads, .ss_flags = 64, .ss_size = SIZE};
    sigaltstack(&small, NULL);
    printf("too small: %s\n", error_name(errno));
    sigaltstack(&bad, NULL);
    printf("bad flags: %s\n", error_name(errno));
    for (int i = 0; i < 5; i++)
        five[i] = start(raises, NULL);
    sleep_ms(10);
    for (int i = 0; i < 5; i++)
        sem_post(&go);
    for (int i = 0; i < 5; i++)
        join(five[i]);
    printf("a handler that parks on it: %d of 5\n", parked);
    return 0;
}
