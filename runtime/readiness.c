/* Descriptors on the hub's loop. Everything but `hubs_of` and `generation` belongs to one hub and is touched on its worker. */
#include "runtime/readiness.h"

#include <sys/mman.h>

/* One a descriptor and hub. */
struct watcher {
    ev_io io;
    struct link waiters; /* of this hub, in order of arrival; all zero before first use */
    uint32_t generation; /* of the number when the watcher was last set, and the closes there had been */
    uint32_t closes;
    bool fired_idle; /* fired with nobody waiting since somebody last waited */
};

/* A green thread waiting; on its stack. */
struct fd_waiter {
    struct link link;
    struct green *green;
    int events;
    int fd;
};

#define CHUNK 256
#define CHUNKS 8192 /* descriptors up to two million */

struct readiness_table {
    struct watcher *chunks[CHUNKS];
};

/* What all hubs share of a descriptor. */
struct shared {
    _Atomic uint32_t generation; /* counts closes and disturbances */
    _Atomic uint32_t closes;
    _Atomic uint64_t hubs_of; /* bit N: hub N has set its watcher since the last close */
};

static _Atomic(struct shared *) shared_chunks[CHUNKS];
/* A thread of another hub closed a descriptor that this hub watches. */
static _Atomic uint32_t must_check[HUB_MAX];

static void *map_zeroed(size_t size)
{
    long memory =
        sys_call(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return (unsigned long)memory > -4096UL ? NULL : (void *)memory;
}

static struct shared *shared_of(int fd)
{
    unsigned c = (unsigned)fd / CHUNK;
    if (c >= CHUNKS)
        return NULL;
    struct shared *chunk = atomic_load_explicit(&shared_chunks[c], memory_order_acquire);
    if (unlikely(!chunk)) {
        struct shared *fresh = map_zeroed(CHUNK * sizeof(struct shared));
        if (!fresh)
            return NULL;
        if (atomic_compare_exchange_strong(&shared_chunks[c], &chunk, fresh))
            chunk = fresh;
        else
            sys_call(SYS_munmap, fresh, CHUNK * sizeof(struct shared));
    }
    return &chunk[(unsigned)fd % CHUNK];
}

/* NULL when there never was a watcher near it. */
static struct watcher *place_of(struct hub *h, unsigned fd)
{
    struct watcher *chunk = h->readiness && fd / CHUNK < CHUNKS ? h->readiness->chunks[fd / CHUNK] : NULL;
    return chunk ? &chunk[fd % CHUNK] : NULL;
}

static struct watcher *existing(struct hub *h, int fd)
{
    struct watcher *w = place_of(h, (unsigned)fd);
    return w && w->waiters.next ? w : NULL;
}

static void descriptor_fired(struct ev_loop *loop, ev_io *io, int revents);

static struct watcher *watcher_of(struct hub *h, int fd)
{
    unsigned c = (unsigned)fd / CHUNK;
    if (c >= CHUNKS)
        return NULL;
    if (unlikely(!h->readiness) && !(h->readiness = map_zeroed(sizeof(struct readiness_table))))
        return NULL;
    struct watcher **chunk = &h->readiness->chunks[c];
    if (unlikely(!*chunk) && !(*chunk = map_zeroed(CHUNK * sizeof(struct watcher))))
        return NULL;
    struct watcher *w = &(*chunk)[(unsigned)fd % CHUNK];
    if (unlikely(!w->waiters.next)) {
        link_init(&w->waiters);
        ev_io_init(&w->io, descriptor_fired, fd, 0);
    }
    return w;
}

static int wanted_events(const struct watcher *w)
{
    int events = 0;
    for (struct link *l = w->waiters.next; l != &w->waiters; l = l->next)
        events |= container_of(l, struct fd_waiter, link)->events;
    return events;
}

static void set_events(struct hub *h, struct watcher *w, int events)
{
    ev_io_stop(h->loop, &w->io);
    ev_io_set(&w->io, w->io.fd, events);
    if (events)
        ev_io_start(h->loop, &w->io);
}

/* Makes sure that the loop looks for events on behalf of a waiter that was just queued. */
static void arm(struct hub *h, struct watcher *w, struct shared *s, int events)
{
    uint32_t generation = atomic_load(&s->generation);
    w->fired_idle = false;
    if (likely(w->generation == generation && ev_is_active(&w->io) && (w->io.events & events) == events))
        return;
    int kept = w->generation == generation && ev_is_active(&w->io) ? w->io.events & (EV_READ | EV_WRITE) : 0;
    w->generation = generation;
    w->closes = atomic_load(&s->closes);
    atomic_fetch_or(&s->hubs_of, 1ull << h->index);
    set_events(h, w, kept | events | wanted_events(w));
}

/* In the hub's context. */
static void descriptor_fired(struct ev_loop *loop, ev_io *io, int revents)
{
    (void)loop;
    struct watcher *w = container_of(io, struct watcher, io);
    struct hub *h = worker_hub;
    int unclaimed = revents & (EV_READ | EV_WRITE);
    for (struct link *l = w->waiters.next, *next; l != &w->waiters; l = next) {
        struct fd_waiter *f = container_of(l, struct fd_waiter, link);
        next = l->next;
        if (!(f->events & revents))
            continue;
        unclaimed &= ~f->events;
        link_remove(l);
        hub_unpark(f->green, WAKE_UP);
    }
    if (!unclaimed || !ev_is_active(io))
        return;
    /* Level-triggered and nobody waits: the thread that was woken may not have run yet, so only the second time in a
     * row means that nobody will come. */
    if (w->fired_idle)
        set_events(h, w, wanted_events(w));
    w->fired_idle = true;
}

/* Three passes, so that the misses of many descriptors overlap: each pass follows a pointer that the one before fetched. */
void readiness_warm_up(struct hub *h, const struct epoll_event *events, long count)
{
    struct watcher *watchers[HUB_EVENTS_MAX];
    long known = 0;
    for (long i = 0; i < count; i++) {
        /* ev_epoll.c: the descriptor is the lower half. */
        if ((watchers[known] = place_of(h, (uint32_t)events[i].data.u64)))
            context_prefetch(watchers[known++]);
    }
    for (long i = 0; i < known; i++)
        context_prefetch(watchers[i]->waiters.next);
    for (long i = 0; i < known; i++)
        if (watchers[i]->waiters.next && !link_is_empty(&watchers[i]->waiters))
            context_prefetch(container_of(watchers[i]->waiters.next, struct fd_waiter, link)->green);
}

int readiness_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
    long result = sys_call(SYS_epoll_ctl, epoll_fd, operation, fd, event);
    if (likely(result != -EBADF && result != -ELOOP && result != -EINVAL))
        return (int)sys_ret(result);
    struct hub *h = worker_hub;
    struct watcher *w = existing(h, fd);
    if (w) {
        ev_feed_event(h->loop, &w->io, EV_READ | EV_WRITE);
        w->generation--; /* whoever waits next sets the watcher anew */
        h->poll_deadline_ns = 0;
    }
    return 0;
}

