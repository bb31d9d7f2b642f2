/* The futex system call, which Rust's standard library, libstdc++ and many allocators use directly. */
/* run: */
/* expect:
wait, value differs: -1 EAGAIN
wait, time-out: -1 ETIMEDOUT
wait_bitset, absolute time-out: -1 ETIMEDOUT
wait, bad time-out: -1 EINVAL
wait, unaligned: -1 EINVAL
wait, no memory there: -1 EFAULT
wake_op, nobody waits: 0, word 5 after adding 3
wake_op, no memory there: -1 EFAULT
wake nobody: 0
lock of three states: 20000
wake 3 of 10, then the rest: 3 7
requeue: woken 1, moved 4
woken after requeue: 4
bitset wakes only its own: 1, then 1
shared flavour: 1
unknown operation: -1 ENOSYS
*/
#include <linux/futex.h>
#include <sys/syscall.h>
#include "say.h"

static int word, lock_word, second, woken, waiting;
static long counter;

static long futex(int *address, int operation, int value, const struct timespec *timeout, int *address2, int value3)
{
    return syscall(SYS_futex, address, operation, value, timeout, address2, value3);
}

static void say_futex(const char *what, long result)
{
    if (result == -1)
        printf("%s: -1 %s\n", what, error_name(errno));
    else
        printf("%s: %ld\n", what, result);
}

/* Drepper's mutex, "Futexes Are Tricky". */
static void lock(int *state)
{
    int seen = 0;
    if (__atomic_compare_exchange_n(state, &seen, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    if (seen != 2)
        seen = __atomic_exchange_n(state, 2, __ATOMIC_ACQUIRE);
    while (seen != 0) {
        futex(state, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
        seen = __atomic_exchange_n(state, 2, __ATOMIC_ACQUIRE);
    }
}

static void unlock(int *state)
{
    if (__atomic_exchange_n(state, 0, __ATOMIC_RELEASE) == 2)
        futex(state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *counts(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        lock(&lock_word);
        counter++;
        if (i % 100 == 0)
            sched_yield();
        unlock(&lock_word);
    }
    return arg;
}

static void *waits(void *arg)
{
    __atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
    NEED(futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) == 0);
    __atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
    return arg;
}

static void *waits_for_bit(void *arg)
{
    __atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
    NEED(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, (int)(long)arg) == 0);
    return NULL;
}

static void *waits_shared(void *arg)
{
    __atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
    NEED(futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0) == 0);
    return arg;
}

static void until_waiting(int count)
{
    while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) < count)
        sleep_ms(1);
    sleep_ms(150);
}

static void wake_some(void)
{
    pthread_t threads[10];
    for (int i = 0; i < 10; i++)
        threads[i] = start(waits, NULL);
    until_waiting(10);
    long some = futex(&word, FUTEX_WAKE_PRIVATE, 3, NULL, NULL, 0);
    long rest = futex(&word, FUTEX_WAKE_PRIVATE, 1000, NULL, NULL, 0);
    printf("wake 3 of 10, then the rest: %ld %ld\n", some, rest);
    for (int i = 0; i < 10; i++)
        join(threads[i]);
}

static void requeue(void)
{
    pthread_t threads[5];
    waiting = 0;
    for (int i = 0; i < 5; i++)
        threads[i] = start(waits, NULL);
    until_waiting(5);
    long done = futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (const struct timespec *)10L, &second, 0);
    printf("requeue: woken 1, moved %ld\n", done - 1);
    printf("woken after requeue: %ld\n", futex(&second, FUTEX_WAKE_PRIVATE, 1000, NULL, NULL, 0));
    for (int i = 0; i < 5; i++)
        join(threads[i]);
}

int main(void)
{
    pthread_t threads[20];
    struct timespec soon = {0, 20000000}, bad = {0, 2000000000};
    word = 1;
    say_futex("wait, value differs", futex(&word, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0));
    say_futex("wait, time-out", futex(&word, FUTEX_WAIT_PRIVATE, 1, &soon, NULL, 0));
    struct timespec then = in_ms(CLOCK_MONOTONIC, 20);
    say_futex("wait_bitset, absolute time-out",
              futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, &then, NULL, FUTEX_BITSET_MATCH_ANY));
    say_futex("wait, bad time-out", futex(&word, FUTEX_WAIT_PRIVATE, 1, &bad, NULL, 0));
    say_futex("wait, unaligned", futex((int *)((char *)&word + 1), FUTEX_WAIT_PRIVATE, 1, &soon, NULL, 0));
    say_futex("wait, no memory there", futex((int *)8, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0));
    second = 2;
    long nobody = futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (const struct timespec *)1L, &second,
                        FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 2));
    printf("wake_op, nobody waits: %ld, word %d after adding 3\n", nobody, second);
    say_futex("wake_op, no memory there",
              futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, NULL, (int *)8, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 2)));
    second = 0;
    say_futex("wake nobody", futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
    for (int i = 0; i < 20; i++)
        threads[i] = start(counts, NULL);
    for (int i = 0; i < 20; i++)
        join(threads[i]);
    printf("lock of three states: %ld\n", counter);
    word = 0;
    wake_some();
    requeue();
    waiting = 0;
    threads[0] = start(waits_for_bit, (void *)1L);
    threads[1] = start(waits_for_bit, (void *)2L);
    until_waiting(2);
    long first = futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1000, NULL, NULL, 2);
    printf("bitset wakes only its own: %ld, then %ld\n", first,
           futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1000, NULL, NULL, 1));
    join(threads[0]);
    join(threads[1]);
    waiting = 0;
    threads[0] = start(waits_shared, NULL);
    until_waiting(1);
    printf("shared flavour: %ld\n", futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
    join(threads[0]);
    say_futex("unknown operation", futex(&word, 99, 0, NULL, NULL, 0));
    return 0;
}
