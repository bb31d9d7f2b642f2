/* Thread ids: main's is the pid, all others differ from it and from each other, the raw system call agrees, and what
   takes a thread id accepts them. */
/* run: */
/* expect:
main's is the pid: 1
distinct among 200: 200
fits 30 bits: 200
raw system call agrees: 200
stable over waits: 200
getpid agrees: 200
tgkill(pid, tid, 0): 200
names are each thread's own: 200
set_tid_address says it, too: 200
tgkill to a thread that is gone: -1 ESRCH
*/
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "say.h"

enum { COUNT = 200 };
static pid_t tids[COUNT];
static int fits, agrees, stable, same_pid, tgkills, names, addresses;
static pthread_barrier_t all;

static void add(int *sum, int n)
{
    __atomic_add_fetch(sum, n, __ATOMIC_RELAXED);
}

/* Set to what it is: libc's join waits for that word. */
static long same_tid_address(void)
{
    int *address = NULL;
    NEED(prctl(PR_GET_TID_ADDRESS, &address) == 0);
    return syscall(SYS_set_tid_address, address);
}

static void *body(void *arg)
{
    long number = (long)arg;
    char name[16], got[16];
    tids[number] = gettid();
    add(&fits, tids[number] > 0 && tids[number] < 1 << 30);
    add(&agrees, syscall(SYS_gettid) == tids[number]);
    snprintf(name, sizeof name, "worker-%ld", number);
    pthread_setname_np(pthread_self(), name);
    pthread_barrier_wait(&all);
    usleep(number % 5 * 100);
    add(&stable, gettid() == tids[number]);
    add(&same_pid, getpid() == tids[0] || getpid() != gettid());
    add(&tgkills, tgkill(getpid(), tids[(number + 1) % COUNT], 0) == 0);
    pthread_getname_np(pthread_self(), got, sizeof got);
    add(&names, strcmp(name, got) == 0);
    add(&addresses, same_tid_address() == tids[number]);
    pthread_barrier_wait(&all);
    return NULL;
}

int main(void)
{
    pthread_t threads[COUNT];
    int distinct = 0;
    pthread_barrier_init(&all, NULL, COUNT);
    for (long i = 0; i < COUNT; i++)
        threads[i] = start(body, (void *)i);
    for (int i = 0; i < COUNT; i++)
        join(threads[i]);
    for (int i = 0; i < COUNT; i++) {
        int twins = tids[i] == getpid();
        for (int j = 0; j < COUNT; j++)
            twins += tids[i] == tids[j];
        distinct += twins == 1;
    }
    printf("main's is the pid: %d\n", gettid() == getpid());
    printf("distinct among 200: %d\n", distinct);
    printf("fits 30 bits: %d\n", fits);
    printf("raw system call agrees: %d\n", agrees);
    printf("stable over waits: %d\n", stable);
    printf("getpid agrees: %d\n", same_pid);
    printf("tgkill(pid, tid, 0): %d\n", tgkills);
    printf("names are each thread's own: %d\n", names);
    printf("set_tid_address says it, too: %d\n", addresses);
    sleep_ms(20);
    int gone = tgkill(getpid(), tids[5], 0);
    printf("tgkill to a thread that is gone: %d %s\n", gone, error_name(errno));
    return 0;
}
