/* The runtime's own descriptors: kept out of the program's way and out of its reach.
 *
 * A program may count on getting descriptor 3 from its first open, and daemons close everything they did not open. So ours are moved
 * to high numbers, close-on-exec, and the hooks treat those numbers as not open. */
#pragma once

#include "runtime/base.h"

/* Moves fd to a high number and remembers it; returns the new number, or fd itself where none is free. -1 stays -1. */
int ownfd_adopt(int fd);

/* Closes one of ours. */
void ownfd_close(int fd);

/* In the child of fork: closes all of them; what they belong to is made anew. */
void ownfd_after_fork(void);

extern int ownfd_low; /* no number below is ours; INT_MAX when there are none */
bool ownfd_search(int fd);

/* The lowest of ours from `from` on, or -1. */
int ownfd_next(int from);

/* Is fd one of ours? Cheap. Signal-safe. */
static inline bool ownfd_is(int fd)
{
    return unlikely(fd >= ownfd_low) && ownfd_search(fd);
}
