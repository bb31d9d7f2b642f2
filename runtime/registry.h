/* Which pthread_t values are green threads: a hash set of their TCBs, from mapping to unmapping. Guarded by its own spin lock. */
#pragma once

#include "runtime/thread.h"

/* -1 without memory. */
int registry_add(struct green *g);
void registry_remove(struct green *g);

/* NULL when no mapping of ours has that TCB. The state may be GREEN_FREE. */
struct green *registry_find(const void *tcb);

/* The live green thread with that thread id, or NULL. Linear. */
struct green *registry_find_tid(int tid);

void registry_each(void (*visit)(struct green *, void *), void *argument);

/* In the child of fork: empties it; another worker may have been in the middle of a change. */
void registry_after_fork(void);
