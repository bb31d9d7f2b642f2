/* The child's runtime starts over: other green threads, workers and offload threads exist in the parent only. What another worker
 * was changing at that moment (a registry, a pool) may be half done in the child's copy, so it is forgotten, not repaired. */
#include "runtime/fork.h"

#include "runtime/descriptor.h"
#include "runtime/hub.h"
#include "runtime/offload.h"
#include "runtime/park.h"
#include "runtime/readiness.h"
#include "runtime/signal.h"
#include "runtime/stack.h"

static void after_fork_in_child(void)
{
    if (!self || in_vfork_child)
        return;
    runtime_enter();
    descriptor_after_fork();
    park_after_fork();
    stack_after_fork();
    thread_after_fork();
    hub_after_fork();
    readiness_after_fork();
    offload_after_fork();
    signal_after_fork();
    runtime_leave();
}

void fork_init(void)
{
    pthread_atfork(NULL, descriptor_after_fork, after_fork_in_child);
}
