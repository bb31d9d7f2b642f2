/* pthread_self and pthread_equal: the same in creator and created, different among all that live, stable over waits. */
/* run: */
/* expect:
main equals itself: 1
created equals what create gave: 200
distinct among 200: 200
same after a wait: 200
others than main: 200
*/
#include "say.h"

enum { COUNT = 200 };
static pthread_t given[COUNT], seen[COUNT], main_thread;
static pthread_barrier_t all;
static int stable, not_main;

static void *body(void *arg)
{
    long number = (long)arg;
    seen[number] = pthread_self();
    pthread_barrier_wait(&all);
    sleep_ms(number % 7);
    __atomic_add_fetch(&stable, pthread_equal(seen[number], pthread_self()) != 0, __ATOMIC_RELAXED);
    __atomic_add_fetch(&not_main, !pthread_equal(main_thread, pthread_self()), __ATOMIC_RELAXED);
    pthread_barrier_wait(&all);
    return NULL;
}

int main(void)
{
    int equal = 0, distinct = 0;
    main_thread = pthread_self();
    pthread_barrier_init(&all, NULL, COUNT + 1);
    for (long i = 0; i < COUNT; i++)
        given[i] = start(body, (void *)i);
    pthread_barrier_wait(&all);
    for (int i = 0; i < COUNT; i++) {
        int twins = 0;
        equal += pthread_equal(given[i], seen[i]) != 0;
        for (int j = 0; j < COUNT; j++)
            twins += pthread_equal(seen[i], seen[j]) != 0;
        distinct += twins == 1;
    }
    pthread_barrier_wait(&all);
    for (int i = 0; i < COUNT; i++)
        join(given[i]);
    printf("main equals itself: %d\n", pthread_equal(main_thread, pthread_self()) != 0);
    printf("created equals what create gave: %d\n", equal);
    printf("distinct among 200: %d\n", distinct);
    printf("same after a wait: %d\n", stable);
    printf("others than main: %d\n", not_main);
    return 0;
}
