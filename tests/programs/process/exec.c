/* exec: the new image of a threaded program is like any other, with its environment, descriptors, mask and ignored signals,
   and threads of its own; several times over; fexecve. */
/* run: */
/* expect:
generation 1: argument kept 1, TEST_VALUE one, descriptor 1, SIGUSR1 blocked 1, SIGHUP ignored 1, 10 threads
generation 2: argument kept 1, TEST_VALUE one, descriptor 1, SIGUSR1 blocked 1, SIGHUP ignored 1, 10 threads
generation 3: argument kept 1, TEST_VALUE one, descriptor 1, SIGUSR1 blocked 1, SIGHUP ignored 1, 10 threads
same process all along: 1
*/
#include <fcntl.h>
#include <signal.h>
#include "say.h"

extern char **environ;
static int ends[2];

static void *waits(void *arg)
{
    char byte;
    NEED(read(ends[0], &byte, 1) == 1);
    return arg;
}

static int run_threads(void)
{
    pthread_t threads[10];
    int count = 0;
    NEED(pipe(ends) == 0);
    for (int i = 0; i < 10; i++)
        threads[i] = start(waits, (void *)1L);
    for (int i = 0; i < 10; i++)
        NEED(write(ends[1], "x", 1) == 1);
    for (int i = 0; i < 10; i++)
        count += (int)(long)join(threads[i]);
    return count;
}

/* The next generation, made by a thread while others wait. */
static void *next(void *arg)
{
    char generation[16], pid[16], *args[] = {"/proc/self/exe", generation, pid, "kept", NULL};
    snprintf(generation, sizeof generation, "%d", (int)(long)arg);
    snprintf(pid, sizeof pid, "%d", getpid());
    fflush(stdout);
    if ((long)arg == 3)
        fexecve(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), args, environ);
    execve("/proc/self/exe", args, environ);
    return NULL;
}

static void set_up(void)
{
    sigset_t set;
    int fd = open("/dev/null", O_RDONLY);
    setenv("TEST_VALUE", "one", 1);
    NEED(fcntl(fd, F_DUPFD, 50) == 50);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGHUP, SIG_IGN);
}

int main(int argc, char **argv)
{
    int generation = argc > 1 ? atoi(argv[1]) : 0;
    if (generation == 0) {
        set_up();
    } else {
        sigset_t now;
        struct sigaction action;
        pthread_sigmask(SIG_BLOCK, NULL, &now);
        sigaction(SIGHUP, NULL, &action);
        printf("generation %d: argument kept %d, TEST_VALUE %s, descriptor %d, SIGUSR1 blocked %d, SIGHUP ignored %d, "
               "%d threads\n",
               generation, strcmp(argv[3], "kept") == 0, getenv("TEST_VALUE"), fcntl(50, F_GETFD) == 0,
               sigismember(&now, SIGUSR1), action.sa_handler == SIG_IGN, run_threads());
    }
    if (generation == 3) {
        printf("same process all along: %d\n", atoi(argv[2]) == getpid());
        return 0;
    }
    NEED(pipe(ends) == 0);
    start(waits, NULL);
    sleep_ms(5);
    start(next, (void *)(long)(generation + 1));
    waits(NULL);
    return 1;
}
