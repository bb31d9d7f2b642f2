/* Detached threads: created so, detached by the creator, by themselves, while running and after their end. */
/* run: */
/* expect:
created detached: 0
join: EINVAL
detach again: EINVAL
detach running: 0
join: EINVAL
detach again: EINVAL
detach finished: 0
detach self: 0
all four ran: 4
1000 detached threads ran: 1000
*/
#include <semaphore.h>
#include "say.h"

static sem_t go, done;
static int count;

static void *body(void *self_detach)
{
    if (self_detach)
        printf("detach self: %s\n", error_name(pthread_detach(pthread_self())));
    else
        sem_wait(&go);
    __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
    sem_post(&done);
    return NULL;
}

static void wait_for(int n)
{
    while (n--)
        sem_wait(&done);
}

int main(void)
{
    pthread_attr_t detached;
    pthread_t thread;
    sem_init(&go, 0, 0);
    sem_init(&done, 0, 0);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);

    printf("created detached: %s\n", error_name(pthread_create(&thread, &detached, body, NULL)));
    printf("join: %s\n", error_name(pthread_join(thread, NULL)));
    printf("detach again: %s\n", error_name(pthread_detach(thread)));
    sem_post(&go);
    wait_for(1);

    thread = start(body, NULL);
    printf("detach running: %s\n", error_name(pthread_detach(thread)));
    printf("join: %s\n", error_name(pthread_join(thread, NULL)));
    printf("detach again: %s\n", error_name(pthread_detach(thread)));
    sem_post(&go);
    wait_for(1);

    sem_post(&go);
    thread = start(body, NULL);
    wait_for(1);
    sleep_ms(30);
    printf("detach finished: %s\n", error_name(pthread_detach(thread)));

    start(body, &thread);
    wait_for(1);
    printf("all four ran: %d\n", count);

    count = 0;
    for (int i = 0; i < 1000; i++) {
        NEED(pthread_create(&thread, &detached, body, NULL) == 0);
        sem_post(&go);
    }
    wait_for(1000);
    printf("1000 detached threads ran: %d\n", count);
    return 0;
}
