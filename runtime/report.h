/* What stands still, and why: the report of a deadlock (Go's "all goroutines are asleep"), one line and a stack for each green
 * thread. */
#pragma once

#include "runtime/options.h"

/* What to do when nothing can ever run again. Once, at start. */
void report_init(enum on_deadlock action);

/* By a hub that is about to sleep without a deadline: when no worker has anything to run or to wait for, reports it. At most once
 * for each time that something ran. In the hub's context. */
void report_if_dead(void);
