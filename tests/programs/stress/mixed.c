/* Everything at once: 150 threads do what a row of pseudo-random numbers tells them, with signals between them, threads that
   make threads, forks, and descriptors that come and go. What they did is counted twice and must agree. */
/* run: args=1; timeout=60; workers=1 */
/* run: args=2; timeout=60; workers=1 */
/* run: args=3; timeout=60; workers=1 */
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "say.h"

enum { THREADS = 150, ROUNDS = 150, ACTIONS = 14, PLACES = 8 };

struct worker {
    pthread_t thread;
    unsigned random;
    int pipe[2], sockets[2];
    long done[ACTIONS];
};

static struct worker workers[THREADS];
static pthread_barrier_t begin, end;
static long counts[ACTIONS];
static _Atomic int handled, sent, damaged;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER, not_empty = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;
static int places[PLACES], used;
static long locked, written_left, written_right, put_sum, got_sum;
static FILE *sink;

static unsigned draw(struct worker *w, unsigned below)
{
    w->random = w->random * 1664525 + 1013904223;
    return (w->random >> 8) % below;
}

static void on_signal(int signal)
{
    (void)signal;
    handled++;
}

static void take_lock(struct worker *w)
{
    pthread_mutex_lock(&lock);
    long before = locked;
    if (draw(w, 4) == 0)
        sched_yield();
    locked = before + 1;
    pthread_mutex_unlock(&lock);
}

/* Puts one and takes one, perhaps another's. */
static void use_queue(struct worker *w)
{
    int item = (int)draw(w, 1000);
    pthread_mutex_lock(&queue_lock);
    while (used == PLACES)
        pthread_cond_wait(&not_full, &queue_lock);
    places[used++] = item;
    put_sum += item;
    pthread_cond_signal(&not_empty);
    while (used == 0)
        pthread_cond_wait(&not_empty, &queue_lock);
    got_sum += places[--used];
    pthread_cond_signal(&not_full);
    pthread_mutex_unlock(&queue_lock);
}

static void use_pipe(struct worker *w)
{
    int number = (int)draw(w, 1000), back = -1;
    NEED(write(w->pipe[1], &number, sizeof number) == sizeof number);
    NEED(read(w->pipe[0], &back, sizeof back) == sizeof back);
    damaged += number != back;
}

static void *answers(void *arg)
{
    struct worker *w = arg;
    char byte;
    NEED(recv(w->sockets[1], &byte, 1, 0) == 1);
    byte++;
    NEED(send(w->sockets[1], &byte, 1, 0) == 1);
    return NULL;
}

static void use_socket(struct worker *w)
{
    char byte = (char)draw(w, 100), back = 0;
    pthread_t thread = start(answers, w);
    NEED(send(w->sockets[0], &byte, 1, 0) == 1 && recv(w->sockets[0], &back, 1, 0) == 1);
    join(thread);
    damaged += back != byte + 1;
}

static void *returns(void *arg)
{
    return (char *)arg + 1;
}

static void make_thread(struct worker *w)
{
    long number = (long)draw(w, 1000);
    damaged += (long)join(start(returns, (void *)number)) != number + 1;
}

static void use_memory(struct worker *w)
{
    size_t size = draw(w, 20000) + 1;
    unsigned char *memory = malloc(size);
    memset(memory, (int)size, size);
    sched_yield();
    damaged += memory[size - 1] != (unsigned char)size;
    free(memory);
}

static void use_semaphore(struct worker *w)
{
    (void)w;
    sem_post(&semaphore);
    while (sem_wait(&semaphore) == -1)
        ;
}

static void use_rwlock(struct worker *w)
{
    if (draw(w, 4) == 0) {
        pthread_rwlock_wrlock(&rwlock);
        written_left++;
        sched_yield();
        written_right++;
    } else {
        pthread_rwlock_rdlock(&rwlock);
        damaged += written_left != written_right;
    }
    pthread_rwlock_unlock(&rwlock);
}

static void poll_a_little(struct worker *w)
{
    struct pollfd entry = {w->pipe[0], POLLIN, 0};
    damaged += poll(&entry, 1, (int)draw(w, 3)) > 0;
}

static void signal_somebody(struct worker *w)
{
    pthread_kill(workers[draw(w, THREADS)].thread, SIGUSR1);
    sent++;
}

static void renew_descriptors(struct worker *w)
{
    close(w->pipe[0]);
    close(w->pipe[1]);
    NEED(pipe(w->pipe) == 0);
}

static void print(struct worker *w)
{
    fprintf(sink, "%u\n", draw(w, 1000));
}

static void block_and_unblock(struct worker *w)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_kill(w->thread, SIGUSR1);
    sent++;
    usleep(draw(w, 100));
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void fork_sometimes(struct worker *w)
{
    int status;
    if (draw(w, 20) != 0)
        return;
    pid_t child = fork();
    if (child == 0)
        _exit(7);
    pid_t got;
    while ((got = waitpid(child, &status, 0)) == -1 && errno == EINTR)
        ;
    damaged += got != child || WEXITSTATUS(status) != 7;
}

static void rest(struct worker *w)
{
    usleep(draw(w, 200));
}

static void (*const actions[ACTIONS])(struct worker *) = {
    take_lock,  use_queue,     use_pipe,        use_socket,        make_thread, use_memory,        use_semaphore,
    use_rwlock, poll_a_little, signal_somebody, renew_descriptors, print,       block_and_unblock, rest,
};

static void *body(void *arg)
{
    struct worker *w = arg;
    NEED(pipe(w->pipe) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, w->sockets) == 0);
    pthread_barrier_wait(&begin);
    for (int i = 0; i < ROUNDS; i++) {
        unsigned action = draw(w, ACTIONS);
        actions[action](w);
        w->done[action]++;
        fork_sometimes(w);
    }
    for (int i = 0; i < ACTIONS; i++)
        __atomic_add_fetch(&counts[i], w->done[i], __ATOMIC_RELAXED);
    pthread_barrier_wait(&end);
    return NULL;
}

int main(int argc, char **argv)
{
    NEED(argc == 2);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    pthread_barrier_init(&begin, NULL, THREADS);
    pthread_barrier_init(&end, NULL, THREADS);
    sem_init(&semaphore, 0, 0);
    sink = fopen("/dev/null", "w");
    for (int i = 0; i < THREADS; i++)
        workers[i].random = (unsigned)(atoi(argv[1]) * 1000 + i) * 2654435761u;
    for (int i = 0; i < THREADS; i++)
        workers[i].thread = start(body, &workers[i]);
    for (int i = 0; i < THREADS; i++)
        join(workers[i].thread);
    for (int i = 0; i < ACTIONS; i++)
        printf("action %d: %ld\n", i, counts[i]);
    printf("locked as often as asked: %d\n", locked == counts[0]);
    printf("all that was put was got: %d, left %d\n", put_sum == got_sum, used);
    printf("writes in pairs: %d\n", written_left == written_right);
    printf("handled as often as sent at most, and some: %d\n", handled <= sent && handled > 0);
    printf("damaged: %d\n", damaged);
    return 0;
}
