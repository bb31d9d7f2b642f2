/* fork, from main and from a thread, with others parked: the child has the forking thread only, makes threads itself, its
   locks and descriptors work, atfork handlers run in order; the parent's threads go on. */
/* run: */
/* expect:
atfork: prepare 2 prepare 1 parent 1 parent 2
child of main: exit 10
child of a thread: exit 10
grandchild of a thread: exit 10
20 threads that fork at once: 20
child uses malloc and stdio: exit 0
child's thread id is its pid: exit 1
child inherits the mask: exit 1
fork while others hold malloc's locks: 100
children's pipes read by threads: 4950
parent's threads went on: 30
vfork and exec: exit 7
exit in the child, not in the parent: exit 9
*/
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "say.h"

static char order[200];
static int went_on, ends[2], over, is_noting;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t go = PTHREAD_COND_INITIALIZER;

static void note(const char *text)
{
    if (is_noting)
        strcat(order, text);
}

static void prepare1(void)
{
    note(" prepare 1");
}

static void parent1(void)
{
    note(" parent 1");
}

static void prepare2(void)
{
    note(" prepare 2");
}

static void parent2(void)
{
    note(" parent 2");
}

static int status_of(pid_t child)
{
    int status;
    NEED(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void *parked(void *arg)
{
    char byte;
    if ((long)arg % 2) {
        NEED(read(ends[0], &byte, 1) == 1);
    } else {
        pthread_mutex_lock(&lock);
        while (!over)
            pthread_cond_wait(&go, &lock);
        pthread_mutex_unlock(&lock);
    }
    __atomic_add_fetch(&went_on, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void *waits_a_little(void *arg)
{
    sleep_ms(5);
    return arg;
}

/* What a child does with threads of its own: the status is how many came back right. */
static void child_with_threads(void)
{
    pthread_t threads[10];
    int pair[2], sum = 0;
    char byte;
    for (long i = 0; i < 10; i++)
        threads[i] = start(waits_a_little, (void *)1L);
    for (int i = 0; i < 10; i++)
        sum += (int)(long)join(threads[i]);
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    NEED(write(pair[0], "x", 1) == 1 && read(pair[1], &byte, 1) == 1);
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    _exit(sum);
}

static void *forks(void *arg)
{
    pid_t child = fork();
    if (child == 0) {
        if (!arg)
            child_with_threads();
        pid_t grandchild = fork();
        if (grandchild == 0)
            child_with_threads();
        _exit(status_of(grandchild));
    }
    return (void *)(long)status_of(child);
}

static void *forks_and_sleeps(void *arg)
{
    pid_t child = fork();
    if (child == 0) {
        sleep_ms(10);
        _exit(3);
    }
    (void)arg;
    return (void *)(long)(status_of(child) == 3);
}

static int uses_libc(void)
{
    pid_t child = fork();
    if (child == 0) {
        char *text;
        NEED(asprintf(&text, "%d", 42) == 2);
        FILE *file = tmpfile();
        NEED(fputs(text, file) >= 0 && fclose(file) == 0);
        free(text);
        _exit(0);
    }
    return status_of(child);
}

static int enough;

static void *allocates(void *arg)
{
    while (!__atomic_load_n(&enough, __ATOMIC_RELAXED)) {
        void *memory[20];
        for (int i = 0; i < 20; i++)
            memory[i] = malloc(100 + i * 500);
        for (int i = 0; i < 20; i++)
            free(memory[i]);
        sched_yield();
    }
    return arg;
}

static int fork_under_malloc(void)
{
    pthread_t threads[3];
    int right = 0;
    for (int i = 0; i < 3; i++)
        threads[i] = start(allocates, NULL);
    for (int i = 0; i < 100; i++) {
        pid_t child = fork();
        if (child == 0) {
            free(malloc(1000));
            _exit(2);
        }
        right += status_of(child) == 2;
    }
    __atomic_store_n(&enough, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 3; i++)
        join(threads[i]);
    return right;
}

static void *reads_from_child(void *arg)
{
    int pipe_ends[2], number = 0;
    NEED(pipe(pipe_ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        number = (int)(long)arg;
        usleep(1000 * (number % 10));
        NEED(write(pipe_ends[1], &number, sizeof number) == sizeof number);
        _exit(0);
    }
    NEED(read(pipe_ends[0], &number, sizeof number) == sizeof number);
    NEED(status_of(child) == 0);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    return (void *)(long)number;
}

static int identity(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(gettid() == getpid());
    return status_of(child);
}

static int mask(void)
{
    sigset_t set, now;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pid_t child = fork();
    if (child == 0) {
        pthread_sigmask(SIG_BLOCK, NULL, &now);
        _exit(sigismember(&now, SIGUSR1));
    }
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    return status_of(child);
}

int main(void)
{
    pthread_t threads[100], waiting[30];
    int right = 0, sum = 0;
    NEED(pipe(ends) == 0);
    NEED(pthread_atfork(prepare1, parent1, NULL) == 0 && pthread_atfork(prepare2, parent2, NULL) == 0);
    for (long i = 0; i < 30; i++)
        waiting[i] = start(parked, (void *)i);
    sleep_ms(10);
    is_noting = 1;
    int status = (int)(long)forks(NULL);
    is_noting = 0;
    printf("atfork:%s\n", order);
    printf("child of main: exit %d\n", status);
    printf("child of a thread: exit %ld\n", (long)join(start(forks, NULL)));
    printf("grandchild of a thread: exit %ld\n", (long)join(start(forks, &lock)));
    for (int i = 0; i < 20; i++)
        threads[i] = start(forks_and_sleeps, NULL);
    for (int i = 0; i < 20; i++)
        right += (int)(long)join(threads[i]);
    printf("20 threads that fork at once: %d\n", right);
    printf("child uses malloc and stdio: exit %d\n", uses_libc());
    printf("child's thread id is its pid: exit %d\n", identity());
    printf("child inherits the mask: exit %d\n", mask());
    printf("fork while others hold malloc's locks: %d\n", fork_under_malloc());
    for (long i = 0; i < 100; i++)
        threads[i] = start(reads_from_child, (void *)i);
    for (int i = 0; i < 100; i++)
        sum += (int)(long)join(threads[i]);
    printf("children's pipes read by threads: %d\n", sum);
    for (int i = 0; i < 15; i++)
        NEED(write(ends[1], "x", 1) == 1);
    pthread_mutex_lock(&lock);
    over = 1;
    pthread_cond_broadcast(&go);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 30; i++)
        join(waiting[i]);
    printf("parent's threads went on: %d\n", went_on);
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
        _exit(99);
    }
    printf("vfork and exec: exit %d\n", status_of(child));
    child = fork();
    if (child == 0)
        exit(9);
    printf("exit in the child, not in the parent: exit %d\n", status_of(child));
    return 0;
}
