/* Mappings of green threads: stack, static TLS, TCB and struct green in one piece, reserved and not committed.
 *
 *   map_low                                                                          map_low + map_size_bytes
 *   | guard | slack for our own frames | stack ....... <- grows | static TLS | TCB | struct green |
 *                                      ^ stack_low                           ^ thread pointer
 *
 * The stack is counted as glibc counts it, with TLS and TCB inside its upper end. The guard is a MADV_GUARD_INSTALL region
 * (Linux 6.13), which needs no mapping of its own, or a PROT_NONE page where the kernel lacks it. Ended threads leave their
 * mapping, TLS and TCB in a pool; the hub gives dirty pages of pooled stacks back when it has nothing to do. */
#pragma once

#include "runtime/thread.h"

/* A free green thread with a stack of at least that size (0: none, it will run on the caller's memory), from the pool or new.
 * NULL when no memory or no mapping can be had. *is_new says that its TLS was just made. Never switches. */
struct green *stack_take(size_t stack_size_bytes, size_t guard_size_bytes);

/* Puts it into the pool, or unmaps it when the pool is full. Not for the stack that the caller runs on. */
void stack_give(struct green *g);

/* Gives back pages of pooled stacks; cheap when there are none. */
void stack_trim(void);

/* Is address in the guard below g's stack (or in the slack, which only the runtime may use)? Signal-safe. */
bool stack_is_guard(const struct green *g, const void *address);

/* Memory for a context of our own (a hub): size bytes above a guard, TLS and TCB on top; *tcb is set. NULL without memory. */
char *stack_for_hub(size_t size_bytes, void **tcb);

/* Where the stack of a mapping with that TCB begins, beneath the static TLS. */
char *stack_top(void *tcb);

/* TLS and TCB, as new, for a kernel thread that libc knows nothing of; NULL without memory. Never switches. */
void *stack_take_tls(void);
/* When nobody runs in it any more. Uses no TLS. Never switches. */
void stack_give_tls(void *tcb);

/* Puts the TCB back into the list of glibc's that it belongs to: that of stacks which glibc may not reuse. */
void stack_relink(struct green *g);

/* In the child of fork: forgets what is pooled. */
void stack_after_fork(void);
