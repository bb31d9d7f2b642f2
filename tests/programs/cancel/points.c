/* Each cancellation point of POSIX acts on a request that has come already, also where the call would not wait: in a thread among
   others, and in a process of one thread. Calls that are none do not act. */
/* run: */
/* run: args=alone */
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include "say.h"

static int file, pair[2];
static char bytes[8];
static struct iovec vector = {bytes, 1};
static struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
static const struct timespec nothing;
static sem_t free_semaphore;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void unlock(void *arg)
{
    pthread_mutex_unlock(arg);
}

static void in_mutex(void (*call)(void))
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, &mutex);
    call();
    pthread_cleanup_pop(1);
}

static void timed_wait(void)
{
    struct timespec past = {1, 0};
    pthread_cond_timedwait(&condition, &mutex, &past);
}

static sigset_t usr1(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    return set;
}

#define POINT(name, ...)                                                                                               \
    static void name(void)                                                                                             \
    {                                                                                                                  \
        __VA_ARGS__;                                                                                                   \
    }

POINT(p_testcancel, pthread_testcancel())
POINT(p_read, if (read(file, bytes, 1)){})
POINT(p_readv, if (readv(file, &vector, 1)){})
POINT(p_pread, if (pread(file, bytes, 1, 0)){})
POINT(p_write, if (write(file, bytes, 1)){})
POINT(p_writev, if (writev(file, &vector, 1)){})
POINT(p_pwrite, if (pwrite(file, bytes, 1, 0)){})
POINT(p_open, open("/dev/null", O_RDONLY))
POINT(p_openat, openat(AT_FDCWD, "/dev/null", O_RDONLY))
POINT(p_creat, creat("/dev/null", 0600))
POINT(p_close, close(99))
POINT(p_fsync, fsync(file))
POINT(p_fdatasync, fdatasync(file))
POINT(p_msync, msync((void *)((long)&message & -4096), 4096, MS_ASYNC))
POINT(p_fcntl, struct flock l = {.l_type = F_RDLCK}; fcntl(file, F_SETLKW, &l))
POINT(p_lockf, if (lockf(file, F_LOCK, 1)){})
POINT(p_poll, poll(NULL, 0, 0))
POINT(p_ppoll, ppoll(NULL, 0, &nothing, NULL))
POINT(p_select, struct timeval t = {0}; select(0, NULL, NULL, NULL, &t))
POINT(p_pselect, pselect(0, NULL, NULL, NULL, &nothing, NULL))
POINT(p_epoll_wait, struct epoll_event e; epoll_wait(-1, &e, 1, 0))
POINT(p_nanosleep, nanosleep(&nothing, NULL))
POINT(p_clock_nanosleep, clock_nanosleep(CLOCK_MONOTONIC, 0, &nothing, NULL))
POINT(p_sleep, sleep(0))
POINT(p_usleep, usleep(0))
POINT(p_accept, accept(-1, NULL, NULL))
POINT(p_connect, struct sockaddr a = {AF_UNSPEC, ""}; connect(-1, &a, sizeof a))
POINT(p_recv, recv(pair[0], bytes, 1, MSG_DONTWAIT))
POINT(p_recvfrom, recvfrom(pair[0], bytes, 1, MSG_DONTWAIT, NULL, NULL))
POINT(p_recvmsg, recvmsg(pair[0], &message, MSG_DONTWAIT))
POINT(p_send, send(pair[0], bytes, 1, MSG_DONTWAIT))
POINT(p_sendto, sendto(pair[0], bytes, 1, MSG_DONTWAIT, NULL, 0))
POINT(p_sendmsg, sendmsg(pair[0], &message, MSG_DONTWAIT))
POINT(p_sem_wait, sem_wait(&free_semaphore))
POINT(p_sem_timedwait, struct timespec t = {1, 0}; sem_timedwait(&free_semaphore, &t))
POINT(p_cond_timedwait, in_mutex(timed_wait))
POINT(p_sigtimedwait, sigset_t s = usr1(); sigtimedwait(&s, NULL, &nothing))
POINT(p_wait, wait(NULL))
POINT(p_waitpid, waitpid(-1, NULL, WNOHANG))
POINT(p_waitid, siginfo_t i; waitid(P_ALL, 0, &i, WEXITED | WNOHANG))
POINT(p_wait4, wait4(-1, NULL, WNOHANG, NULL))
POINT(p_msgrcv, msgrcv(-1, bytes, 1, 0, IPC_NOWAIT))
POINT(p_msgsnd, msgsnd(-1, bytes, 1, IPC_NOWAIT))
POINT(p_system, if (system("exit 0")){})
POINT(n_mutex, pthread_mutex_lock(&mutex); pthread_mutex_unlock(&mutex))
POINT(n_yield, sched_yield())
POINT(n_malloc, free(malloc(100000)))
POINT(n_sem_post, sem_post(&free_semaphore))
POINT(n_signal, pthread_cond_broadcast(&condition))

static const struct point {
    const char *name;
    void (*call)(void);
} points[] = {
#define P(name) {#name, name},
    P(p_testcancel) P(p_read) P(p_readv) P(p_pread) P(p_write) P(p_writev) P(p_pwrite) P(p_open) P(p_openat) P(p_creat)
        P(p_close) P(p_fsync) P(p_fdatasync) P(p_msync) P(p_fcntl) P(p_lockf) P(p_poll) P(p_ppoll) P(p_select)
            P(p_pselect) P(p_epoll_wait) P(p_nanosleep) P(p_clock_nanosleep) P(p_sleep) P(p_usleep) P(p_accept)
                P(p_connect) P(p_recv) P(p_recvfrom) P(p_recvmsg) P(p_send) P(p_sendto) P(p_sendmsg) P(p_sem_wait)
                    P(p_sem_timedwait) P(p_cond_timedwait) P(p_sigtimedwait) P(p_wait) P(p_waitpid) P(p_waitid)
                        P(p_wait4) P(p_msgrcv) P(p_msgsnd) P(p_system) P(n_mutex) P(n_yield) P(n_malloc) P(n_sem_post)
                            P(n_signal)};

static void *thread_body(void *arg)
{
    const struct point *point = arg;
    pthread_cancel(pthread_self());
    point->call();
    return NULL;
}

static void among_others(const struct point *point)
{
    printf("%s: %s\n", point->name, join(start(thread_body, (void *)point)) == PTHREAD_CANCELED ? "acts" : "goes on");
}

/* The end of the last thread is the end of the process, with status 0. */
static void alone(const struct point *point)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        pthread_cancel(pthread_self());
        point->call();
        _exit(1);
    }
    NEED(waitpid(child, &status, 0) == child && WIFEXITED(status));
    printf("%s: %s\n", point->name, WEXITSTATUS(status) == 0 ? "acts" : "goes on");
}

int main(int argc, char **argv)
{
    (void)argv;
    setvbuf(stdout, NULL, _IOLBF, 0);
    NEED((file = fileno(tmpfile())) >= 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    NEED(sem_init(&free_semaphore, 0, 50) == 0);
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        (argc > 1 ? alone : among_others)(&points[i]);
    return 0;
}
