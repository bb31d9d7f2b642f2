/* Pending signals of the process and of green threads.
 *
 * A signal that carries information is a note from a fixed pool; a plain pthread_kill is only a bit in its target's set. Notes
 * go through two lists: `arrived`, where the wrapper leaves them without a lock (it may have interrupted the lock's holder),
 * and `queued`, in order of arrival, under the lock. Standard signals are pending once, real-time signals as often as they
 * were sent (signal(7)). */
#include "runtime/signal_internal.h"

#define NOTES 4096
#define NOTES_IN_RESERVE 256

static struct signal_note notes[NOTES];
static _Atomic uint32_t notes_used;
static _Atomic uint32_t free_hint;            /* where to look for a free one: the last one given back */
static _Atomic(struct signal_note *) arrived; /* newest first */
static struct signal_note *queued_head, *queued_tail;
uint64_t signal_process_pending;

static struct signal_note *take_note(void)
{
    if (atomic_fetch_add(&notes_used, 1) >= NOTES) {
        atomic_fetch_sub(&notes_used, 1);
        return NULL;
    }
    for (uint32_t i = atomic_load_explicit(&free_hint, memory_order_relaxed);; i = (i + 1) % NOTES) {
        uint32_t is_free = 0;
        if (!atomic_compare_exchange_strong(&notes[i].used, &is_free, 1))
            continue;
        return &notes[i];
    }
}

static void give_note(struct signal_note *n)
{
    atomic_store(&n->used, 0);
    atomic_store_explicit(&free_hint, (uint32_t)(n - notes), memory_order_relaxed);
    atomic_fetch_sub(&notes_used, 1);
}

bool signal_is_congested(void)
{
    return atomic_load_explicit(&notes_used, memory_order_relaxed) > NOTES - NOTES_IN_RESERVE;
}

static struct signal_note *write_note(int sig, const siginfo_t *info, struct green *target)
{
    struct signal_note *n = take_note();
    if (n) {
        n->sig = sig;
        n->target = target;
        n->info = *info;
    }
    return n;
}

bool signal_leave_note(int sig, const siginfo_t *info, struct green *target)
{
    struct signal_note *n = write_note(sig, info, target);
    if (!n)
        return false;
    struct signal_note *top = atomic_load(&arrived);
    do
        n->next = top;
    while (!atomic_compare_exchange_weak(&arrived, &top, n));
    return true;
}

bool signal_has_notes(void)
{
    return atomic_load_explicit(&arrived, memory_order_relaxed) != NULL;
}

static struct signal_note *take_arrived(void)
{
    struct signal_note *newest = atomic_exchange(&arrived, NULL), *oldest = NULL;
    while (newest) {
        struct signal_note *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

uint64_t signal_drain(void)
{
    uint64_t due_by_default = 0;
    for (struct signal_note *n = take_arrived(), *next; n; n = next) {
        next = n->next;
        int sig = n->sig;
        siginfo_t info = n->info;
        struct green *target = n->target;
        give_note(n);
        if (signal_accept(sig, &info, target))
            due_by_default |= signal_bit(sig);
    }
    return due_by_default;
}

static uint64_t *pending_of(struct green *target)
{
    return target ? &target->signal.pending : &signal_process_pending;
}

static bool carries_nothing(const siginfo_t *info, const struct green *target)
{
    return !info || (target && info->si_code == SI_TKILL);
}

/* timer_create(2): a timer has at most one signal pending; what comes meanwhile is counted. */
static bool counts_as_overrun(int sig, const siginfo_t *info)
{
    if (info->si_code != SI_TIMER)
        return false;
    for (struct signal_note *n = queued_head; n; n = n->next)
        if (n->sig == sig && n->info.si_code == SI_TIMER && n->info.si_timerid == info->si_timerid) {
            n->info.si_overrun += info->si_overrun + 1;
            return true;
        }
    return false;
}

/* As the kernel fills it for tgkill. */
static void fill_plain(int sig, siginfo_t *info)
{
    memset(info, 0, sizeof(*info));
    info->si_signo = sig;
    info->si_code = SI_TKILL;
    info->si_pid = (pid_t)sys_call(SYS_getpid);
    info->si_uid = (uid_t)sys_call(SYS_getuid);
}

bool signal_queue(int sig, const siginfo_t *info, struct green *target)
{
    uint64_t *pending = pending_of(target), bit = signal_bit(sig);
    if (sig < SIGRTMIN && *pending & bit)
        return true;
    if (carries_nothing(info, target) && sig < SIGRTMIN) {
        *pending |= bit;
        return true;
    }
    siginfo_t plain;
    if (!info) {
        fill_plain(sig, &plain);
        info = &plain;
    }
    if (counts_as_overrun(sig, info))
        return true;
    struct signal_note *n = write_note(sig, info, target);
    if (!n)
        return false;
    n->next = NULL;
    if (queued_tail)
        queued_tail->next = n;
    else
        queued_head = n;
    queued_tail = n;
    *pending |= bit;
    return true;
}

/* Takes the note out that *link points to; prev is the one before it. */
static void unlink_note(struct signal_note **link, struct signal_note *prev)
{
    struct signal_note *n = *link;
    *link = n->next;
    if (queued_tail == n)
        queued_tail = prev;
    give_note(n);
}

/* Fills info from the first note of (sig, target) and says whether another one is left. */
static bool take_queued(int sig, const struct green *target, siginfo_t *info)
{
    struct signal_note *prev = NULL, **link = &queued_head;
    bool was_found = false;
    while (*link) {
        struct signal_note *n = *link;
        if (n->sig != sig || n->target != target) {
            prev = n;
            link = &n->next;
        } else if (was_found) {
            return true;
        } else {
            was_found = true;
            *info = n->info;
            unlink_note(link, prev);
        }
    }
    if (!was_found)
        fill_plain(sig, info);
    return false;
}

/* Faults first, then the lowest number (signal(7)). */
static int first_of(uint64_t set)
{
    uint64_t faults = set & SIGNALS_FAULT;
    return __builtin_ctzll(faults ? faults : set) + 1;
}

int signal_take(struct green *g, uint64_t set, siginfo_t *info)
{
    uint64_t own = g->signal.pending & set, shared = own ? 0 : signal_pending_for(g) & set;
    if (!(own | shared))
        return 0;
    struct green *target = own ? g : NULL;
    int sig = first_of(own | shared);
    if (!take_queued(sig, target, info))
        *pending_of(target) &= ~signal_bit(sig);
    return sig;
}

static void drop_where(int sig, const struct green *target)
{
    struct signal_note *prev = NULL, **link = &queued_head;
    while (*link) {
        struct signal_note *n = *link;
        if (sig ? n->sig == sig : n->target == target) {
            unlink_note(link, prev);
        } else {
            prev = n;
            link = &n->next;
        }
    }
}

static void clear_pending(struct green *g, void *bit)
{
    g->signal.pending &= ~*(uint64_t *)bit;
}

void signal_discard(int sig)
{
    uint64_t bit = signal_bit(sig);
    drop_where(sig, NULL);
    signal_process_pending &= ~bit;
    if (signal_live)
        thread_each(clear_pending, &bit);
}

void signal_discard_of(struct green *g)
{
    if (g->signal.pending)
        drop_where(0, g);
    g->signal.pending = 0;
}

void signal_queue_after_fork(void)
{
    /* Only when there are any: most of their pages were never touched. */
    if (atomic_exchange(&notes_used, 0))
        memset(notes, 0, sizeof(notes));
    atomic_store(&arrived, NULL);
    queued_head = queued_tail = NULL;
    signal_process_pending = 0;
}
