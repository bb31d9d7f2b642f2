/* A hundred threads block, each in one of several ways, and stay so until standard input ends. The runner looks from
   outside how many kernel threads that takes. */
/* run: inspect */
/* expect:
blocked
woken: 100
*/
#include <poll.h>
#include <semaphore.h>
#include <sys/socket.h>
#include "say.h"

static int pipe_ends[2], sockets[2];
static sem_t posted;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, held = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int begun, over, woken;

static void block(int how)
{
    char byte;
    struct pollfd entry = {pipe_ends[0], POLLIN, 0};
    switch (how) {
    case 0: NEED(read(pipe_ends[0], &byte, 1) == 0); break;
    case 1: NEED(recv(sockets[0], &byte, 1, 0) == 0); break;
    case 2: sem_wait(&posted); break;
    case 3:
        pthread_mutex_lock(&held);
        pthread_mutex_unlock(&held);
        break;
    case 4: NEED(poll(&entry, 1, -1) == 1); break;
    default:
        pthread_mutex_lock(&lock);
        while (!over)
            pthread_cond_wait(&changed, &lock);
        pthread_mutex_unlock(&lock);
    }
}

static void *body(void *arg)
{
    __atomic_add_fetch(&begun, 1, __ATOMIC_RELAXED);
    block((long)arg % 6);
    __atomic_add_fetch(&woken, 1, __ATOMIC_RELAXED);
    return NULL;
}

int main(void)
{
    pthread_t threads[100];
    char byte;
    NEED(pipe(pipe_ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    sem_init(&posted, 0, 0);
    pthread_mutex_lock(&held);
    for (long i = 0; i < 100; i++)
        threads[i] = start(body, (void *)i);
    while (__atomic_load_n(&begun, __ATOMIC_RELAXED) < 100)
        sleep_ms(1);
    sleep_ms(20);
    say("blocked");
    NEED(read(0, &byte, 1) == 0);
    close(pipe_ends[1]);
    shutdown(sockets[1], SHUT_WR);
    for (int i = 0; i < 100; i++)
        sem_post(&posted);
    pthread_mutex_unlock(&held);
    pthread_mutex_lock(&lock);
    over = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 100; i++)
        join(threads[i]);
    printf("woken: %d\n", woken);
    return 0;
}
