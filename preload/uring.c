/* Waiting for asynchronous I/O: the calls of liburing and libaio that block.
 *
 * Both libraries make their system calls by instructions of their own, so libc's hooks do not see them; but programs reach the
 * libraries by symbol. A ring or context has a state in memory that only the real function knows how to take from, so the
 * caller is carried to an offload thread and waits there as it does natively. A program that does not bring the library never
 * gets here. Semantics: io_uring_enter(2), io_getevents(2), and the manual pages of liburing. */
#include "preload/hook.h"
#include "runtime/offload.h"

static bool leave_worker(bool may_block)
{
    return may_block && hook_green(FAMILY_io) && offload_begin_wait() == 0;
}

static int come_back(bool is_carried, int result)
{
    if (is_carried)
        offload_end_wait();
    return result;
}

HOOK_EXPORT int __io_uring_get_cqe(struct io_uring *ring, struct io_uring_cqe **cqe, unsigned submit, unsigned count,
                                   sigset_t *mask)
{
    bool is_carried = leave_worker(count > 0);
    return come_back(is_carried, REAL(__io_uring_get_cqe)(ring, cqe, submit, count, mask));
}

HOOK_EXPORT int io_uring_wait_cqes(struct io_uring *ring, struct io_uring_cqe **cqe, unsigned count,
                                   struct __kernel_timespec *timeout, sigset_t *mask)
{
    bool is_carried = leave_worker(true);
    return come_back(is_carried, REAL(io_uring_wait_cqes)(ring, cqe, count, timeout, mask));
}

HOOK_EXPORT int io_uring_wait_cqe_timeout(struct io_uring *ring, struct io_uring_cqe **cqe,
                                          struct __kernel_timespec *timeout)
{
    bool is_carried = leave_worker(true);
    return come_back(is_carried, REAL(io_uring_wait_cqe_timeout)(ring, cqe, timeout));
}

HOOK_EXPORT int io_uring_submit_and_wait(struct io_uring *ring, unsigned count)
{
    bool is_carried = leave_worker(count > 0);
    return come_back(is_carried, REAL(io_uring_submit_and_wait)(ring, count));
}

HOOK_EXPORT int io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **cqe, unsigned count,
                                                 struct __kernel_timespec *timeout, sigset_t *mask)
{
    bool is_carried = leave_worker(count > 0);
    return come_back(is_carried, REAL(io_uring_submit_and_wait_timeout)(ring, cqe, count, timeout, mask));
}

HOOK_EXPORT int __io_uring_sqring_wait(struct io_uring *ring)
{
    bool is_carried = leave_worker(true);
    return come_back(is_carried, REAL(__io_uring_sqring_wait)(ring));
}

HOOK_EXPORT int io_uring_enter(unsigned fd, unsigned submit, unsigned count, unsigned flags, sigset_t *mask)
{
    bool is_carried = leave_worker(count > 0);
    return come_back(is_carried, REAL(io_uring_enter)(fd, submit, count, flags, mask));
}

HOOK_EXPORT int io_uring_enter2(unsigned fd, unsigned submit, unsigned count, unsigned flags, sigset_t *mask,
                                size_t size)
{
    bool is_carried = leave_worker(count > 0);
    return come_back(is_carried, REAL(io_uring_enter2)(fd, submit, count, flags, mask, size));
}

HOOK_EXPORT int io_getevents(struct io_context *context, long least, long most, struct io_event *events,
                             struct timespec *timeout)
{
    bool is_carried = leave_worker(least > 0);
    return come_back(is_carried, REAL(io_getevents)(context, least, most, events, timeout));
}
