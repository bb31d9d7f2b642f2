/* wait, waitpid, waitid, wait4 in threads while others go on: by pid, any child, process groups, WNOHANG, WUNTRACED, usage,
   errors; posix_spawn with actions; children of one thread waited for by another. */
/* run: */
/* expect:
waitpid by 20 threads, each its child: 20
waitpid by 20 threads, each its child: in time
wait for any by 5 threads: 5 distinct
child of one thread waited for by another: exit 4
WNOHANG, running: 0
WNOHANG, no child: -1 ECHILD
waitpid, not ours: -1 ECHILD
waitpid, bad options: -1 EINVAL
killed: SIGKILL
stopped: SIGSTOP, continued 1, ended: SIGTERM
waitid: exit 5, WNOWAIT keeps it: 5
wait4 gives usage: 1
process group: exit 6
posix_spawn: exit 3
posix_spawn with a pipe: hello from a child
posix_spawnp, not there: ENOENT
ticks meanwhile: enough
*/
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "say.h"

extern char **environ;
static int ticks, over;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t found[5];
static int founds;

static void *ticker(void *arg)
{
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        sleep_ms(1);
        ticks++;
    }
    return arg;
}

static pid_t child_that(int ms, int status)
{
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        sleep_ms(ms);
        _exit(status);
    }
    return child;
}

static void *forks_and_waits(void *arg)
{
    int status, number = (int)(long)arg;
    pid_t child = child_that(300, number);
    return (void *)(long)(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == number);
}

static void *waits_for_any(void *arg)
{
    pid_t child = wait(NULL);
    pthread_mutex_lock(&lock);
    int known = 0;
    for (int i = 0; i < founds; i++)
        known |= found[i] == child;
    if (child > 0 && !known)
        found[founds++] = child;
    pthread_mutex_unlock(&lock);
    return arg;
}

static void *forks(void *arg)
{
    (void)arg;
    return (void *)(long)child_that(50, 4);
}

static void many(void)
{
    pthread_t threads[20];
    long right = 0;
    long long begin = now_ms();
    for (long i = 0; i < 20; i++)
        threads[i] = start(forks_and_waits, (void *)i);
    for (int i = 0; i < 20; i++)
        right += (long)join(threads[i]);
    printf("waitpid by 20 threads, each its child: %ld\n", right);
    say_took("waitpid by 20 threads, each its child", begin, 299, 3000);
    for (int i = 0; i < 5; i++)
        child_that(50 + 10 * i, 0);
    for (int i = 0; i < 5; i++)
        threads[i] = start(waits_for_any, NULL);
    for (int i = 0; i < 5; i++)
        join(threads[i]);
    printf("wait for any by 5 threads: %d distinct\n", founds);
}

static void say_result(const char *what, long result)
{
    if (result == -1)
        printf("%s: -1 %s\n", what, error_name(errno));
    else
        printf("%s: %ld\n", what, result);
}

static void kinds(void)
{
    int status;
    pid_t child = child_that(50, 1);
    say_result("WNOHANG, running", waitpid(child, &status, WNOHANG));
    NEED(waitpid(child, &status, 0) == child);
    say_result("WNOHANG, no child", waitpid(-1, &status, WNOHANG));
    say_result("waitpid, not ours", waitpid(1, &status, 0));
    say_result("waitpid, bad options", waitpid(-1, &status, 0x1000));
    child = child_that(20000, 1);
    kill(child, SIGKILL);
    NEED(waitpid(child, &status, 0) == child);
    printf("killed: SIG%s\n", sigabbrev_np(WTERMSIG(status)));
    child = child_that(20000, 1);
    kill(child, SIGSTOP);
    NEED(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    int stop = WSTOPSIG(status);
    kill(child, SIGCONT);
    NEED(waitpid(child, &status, WCONTINUED) == child);
    int continued = WIFCONTINUED(status) != 0;
    kill(child, SIGTERM);
    NEED(waitpid(child, &status, 0) == child);
    printf("stopped: SIG%s, continued %d, ended: SIG%s\n", sigabbrev_np(stop), continued,
           sigabbrev_np(WTERMSIG(status)));
    siginfo_t info;
    child = child_that(20, 5);
    NEED(waitid(P_PID, child, &info, WEXITED | WNOWAIT) == 0);
    int first = info.si_status;
    NEED(waitid(P_PID, child, &info, WEXITED) == 0);
    printf("waitid: exit %d, WNOWAIT keeps it: %d\n", first, info.si_status);
    struct rusage usage;
    child = child_that(10, 0);
    NEED(wait4(child, &status, 0, &usage) == child);
    printf("wait4 gives usage: %d\n", usage.ru_maxrss > 0);
    child = child_that(30, 6);
    setpgid(child, child);
    NEED(waitpid(-child, &status, 0) == child);
    printf("process group: exit %d\n", WEXITSTATUS(status));
}

static void spawning(void)
{
    char *const args[] = {"sh", "-c", "sleep 0.02; exit 3", NULL}, *const hello[] = {"echo", "hello from a child",
                                                                                     NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status, ends[2];
    char line[100] = "";
    NEED(posix_spawn(&child, "/bin/sh", NULL, NULL, args, environ) == 0 && waitpid(child, &status, 0) == child);
    printf("posix_spawn: exit %d\n", WEXITSTATUS(status));
    NEED(pipe(ends) == 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    NEED(posix_spawnp(&child, "echo", &actions, NULL, hello, environ) == 0);
    close(ends[1]);
    NEED(read(ends[0], line, sizeof line) > 0 && waitpid(child, &status, 0) == child);
    printf("posix_spawn with a pipe: %s", line);
    printf("posix_spawnp, not there: %s\n",
           error_name(posix_spawnp(&child, "no-such-program", NULL, NULL, hello, environ)));
}

static void *body(void *arg)
{
    int status;
    many();
    pid_t child = (pid_t)(long)join(start(forks, NULL));
    NEED(waitpid(child, &status, 0) == child);
    printf("child of one thread waited for by another: exit %d\n", WEXITSTATUS(status));
    kinds();
    spawning();
    return arg;
}

int main(void)
{
    pthread_t thread = start(ticker, NULL);
    join(start(body, NULL));
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    join(thread);
    printf("ticks meanwhile: %s\n", ticks > 200 ? "enough" : "too few");
    return 0;
}
