/* set*id and setgroups from any thread change the ids of the whole process, while others wait, sleep and do file work; in the
   child of vfork they change the child's only. */
/* run: needs=root */
/* expect:
from a thread, 20 times: right 20
from main: right
child of vfork: 1000, its parent: 0
child of fork: 1000, its parent: 0
initgroups: 0
seteuid(-1): -1 EINVAL
for good: 1000, back: -1 EPERM
*/
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>
#include "say.h"

static int over;

static void *sleeps(void *arg)
{
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
        usleep(500);
    return arg;
}

static void *does_file_work(void *arg)
{
    FILE *file = tmpfile();
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        NEED(fputs("x", file) >= 0 && fflush(file) == 0 && fsync(fileno(file)) == 0);
        usleep(100);
    }
    fclose(file);
    return arg;
}

/* The effective id in that line of each kernel thread's status is the wanted one. */
static int all_have(const char *key, int wanted)
{
    int right = 1, threads = 0;
    DIR *tasks = opendir("/proc/self/task");
    NEED(tasks);
    for (struct dirent *task; (task = readdir(tasks));) {
        char path[300], line[200];
        int real, effective;
        snprintf(path, sizeof path, "/proc/self/task/%.200s/status", task->d_name);
        FILE *file = task->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (!file)
            continue;
        threads++;
        while (fgets(line, sizeof line, file))
            if (strncmp(line, key, strlen(key)) == 0)
                right &= sscanf(line + strlen(key), "%d %d", &real, &effective) == 2 && effective == wanted;
        fclose(file);
    }
    closedir(tasks);
    return right && threads;
}

static void *changes(void *arg)
{
    gid_t groups[2] = {5, 6};
    int right = setegid(1000) == 0 && all_have("Gid:", 1000) && getegid() == 1000;
    right &= setgroups(2, groups) == 0 && getgroups(0, NULL) == 2;
    right &= seteuid(1000) == 0 && all_have("Uid:", 1000) && geteuid() == 1000;
    right &= setegid(1001) == -1 && errno == EPERM;
    right &= seteuid(0) == 0 && all_have("Uid:", 0) && setresgid(-1, 0, -1) == 0 && all_have("Gid:", 0);
    (void)arg;
    return (void *)(long)right;
}

static int status_of(pid_t child)
{
    int status;
    NEED(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

int main(void)
{
    pthread_t threads[20];
    int right = 0;
    for (int i = 0; i < 20; i++)
        threads[i] = start(i % 5 ? sleeps : does_file_work, NULL);
    for (int i = 0; i < 20; i++)
        right += (int)(long)join(start(changes, NULL));
    printf("from a thread, 20 times: right %d\n", right);
    printf("from main: %s\n", changes(NULL) ? "right" : "wrong");
    fflush(stdout);
    pid_t child = vfork();
    if (child == 0) {
        NEED(setuid(1000) == 0);
        _exit(geteuid() == 1000 ? 100 : 1);
    }
    printf("child of vfork: %d, its parent: %d\n", status_of(child) * 10, geteuid());
    fflush(stdout);
    child = fork();
    if (child == 0) {
        __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
        join(start(sleeps, NULL));
        _exit(setuid(1000) == 0 && all_have("Uid:", 1000) ? 100 : 1);
    }
    printf("child of fork: %d, its parent: %d\n", status_of(child) * 10, geteuid());
    printf("initgroups: %d\n", initgroups("root", 0));
    SAY_CALL(seteuid(-1));
    NEED(setreuid(1000, 1000) == 0 && setuid(1000) == 0 && setresuid(1000, 1000, 1000) == 0);
    int uid = all_have("Uid:", 1000) ? 1000 : 0, back = seteuid(0);
    printf("for good: %d, back: %d %s\n", uid, back, error_name(errno));
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 20; i++)
        join(threads[i]);
    return 0;
}
