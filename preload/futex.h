/* The futex system call for the syscall() hook. */
#pragma once

#include <stdint.h>
#include <time.h>

/* futex(2): the result, or -1 and errno. timeout is a number for the requeueing operations. May switch. */
long hook_futex(uint32_t *word, int operation, uint32_t value, const struct timespec *timeout, uint32_t *word2,
                uint32_t value3);
