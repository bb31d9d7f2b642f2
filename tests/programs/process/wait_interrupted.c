/* Waits for children that end otherwise: by a handler with and without SA_RESTART, by cancellation; with SIGCHLD ignored; system and
   pclose in several threads at once while the others go on. */
/* run: */
/* expect:
wait for any, handler: -1 EINTR
wait for any, SA_RESTART: a child
waitpid, handler: -1 EINTR
waitpid, SA_RESTART: a child
waitid, handler: -1 EINTR
wait for a group, handler: -1 EINTR
cancelled in wait: 1
cancelled in waitpid: 1
cancelled in waitid: 1
none was lost: 8
SIGCHLD ignored: -1 ECHILD
system in 10 threads: 45
system in 10 threads: in time
pclose in 10 threads: 45
handler of SIGCHLD during system: 1, after it: 1
cancelled in system: 1
ticks meanwhile: enough
*/
#include <signal.h>
#include <sys/wait.h>
#include "say.h"

static volatile int handled;
static int over, ticks;

static void handler(int sig)
{
    (void)sig;
    handled++;
}

static void *ticker(void *arg)
{
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        sleep_ms(1);
        ticks++;
    }
    return arg;
}

static pid_t child_that(int ms)
{
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        setpgid(0, 0);
        sleep_ms(ms);
        _exit(1);
    }
    setpgid(child, child);
    return child;
}

static int waits;
static pid_t target;

static void *interrupts(void *arg)
{
    (void)arg;
    sleep_ms(30);
    kill(getpid(), SIGUSR1);
    return NULL;
}

/* kind: 0 any, 1 pid, 2 waitid, 3 group */
static long wait_of(int kind)
{
    siginfo_t info;
    switch (kind) {
    case 0: return wait(NULL);
    case 1: return waitpid(target, NULL, 0);
    case 2: return waitid(P_PID, target, &info, WEXITED) == 0 ? info.si_pid : -1;
    default: return waitpid(-target, NULL, 0);
    }
}

static void interrupted(const char *what, int kind, int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(SIGUSR1, &action, NULL);
    target = child_that(flags ? 100 : 20000);
    handled = 0;
    pthread_t thread = start(interrupts, NULL);
    long result = wait_of(kind);
    int error = errno;
    join(thread);
    if (result > 0)
        printf("%s: %s\n", what, result == target && handled == 1 ? "a child" : "wrong");
    else
        printf("%s: -1 %s\n", what, error_name(error));
    if (result < 0) {
        kill(target, SIGKILL);
        NEED(waitpid(target, NULL, 0) == target);
    }
    waits++;
}

static void *waits_for_ever(void *arg)
{
    wait_of((int)(long)arg);
    return NULL;
}

static void cancelled(const char *what, int kind)
{
    target = child_that(20000);
    pthread_t thread = start(waits_for_ever, (void *)(long)kind);
    sleep_ms(20);
    NEED(pthread_cancel(thread) == 0);
    printf("cancelled in %s: %d\n", what, join(thread) == PTHREAD_CANCELED);
    kill(target, SIGKILL);
    waits += waitpid(target, NULL, 0) == target;
}

static void *runs_command(void *arg)
{
    char command[40];
    snprintf(command, sizeof command, "sleep 0.1; exit %ld", (long)arg);
    int status = system(command);
    return (void *)(long)WEXITSTATUS(status);
}

static void *runs_popen(void *arg)
{
    char command[60], line[20] = "";
    snprintf(command, sizeof command, "sleep 0.05; echo x; exit %ld", (long)arg);
    FILE *file = popen(command, "r");
    NEED(file && fgets(line, sizeof line, file) && line[0] == 'x');
    return (void *)(long)WEXITSTATUS(pclose(file));
}

static long in_threads(void *(*body)(void *))
{
    pthread_t threads[10];
    long sum = 0;
    for (long i = 0; i < 10; i++)
        threads[i] = start(body, (void *)i);
    for (int i = 0; i < 10; i++)
        sum += (long)join(threads[i]);
    return sum;
}

static void *runs_long(void *arg)
{
    system("exec sleep 20");
    return arg;
}

int main(void)
{
    pthread_t thread = start(ticker, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    interrupted("wait for any, handler", 0, 0);
    interrupted("wait for any, SA_RESTART", 0, SA_RESTART);
    interrupted("waitpid, handler", 1, 0);
    interrupted("waitpid, SA_RESTART", 1, SA_RESTART);
    interrupted("waitid, handler", 2, 0);
    interrupted("wait for a group, handler", 3, 0);
    cancelled("wait", 0);
    cancelled("waitpid", 1);
    cancelled("waitid", 2);
    printf("none was lost: %d\n", waits - 1);
    signal(SIGCHLD, SIG_IGN);
    child_that(50);
    long result = wait(NULL);
    printf("SIGCHLD ignored: %ld %s\n", result, error_name(errno));
    signal(SIGCHLD, SIG_DFL);
    long long begin = now_ms();
    printf("system in 10 threads: %ld\n", in_threads(runs_command));
    say_took("system in 10 threads", begin, 99, 5000);
    printf("pclose in 10 threads: %ld\n", in_threads(runs_popen));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    join(thread);
    signal(SIGCHLD, handler);
    handled = 0;
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    handled = 0;
    NEED(system("exit 0") == 0);
    int after = handled;
    pid_t child = child_that(1);
    while (handled == after)
        sleep_ms(1);
    NEED(waitpid(child, NULL, 0) == child);
    printf("handler of SIGCHLD during system: %d, after it: %d\n", after, handled - after);
    thread = start(runs_long, NULL);
    sleep_ms(100);
    NEED(pthread_cancel(thread) == 0);
    printf("cancelled in system: %d\n", join(thread) == PTHREAD_CANCELED);
    printf("ticks meanwhile: %s\n", ticks > 100 ? "enough" : "too few");
    return 0;
}
