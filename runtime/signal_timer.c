/* The records of such timers, and the green thread that acts on them. Records live in chunks that are never freed, so that a late
 * expiry finds memory; its generation tells whether it is still meant. */
#include "runtime/signal_timer.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "runtime/registry.h"
#include "runtime/signal_internal.h"

#define CHUNK 64
#define CHUNKS 1024

struct record {
    uint32_t generation; /* guarded by the lock to change; counts uses */
    bool is_used;        /* guarded by the lock */
    int id;              /* the kernel's */
    struct sigevent event;
    size_t stack_size_bytes; /* of notification threads; 0: as by default */
    _Atomic uint32_t fired;  /* expiries that nobody has acted on; the wrapper adds */
    _Atomic int overrun;     /* of the last one */
};

static struct spin lock; /* guards chunks, uses and the dispatcher's creation */
static struct record *chunks[CHUNKS];
static _Atomic(struct green *) dispatcher;

/* What goes with the kernel's signal: generation and number plus one, so that it is never NULL. */
static void *ticket_of(unsigned number, const struct record *r)
{
    return (void *)((uintptr_t)r->generation << 32 | (number + 1));
}

static struct record *record_of(uintptr_t ticket)
{
    unsigned number = (unsigned)(ticket & UINT32_MAX) - 1;
    struct record *chunk = number < CHUNK * CHUNKS ? chunks[number / CHUNK] : NULL;
    return chunk && chunk[number % CHUNK].generation == ticket >> 32 ? &chunk[number % CHUNK] : NULL;
}

void signal_timer_fired(const siginfo_t *info)
{
    struct record *r = record_of((uintptr_t)info->si_value.sival_ptr);
    struct green *g = atomic_load(&dispatcher);
    if (!r || !g)
        return;
    atomic_store(&r->overrun, info->si_overrun);
    atomic_fetch_add(&r->fired, 1);
    atomic_fetch_or(&g->alerts, ALERT_SIGNAL);
    hub_alert(g);
}

/* ---- acting on expiries ---- */

/* False where there is no memory. A thread that starts at once may have ended when it returns. */
static bool start_detached(pthread_t *thread, void *(*start)(void *), void *argument, const sigset_t *mask,
                           size_t stack_size_bytes)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setsigmask_np(&attr, mask);
    if (stack_size_bytes)
        pthread_attr_setstacksize(&attr, stack_size_bytes);
    int error = thread_create(thread, &attr, start, argument);
    pthread_attr_destroy(&attr);
    return error == 0;
}

struct notification {
    void (*function)(union sigval);
    union sigval value;
};

static void *notify(void *argument)
{
    struct notification n = *(struct notification *)argument;
    free(argument);
    n.function(n.value);
    return NULL;
}

/* Where there is no memory for the thread, the expiry is lost, as it is with glibc. */
static void start_notification(const struct record *r)
{
    struct notification *n = malloc(sizeof(*n));
    pthread_t thread;
    sigset_t none;
    if (!n)
        return;
    *n = (struct notification){r->event.sigev_notify_function, r->event.sigev_value};
    /* glibc's helper as well starts it with no signal blocked. */
    sigemptyset(&none);
    if (!start_detached(&thread, notify, n, &none, r->stack_size_bytes))
        free(n);
}

static void direct_signal(struct record *r)
{
    siginfo_t info = {.si_signo = r->event.sigev_signo, .si_code = SI_TIMER};
    info.si_timerid = r->id;
    info.si_overrun = atomic_load(&r->overrun);
    info.si_value = r->event.sigev_value;
    runtime_enter();
    struct green *g = registry_find_tid(r->event._sigev_un._tid);
    runtime_leave();
    if (g)
        signal_send(g, r->event.sigev_signo, &info);
}

static void act_on(struct record *r)
{
    for (uint32_t times = atomic_exchange(&r->fired, 0); times && r->is_used; times--)
        if (r->event.sigev_notify == SIGEV_THREAD)
            start_notification(r);
        else
            direct_signal(r);
}

