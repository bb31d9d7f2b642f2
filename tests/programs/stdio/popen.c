/* popen, pclose and system in threads, while other threads go on; their exit statuses; both directions. */
/* run: */
/* expect:
popen read: hello
pclose: exit 3
popen write: exit 4
system: exit 5
system, killed: signal SIGTERM
system(NULL): 1
command not found: exit 127
20 threads each with popen of a sleeper: 20
20 threads each with popen of a sleeper: in time
10 threads in system: 10
ticks meanwhile: enough
*/
#include <signal.h>
#include <sys/wait.h>
#include "say.h"

static int ticks, over;

static void *ticker(void *arg)
{
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        sleep_ms(1);
        ticks++;
    }
    return arg;
}

static void say_status(const char *what, int status)
{
    if (WIFSIGNALED(status))
        printf("%s: signal SIG%s\n", what, sigabbrev_np(WTERMSIG(status)));
    else
        printf("%s: exit %d\n", what, WEXITSTATUS(status));
}

static void *reads_sleeper(void *arg)
{
    char line[32] = "";
    FILE *pipe = popen("sleep 0.2; echo woken", "r");
    NEED(pipe && fgets(line, sizeof line, pipe));
    NEED(pclose(pipe) == 0);
    return (void *)(long)(strcmp(line, "woken\n") == 0 && !arg);
}

static void *runs_system(void *arg)
{
    char command[64];
    snprintf(command, sizeof command, "sleep 0.1; exit %ld", (long)arg);
    return (void *)(long)(WEXITSTATUS(system(command)) == (long)arg);
}

static void *one_each(void *arg)
{
    char line[100] = "";
    FILE *pipe = popen("sleep 0.05; echo hello; exit 3", "r");
    NEED(fgets(line, sizeof line, pipe));
    printf("popen read: %s", line);
    say_status("pclose", pclose(pipe));
    pipe = popen("read line; test \"$line\" = 'from us' && exit 4", "w");
    sleep_ms(10);
    fprintf(pipe, "from us\n");
    say_status("popen write", pclose(pipe));
    say_status("system", system("sleep 0.05; exit 5"));
    say_status("system, killed", system("kill -TERM $$"));
    printf("system(NULL): %d\n", system(NULL) != 0);
    say_status("command not found", system("/no/such/command 2>/dev/null"));
    return arg;
}

int main(void)
{
    pthread_t thread = start(ticker, NULL), threads[20];
    long right = 0;
    join(start(one_each, NULL));
    long long begin = now_ms();
    for (int i = 0; i < 20; i++)
        threads[i] = start(reads_sleeper, NULL);
    for (int i = 0; i < 20; i++)
        right += (long)join(threads[i]);
    printf("20 threads each with popen of a sleeper: %ld\n", right);
    say_took("20 threads each with popen of a sleeper", begin, 199, 3500);
    right = 0;
    for (long i = 0; i < 10; i++)
        threads[i] = start(runs_system, (void *)i);
    for (int i = 0; i < 10; i++)
        right += (long)join(threads[i]);
    printf("10 threads in system: %ld\n", right);
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    join(thread);
    printf("ticks meanwhile: %s\n", ticks > 100 ? "enough" : "too few");
    return 0;
}
