/* Thread-specific data: destructors in rounds, at most four, with the value cleared before; deleted keys, many keys. */
/* run: */
/* expect:
new thread sees NULL: 1
destructor 1 of value 1, value now NULL: 1
destructor 1 of value 2, value now NULL: 1
destructor 1 of value 3, value now NULL: 1
destructor 1 of value 4, value now NULL: 1
after the end: 4 calls
key without destructor, key deleted before the end: 0 calls
destructor sets the other key: second round 1
main's value untouched: 1
get and set after delete: 1 EINVAL
delete twice: EINVAL
PTHREAD_KEYS_MAX keys: 1024 then EAGAIN
values of 100 threads with 100 keys: 10000, destructors 10000
pthread_exit runs destructors: 1
reused key is NULL in a thread that set the old one: 1
*/
#include <limits.h>
#include <stdint.h>
#include "say.h"

static pthread_key_t key, other;
static int calls, second_round, sum;

static void sets_again(void *value)
{
    long n = (long)value;
    calls++;
    printf("destructor 1 of value %ld, value now NULL: %d\n", n, pthread_getspecific(key) == NULL);
    pthread_setspecific(key, (void *)(n + 1));
}

static void *sets_key(void *arg)
{
    if (arg == (void *)1L)
        printf("new thread sees NULL: %d\n", pthread_getspecific(key) == NULL);
    pthread_setspecific(key, arg);
    return NULL;
}

static void counts(void *value)
{
    (void)value;
    __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
}

static void sets_other(void *value)
{
    (void)value;
    pthread_setspecific(other, (void *)1L);
}

static void notes_round(void *value)
{
    second_round += value == (void *)1L;
}

static void *sets_both(void *arg)
{
    pthread_setspecific(key, arg);
    return NULL;
}

static void *exits(void *arg)
{
    pthread_setspecific(key, arg);
    pthread_exit(NULL);
}

static void *deletes_then_ends(void *arg)
{
    pthread_key_t plain;
    pthread_key_create(&plain, NULL);
    pthread_setspecific(plain, arg);
    pthread_setspecific(key, arg);
    pthread_key_delete(key);
    pthread_key_delete(plain);
    return NULL;
}

static void *reuses(void *arg)
{
    pthread_key_t old, again;
    pthread_key_create(&old, NULL);
    pthread_setspecific(old, arg);
    pthread_key_delete(old);
    pthread_key_create(&again, NULL);
    int fresh = pthread_getspecific(again) == NULL;
    pthread_key_delete(again);
    return (void *)(long)fresh;
}

static pthread_key_t many[PTHREAD_KEYS_MAX];

static void *uses_many(void *arg)
{
    intptr_t base = (intptr_t)arg * 1000 + 1;
    int right = 0;
    for (int i = 0; i < 100; i++)
        pthread_setspecific(many[i], (void *)(base + i));
    usleep(100);
    for (int i = 0; i < 100; i++)
        right += pthread_getspecific(many[i]) == (void *)(base + i);
    __atomic_add_fetch(&sum, right, __ATOMIC_RELAXED);
    return NULL;
}

int main(void)
{
    pthread_t threads[100];
    NEED(pthread_key_create(&key, sets_again) == 0);
    pthread_setspecific(key, &key);
    join(start(sets_key, (void *)1L));
    printf("after the end: %d calls\n", calls);
    pthread_key_delete(key);

    calls = 0;
    NEED(pthread_key_create(&key, counts) == 0);
    join(start(deletes_then_ends, &key));
    printf("key without destructor, key deleted before the end: %d calls\n", calls);

    NEED(pthread_key_create(&other, notes_round) == 0 && pthread_key_create(&key, sets_other) == 0);
    pthread_setspecific(key, &key);
    join(start(sets_both, &key));
    printf("destructor sets the other key: second round %d\n", second_round);
    printf("main's value untouched: %d\n", pthread_getspecific(key) == &key);
    pthread_key_delete(key);
    pthread_key_delete(other);
    printf("get and set after delete: %d %s\n", pthread_getspecific(key) == NULL,
           error_name(pthread_setspecific(key, &key)));
    printf("delete twice: %s\n", error_name(pthread_key_delete(key)));

    int made = 0, error;
    while ((error = pthread_key_create(&many[made], counts)) == 0)
        made++;
    int taken = PTHREAD_KEYS_MAX - made; /* by libraries, before us */
    printf("PTHREAD_KEYS_MAX keys: %d then %s\n", made + taken, error_name(error));
    calls = 0;
    for (long i = 0; i < 100; i++)
        threads[i] = start(uses_many, (void *)i);
    for (int i = 0; i < 100; i++)
        join(threads[i]);
    printf("values of 100 threads with 100 keys: %d, destructors %d\n", sum, calls);
    for (int i = 0; i < made; i++)
        pthread_key_delete(many[i]);

    calls = 0;
    NEED(pthread_key_create(&key, counts) == 0);
    join(start(exits, &key));
    printf("pthread_exit runs destructors: %d\n", calls);
    printf("reused key is NULL in a thread that set the old one: %ld\n", (long)join(start(reuses, &key)));
    return 0;
}
