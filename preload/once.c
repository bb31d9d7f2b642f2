/* pthread_once (POSIX) and C11's call_once, which are the same in glibc.
 *
 * libc runs its own initialisation through pthread_once, and that reads files: hence a deep hook, or a second caller
 * would freeze the worker. So there is no real function left to call, and the whole state machine is here:
 *
 *     0 --first caller--> RUNNING | generation --returned--> DONE
 *     ^------- cancelled, or an exception --------'
 *
 * The generation is the process: in the child of a fork nobody is left who runs what the parent had begun, so it begins anew. */
#include "preload/lock.h"

#define ONCE_RUNNING 1u
#define ONCE_DONE 2u

struct run {
    _Atomic unsigned *state;
    unsigned outcome; /* what to leave behind: 0 until the routine has returned */
};

static void end_run(struct run *run)
{
    atomic_exchange(run->state, run->outcome);
    if (park_may_have_waiters(run->state))
        park_wake(run->state, UINT32_MAX, 0);
}

static void run_routine(_Atomic unsigned *state, void (*routine)(void))
{
    __attribute__((cleanup(end_run))) struct run run = {state, 0};
    routine();
    run.outcome = ONCE_DONE;
}

struct turn {
    _Atomic unsigned *state;
    unsigned running; /* the state in which somebody of this process runs it */
};

static bool is_running(void *argument)
{
    const struct turn *turn = argument;
    return atomic_load(turn->state) == turn->running;
}

static void wait_for_end(struct turn *turn)
{
    if (park_wait(&(struct park_request){
            .key = turn->state,
            .kind = WAIT_ONCE,
            .flags = HUB_PARK_SIGNAL,
            .deadline_ns = DEADLINE_NEVER,
            .validate = is_running,
            .argument = turn,
        }) == WAKE_SIGNAL)
        lock_interrupted(DEADLINE_NEVER);
}

static void once_slowly(_Atomic unsigned *state, void (*routine)(void))
{
    struct turn turn = {state, (unsigned)sys_call(SYS_getpid) << 2 | ONCE_RUNNING};
    unsigned seen = atomic_load(state);
    while (!(seen & ONCE_DONE)) {
        if (seen == turn.running) {
            wait_for_end(&turn);
            seen = atomic_load(state);
        } else if (atomic_compare_exchange_strong(state, &seen, turn.running)) {
            run_routine(state, routine);
            return;
        }
    }
}

/* POSIX pthread_once: 0. Not a cancellation point, but the routine may be one. */
HOOK_EXPORT int pthread_once(pthread_once_t *control, void (*routine)(void))
{
    _Atomic unsigned *state = (_Atomic unsigned *)control;
    if (unlikely(!(atomic_load_explicit(state, memory_order_acquire) & ONCE_DONE)))
        once_slowly(state, routine);
    return 0;
}

HOOK_ALIAS(__pthread_once, pthread_once);

/* C11 7.26.2.1. */
HOOK_EXPORT void call_once(once_flag *flag, void (*routine)(void))
{
    pthread_once((pthread_once_t *)flag, routine);
}