static int queue_on(struct hub *h, struct green *g, struct fd_waiter *f, int fd, int events)
{
    struct shared *s = shared_of(fd);
    struct watcher *w = s ? watcher_of(h, fd) : NULL;
    if (!w)
        return -1;
    *f = (struct fd_waiter){.green = g, .events = events, .fd = fd};
    link_push_back(&w->waiters, &f->link);
    arm(h, w, s, events);
    return 0;
}

/* Waits with the records that the caller has room for. */
static int wait_on(const struct readiness_want *wants, size_t count, struct fd_waiter *waiters, int64_t deadline_ns,
                   unsigned flags)
{
    struct green *g = self;
    struct hub *h = g->hub;
    size_t queued = 0;

    runtime_enter();
    if (unlikely(hub_require_loop(h))) {
        runtime_leave();
        return -1;
    }
    hub_prepare(g, WAIT_FD, count ? (uint64_t)wants[0].fd : 0, flags);
    int reason = 0;
    while (reason == 0 && queued < count) {
        const struct readiness_want *want = &wants[queued];
        if (want->fd < 0 || !want->events)
            link_init(&waiters[queued].link);
        else
            reason = queue_on(h, g, &waiters[queued], want->fd, want->events);
        queued += reason == 0;
    }
    if (reason == 0) {
        h->fd_waiters++;
        reason = (int)hub_park(deadline_ns);
        h->fd_waiters--;
    } else {
        hub_unprepare(g);
    }
    for (size_t i = 0; i < queued; i++)
        link_remove(&waiters[i].link);
    if (reason == WAKE_SIGNAL)
        runtime_leave_quietly();
    else
        runtime_leave();
    return reason;
}

