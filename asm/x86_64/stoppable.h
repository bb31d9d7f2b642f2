/* A system call that a signal handler can stop: see stoppable.S. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>
#include <ucontext.h>

/* The kernel's result, or -EINTR when *stop was set before the call was made or a handler stopped it. Never switches. */
long stoppable_call(_Atomic uint32_t *stop, long number, const long arguments[6]);

extern const char stoppable_begin[], stoppable_end[], stoppable_stopped[];

/* In a signal handler: makes an interrupted stoppable_call that has no result yet return -EINTR. */
static inline void stoppable_stop(ucontext_t *context)
{
    uintptr_t ip = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
    if (ip >= (uintptr_t)stoppable_begin && ip < (uintptr_t)stoppable_end)
        context->uc_mcontext.gregs[REG_RIP] = (greg_t)stoppable_stopped;
}
