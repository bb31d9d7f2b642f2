/* The futex system call (futex(2)), which Rust's std, libstdc++, abseil and InnoDB make through syscall().
 *
 * A private futex is the parking lot itself: same key, same bit sets, same requeueing. A futex that is not FUTEX_PRIVATE may be
 * shared with other processes: its wakers reach both the kernel's waiters and ours, and its waiters go to the lot only when the
 * page is private anonymous memory, where no other process can be; else they wait in the kernel, on an offload thread.
 * Operations with priority inheritance are the kernel's: it knows owners by the kernel's thread ids. */
#include "preload/futex.h"

#include <linux/futex.h>

#include "preload/lock.h"

struct futex_wait {
    uint32_t *word;
    uint32_t value;
};

static bool has_value(void *argument)
{
    const struct futex_wait *wait = argument;
    return __atomic_load_n(wait->word, __ATOMIC_SEQ_CST) == wait->value;
}

/* 0, -EFAULT, -EINVAL (not aligned). The kernel reads the word for us, in an operation that does nothing; but it is asked once only for
 * each page that a thread stays with. (Whoever waits in a page that he has unmapped since gets SIGSEGV in place of EFAULT.) */
static long check_word(const uint32_t *word)
{
    static __thread uintptr_t known_page;
    uintptr_t page = (uintptr_t)word / 4096;
    if ((uintptr_t)word % sizeof(*word))
        return -EINVAL;
    if (page && page == known_page)
        return 0;
    long result = sys_call(SYS_futex, word, FUTEX_CMP_REQUEUE_PRIVATE, 0, 0, word, 0);
    if (result < 0 && result != -EAGAIN)
        return result;
    known_page = page;
    return 0;
}

/* FUTEX_WAIT counts from now, FUTEX_WAIT_BITSET names the moment. -EINVAL for a time that cannot be. */
static long deadline_of(int operation, const struct timespec *timeout, int64_t *deadline_ns)
{
    *deadline_ns = DEADLINE_NEVER;
    if (!timeout)
        return 0;
    if (timeout->tv_sec < 0 || !timespec_is_valid(timeout))
        return -EINVAL;
    if ((operation & FUTEX_CMD_MASK) == FUTEX_WAIT)
        *deadline_ns = deadline_after(timeout);
    else
        *deadline_ns = deadline_at(operation & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC, timeout);
    return 0;
}

static long wait_in_lot(struct futex_wait *wait, int operation, const struct timespec *timeout, uint32_t bits)
{
    struct park_request request = {
        .key = wait->word,
        .bits = bits,
        .kind = WAIT_FUTEX,
        .flags = HUB_PARK_SIGNAL,
        .validate = has_value,
        .argument = wait,
    };
    long result = bits ? deadline_of(operation, timeout, &request.deadline_ns) : -EINVAL;
    if (result == 0)
        result = check_word(wait->word);
    if (result != 0)
        return result;
    for (;;) {
        switch (park_wait(&request)) {
        case WAKE_UP: return 0;
        case PARK_INVALID: return -EAGAIN;
        case WAKE_TIMEOUT: return -ETIMEDOUT;
        case WAKE_SIGNAL:
            if (lock_interrupted(request.deadline_ns))
                return -EINTR;
        }
    }
}

/* Only this process can have the page: it is present, and neither of a file nor of shared memory
 * (Documentation/admin-guide/mm/pagemap.rst: bits 63 and 61). */
