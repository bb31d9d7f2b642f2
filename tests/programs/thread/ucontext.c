/* Programs with coroutines of their own inside their threads: makecontext and swapcontext on malloc'ed stacks, calls that wait
   on these stacks, setjmp and longjmp over waits. */
/* run: */
/* expect:
20 threads with 5 coroutines each: steps 2000, right 20
longjmp over waits: 200
*/
#include <setjmp.h>
#include <ucontext.h>
#include "say.h"

enum { COROUTINES = 5, STEPS = 20, STACK = 64 << 10 };

struct set {
    ucontext_t main, each[COROUTINES];
    int current, finished, steps, ends[2];
};

static int total, right;
static __thread struct set *own;

/* Waits on the coroutine's stack; the thread may have been elsewhere in between, its variables are its own. */
static void step(struct set *set)
{
    char byte;
    if (set->steps % 3 == 0) {
        NEED(write(set->ends[1], "x", 1) == 1 && read(set->ends[0], &byte, 1) == 1);
    } else if (set->steps % 3 == 1) {
        sched_yield();
    } else {
        usleep(10);
    }
    NEED(own == set);
    set->steps++;
}

static void coroutine(void)
{
    struct set *set = own;
    int me = set->current;
    for (int i = 0; i < STEPS; i++) {
        step(set);
        swapcontext(&set->each[me], &set->main);
    }
    set->finished++;
}

static void *body(void *arg)
{
    struct set set = {0};
    char *stacks = malloc((size_t)COROUTINES * STACK);
    own = &set;
    NEED(pipe(set.ends) == 0);
    for (int i = 0; i < COROUTINES; i++) {
        getcontext(&set.each[i]);
        set.each[i].uc_stack.ss_sp = stacks + (size_t)i * STACK;
        set.each[i].uc_stack.ss_size = STACK;
        set.each[i].uc_link = &set.main;
        makecontext(&set.each[i], coroutine, 0);
    }
    /* Each runs STEPS times and once more to its end. */
    for (int round = 0; round <= STEPS; round++)
        for (set.current = 0; set.current < COROUTINES; set.current++)
            swapcontext(&set.main, &set.each[set.current]);
    __atomic_add_fetch(&total, set.steps, __ATOMIC_RELAXED);
    __atomic_add_fetch(&right, set.finished == COROUTINES && own == &set, __ATOMIC_RELAXED);
    close(set.ends[0]);
    close(set.ends[1]);
    free(stacks);
    return arg;
}

static void jumps_back(jmp_buf back, int value)
{
    usleep(10);
    longjmp(back, value);
}

static void *jumps(void *arg)
{
    jmp_buf back;
    volatile long times = 0;
    int value = setjmp(back);
    NEED(value == times);
    sched_yield();
    if (times < 10) {
        times++;
        jumps_back(back, (int)times);
    }
    return (void *)(times + (long)arg);
}

int main(void)
{
    pthread_t threads[20];
    long jumped = 0;
    for (int i = 0; i < 20; i++)
        threads[i] = start(body, NULL);
    for (int i = 0; i < 20; i++)
        join(threads[i]);
    printf("20 threads with 5 coroutines each: steps %d, right %d\n", total, right);
    for (int i = 0; i < 20; i++)
        threads[i] = start(jumps, NULL);
    for (int i = 0; i < 20; i++)
        jumped += (long)join(threads[i]);
    printf("longjmp over waits: %ld\n", jumped);
    return 0;
}
