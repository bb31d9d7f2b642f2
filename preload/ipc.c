/* Queues and semaphores that processes share (POSIX msgrcv, semop, mq_receive and their like), and waits for asynchronous I/O.
 *
 * A POSIX queue is a descriptor and has readiness (mq_overview(7)). A System V object has none: what would wait is done by an offload
 * thread. So is the wait for libc's own I/O threads, which sleep in libc. */
#include <sys/msg.h>
#include <sys/sem.h>

#include "preload/wait.h"
#include "runtime/offload.h"

/* ---- System V: signal(7), none of it goes on after a handler ---- */

/* POSIX msgsnd. */
HOOK_EXPORT int msgsnd(int queue, const void *message, size_t size, int flags)
{
    if (!wait_enter(FAMILY_ipc))
        return (int)sys_ret(sys_call(SYS_msgsnd, queue, message, size, flags));
    long result = sys_call(SYS_msgsnd, queue, message, size, flags | IPC_NOWAIT);
    if (result == -EAGAIN && !(flags & IPC_NOWAIT))
        result = wait_abroad(SIGNAL_NEVER_RESTARTS, SYS_msgsnd, queue, (long)message, (long)size, flags, 0, 0);
    return (int)sys_ret(result);
}

/* POSIX msgrcv. */
HOOK_EXPORT ssize_t msgrcv(int queue, void *message, size_t size, long type, int flags)
{
    if (!wait_enter(FAMILY_ipc))
        return sys_ret(sys_call(SYS_msgrcv, queue, message, size, type, flags));
    long result = sys_call(SYS_msgrcv, queue, message, size, type, flags | IPC_NOWAIT);
    if (result == -ENOMSG && flags & IPC_NOWAIT)
        wait_found_nothing();
    else if (result == -ENOMSG)
        result = wait_abroad(SIGNAL_NEVER_RESTARTS, SYS_msgrcv, queue, (long)message, (long)size, type, flags, 0);
    return sys_ret(result);
}

/* Does the program want no wait, whichever of them it would be for? The kernel has read them already. */
static bool none_may_wait(const struct sembuf *operations, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(operations[i].sem_flg & IPC_NOWAIT))
            return false;
    return true;
}

/* semtimedop(2): EAGAIN after the timeout, which the first attempt sets to nothing. */
HOOK_EXPORT int semtimedop(int set, struct sembuf *operations, size_t count, const struct timespec *timeout)
{
    const struct timespec at_once = {0, 0};
    if (!wait_enter(FAMILY_ipc) || (timeout && !timespec_is_valid(timeout)))
        return (int)sys_ret(sys_call(SYS_semtimedop, set, operations, count, timeout));
    long result = sys_call(SYS_semtimedop, set, operations, count, &at_once);
    if (result == -EAGAIN && none_may_wait(operations, count))
        wait_found_nothing();
    else if (result == -EAGAIN)
        result =
            wait_abroad(SIGNAL_NEVER_RESTARTS, SYS_semtimedop, set, (long)operations, (long)count, (long)timeout, 0, 0);
    return (int)sys_ret(result);
}

/* POSIX semop. */
HOOK_EXPORT int semop(int set, struct sembuf *operations, size_t count)
{
    return semtimedop(set, operations, count, NULL);
}

/* ---- POSIX queues ---- */

/* mq_timedsend(2) and mq_timedreceive(2): with a deadline that has passed, both try once and say ETIMEDOUT. With O_NONBLOCK they say
 * EAGAIN in any case. */
static long transfer(long number, int events, mqd_t queue, const void *message, size_t size, unsigned long priority,
                     const struct timespec *absolute)
{
    const struct timespec past = {0, 0};
    if (!wait_enter(FAMILY_ipc) || (absolute && !timespec_is_valid(absolute)))
        return sys_call(number, queue, message, size, priority, absolute);
    int64_t deadline_ns = absolute ? deadline_at(CLOCK_REALTIME, absolute) : DEADLINE_NEVER;
    for (;;) {
        long result = sys_call(number, queue, message, size, priority, &past);
        if (result == -EAGAIN)
            wait_found_nothing();
        if (result != -ETIMEDOUT)
            return result;
        int failure = wait_for(queue, events, deadline_ns, SIGNAL_RESTARTS);
        if (failure)
            return failure == -EAGAIN ? -ETIMEDOUT : failure;
    }
}

/* POSIX mq_timedsend. */
HOOK_EXPORT int mq_timedsend(mqd_t queue, const char *message, size_t size, unsigned priority,
                             const struct timespec *absolute)
{
    return (int)sys_ret(transfer(SYS_mq_timedsend, EV_WRITE, queue, message, size, priority, absolute));
}

/* POSIX mq_send. */
HOOK_EXPORT int mq_send(mqd_t queue, const char *message, size_t size, unsigned priority)
{
    return (int)sys_ret(transfer(SYS_mq_timedsend, EV_WRITE, queue, message, size, priority, NULL));
}

/* POSIX mq_timedreceive. */
HOOK_EXPORT ssize_t mq_timedreceive(mqd_t queue, char *restrict message, size_t size, unsigned *restrict priority,
                                    const struct timespec *restrict absolute)
{
    return sys_ret(transfer(SYS_mq_timedreceive, EV_READ, queue, message, size, (unsigned long)priority, absolute));
}

/* POSIX mq_receive. */
HOOK_EXPORT ssize_t mq_receive(mqd_t queue, char *message, size_t size, unsigned *priority)
{
    return sys_ret(transfer(SYS_mq_timedreceive, EV_READ, queue, message, size, (unsigned long)priority, NULL));
}

/* POSIX mq_close: the number is free again, as after any close. */
HOOK_EXPORT int mq_close(mqd_t queue)
{
    return close(queue);
}

/* ---- asynchronous I/O ---- */

/* POSIX aio_suspend. */
HOOK_EXPORT int aio_suspend64(const struct aiocb64 *const list[], int count, const struct timespec *restrict timeout)
{
    bool is_carried = wait_enter(FAMILY_io) && offload_begin_wait() == 0;
    int result = REAL(aio_suspend64)(list, count, timeout);
    if (is_carried)
        offload_end_wait();
    return result;
}

HOOK_EXPORT int aio_suspend(const struct aiocb *const list[], int count, const struct timespec *restrict timeout)
{
    return aio_suspend64((const struct aiocb64 *const *)list, count, timeout);
}

/* POSIX lio_listio; LIO_NOWAIT only hands over. */
HOOK_EXPORT int lio_listio64(int mode, struct aiocb64 *const list[restrict], int count, struct sigevent *restrict event)
{
    bool is_carried = mode == LIO_WAIT && wait_enter(FAMILY_io) && offload_begin_wait() == 0;
    int result = REAL(lio_listio64)(mode, list, count, event);
    if (is_carried)
        offload_end_wait();
    return result;
}

HOOK_EXPORT int lio_listio(int mode, struct aiocb *const list[restrict], int count, struct sigevent *restrict event)
{
    return lio_listio64(mode, (struct aiocb64 *const *)list, count, event);
}
