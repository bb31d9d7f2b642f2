/* fork: in the child only the thread that called it lives on, as the main green thread of a process of its own. */
#pragma once

/* The fork system call. Returns as fork does, in the child with a runtime that starts over; the error is a negated errno. Like
 * libc's _Fork it runs no fork handlers and takes no locks: what holds libc's locks consistent is libc's fork around it. Signal-safe.
 * Never switches. */
long fork_process(void);

/* The same by a clone system call with flags of the program's, without CLONE_VM and on the caller's stack. */
long fork_process_with(unsigned long flags, void *parent_tid, void *child_tid, void *tls);

/* The child's half, for children that were made otherwise (clone). Idempotent there. */
void fork_child(void);

/* Registers with libc's fork handlers what can only be done once libc has put its own affairs in order. Once. */
void fork_init(void);
