/* The common part of poll, select and epoll_wait: see multiplex.h.
 *
 * Descriptors are watched by the hub's own watchers. What those cannot watch for (POLLPRI, POLLRDHUP, nothing but errors) is
 * watched by an epoll set that lives for one park. */
#include "preload/multiplex.h"

#include <sys/mman.h>

#include "runtime/readiness.h"

#define READS (POLLIN | POLLRDNORM)
#define WRITES (POLLOUT | POLLWRNORM)
#define FEW 16

int64_t multiplex_deadline_ms(int timeout_ms)
{
    if (timeout_ms == 0)
        return MULTIPLEX_NO_WAIT;
    return timeout_ms < 0 ? DEADLINE_NEVER : deadline_after_ns(timeout_ms * 1000000LL);
}

int64_t multiplex_deadline(const struct timespec *timeout)
{
    struct timespec t = {0};
    if (!timeout)
        return DEADLINE_NEVER;
    if (!wait_copy_in(&t, timeout, sizeof t))
        return -EFAULT;
    if (t.tv_sec < 0 || !timespec_is_valid(&t))
        return -EINVAL;
    return t.tv_sec || t.tv_nsec ? deadline_after(&t) : MULTIPLEX_NO_WAIT;
}

/* One round of asking and parking, inside the mask. A wake-up by cancellation is left to the caller, who must first take the
 * mask back. */
static long run_masked(const struct multiplex *m, bool *is_cancelled)
{
    for (;;) {
        long result = m->ask(m->call);
        if (result || (m->deadline_ns == MULTIPLEX_NO_WAIT && !m->mask))
            return result;
        int reason = m->park(m->call, m->deadline_ns == MULTIPLEX_NO_WAIT ? deadline_now() : m->deadline_ns);
        if (reason == WAKE_TIMEOUT)
            return m->ask(m->call);
        if (reason == WAKE_SIGNAL && signal_deliver(SIGNAL_NEVER_RESTARTS))
            return -EINTR;
        if (reason == WAKE_CANCEL) {
            *is_cancelled = true;
            return 0;
        }
        if (reason < 0)
            return -ENOMEM;
    }
}

long multiplex_run(const struct multiplex *m)
{
    for (;;) {
        bool is_cancelled = false;
        if (m->mask)
            signal_with_mask_begin(m->mask);
        long result = run_masked(m, &is_cancelled);
        if (m->mask)
            signal_with_mask_end();
        if (!is_cancelled) {
            if (result == 0 && m->deadline_ns == MULTIPLEX_NO_WAIT)
                wait_found_nothing();
            return result;
        }
        pthread_testcancel();
    }
}

/* ---- parking on many descriptors ---- */

/* An epoll set that is told of all that fds wants; a negated errno where it cannot be made. */
static int make_set(const struct pollfd *fds, size_t count)
{
    int set = (int)sys_call(SYS_epoll_create1, EPOLL_CLOEXEC);
    for (size_t i = 0; set >= 0 && i < count; i++) {
        struct epoll_event event = {.events = (uint16_t)fds[i].events};
        if (fds[i].fd < 0 || sys_call(SYS_epoll_ctl, set, EPOLL_CTL_ADD, fds[i].fd, &event) != -EEXIST)
            continue;
        /* The same descriptor twice: be told of anything; asking says for whom. */
        event.events = READS | WRITES | POLLPRI | POLLRDHUP | POLLRDBAND | POLLWRBAND;
        sys_call(SYS_epoll_ctl, set, EPOLL_CTL_MOD, fds[i].fd, &event);
    }
    return set;
}

static int park_on_set(const struct pollfd *fds, size_t count, int64_t deadline_ns)
{
    int set = make_set(fds, count);
    if (set < 0)
        return -1;
    int reason = readiness_wait(set, EV_READ, deadline_ns, WAIT_ENDS_EARLY);
    readiness_forget(set);
    sys_call(SYS_close, set);
    return reason;
}

static int park_on_watchers(const struct pollfd *fds, size_t count, int64_t deadline_ns)
{
    struct readiness_want few[FEW] = {{.fd = -1}}, *wants = few;
    size_t size = count * sizeof *wants;
    if (count > FEW) {
        /* Not malloc: poll and select are async-signal-safe (POSIX 2.4.3). */
        long map = sys_call(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if ((unsigned long)map > -4096UL)
            return -1;
        wants = (struct readiness_want *)map;
    }
    for (size_t i = 0; i < count; i++) {
        int events = (fds[i].events & READS ? EV_READ : 0) | (fds[i].events & WRITES ? EV_WRITE : 0);
        wants[i] = (struct readiness_want){fds[i].fd, events};
    }
    int reason = readiness_wait_many(wants, count, deadline_ns, WAIT_ENDS_EARLY);
    if (wants != few)
        sys_call(SYS_munmap, wants, size);
    return reason;
}

static bool are_watchable(const struct pollfd *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fds[i].fd >= 0 && (!(fds[i].events & (READS | WRITES)) || fds[i].events & (POLLPRI | POLLRDHUP)))
            return false;
    return true;
}

int multiplex_park(const struct pollfd *fds, size_t count, int64_t deadline_ns)
{
    return are_watchable(fds, count) ? park_on_watchers(fds, count, deadline_ns) : park_on_set(fds, count, deadline_ns);
}