static void *dispatch(void *unused)
{
    struct green *g = self;
    for (;;) {
        hub_prepare(g, WAIT_SIGNAL, 0, HUB_PARK_SIGNAL);
        hub_park(DEADLINE_NEVER);
        atomic_fetch_and(&g->alerts, ~ALERT_SIGNAL);
        for (unsigned c = 0; c < CHUNKS && chunks[c]; c++)
            for (unsigned i = 0; i < CHUNK; i++)
                if (atomic_load_explicit(&chunks[c][i].fired, memory_order_relaxed))
                    act_on(&chunks[c][i]);
    }
    return unused;
}

/* The dispatcher takes no signals of the program's: it is born with all blocked. */
static int provide_dispatcher(void)
{
    pthread_t thread;
    sigset_t all;
    if (likely(atomic_load(&dispatcher) != NULL))
        return 0;
    sigfillset(&all);
    runtime_enter();
    spin_lock(&lock);
    if (!atomic_load(&dispatcher) && start_detached(&thread, dispatch, NULL, &all, 0))
        atomic_store(&dispatcher, thread_find(thread));
    spin_unlock(&lock);
    runtime_leave();
    return atomic_load(&dispatcher) ? 0 : -EAGAIN;
}

/* ---- records ---- */

static struct record *new_chunk(void)
{
    long chunk = sys_call(SYS_mmap, NULL, CHUNK * sizeof(struct record), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return (unsigned long)chunk > -4096UL ? NULL : (struct record *)chunk;
}

/* Under the lock. */
static struct record *find_unused(unsigned *number)
{
    for (unsigned c = 0; c < CHUNKS; c++) {
        if (!chunks[c])
            chunks[c] = new_chunk();
        for (unsigned i = 0; chunks[c] && i < CHUNK; i++)
            if (!chunks[c][i].is_used) {
                *number = c * CHUNK + i;
                return &chunks[c][i];
            }
        if (!chunks[c])
            return NULL;
    }
    return NULL;
}

static struct record *take_record(unsigned *number)
{
    runtime_enter();
    spin_lock(&lock);
    struct record *r = find_unused(number);
    if (r) {
        r->is_used = true;
        r->generation++;
        r->id = -1;
        atomic_store(&r->fired, 0);
    }
    spin_unlock(&lock);
    runtime_leave();
    return r;
}

static void give_record(struct record *r)
{
    runtime_enter();
    spin_lock(&lock);
    r->is_used = false;
    r->generation++;
    spin_unlock(&lock);
    runtime_leave();
}

int signal_timer_create(clockid_t clock, const struct sigevent *event, int *id)
{
    unsigned number;
    int error = provide_dispatcher();
    if (error)
        return error;
    struct record *r = take_record(&number);
    if (!r)
        return -EAGAIN;
    r->event = *event;
    r->stack_size_bytes = 0;
    if (event->sigev_notify == SIGEV_THREAD && event->sigev_notify_attributes)
        pthread_attr_getstacksize(event->sigev_notify_attributes, &r->stack_size_bytes);
    struct sigevent kick = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL_KICK};
    kick.sigev_value.sival_ptr = ticket_of(number, r);
    kick._sigev_un._tid = hubs[0]->kernel_tid;
    error = (int)sys_call(SYS_timer_create, clock, &kick, id);
    if (error)
        give_record(r);
    else
        r->id = *id;
    return error;
}

void signal_timer_forget(int id)
{
    for (unsigned c = 0; c < CHUNKS && chunks[c]; c++)
        for (unsigned i = 0; i < CHUNK; i++)
            if (chunks[c][i].is_used && chunks[c][i].id == id) {
                give_record(&chunks[c][i]);
                return;
            }
}

/* timer_create(2): timers are not inherited, and neither is the dispatcher. */
void signal_timer_after_fork(void)
{
    atomic_store(&lock.locked, 0);
    atomic_store(&dispatcher, NULL);
    for (unsigned c = 0; c < CHUNKS && chunks[c]; c++)
        memset(chunks[c], 0, CHUNK * sizeof(struct record));
}
