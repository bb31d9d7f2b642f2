/* Signals whose default is death kill the whole process with the right status, from whatever thread and whoever is blocked;
   handlers of synchronous faults run in the thread that made them, on its alternate stack if it has one. */
/* run: args=term-by-thread; signal=SIGTERM */
/* run: args=kill-by-child; signal=SIGINT */
/* run: args=abort; signal=SIGABRT */
/* run: args=segv; signal=SIGSEGV */
/* run: args=fpe; signal=SIGFPE */
/* run: args=bus; signal=SIGBUS */
/* run: args=pipe; signal=SIGPIPE */
/* run: args=alarm; signal=SIGALRM */
/* run: args=segv-handler; exit=3 */
/* expect:
segv-handler
handler: SIGSEGV at the address 1, in the right thread 1
*/
/* run: args=segv-altstack; exit=3 */
/* expect:
segv-altstack
handler: SIGSEGV at the address 1, in the right thread 1
*/
/* run: args=overflow-altstack; exit=4 */
/* expect:
overflow-altstack
overflow handled on the alternate stack 1
*/
/* run: args=segv-repaired */
/* expect:
segv-repaired
repaired: 100
*/
/* run: args=term-handler; exit=7 */
/* expect:
term-handler
handler exits
*/
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "say.h"

static const char *how;
static pthread_t faulting;
static char *forbidden, alternate[65536];
static int repaired;

static void *waits(void *arg)
{
    for (;;)
        pause();
    return arg;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    say("handler: SIG%s at the address %d, in the right thread %d", sigabbrev_np(signal), info->si_addr == forbidden,
        pthread_equal(faulting, pthread_self()) != 0);
    _exit(3);
}

static void on_overflow(int signal)
{
    char here;
    (void)signal;
    say("overflow handled on the alternate stack %d", &here >= alternate && &here < alternate + sizeof alternate);
    _exit(4);
}

static void repairs(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    repaired++;
    NEED(mprotect((char *)((unsigned long)info->si_addr & ~4095UL), 4096, PROT_READ | PROT_WRITE) == 0);
}

static void exits(int signal)
{
    (void)signal;
    say("handler exits");
    exit(7);
}

static void install(int signal, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigaction(signal, &action, NULL);
}

static void use_alternate(void)
{
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    NEED(sigaltstack(&stack, NULL) == 0);
}

__attribute__((noinline)) static int overflow(volatile int depth)
{
    volatile char frame[2000];
    frame[depth % 2000] = 1;
    return depth < 0 ? 0 : overflow(depth + 1) + frame[depth % 2000];
}

static void kill_by_child(void)
{
    pid_t parent = getpid();
    if (fork() == 0) {
        sleep_ms(30);
        kill(parent, SIGINT);
        _exit(0);
    }
    waits(NULL);
}

static void repair_many(void)
{
    char *pages = mmap(NULL, 100 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    install(SIGSEGV, repairs, 0);
    for (int i = 0; i < 100; i++) {
        pages[i * 4096L] = 1;
        if (i % 10 == 0)
            sched_yield();
    }
    say("repaired: %d", repaired);
    exit(0);
}

static void *dies(void *arg)
{
    volatile int zero = 0, seven = 7;
    faulting = pthread_self();
    if (strcmp(how, "term-by-thread") == 0)
        kill(getpid(), SIGTERM);
    else if (strcmp(how, "kill-by-child") == 0)
        kill_by_child();
    else if (strcmp(how, "abort") == 0)
        abort();
    else if (strcmp(how, "fpe") == 0)
        exit(seven / zero);
    else if (strcmp(how, "bus") == 0)
        raise(SIGBUS);
    else if (strcmp(how, "pipe") == 0) {
        int ends[2];
        NEED(pipe(ends) == 0);
        close(ends[0]);
        NEED(write(ends[1], "x", 1) == -1);
    } else if (strcmp(how, "alarm") == 0) {
        alarm(1);
    } else if (strcmp(how, "term-handler") == 0) {
        signal(SIGTERM, exits);
        kill(getpid(), SIGTERM);
    } else if (strcmp(how, "segv-repaired") == 0) {
        repair_many();
    } else if (strcmp(how, "overflow-altstack") == 0) {
        struct sigaction action = {.sa_handler = on_overflow, .sa_flags = SA_ONSTACK};
        use_alternate();
        sigaction(SIGSEGV, &action, NULL);
        exit(overflow(0));
    } else {
        if (strcmp(how, "segv-altstack") == 0)
            use_alternate();
        if (strcmp(how, "segv") != 0)
            install(SIGSEGV, on_fault, SA_ONSTACK);
        *(volatile char *)forbidden = 1;
    }
    return waits(arg);
}

int main(int argc, char **argv)
{
    NEED(argc == 2);
    how = argv[1];
    forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    say("%s", how);
    for (int i = 0; i < 5; i++)
        start(waits, NULL);
    sleep_ms(10);
    start(dies, NULL);
    waits(NULL);
}
