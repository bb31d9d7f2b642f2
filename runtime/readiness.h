/* Waiting for descriptors, on the hub's libev loop.
 *
 * Each hub has a watcher for each descriptor that one of its green threads ever waited for. A watcher stays started after it
 * fired and is stopped lazily, when it fires twice with nobody waiting: in a kept-alive conversation there is no epoll_ctl.
 * Several green threads may wait for one descriptor; all that match are woken, and try again.
 *
 * close must be told first (readiness_forget): waiters wake with WAKE_CLOSED, and the generation of the number changes so
 * that the watchers of all hubs are set anew when the number is used again. */
#pragma once

#include "runtime/hub.h"

/* Parks until fd is ready for events (EV_READ, EV_WRITE or both), or an alert or the deadline. A descriptor that cannot be
 * polled (regular file) is ready at once. -1 (ENOMEM) where no watcher can be had; else an enum wake. May switch. */
int readiness_wait(int fd, int events, int64_t deadline_ns, unsigned flags);

/* The same for many: wakes when any of count (fd, events) pairs is ready; fds < 0 are skipped. */
struct readiness_want {
    int fd;
    int events; /* EV_READ | EV_WRITE */
};
int readiness_wait_many(const struct readiness_want *wants, size_t count, int64_t deadline_ns, unsigned flags);

/* fd is about to be closed or replaced: wakes its waiters on all hubs with WAKE_CLOSED. Never switches. */
void readiness_forget(int fd);

/* Something happened to fd that no event tells: its waiters on all hubs wake up and try again. Never switches. */
void readiness_disturb(int fd);

/* In the child of fork. */
void readiness_after_fork(void);

/* By each hub after a poll: wakes waiters of descriptors that other hubs' threads closed. */
void readiness_check_closed(struct hub *h);

/* What libev's epoll_ctl becomes. libev takes a descriptor that is not open for its own fault and aborts; a program may have
 * closed it at any time, on another worker or behind our back, so its waiters are woken to find out for themselves. */
int readiness_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event);

/* What the hub's poll found is about to be looked at: brings it into the cache. Never switches. */
void readiness_warm_up(struct hub *h, const struct epoll_event *events, long count);
