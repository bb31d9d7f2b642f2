/* A bounded queue between many producers and consumers: nothing lost, nothing twice, with signal and with broadcast,
   with queues of one and of many places. */
/* run: */
/* expect:
signal, 1 place: items 20000, sum 199990000
signal, 16 places: items 20000, sum 199990000
broadcast, 1 place: items 20000, sum 199990000
broadcast, 16 places: items 20000, sum 199990000
timed waits, 4 places: items 20000, sum 199990000
*/
#include "say.h"

enum { SIDES = 20, EACH = 1000 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER, not_empty = PTHREAD_COND_INITIALIZER;
static int places[16], head, used, capacity, wakes_all, is_timed;
static long items, sum;

static void wake(pthread_cond_t *cond)
{
    if (wakes_all)
        pthread_cond_broadcast(cond);
    else
        pthread_cond_signal(cond);
}

static void wait(pthread_cond_t *cond)
{
    struct timespec soon = in_ms(CLOCK_REALTIME, 1);
    if (is_timed)
        pthread_cond_timedwait(cond, &lock, &soon);
    else
        pthread_cond_wait(cond, &lock);
}

static void *produces(void *arg)
{
    for (int i = 0; i < EACH; i++) {
        pthread_mutex_lock(&lock);
        while (used == capacity)
            wait(&not_full);
        places[(head + used++) % capacity] = (int)(long)arg * EACH + i;
        wake(&not_empty);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void *consumes(void *arg)
{
    for (int i = 0; i < EACH; i++) {
        pthread_mutex_lock(&lock);
        while (used == 0)
            wait(&not_empty);
        sum += places[head];
        items++;
        head = (head + 1) % capacity;
        used--;
        wake(&not_full);
        pthread_mutex_unlock(&lock);
    }
    return arg;
}

static void run(const char *name)
{
    pthread_t producers[SIDES], consumers[SIDES];
    items = sum = head = 0;
    for (long i = 0; i < SIDES; i++) {
        producers[i] = start(produces, (void *)i);
        consumers[i] = start(consumes, NULL);
    }
    for (int i = 0; i < SIDES; i++) {
        join(producers[i]);
        join(consumers[i]);
    }
    printf("%s, %d place%s: items %ld, sum %ld\n", name, capacity, capacity == 1 ? "" : "s", items, sum);
}

int main(void)
{
    capacity = 1;
    run("signal");
    capacity = 16;
    run("signal");
    wakes_all = 1;
    capacity = 1;
    run("broadcast");
    capacity = 16;
    run("broadcast");
    wakes_all = 0;
    is_timed = 1;
    capacity = 4;
    run("timed waits");
    return 0;
}
