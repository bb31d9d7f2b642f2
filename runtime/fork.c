/* The child's runtime starts over: other green threads, workers and offload threads exist in the parent only. What another worker
 * was changing at that moment (a registry, a pool, a loop) may be half done in the child's copy, so it is forgotten, not
 * repaired; a few pages that the child will never write to are the price.
 *
 * All of it happens right behind the system call, before libc and the program's fork handlers run: they may use hooks, and none of it
 * may allocate, because libc holds malloc's locks then. */
#include "runtime/fork.h"

#include <linux/futex.h>
#include <linux/sched.h>
#include <signal.h>

#include "runtime/descriptor.h"
#include "runtime/glibc.h"
#include "runtime/hub.h"
#include "runtime/loader.h"
#include "runtime/native.h"
#include "runtime/offload.h"
#include "runtime/ownfd.h"
#include "runtime/park.h"
#include "runtime/readiness.h"
#include "runtime/reaper.h"
#include "runtime/signal.h"
#include "runtime/stack.h"
#include "runtime/tls.h"

/* Whose runtime this is. */
static int process_id;

void fork_child(void)
{
    if (!hub_count)
        return;
    process_id = (int)sys_call(SYS_getpid);
    in_vfork_child = 0;
    runtime_depth = 1;
    descriptor_after_fork();
    park_after_fork();
    stack_after_fork();
    tls_after_fork();
    ownfd_after_fork();
    hub_after_fork();
    thread_after_fork();
    readiness_after_fork();
    offload_after_fork();
    reaper_after_fork();
    loader_after_fork();
    native_after_fork();
    signal_after_fork();
    runtime_leave();
}

/* The kernel forgot the robust list with the fork, and locks that the parent holds are not the child's (glibc's _Fork). */
static void renew_robust_list(char *tcb)
{
    struct robust_list_head *head = (struct robust_list_head *)(tcb + glibc.robust_offset);
    *((void **)head - 1) = head;
    head->list.next = &head->list;
    sys_call(SYS_set_robust_list, head, sizeof(*head));
}

long fork_process_with(unsigned long flags, void *parent_tid, void *child_tid, void *tls)
{
    bool is_green = self && !in_vfork_child;
    char *tcb = context_thread_pointer();
    if (is_green)
        signal_native_begin(false);
    long pid = sys_call(SYS_clone, flags, NULL, parent_tid, child_tid, tls);
    if (pid == 0) {
        renew_robust_list(tcb);
        fork_child();
        return 0;
    }
    descriptor_after_fork();
    if (is_green)
        signal_native_end();
    return pid;
}

/* As glibc: the kernel writes the child's id into its TCB, which makes it the owner of locks that it takes. */
long fork_process(void)
{
    char *tcb = context_thread_pointer();
    return fork_process_with(CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, NULL, tcb + glibc.tid_offset, NULL);
}

/* libc has put the caller's TCB into its list of stacks to be cached, which it is not. Where deep hooks cannot be had, this is also
 * the first that we know of the fork. */
static void after_fork_in_child(void)
{
    if (process_id != (int)sys_call(SYS_getpid))
        fork_child();
    if (self && self->map_low)
        stack_relink(self);
}

void fork_init(void)
{
    process_id = (int)sys_call(SYS_getpid);
    pthread_atfork(NULL, descriptor_after_fork, after_fork_in_child);
}
