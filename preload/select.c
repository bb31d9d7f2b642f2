/* select and pselect (POSIX pselect, select). The kernel overwrites the sets with its answer, so each question is asked on a
 * copy, made in a way that a bad pointer is EFAULT. */
#include "preload/multiplex.h"

#include <limits.h>
#include <sys/mman.h>

#define WORD_BITS 64
#define FEW_WORDS (FD_SETSIZE / WORD_BITS)

enum { READ_SET, WRITE_SET, EXCEPT_SET, SETS };

struct select_call {
    unsigned long *sets[SETS];   /* the program's */
    unsigned long *wanted[SETS]; /* what they held at first */
    int limit;                   /* descriptors 0 … limit-1 */
    size_t words;                /* of each set */
};

/* The kernel's pselect6, without a timeout and without a mask. */
static long ask(void *argument)
{
    struct select_call *call = argument;
    struct timespec none = {0, 0};
    for (int i = 0; i < SETS; i++)
        if (call->sets[i])
            __builtin_memcpy(call->sets[i], call->wanted[i], call->words * sizeof(long));
    return sys_call(SYS_pselect6, call->limit, call->sets[0], call->sets[1], call->sets[2], &none, NULL);
}

static short events_of(const struct select_call *call, int fd)
{
    /* The kernel's own meaning of the three sets (fs/select.c). */
    static const short meaning[SETS] = {POLLIN | POLLRDNORM, POLLOUT | POLLWRNORM, POLLPRI};
    short events = 0;
    for (int i = 0; i < SETS; i++)
        if (call->sets[i] && call->wanted[i][fd / WORD_BITS] & 1ul << fd % WORD_BITS)
            events |= meaning[i];
    return events;
}

static size_t collect(const struct select_call *call, struct pollfd *fds)
{
    size_t count = 0;
    for (int fd = 0; fd < call->limit; fd++) {
        short events = events_of(call, fd);
        if (events && fds)
            fds[count] = (struct pollfd){.fd = fd, .events = events};
        count += events != 0;
    }
    return count;
}

static void *map(size_t size)
{
    long memory = sys_call(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return (unsigned long)memory > -4096UL ? NULL : (void *)memory;
}

static int park(void *argument, int64_t deadline_ns)
{
    struct select_call *call = argument;
    struct pollfd few[16], *fds = few;
    size_t count = collect(call, NULL), size = count * sizeof *fds;
    if (count > sizeof few / sizeof *few && !(fds = map(size)))
        return -1;
    collect(call, fds);
    int reason = multiplex_park(fds, count, deadline_ns);
    if (fds != few)
        sys_call(SYS_munmap, fds, size);
    return reason;
}

static long run_on_copies(struct select_call *call, unsigned long *copies, const struct multiplex *m)
{
    for (int i = 0; i < SETS; i++) {
        call->wanted[i] = copies + (size_t)i * call->words;
        if (call->sets[i] && !wait_copy_in(call->wanted[i], call->sets[i], call->words * sizeof(long)))
            return -EFAULT;
    }
    return multiplex_run(m);
}

/* The result of the kernel's select, or a negated errno. Cancellation may unwind from here; the copies of a huge set are then
 * lost, as the program's own would be. */
static long run(struct select_call *call, const sigset_t *mask, int64_t deadline_ns)
{
    struct multiplex m = {ask, park, call, mask, deadline_ns};
    unsigned long few[SETS * FEW_WORDS], *copies = few;
    if (call->limit < 0)
        return -EINVAL;
    call->words = ((size_t)call->limit + WORD_BITS - 1) / WORD_BITS;
    size_t size = SETS * call->words * sizeof(long);
    if (call->words > FEW_WORDS && !(copies = map(size)))
        return -ENOMEM;
    long result = run_on_copies(call, copies, &m);
    if (copies != few)
        sys_call(SYS_munmap, copies, size);
    return result;
}

/* POSIX select; Linux leaves the time that was not slept in *timeout (select(2)). */
HOOK_EXPORT int select(int limit, fd_set *restrict reads, fd_set *restrict writes, fd_set *restrict excepts,
                       struct timeval *restrict timeout)
{
    if (!wait_enter(FAMILY_poll))
        return (int)sys_ret(sys_call(SYS_select, limit, reads, writes, excepts, timeout));

    struct timeval tv = {0};
    int64_t deadline_ns = DEADLINE_NEVER;
    if (timeout) {
        if (!wait_copy_in(&tv, timeout, sizeof tv))
            return (int)sys_ret(-EFAULT);
        if (tv.tv_sec < 0 || tv.tv_usec < 0)
            return (int)sys_ret(-EINVAL);
        /* The kernel carries whole seconds over from tv_usec. */
        struct timespec t = {tv.tv_sec + tv.tv_usec / 1000000, tv.tv_usec % 1000000 * 1000};
        deadline_ns = t.tv_sec || t.tv_nsec ? deadline_after(&t) : MULTIPLEX_NO_WAIT;
    }
    struct select_call call = {.sets = {(void *)reads, (void *)writes, (void *)excepts}, .limit = limit};
    long result = run(&call, NULL, deadline_ns);
    if (timeout && deadline_ns != MULTIPLEX_NO_WAIT) {
        struct timespec left = deadline_left(deadline_ns);
        *timeout = (struct timeval){left.tv_sec, left.tv_nsec / 1000};
    }
    return (int)sys_ret(result);
}

HOOK_ALIAS(__select, select);

/* POSIX pselect: *timeout stays as it was. */
HOOK_EXPORT int pselect(int limit, fd_set *restrict reads, fd_set *restrict writes, fd_set *restrict excepts,
                        const struct timespec *restrict timeout, const sigset_t *restrict mask)
{
    if (!wait_enter(FAMILY_poll)) {
        struct timespec copy = {0};
        struct {
            const sigset_t *mask;
            size_t size;
        } kernel_mask = {mask, _NSIG / 8};
        if (timeout && !wait_copy_in(&copy, timeout, sizeof copy))
            return (int)sys_ret(-EFAULT);
        return (int)sys_ret(
            sys_call(SYS_pselect6, limit, reads, writes, excepts, timeout ? &copy : NULL, &kernel_mask));
    }
    int64_t deadline_ns = multiplex_deadline(timeout);
    struct select_call call = {.sets = {(void *)reads, (void *)writes, (void *)excepts}, .limit = limit};
    return (int)sys_ret(deadline_ns < 0 ? deadline_ns : run(&call, mask, deadline_ns));
}
