/* Policy, priority, nice value and processors of a green thread, as the program set them.
 *
 * The kernel schedules workers, and what one thread asks for must not bind all others on its worker. So a wish is checked as the
 * kernel would, kept, told to who asks, and inherited by new threads; otherwise it has no effect. What a thread did not
 * set is its worker's. Results are error numbers. All never switch, but may allocate. */
#pragma once

#include <sched.h>

#include "runtime/thread.h"

int schedule_check_policy(int policy, const struct sched_param *param);
int schedule_set_policy(struct green *g, int policy, const struct sched_param *param);
int schedule_get_policy(const struct green *g, int *policy, struct sched_param *param);

int schedule_check_processors(const struct green *g, size_t size, const cpu_set_t *wanted);
int schedule_set_processors(struct green *g, size_t size, const cpu_set_t *wanted);
int schedule_get_processors(const struct green *g, size_t size, cpu_set_t *set);

int schedule_set_nice(struct green *g, int nice);
int schedule_get_nice(const struct green *g);

/* The main thread's wishes are the kernel's business; what it has got is noted, for new threads to inherit. */
void schedule_note_policy(struct green *g, int policy, const struct sched_param *param);
void schedule_note_nice(struct green *g, int nice);

/* g is new, its creator is the caller. */
void schedule_inherit(struct green *g);
/* g has ended. */
void schedule_forget(struct green *g);
