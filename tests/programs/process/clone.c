/* Processes and threads that are not made by fork and pthread_create: clone in its forms, system calls by number, _Fork, daemon,
   forkpty; while others are parked. A thread of clone's shares mutexes, condition variables and semaphores with the others. */
/* run: libs=-lutil */
/* expect:
clone, own memory: exit 45, memory its own
clone, vfork: exit 8, memory shared
clone, thread: 4000 of 4000
clone, thread waits for a condition: woken
clone, thread posts: received
clone, 300 in turn: 300
fork by number: exit 45
clone by number: exit 45
_Fork: exit 45
forkpty: hello from a terminal
daemon: 45 from another session
exit by number in a thread: joined
parent's threads went on: 20
*/
#include <fcntl.h>
#include <linux/sched.h>
#include <pty.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "say.h"

#define STACK 65536
#define AS_THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static int over, went_on, number, counter, is_ready;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t go = PTHREAD_COND_INITIALIZER;
static sem_t posted;
static volatile int clone_done;

static void *parked(void *arg)
{
    pthread_mutex_lock(&lock);
    while (!over)
        pthread_cond_wait(&go, &lock);
    went_on++;
    pthread_mutex_unlock(&lock);
    return arg;
}

static char *new_stack(void)
{
    char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(stack != MAP_FAILED);
    return stack + STACK;
}

static int status_of(pid_t child)
{
    int status;
    NEED(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void *returns(void *arg)
{
    sleep_ms(1);
    return arg;
}

static int with_threads(void)
{
    pthread_t threads[10];
    int sum = 0;
    for (long i = 0; i < 10; i++)
        threads[i] = start(returns, (void *)i);
    for (int i = 0; i < 10; i++)
        sum += (int)(long)join(threads[i]);
    return sum;
}

static int process(void *arg)
{
    (void)arg;
    number = 1;
    _exit(with_threads());
}

static int like_vfork(void *arg)
{
    number = 2;
    int copy = dup(0);
    close(copy);
    _exit((int)(long)arg);
}

static int counts(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        pthread_mutex_unlock(&lock);
    }
    clone_done = 1;
    return 0;
}

static int waits(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&lock);
    while (!is_ready)
        pthread_cond_wait(&go, &lock);
    is_ready = 2;
    pthread_cond_broadcast(&go);
    pthread_mutex_unlock(&lock);
    clone_done = 1;
    return 0;
}

static int posts(void *arg)
{
    (void)arg;
    sem_post(&posted);
    clone_done = 1;
    return 0;
}

static int adds(void *arg)
{
    (void)arg;
    counter++;
    clone_done = 1;
    return 0;
}

static void clone_thread(int (*body)(void *), char *stack)
{
    clone_done = 0;
    NEED(clone(body, stack, AS_THREAD, NULL) > 0);
}

static void wait_for_clone(void)
{
    while (!clone_done)
        sleep_ms(1);
    sleep_ms(1);
}

static void *forms(void *arg)
{
    int status = status_of(clone(process, new_stack(), SIGCHLD, NULL));
    printf("clone, own memory: exit %d, memory %s\n", status, number ? "shared" : "its own");
    status = status_of(clone(like_vfork, new_stack(), CLONE_VM | CLONE_VFORK | SIGCHLD, (void *)8L));
    printf("clone, vfork: exit %d, memory %s\n", status, number == 2 ? "shared" : "its own");
    return arg;
}

static void foreign_threads(void)
{
    char *stack = new_stack();
    clone_thread(counts, stack);
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        if (i % 100 == 0)
            sched_yield();
        pthread_mutex_unlock(&lock);
    }
    wait_for_clone();
    printf("clone, thread: %d of 4000\n", counter);
    clone_thread(waits, stack);
    sleep_ms(20);
    pthread_mutex_lock(&lock);
    is_ready = 1;
    pthread_cond_broadcast(&go);
    while (is_ready != 2)
        pthread_cond_wait(&go, &lock);
    pthread_mutex_unlock(&lock);
    wait_for_clone();
    printf("clone, thread waits for a condition: woken\n");
    clone_thread(posts, stack);
    NEED(sem_wait(&posted) == 0);
    wait_for_clone();
    printf("clone, thread posts: received\n");
    counter = 0;
    for (int i = 0; i < 300; i++) {
        clone_thread(adds, stack);
        wait_for_clone();
    }
    printf("clone, 300 in turn: %d\n", counter);
}

static void terminals(void)
{
    char line[100] = "";
    int master, used = 0, got, ends[2];
    pid_t child = forkpty(&master, NULL, NULL, NULL);
    NEED(child >= 0);
    if (child == 0) {
        NEED(isatty(0) && with_threads() == 45);
        printf("hello from a terminal\n");
        exit(0);
    }
    while ((got = read(master, line + used, sizeof line - 1 - used)) > 0)
        used += got;
    NEED(status_of(child) == 0);
    printf("forkpty: %.*s\n", (int)strcspn(line, "\r\n"), line);
    NEED(pipe(ends) == 0);
    fflush(stdout);
    if ((child = fork()) == 0) {
        NEED(daemon(1, 1) == 0);
        int sum = getsid(0) == getsid(getppid()) ? 0 : with_threads();
        NEED(write(ends[1], &sum, sizeof sum) == sizeof sum);
        _exit(0);
    }
    NEED(status_of(child) == 0 && read(ends[0], &number, sizeof number) == sizeof number);
    printf("daemon: %d from another session\n", number);
}

static void *vanishes(void *arg)
{
    syscall(SYS_exit, 0);
    return arg;
}

int main(void)
{
    pthread_t threads[20];
    setvbuf(stdout, NULL, _IOLBF, 0);
    NEED(sem_init(&posted, 0, 0) == 0);
    for (int i = 0; i < 20; i++)
        threads[i] = start(parked, NULL);
    sleep_ms(5);
    join(start(forms, NULL));
    foreign_threads();
    pid_t child = syscall(SYS_fork);
    if (child == 0)
        _exit(with_threads());
    printf("fork by number: exit %d\n", status_of(child));
    child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        _exit(with_threads());
    printf("clone by number: exit %d\n", status_of(child));
    child = _Fork();
    if (child == 0)
        _exit(with_threads());
    printf("_Fork: exit %d\n", status_of(child));
    terminals();
    join(start(vanishes, NULL));
    printf("exit by number in a thread: joined\n");
    pthread_mutex_lock(&lock);
    over = 1;
    pthread_cond_broadcast(&go);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 20; i++)
        join(threads[i]);
    printf("parent's threads went on: %d\n", went_on);
    return 0;
}
