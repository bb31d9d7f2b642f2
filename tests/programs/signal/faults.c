/* Faults belong to the thread and the instruction that made them: siginfo and registers are true, what the handler changes in
   the context holds, siglongjmp leaves, and other threads go on. A fault that is blocked kills. */
/* run: */
/* expect:
skipped a bad load by changing the context: 200 of 200
address true: 200, code SEGV_MAPERR 200
left by siglongjmp, mask restored: 100 of 100
division by zero: SIGFPE FPE_INTDIV 10 of 10
illegal instruction: SIGILL 10 of 10
breakpoint: SIGTRAP 10 of 10
a page mapped by the handler, then the load repeats: 10 of 10
others undisturbed: 1
*/
/* run: args=blocked; signal=SIGSEGV */
/* run: args=ignored; signal=SIGSEGV */
/* run: args=default; signal=SIGFPE */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "say.h"

static __thread sigjmp_buf back;
static __thread void *expected;
static __thread int skips, addresses, codes, code_seen;
static int skipped, right_addresses, right_codes, left, divided, illegal, traps, mapped;
static volatile int stop;
static volatile long ticks;

/* mov (%rdi),%eax is two bytes long: the handler steps over it. */
static int bad_load(void *address)
{
    int value = 1;
    __asm__ volatile("mov (%1),%%eax" : "=a"(value) : "D"(address), "0"(value) : "memory");
    return value;
}

static void skip(int signal, siginfo_t *info, void *raw)
{
    ucontext_t *context = raw;
    (void)signal;
    skips++;
    addresses += info->si_addr == expected;
    codes += info->si_code == SEGV_MAPERR;
    context->uc_mcontext.gregs[REG_RIP] += 2;
    context->uc_mcontext.gregs[REG_RAX] = 77;
}

static void *skipping(void *arg)
{
    for (int i = 0; i < 20; i++) {
        expected = (void *)(16 + (long)arg * 64 + i);
        skips += bad_load(expected) == 77 ? 0 : 1000;
        if (i % 5 == 0)
            sched_yield();
    }
    __atomic_add_fetch(&skipped, skips, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&right_addresses, addresses, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&right_codes, codes, __ATOMIC_SEQ_CST);
    return NULL;
}

static void leave(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    code_seen = info->si_code;
    siglongjmp(back, 1);
}

static void set(int signal, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(signal, &action, NULL);
}

static int is_blocked(int signal)
{
    sigset_t now;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    return sigismember(&now, signal);
}

static void *leaving(void *arg)
{
    for (volatile int i = 0; i < 10; i++) {
        if (sigsetjmp(back, 1) == 0)
            bad_load(NULL);
        else
            __atomic_add_fetch(&left, !is_blocked(SIGSEGV), __ATOMIC_SEQ_CST);
        sched_yield();
    }
    return arg;
}

static volatile int zero;

static void *others(void *arg)
{
    if (sigsetjmp(back, 1) == 0)
        zero = 100 / zero;
    else
        __atomic_add_fetch(&divided, code_seen == FPE_INTDIV, __ATOMIC_SEQ_CST);
    if (sigsetjmp(back, 1) == 0)
        __asm__ volatile("ud2");
    else
        __atomic_add_fetch(&illegal, 1, __ATOMIC_SEQ_CST);
    if (sigsetjmp(back, 1) == 0)
        __asm__ volatile("int3");
    else
        __atomic_add_fetch(&traps, 1, __ATOMIC_SEQ_CST);
    return arg;
}

static void map(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    mprotect((void *)((unsigned long)info->si_addr & ~4095UL), 4096, PROT_READ | PROT_WRITE);
}

static void *mapping(void *arg)
{
    int *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    __atomic_add_fetch(&mapped, bad_load(page + 5) == 0, __ATOMIC_SEQ_CST);
    munmap(page, 4096);
    return arg;
}

static void *ticking(void *arg)
{
    while (!stop) {
        ticks++;
        sched_yield();
    }
    return arg;
}

static void run_ten(void *(*body)(void *))
{
    pthread_t threads[10];
    for (long i = 0; i < 10; i++)
        threads[i] = start(body, (void *)i);
    for (int i = 0; i < 10; i++)
        join(threads[i]);
}

static void *dies(void *how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    if (!strcmp(how, "blocked"))
        pthread_sigmask(SIG_BLOCK, &set, NULL);
    else if (!strcmp(how, "ignored"))
        signal(SIGSEGV, SIG_IGN);
    else
        zero = 100 / zero;
    bad_load(NULL);
    return NULL;
}

int main(int argc, char **argv)
{
    set(SIGSEGV, skip);
    if (argc > 1) {
        join(start(dies, argv[1]));
        return 1;
    }
    pthread_t ticker = start(ticking, NULL);
    run_ten(skipping);
    printf("skipped a bad load by changing the context: %d of 200\n", skipped);
    printf("address true: %d, code SEGV_MAPERR %d\n", right_addresses, right_codes);
    set(SIGSEGV, leave);
    run_ten(leaving);
    printf("left by siglongjmp, mask restored: %d of 100\n", left);
    set(SIGFPE, leave);
    set(SIGILL, leave);
    set(SIGTRAP, leave);
    run_ten(others);
    printf("division by zero: SIGFPE FPE_INTDIV %d of 10\n", divided);
    printf("illegal instruction: SIGILL %d of 10\n", illegal);
    printf("breakpoint: SIGTRAP %d of 10\n", traps);
    set(SIGSEGV, map);
    run_ten(mapping);
    printf("a page mapped by the handler, then the load repeats: %d of 10\n", mapped);
    long before = ticks;
    while (ticks == before)
        sched_yield();
    stop = 1;
    join(ticker);
    printf("others undisturbed: 1\n");
    return 0;
}
