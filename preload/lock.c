/* Waiting and waking for mutexes, read-write locks and semaphores; see the header. */
#include "preload/lock.h"

#define OVERTAKEN_SHIFT 8 /* the bit of an overtaken waiter is its kind's, shifted */

struct attempt {
    const struct lock_wait *wait;
    int result;
};

static bool must_wait(void *argument)
{
    struct attempt *attempt = argument;
    attempt->result = attempt->wait->try(attempt->wait->object);
    return attempt->result == EBUSY;
}

bool lock_interrupted(int64_t deadline_ns)
{
    /* The kernel has run the handlers of a foreign thread, and restarted its sleep if it could. */
    return !self || signal_deliver(deadline_ns == DEADLINE_NEVER ? SIGNAL_RESTARTS : SIGNAL_NEVER_RESTARTS);
}

/* Locks are no cancellation points, but asynchronous cancellation may end a thread anywhere (POSIX 2.9.5); only not inside libc, whose
 * state would stay half changed. */
static unsigned alerts_of(const struct lock_wait *wait)
{
    bool anywhere = self && wait->kind != WAIT_LIBC_LOCK && *glibc_cancel_word(self->tcb) & CANCEL_ASYNCHRONOUS;
    return wait->flags | (anywhere ? HUB_PARK_CANCEL : 0);
}

int lock_wait(const struct lock_wait *wait)
{
    struct attempt attempt = {wait, EBUSY};
    struct park_request request = {
        .key = wait->object,
        .bits = wait->waiter,
        .kind = wait->kind,
        .flags = alerts_of(wait),
        .deadline_ns = wait->deadline_ns,
        .validate = must_wait,
        .argument = &attempt,
    };
    for (;;) {
        switch (park_wait(&request)) {
        case PARK_INVALID: return attempt.result;
        case WAKE_UP:
            if (!must_wait(&attempt))
                return attempt.result;
            request.bits = wait->waiter << OVERTAKEN_SHIFT;
            break;
        case WAKE_TIMEOUT: return ETIMEDOUT;
        case WAKE_CANCEL:
            if (wait->flags & HUB_PARK_CANCEL)
                return ECANCELED;
            pthread_testcancel();
            break;
        case WAKE_SIGNAL:
            if (lock_interrupted(wait->deadline_ns) && wait->may_interrupt)
                return EINTR;
        }
    }
}

static bool wake(const void *object, unsigned max, uint32_t waiter)
{
    if (park_wake(object, max, waiter << OVERTAKEN_SHIFT)) {
        if (max > 1)
            park_wake(object, max, waiter);
        if (hook_self())
            hub_yield();
        return true;
    }
    return park_wake(object, max, waiter);
}

bool lock_wake_one(const void *object, uint32_t waiter)
{
    return wake(object, 1, waiter);
}

bool lock_wake_all(const void *object, uint32_t waiter)
{
    return wake(object, UINT32_MAX, waiter);
}

void lock_wake_one_and_go_on(const void *object, uint32_t waiter)
{
    if (!park_wake(object, 1, waiter << OVERTAKEN_SHIFT))
        park_wake(object, 1, waiter);
}

__thread unsigned lock_breath;

void lock_breathe_now(void)
{
    if (hook_green(FAMILY_lock))
        hub_yield();
}

int lock_tried(int result)
{
    if (unlikely(result == EBUSY) && hook_self())
        hub_yield();
    return result;
}

static void end_offload(const bool *is_offloaded)
{
    if (*is_offloaded)
        offload_end_cancelable();
}

int lock_call_blocking(const struct lock_call *call)
{
    /* Cancellation may unwind the call. */
    __attribute__((cleanup(end_offload))) bool is_offloaded =
        hook_green(FAMILY_lock) && offload_begin_cancelable() == 0;
    return call->function(call);
}
