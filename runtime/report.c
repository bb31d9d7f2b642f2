/* The deadlock report. It runs in a hub's context while all other hubs sleep. A stack is printed by the thread that it belongs to:
 * the hub lets each of its threads run for just that. */
#include "runtime/report.h"

#include <dirent.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/hub.h"
#include "runtime/offload.h"
#include "runtime/registry.h"
#include "runtime/signal.h"

static enum on_deadlock action;

void report_init(enum on_deadlock wanted)
{
    action = wanted;
}

static const char *const wait_names[] = {
    [WAIT_NONE] = "nothing",
    [WAIT_SLEEP] = "a sleep",
    [WAIT_FD] = "descriptor",
    [WAIT_MUTEX] = "mutex",
    [WAIT_COND] = "condition variable",
    [WAIT_RWLOCK] = "read-write lock",
    [WAIT_BARRIER] = "barrier",
    [WAIT_SEMAPHORE] = "semaphore",
    [WAIT_ONCE] = "pthread_once",
    [WAIT_JOIN] = "the end of thread",
    [WAIT_FUTEX] = "futex",
    [WAIT_LIBC_LOCK] = "a lock of libc",
    [WAIT_SIGNAL] = "a signal",
    [WAIT_OFFLOAD] = "a blocking call",
    [WAIT_CHILD] = "a child process",
    [WAIT_END] = "the end of the other threads",
};

/* ---- may anything happen yet? ---- */

static bool hub_has_hope(struct hub *h, bool is_caller)
{
    return h->ready_head || timer_first(&h->timers) || h->fd_waiters || h->offloaded || atomic_load(&h->inbox) ||
           atomic_load(&h->alerted) || (!is_caller && !atomic_load(&h->sleeping));
}

static void note_hope(struct green *g, void *has_hope)
{
    if (g->wait_kind == WAIT_SIGNAL)
        *(bool *)has_hope = true;
}

/* Kernel threads that are neither workers nor offload threads may wake somebody. */
static bool has_foreign_threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks)
        return true;
    while (readdir(tasks))
        count++;
    closedir(tasks);
    return count - 2 > hub_count + offload_thread_count();
}

static bool some_hub_has_hope(void)
{
    for (int i = 0; i < hub_count; i++)
        if (hub_has_hope(hubs[i], hubs[i] == worker_hub))
            return true;
    return false;
}

static uint64_t switches_of_all(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < hub_count; i++)
        sum += __atomic_load_n(&hubs[i]->switches, __ATOMIC_SEQ_CST);
    return sum;
}

static bool awaits_signal(void)
{
    bool has_hope = signal_may_arrive();
    if (!has_hope)
        registry_each(note_hope, &has_hope);
    return has_hope;
}

/* Two looks at the hubs, in between which nobody ran: one that was seen asleep may have been woken, have woken one seen before, and
 * sleep again. And a foreign thread may have woken somebody right before it ended. */
static bool is_dead(void)
{
    uint64_t before = switches_of_all();
    if (some_hub_has_hope() || awaits_signal() || has_foreign_threads())
        return false;
    return !some_hub_has_hope() && switches_of_all() == before;
}

/* ---- the report ---- */

static void print_frame(void *address)
{
    Dl_info info;
    if (!dladdr(address, &info) || !info.dli_fname)
        base_say("    %p", address);
    else if (info.dli_sname)
        base_say("    %s+0x%lx (%s)", info.dli_sname, (unsigned long)((char *)address - (char *)info.dli_saddr),
                 info.dli_fname);
    else
        base_say("    %s+0x%lx", info.dli_fname, (unsigned long)((char *)address - (char *)info.dli_fbase));
}

/* Frames of this library say nothing about the program. */
static bool is_own_frame(void *address)
{
    Dl_info here, there;
    return dladdr((void *)report_init, &here) && dladdr(address, &there) && here.dli_fbase == there.dli_fbase;
}

#define FRAMES_MAX 32

static void print_own_stack(struct green *g)
{
    (void)g;
    void *frames[FRAMES_MAX];
    int count = backtrace(frames, FRAMES_MAX), i = 0;
    while (i < count && is_own_frame(frames[i]))
        i++;
    for (; i < count && !is_own_frame(frames[i]); i++)
        print_frame(frames[i]);
}

/* Whom a wait is for, where that can be known. */
static int owner_of(const struct green *g)
{
    if (g->wait_kind == WAIT_MUTEX)
        return ((const pthread_mutex_t *)g->wait_object)->__data.__owner;
    return 0;
}

static void describe(struct green *g, char *text, size_t size)
{
    struct green *owner = owner_of(g) ? registry_find_tid(owner_of(g)) : NULL;
    if (g->wait_kind == WAIT_JOIN)
        snprintf(text, size, "%s %lu", wait_names[g->wait_kind],
                 (unsigned long)container_of(g->wait_object, struct green, state)->serial);
    else if (owner)
        snprintf(text, size, "%s %p, which thread %lu holds", wait_names[g->wait_kind], (void *)g->wait_object,
                 (unsigned long)owner->serial);
    else
        snprintf(text, size, "%s %p", wait_names[g->wait_kind], (void *)g->wait_object);
}

struct list {
    struct green *threads[256];
    int count, total;
};

static void collect(struct green *g, void *argument)
{
    struct list *list = argument;
    if (atomic_load(&g->state) != GREEN_LIVE)
        return;
    if (list->count < (int)(sizeof(list->threads) / sizeof(list->threads[0])))
        list->threads[list->count++] = g;
    list->total++;
}

static void report(void)
{
    struct list list = {.count = 0};
    registry_each(collect, &list);
    base_say("deadlock: all %d threads wait, and nothing is left that could wake one", list.total);
    for (int i = 0; i < list.count; i++) {
        struct green *g = list.threads[i];
        char what[160];
        describe(g, what, sizeof(what));
        base_say("thread %lu%s%s%s waits for %s", (unsigned long)g->serial, *g->name ? " (" : "", g->name,
                 *g->name ? ")" : "", what);
        if (g->hub == worker_hub && g->wait_kind != WAIT_END)
            hub_visit(g, print_own_stack);
    }
    if (list.count < list.total)
        base_say("and %d more threads", list.total - list.count);
}

void report_if_dead(void)
{
    static uint64_t reported_at = UINT64_MAX;
    if (action == DEADLOCK_IGNORE || reported_at == worker_hub->switches || !is_dead())
        return;
    report();
    if (action == DEADLOCK_ABORT)
        abort();
    reported_at = worker_hub->switches;
}
