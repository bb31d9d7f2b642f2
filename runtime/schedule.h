/* Scheduling attributes of a green thread, as the program set them: policy, priority, the processors it may use.
 *
 * They are kept and told, and checked as the kernel would, but have no effect: green threads take turns. The main
 * thread's are the kernel's, and a thread whose creator never set any has the main thread's. */
#pragma once

#include <sched.h>
#include <stddef.h>

struct schedule {
    int policy; /* SCHEDULE_AS_MAIN, or SCHED_* */
    int priority;
    cpu_set_t *cpus; /* own memory; NULL: the main thread's */
};

#define SCHEDULE_AS_MAIN (-1)

/* What the creator has. Never switch, all of these; all may be called by any thread. */
void schedule_begin(struct schedule *s, const struct schedule *creator);
void schedule_end(struct schedule *s);

/* sched_setscheduler(2): 0, EINVAL, EPERM. */
int schedule_set(struct schedule *s, int policy, int priority);
/* The policy and priority in force. */
void schedule_get(const struct schedule *s, int *policy, int *priority);

/* sched_setaffinity(2): 0, EINVAL (no such processor), ENOMEM. */
int schedule_set_cpus(struct schedule *s, size_t size_bytes, const cpu_set_t *cpus);
/* sched_getaffinity(2): 0, EINVAL (size too small). Zeroes what it does not fill. */
int schedule_get_cpus(const struct schedule *s, size_t size_bytes, cpu_set_t *cpus);