static bool is_private_page(const uint32_t *word)
{
    uint64_t entry = 0;
    int fd = (int)sys_call(SYS_open, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    long n = sys_call(SYS_pread64, fd, &entry, sizeof(entry), (uintptr_t)word / 4096 * sizeof(entry));
    sys_call(SYS_close, fd);
    return n == sizeof(entry) && entry >> 63 && !(entry >> 61 & 1);
}

/* An absolute deadline, because the call may be repeated: with CLOCK_REALTIME it was one already. */
static long wait_in_kernel(uint32_t *word, int operation, uint32_t value, const struct timespec *timeout, uint32_t bits)
{
    struct timespec until;
    int64_t deadline_ns;
    if (!hook_green(FAMILY_lock))
        return sys_call(SYS_futex, word, operation, value, timeout, NULL, bits);
    long result = deadline_of(operation, timeout, &deadline_ns);
    if (result)
        return result;
    if (timeout && (operation & FUTEX_CMD_MASK) == FUTEX_WAIT) {
        until = (struct timespec){deadline_ns / 1000000000, deadline_ns % 1000000000};
        timeout = &until;
        operation = FUTEX_WAIT_BITSET;
    }
    const long arguments[6] = {(long)word, operation, value, (long)timeout, 0, bits};
    do
        result = offload_call(SYS_futex, arguments, HUB_PARK_SIGNAL);
    while (result == -EINTR && !lock_interrupted(deadline_ns));
    return result;
}

static long wait_on(uint32_t *word, int operation, uint32_t value, const struct timespec *timeout, uint32_t bits)
{
    struct futex_wait request = {word, value};
    if (operation & FUTEX_PRIVATE_FLAG)
        return wait_in_lot(&request, operation, timeout, bits);
    long result = check_word(word);
    if (result == 0 && is_private_page(word))
        return wait_in_lot(&request, operation, timeout, bits);
    return result ? result : wait_in_kernel(word, operation, value, timeout, bits);
}

/* The kernel wakes one for 0 and for negative counts. */
static unsigned count_of(uint32_t value)
{
    return (int)value > 0 ? value : 1;
}

static long wake_on(uint32_t *word, int operation, uint32_t value, uint32_t bits)
{
    unsigned max = count_of(value), woken = 0;
    if (!bits || (uintptr_t)word % sizeof(*word))
        return -EINVAL;
    woken = park_wake(word, max, bits);
    if (operation & FUTEX_PRIVATE_FLAG || woken == max)
        return woken;
    long more = sys_call(SYS_futex, word, operation, max - woken, NULL, NULL, bits);
    return more < 0 ? more : woken + more;
}

static long requeue(uint32_t *word, int operation, uint32_t value, uint32_t max_moved, uint32_t *word2, uint32_t value3)
{
    bool compares = (operation & FUTEX_CMD_MASK) == FUTEX_CMP_REQUEUE;
    struct futex_wait expected = {word, value3};
    if ((int)value < 0 || (int)max_moved < 0)
        return -EINVAL;
    long result = compares ? check_word(word) : 0;
    if (result == 0)
        result = park_requeue(word, value, word2, max_moved, compares ? has_value : NULL, &expected);
    if (result == -1)
        return -EAGAIN;
    if (result < 0 || operation & FUTEX_PRIVATE_FLAG)
        return result;
    long more = sys_call(SYS_futex, word, operation, value, max_moved, word2, value3);
    return more < 0 && result == 0 ? more : result + (more > 0 ? more : 0);
}

/* FUTEX_WAKE_OP's operation, packed into val3: op(4) cmp(4) oparg(12) cmparg(12). */
static long apply(uint32_t *word, uint32_t packed, bool *matches)
{
    int argument = (int)(packed << 8) >> 20, compared = (int)(packed << 20) >> 20;
    if (packed & (uint32_t)FUTEX_OP_OPARG_SHIFT << 28)
        argument = (int)(1u << (argument & 31));
    int old;
    switch (packed >> 28 & 7) {
    case FUTEX_OP_SET: old = __atomic_exchange_n((int *)word, argument, __ATOMIC_SEQ_CST); break;
    case FUTEX_OP_ADD: old = __atomic_fetch_add((int *)word, argument, __ATOMIC_SEQ_CST); break;
    case FUTEX_OP_OR: old = __atomic_fetch_or((int *)word, argument, __ATOMIC_SEQ_CST); break;
    case FUTEX_OP_ANDN: old = __atomic_fetch_and((int *)word, ~argument, __ATOMIC_SEQ_CST); break;
    case FUTEX_OP_XOR: old = __atomic_fetch_xor((int *)word, argument, __ATOMIC_SEQ_CST); break;
    default: return -ENOSYS;
    }
    switch (packed >> 24 & 15) {
    case FUTEX_OP_CMP_EQ: *matches = old == compared; return 0;
    case FUTEX_OP_CMP_NE: *matches = old != compared; return 0;
    case FUTEX_OP_CMP_LT: *matches = old < compared; return 0;
    case FUTEX_OP_CMP_GE: *matches = old >= compared; return 0;
    case FUTEX_OP_CMP_LE: *matches = old <= compared; return 0;
    case FUTEX_OP_CMP_GT: *matches = old > compared; return 0;
    default: return -ENOSYS;
    }
}

static long wake_op(uint32_t *word, int operation, uint32_t value, uint32_t value2, uint32_t *word2, uint32_t packed)
{
    bool matches = false;
    long result = check_word(word2);
    if (result == 0)
        result = apply(word2, packed, &matches);
    if (result != 0)
        return result;
    int wake_operation = FUTEX_WAKE_BITSET | (operation & FUTEX_PRIVATE_FLAG);
    result = wake_on(word, wake_operation, value, FUTEX_BITSET_MATCH_ANY);
    if (result < 0 || !matches)
        return result;
    long more = wake_on(word2, wake_operation, value2, FUTEX_BITSET_MATCH_ANY);
    return more < 0 ? more : result + more;
}

long hook_futex(uint32_t *word, int operation, uint32_t value, const struct timespec *timeout, uint32_t *word2,
                uint32_t value3)
{
    uint32_t number = (uint32_t)(uintptr_t)timeout;
    if (!lock_is_ours())
        return sys_ret(sys_call(SYS_futex, word, operation, value, timeout, word2, value3));
    switch (operation & FUTEX_CMD_MASK) {
    case FUTEX_WAIT: return sys_ret(wait_on(word, operation, value, timeout, FUTEX_BITSET_MATCH_ANY));
    case FUTEX_WAIT_BITSET: return sys_ret(wait_on(word, operation, value, timeout, value3));
    case FUTEX_WAKE: return sys_ret(wake_on(word, operation, value, FUTEX_BITSET_MATCH_ANY));
    case FUTEX_WAKE_BITSET: return sys_ret(wake_on(word, operation, value, value3));
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE: return sys_ret(requeue(word, operation, value, number, word2, value3));
    case FUTEX_WAKE_OP: return sys_ret(wake_op(word, operation, value, number, word2, value3));
    default: return sys_ret(sys_call(SYS_futex, word, operation, value, timeout, word2, value3));
    }
}
