/* Sleeping (POSIX sleep, nanosleep, clock_nanosleep; usleep; C11 thrd_sleep). A sleeper parks until its deadline. */
#include "preload/wait.h"

/* 0, or -EINTR with what was left. */
static int sleep_until(int64_t deadline_ns, struct timespec *left)
{
    for (;;) {
        int failure = wait_until(deadline_ns);
        if (failure == -EAGAIN)
            return 0;
        if (failure) {
            if (left)
                *left = deadline_left(deadline_ns);
            return failure;
        }
    }
}

/* Does the clock run on like time does, so that a deadline on it is one on CLOCK_MONOTONIC? The CPU-time clocks do not, and alarm clocks
 * need the kernel's own sleep. */
static bool is_steady(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME || clock == CLOCK_TAI;
}

/* 0 or a negated errno. */
static int sleep_on(clockid_t clock, int flags, const struct timespec *request, struct timespec *left)
{
    struct timespec t = {0};
    if (!wait_copy_in(&t, request, sizeof t))
        return -EFAULT;
    if (t.tv_sec < 0 || !timespec_is_valid(&t))
        return -EINVAL;
    if (flags & TIMER_ABSTIME)
        return sleep_until(deadline_at(clock, &t), NULL);
    return sleep_until(deadline_after(&t), left);
}

/* POSIX clock_nanosleep: returns the error instead of setting errno. CLOCK_THREAD_CPUTIME_ID is EINVAL. */
HOOK_EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *request, struct timespec *left)
{
    struct green *g = wait_enter(FAMILY_time);
    if (clock == CLOCK_THREAD_CPUTIME_ID)
        return EINVAL;
    if (!g)
        return (int)-sys_call(SYS_clock_nanosleep, clock, flags, request, left);
    if (is_steady(clock))
        return -sleep_on(clock, flags, request, left);
    return (int)-wait_abroad(SIGNAL_NEVER_RESTARTS, SYS_clock_nanosleep, clock, flags, (long)request, (long)left, 0, 0);
}

/* POSIX nanosleep: measured by CLOCK_MONOTONIC on Linux (nanosleep(2)). */
HOOK_EXPORT int nanosleep(const struct timespec *request, struct timespec *left)
{
    if (!wait_enter(FAMILY_time))
        return (int)sys_ret(sys_call(SYS_nanosleep, request, left));
    return (int)sys_ret(sleep_on(CLOCK_MONOTONIC, 0, request, left));
}

HOOK_ALIAS(__nanosleep, nanosleep);

/* POSIX sleep: the seconds left after a signal handler. glibc gives whole seconds, cut off. */
HOOK_EXPORT unsigned sleep(unsigned seconds)
{
    struct timespec t = {seconds, 0};
    int saved_errno = errno;
    if (nanosleep(&t, &t) < 0)
        return (unsigned)t.tv_sec;
    errno = saved_errno;
    return 0;
}

/* usleep(3). */
HOOK_EXPORT int usleep(useconds_t microseconds)
{
    struct timespec t = {microseconds / 1000000, microseconds % 1000000 * 1000};
    return nanosleep(&t, NULL);
}

/* C11 thrd_sleep: -1 after a signal handler, another negative value for bad arguments. */
HOOK_EXPORT int thrd_sleep(const struct timespec *request, struct timespec *left)
{
    int failure = clock_nanosleep(CLOCK_REALTIME, 0, request, left);
    return failure == EINTR ? -1 : failure ? -2 : 0;
}
