/* Robust mutexes of a green thread that ends: the kernel walks the list of a kernel thread that exits, we walk a green
 * thread's. */
#pragma once

#include "runtime/thread.h"

/* Called by thread.c when g has run its last code of the program and before its TCB is reused. Marks each robust mutex that it still
 * owns as its dead owner's, wakes one waiter of each, and empties the list. Never switches. */
void robust_thread_ended(struct green *g);
