/* Waiting for a change of state of children that no descriptor can tell of: any child, a process group, stops and continuations.
 *
 * A kernel thread ("green-wait") sleeps in waitid with WNOWAIT, which takes nothing away, and wakes the green threads that asked for
 * the same. One is shared by all that ask for the same children, so it may outlive a waiter that a signal called away: the
 * next one finds it at work. */
#pragma once

#include "runtime/hub.h"

/* Parks until it is worth to look again: type, id and options as for waitid(2), without WNOHANG. flags are HUB_PARK_*. An enum
 * wake, or -1 when no kernel thread can be had. May switch. */
int reaper_wait(int type, int id, int options, unsigned flags);

/* In the child of fork. */
void reaper_after_fork(void);
