/* malloc's thread-local state, shared by the green threads of a worker.
 *
 * glibc keeps a cache of free chunks and a preferred arena for each thread, and frees the cache when the thread ends. Green threads
 * end on TLS blocks that live on, so each would hoard a cache of its own; and no two of one worker ever run malloc at the same time.
 * So all of them use their hub's. Where the state lies in libc's TLS is learnt from what a first malloc changes there; with
 * another allocator preloaded nothing changes, and nothing is shared. */
#pragma once

/* Once, with a TCB that has never run malloc, on the main thread. Never switches. */
void heap_learn(void *fresh_tcb);

/* Makes the caller's own state exist. */
void heap_warm(void);

/* to uses the state of from from now on. The two must never run at the same time, until to is given another. */
void heap_share(void *to, const void *from);
