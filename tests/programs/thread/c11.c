/* C11's threads: thrd_*, mtx_*, cnd_*, tss_*, call_once. */
/* run: */
/* expect:
join: 7
exit from within: 8
detach: 1
equal: 1 0
counter: 10000
mtx_trylock: busy 1
mtx_timedlock: timed out 1
recursive: 1
cnd: 50
cnd_timedwait: timed out 1
tss: 1, destructors 50
call_once: 1
sleep: 0
*/
#include <threads.h>
#include "say.h"

static mtx_t lock;
static cnd_t changed;
static tss_t slot;
static once_flag flag = ONCE_FLAG_INIT;
static int counter, arrived, destroyed, onces, slots_right;

static int returns(void *arg)
{
    return (int)(long)arg;
}

static int exits(void *arg)
{
    thrd_exit((int)(long)arg);
}

static int equals(void *arg)
{
    return thrd_equal(*(thrd_t *)arg, thrd_current());
}

static void ran_once(void)
{
    thrd_sleep(&(struct timespec){0, 1000000}, NULL);
    onces++;
}

static void gone(void *value)
{
    (void)value;
    __atomic_add_fetch(&destroyed, 1, __ATOMIC_RELAXED);
}

static int works(void *arg)
{
    tss_set(slot, arg);
    call_once(&flag, ran_once);
    for (int i = 0; i < 200; i++) {
        mtx_lock(&lock);
        counter++;
        mtx_unlock(&lock);
        if (i % 50 == 0)
            thrd_yield();
    }
    mtx_lock(&lock);
    arrived++;
    cnd_broadcast(&changed);
    while (arrived < 50)
        cnd_wait(&changed, &lock);
    slots_right += tss_get(slot) == arg;
    mtx_unlock(&lock);
    return 1;
}

static int tries(void *arg)
{
    (void)arg;
    return mtx_trylock(&lock) == thrd_busy;
}

static int times_out(void *arg)
{
    struct timespec soon = in_ms(CLOCK_REALTIME, 5);
    return mtx_timedlock(arg, &soon) == thrd_timedout;
}

static int run(thrd_start_t body, void *arg)
{
    thrd_t thread;
    int result;
    NEED(thrd_create(&thread, body, arg) == thrd_success);
    NEED(thrd_join(thread, &result) == thrd_success);
    return result;
}

int main(void)
{
    thrd_t threads[50], thread, main_thread = thrd_current();
    int sum = 0, result;
    mtx_t timed, recursive;
    NEED(mtx_init(&lock, mtx_plain) == thrd_success && mtx_init(&timed, mtx_timed) == thrd_success);
    NEED(cnd_init(&changed) == thrd_success && tss_create(&slot, gone) == thrd_success);
    printf("join: %d\n", run(returns, (void *)7L));
    printf("exit from within: %d\n", run(exits, (void *)8L));
    NEED(thrd_create(&thread, returns, NULL) == thrd_success);
    printf("detach: %d\n", thrd_detach(thread) == thrd_success);
    printf("equal: %d %d\n", thrd_equal(main_thread, thrd_current()) != 0, run(equals, &main_thread));
    for (long i = 0; i < 50; i++)
        NEED(thrd_create(&threads[i], works, (void *)(i + 1)) == thrd_success);
    for (int i = 0; i < 50; i++) {
        thrd_join(threads[i], &result);
        sum += result;
    }
    printf("counter: %d\n", counter);
    mtx_lock(&lock);
    printf("mtx_trylock: busy %d\n", run(tries, NULL));
    mtx_lock(&timed);
    printf("mtx_timedlock: timed out %d\n", run(times_out, &timed));
    NEED(mtx_init(&recursive, mtx_plain | mtx_recursive) == thrd_success);
    mtx_lock(&recursive);
    printf("recursive: %d\n", mtx_lock(&recursive) == thrd_success);
    printf("cnd: %d\n", sum);
    struct timespec soon = in_ms(CLOCK_REALTIME, 5);
    printf("cnd_timedwait: timed out %d\n", cnd_timedwait(&changed, &lock, &soon) == thrd_timedout);
    printf("tss: %d, destructors %d\n", slots_right == 50, destroyed);
    printf("call_once: %d\n", onces);
    printf("sleep: %d\n", thrd_sleep(&(struct timespec){0, 1000000}, NULL));
    return 0;
}
