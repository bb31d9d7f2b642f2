/* libc's own locks: stdio streams, malloc arenas, the resolver, atexit lists.
 *
 * libc takes them inline and calls these two, which it exports to its other libraries, only when it must wait or when somebody
 * may be waiting. Deep-hooked, a green thread that waits for one parks. The words: 0 free, 1 taken, 2 taken and waited for.
 *
 * A thread that waits for a lock of malloc's does not park, and one that lets go of it goes on: fork takes them all, one by one, and the
 * runtime allocates where it cannot park. So whoever has one of them is running, on another worker, and the wait is short.
 *
 * Not cancellation points and not interrupted: libc's state is half changed here. errno is left alone. */
#include "preload/lock.h"
#include "runtime/signal.h"

static int try(void *futex)
{
    return __atomic_exchange_n((int *)futex, 2, __ATOMIC_ACQUIRE) == 0 ? 0 : EBUSY;
}

/* glibc nptl/lowlevellock.c: returns with the lock taken. */
HOOK_EXPORT void __lll_lock_wait_private(int *futex)
{
    /* The child of vfork must not touch the lot, and its parent cannot run anyway. */
    while (unlikely(in_vfork_child)) {
        if (try(futex) == 0)
            return;
        sys_call(SYS_sched_yield);
    }
    bool is_of_malloc = signal_is_in_malloc(__builtin_return_address(0));
    if (is_of_malloc)
        runtime_enter(); /* where the kernel thread waits */
    lock_wait(&(struct lock_wait){
        .try = try,
        .object = futex,
        .kind = WAIT_LIBC_LOCK,
        .waiter = LOCK_WAITER,
        .deadline_ns = DEADLINE_NEVER,
    });
    if (is_of_malloc)
        runtime_leave_quietly();
}

/* The lock has been released already. */
HOOK_EXPORT void __lll_lock_wake_private(int *futex)
{
    if (unlikely(in_vfork_child))
        return;
    if (!signal_is_in_malloc(__builtin_return_address(0))) {
        lock_wake_one(futex, LOCK_WAITER);
        return;
    }
    runtime_enter(); /* nor make way for a signal: that waits until the next call */
    lock_wake_one_and_go_on(futex, LOCK_WAITER);
    runtime_leave_quietly();
}
