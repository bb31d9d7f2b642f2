/* Kernel threads that wait for children: see the header. */
#include "runtime/reaper.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/wait.h>

#include "runtime/native.h"
#include "runtime/park.h"

#define REAPER_MAX 64
#define REAPER_STACK (16 * 1024)

/* What children, and what of them. */
struct selection {
    int type, id, options;
};

struct reaper {
    struct selection of;    /* guarded by the lock while idle; constant while at work */
    bool exists;            /* guarded by the lock: its kernel thread has been made */
    _Atomic uint32_t round; /* odd: at work. Waiters park on it, the idle thread sleeps on it. */
};

static struct reaper reapers[REAPER_MAX];
static struct spin lock;

static bool is_at_work(const struct reaper *r)
{
    return atomic_load(&r->round) & 1;
}

static void *reap(void *argument)
{
    struct reaper *r = argument;
    for (;;) {
        uint32_t round = atomic_load(&r->round);
        if (!(round & 1)) {
            sys_call(SYS_futex, &r->round, FUTEX_WAIT_PRIVATE, round, NULL);
            continue;
        }
        long result;
        do
            result = sys_call(SYS_waitid, r->of.type, r->of.id, NULL, r->of.options | WNOWAIT, NULL);
        while (result == -EINTR);
        atomic_fetch_add(&r->round, 1);
        park_wake(&r->round, UINT32_MAX, 0);
    }
    return NULL;
}

/* Under the lock: the one at work on the same, else an idle one, else a new one; NULL when there is none. */
static struct reaper *choose(const struct selection *of)
{
    struct reaper *idle = NULL;
    for (struct reaper *r = reapers; r < reapers + REAPER_MAX; r++) {
        if (r->exists && is_at_work(r) && memcmp(&r->of, of, sizeof(*of)) == 0)
            return r;
        if (!is_at_work(r) && (!idle || (r->exists && !idle->exists)))
            idle = r;
    }
    return idle;
}

/* Sees to it that somebody waits for these children; *round is odd until something happened. */
static struct reaper *engage(const struct selection *of, uint32_t *round)
{
    spin_lock(&lock);
    struct reaper *r = choose(of);
    if (r && !r->exists) {
        pthread_t thread;
        r->exists = native_thread_start(&thread, "green-wait", REAPER_STACK, reap, r) == 0;
        if (!r->exists)
            r = NULL;
    }
    if (r) {
        /* One look: it may finish at any moment, but only we start it. */
        *round = atomic_load(&r->round);
        if (!(*round & 1)) {
            r->of = *of;
            *round = atomic_fetch_add(&r->round, 1) + 1;
            sys_call(SYS_futex, &r->round, FUTEX_WAKE_PRIVATE, 1);
        }
    }
    spin_unlock(&lock);
    return r;
}

struct attempt {
    struct reaper *reaper;
    uint32_t round;
};

static bool nothing_happened(void *argument)
{
    struct attempt *a = argument;
    return atomic_load(&a->reaper->round) == a->round;
}

int reaper_wait(int type, int id, int options, unsigned flags)
{
    /* Whose child it is within the process is the business of the caller's own look (__WNOTHREAD). */
    struct selection of = {type, id, options & ~__WNOTHREAD};
    struct attempt attempt = {0};
    runtime_enter();
    attempt.reaper = engage(&of, &attempt.round);
    runtime_leave();
    if (!attempt.reaper)
        return -1;
    struct park_request request = {.key = &attempt.reaper->round,
                                   .kind = WAIT_CHILD,
                                   .flags = flags,
                                   .deadline_ns = DEADLINE_NEVER,
                                   .validate = nothing_happened,
                                   .argument = &attempt};
    int reason = park_wait(&request);
    return reason == PARK_INVALID ? WAKE_UP : reason;
}

void reaper_after_fork(void)
{
    atomic_store(&lock.locked, 0);
    memset(reapers, 0, sizeof(reapers));
}
