/* What poll, select and epoll_wait share: ask, park, ask again, with a deadline and a signal mask for the duration. */
#pragma once

#include "preload/wait.h"

struct multiplex {
    /* The real call without a timeout: its result, 0 for "nothing yet". */
    long (*ask)(void *call);
    /* Parks until asking may give something: an enum wake, or -1 where no watcher can be had. */
    int (*park)(void *call, int64_t deadline_ns);
    void *call;
    const sigset_t *mask; /* NULL: the caller's own */
    int64_t deadline_ns;  /* MULTIPLEX_NO_WAIT: ask once */
};

#define MULTIPLEX_NO_WAIT 0

/* The result of ask, 0 when the deadline has passed, or a negated errno; these calls are never restarted (signal(7)). A
 * cancellation point. May switch. */
long multiplex_run(const struct multiplex *m);

/* A timeout as these calls give it: milliseconds, negative for ever; or a timespec, NULL for ever. The latter is -EFAULT or
 * -EINVAL for what the kernel would refuse. */
int64_t multiplex_deadline_ms(int timeout_ms);
int64_t multiplex_deadline(const struct timespec *timeout);

/* Parks until one of count descriptors may be ready for what is wanted of it. */
int multiplex_park(const struct pollfd *fds, size_t count, int64_t deadline_ns);