int readiness_wait(int fd, int events, int64_t deadline_ns, unsigned flags)
{
    struct readiness_want want = {fd, events};
    struct fd_waiter waiter;
    return wait_on(&want, 1, &waiter, deadline_ns, flags);
}

#define ON_STACK 16

int readiness_wait_many(const struct readiness_want *wants, size_t count, int64_t deadline_ns, unsigned flags)
{
    struct fd_waiter few[ON_STACK];
    if (count <= ON_STACK)
        return wait_on(wants, count, few, deadline_ns, flags);
    struct fd_waiter *waiters = map_zeroed(count * sizeof(*waiters));
    if (!waiters)
        return -1;
    int reason = wait_on(wants, count, waiters, deadline_ns, flags);
    sys_call(SYS_munmap, waiters, count * sizeof(*waiters));
    return reason;
}

/* On h's own worker: the number of w was closed, or disturbed. */
static void drop(struct hub *h, struct watcher *w, int fd)
{
    enum wake reason = w->closes == atomic_load(&shared_of(fd)->closes) ? WAKE_UP : WAKE_CLOSED;
    while (!link_is_empty(&w->waiters)) {
        struct link *l = w->waiters.next;
        link_remove(l);
        hub_unpark(container_of(l, struct fd_waiter, link)->green, reason);
    }
    ev_io_stop(h->loop, &w->io);
}

/* Wakes all who wait for fd, on all hubs, and has their watchers set anew. */
static void wake_all(int fd, bool is_close)
{
    unsigned c = (unsigned)fd / CHUNK;
    struct shared *chunk = fd < 0 || c >= CHUNKS ? NULL : atomic_load_explicit(&shared_chunks[c], memory_order_acquire);
    if (!chunk)
        return;
    struct shared *s = &chunk[(unsigned)fd % CHUNK];
    if (!atomic_load(&s->hubs_of))
        return;
    runtime_enter();
    uint64_t users = atomic_exchange(&s->hubs_of, 0);
    atomic_fetch_add(&s->closes, is_close);
    atomic_fetch_add(&s->generation, 1);
    struct hub *own = worker_hub;
    for (int i = 0; i < hub_count; i++) {
        if (!(users & 1ull << i))
            continue;
        struct hub *h = hubs[i];
        if (h == own) {
            struct watcher *w = existing(h, fd);
            /* libev leaves the kernel's registration to the close; a duplicate of the descriptor would keep it alive. */
            if (is_close && w && ev_is_active(&w->io))
                hub_epoll_forget(h, fd);
            if (w)
                drop(h, w, fd);
        } else {
            atomic_store(&must_check[i], 1);
            hub_kick(h);
        }
    }
    runtime_leave();
}

void readiness_forget(int fd)
{
    wake_all(fd, true);
}

void readiness_disturb(int fd)
{
    wake_all(fd, false);
}

void readiness_check_closed(struct hub *h)
{
    if (likely(!atomic_load_explicit(&must_check[h->index], memory_order_relaxed)))
        return;
    atomic_store(&must_check[h->index], 0);
    for (unsigned c = 0; h->readiness && c < CHUNKS; c++)
        for (unsigned i = 0; h->readiness->chunks[c] && i < CHUNK; i++) {
            struct watcher *w = &h->readiness->chunks[c][i];
            int fd = (int)(c * CHUNK + i);
            if (w->waiters.next && ev_is_active(&w->io) && w->generation != atomic_load(&shared_of(fd)->generation))
                drop(h, w, fd);
        }
}

/* The hubs are new, and so have no watchers yet. */
void readiness_after_fork(void)
{
    for (int i = 0; i < HUB_MAX; i++)
        atomic_store(&must_check[i], 0);
    for (unsigned c = 0; c < CHUNKS; c++) {
        struct shared *chunk = atomic_load(&shared_chunks[c]);
        for (unsigned i = 0; chunk && i < CHUNK; i++)
            atomic_store_explicit(&chunk[i].hubs_of, 0, memory_order_relaxed);
    }
}
