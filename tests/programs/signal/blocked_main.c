/* A handler runs while main, or another thread, is blocked in a call: without SA_RESTART the call ends with EINTR, with it
   those calls go on that signal(7) says; some end with EINTR always. */
/* run: */
/* expect:
read, EINTR: EINTR handled 1
read, SA_RESTART: data handled 1
recv, EINTR: EINTR handled 1
recv, SA_RESTART: data handled 1
accept, EINTR: EINTR handled 1
accept, SA_RESTART: data handled 1
write, EINTR: EINTR handled 1
connect, EINTR: EINTR handled 1
poll, SA_RESTART all the same: EINTR handled 1
select, SA_RESTART all the same: EINTR handled 1
epoll_wait, SA_RESTART all the same: EINTR handled 1
nanosleep, SA_RESTART all the same: EINTR handled 1
recv with SO_RCVTIMEO, SA_RESTART all the same: EINTR handled 1
waitpid, EINTR: EINTR handled 1
waitpid, SA_RESTART: data handled 1
pause: EINTR handled 1
sigsuspend: EINTR handled 1
mutex goes on: data handled 1
join goes on: data handled 1
condition variable goes on: data handled 1
flock, EINTR: EINTR handled 1
partial write is told: less handled 1
*/
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "say.h"

static volatile sig_atomic_t handled;
static pthread_t blocked;
static int ends[2], listener;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct sockaddr_in address;
static int ready, is_accepting, ended;

static void on_signal(int signal)
{
    (void)signal;
    handled += pthread_equal(pthread_self(), blocked) != 0;
}

/* What a case blocks in: -1 and errno, or else. */
static long in_read(void)
{
    char byte;
    return read(ends[0], &byte, 1);
}

static long in_recv(void)
{
    char byte;
    return recv(ends[0], &byte, 1, 0);
}

static long in_accept(void)
{
    return accept(listener, NULL, NULL);
}

static long in_write(void)
{
    static char block[100];
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (write(ends[1], block, sizeof block) > 0)
        ;
    while (write(ends[1], block, 1) > 0)
        ;
    fcntl(ends[1], F_SETFL, 0);
    return write(ends[1], block, 1);
}

static long in_partial_write(void)
{
    static char block[1000000];
    long n = write(ends[1], block, sizeof block);
    if (n > 0 && n < (long)sizeof block)
        return -2;
    return n;
}

static long in_connect(void)
{
    struct sockaddr_in to = address;
    socklen_t size = sizeof to;
    int full = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_port = 0;
    NEED(bind(full, (struct sockaddr *)&to, size) == 0 && listen(full, 0) == 0);
    NEED(getsockname(full, (struct sockaddr *)&to, &size) == 0);
    for (int i = 0; i < 8; i++)
        connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (struct sockaddr *)&to, size);
    sleep_ms(20);
    return connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, size);
}

static long in_poll(void)
{
    struct pollfd entry = {ends[0], POLLIN, 0};
    return poll(&entry, 1, 20000);
}

static long in_select(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    return select(ends[0] + 1, &set, NULL, NULL, NULL);
}

static long in_epoll(void)
{
    struct epoll_event event;
    return epoll_wait(epoll_create1(0), &event, 1, 20000);
}

static long in_nanosleep(void)
{
    struct timespec time = {20, 0};
    return nanosleep(&time, NULL);
}

static long in_timed_recv(void)
{
    struct timeval limit = {20, 0};
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return in_recv();
}

static long in_waitpid(void)
{
    pid_t child = fork();
    if (child == 0) {
        sleep_ms(300);
        _exit(0);
    }
    long result = waitpid(child, NULL, 0);
    if (result == -1) {
        int error = errno;
        waitpid(child, NULL, 0);
        errno = error;
    }
    return result;
}

static long in_pause(void)
{
    return pause();
}

static long in_sigsuspend(void)
{
    sigset_t none;
    sigemptyset(&none);
    return sigsuspend(&none);
}

static long in_mutex(void)
{
    pthread_mutex_lock(&lock);
    return pthread_mutex_unlock(&lock);
}

static void *sleeps(void *arg)
{
    sleep_ms(150);
    return arg;
}

static long in_join(void)
{
    join(start(sleeps, NULL));
    return 0;
}

static long in_cond(void)
{
    pthread_mutex_lock(&lock);
    while (!ready)
        pthread_cond_wait(&changed, &lock);
    return pthread_mutex_unlock(&lock);
}

static long in_flock(void)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/test-flock-%d", getpid());
    int one = open(path, O_CREAT | O_RDWR, 0600), two = open(path, O_RDWR);
    unlink(path);
    NEED(flock(one, LOCK_EX) == 0);
    return flock(two, LOCK_EX);
}

/* Sends the signal while the other is blocked, and a little later what its call waits for. Where nothing comes, the signal is
   sent again: on a busy machine the other may not have been blocked yet. */
static void *disturbs(void *arg)
{
    int with_data = arg != NULL;
    do {
        sleep_ms(60);
        pthread_kill(blocked, SIGUSR1);
    } while (!with_data && !__atomic_load_n(&ended, __ATOMIC_SEQ_CST));
    sleep_ms(60);
    if (!with_data)
        return NULL;
    NEED(write(ends[1], "x", 1) == 1);
    if (is_accepting)
        NEED(connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address) == 0);
    return NULL;
}

static void *holds_lock(void *arg)
{
    pthread_mutex_lock(&lock);
    sleep_ms(150);
    ready = 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    return arg;
}

struct call {
    const char *name;
    long (*block)(void);
    int flags;     /* of the handler */
    int is_socket; /* whether `ends` are sockets or a pipe */
    int data;      /* whether what it waits for comes after the signal */
    int lock;      /* whether another thread holds the lock for a time */
};

static void run(const struct call *call)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = call->flags};
    sigaction(SIGUSR1, &action, NULL);
    if (call->is_socket)
        NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    else
        NEED(pipe(ends) == 0);
    handled = ready = ended = 0;
    is_accepting = call->block == in_accept;
    pthread_t holder = 0, other;
    if (call->lock) {
        holder = start(holds_lock, NULL);
        sleep_ms(10);
    }
    other = start(disturbs, call->data ? &ready : NULL);
    long result = call->block();
    int error = errno;
    __atomic_store_n(&ended, 1, __ATOMIC_SEQ_CST);
    const char *how = result == -1 ? error_name(error) : result == -2 ? "less" : "data";
    printf("%s: %s handled %d\n", call->name, how, handled > 0);
    join(other);
    if (call->lock)
        join(holder);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    static const struct call calls[] = {
        {"read, EINTR", in_read, 0, 0, 0, 0},
        {"read, SA_RESTART", in_read, SA_RESTART, 0, 1, 0},
        {"recv, EINTR", in_recv, 0, 1, 0, 0},
        {"recv, SA_RESTART", in_recv, SA_RESTART, 1, 1, 0},
        {"accept, EINTR", in_accept, 0, 0, 0, 0},
        {"accept, SA_RESTART", in_accept, SA_RESTART, 0, 1, 0},
        {"write, EINTR", in_write, 0, 0, 0, 0},
        {"connect, EINTR", in_connect, 0, 0, 0, 0},
        {"poll, SA_RESTART all the same", in_poll, SA_RESTART, 0, 0, 0},
        {"select, SA_RESTART all the same", in_select, SA_RESTART, 0, 0, 0},
        {"epoll_wait, SA_RESTART all the same", in_epoll, SA_RESTART, 0, 0, 0},
        {"nanosleep, SA_RESTART all the same", in_nanosleep, SA_RESTART, 0, 0, 0},
        {"recv with SO_RCVTIMEO, SA_RESTART all the same", in_timed_recv, SA_RESTART, 1, 0, 0},
        {"waitpid, EINTR", in_waitpid, 0, 0, 0, 0},
        {"waitpid, SA_RESTART", in_waitpid, SA_RESTART, 0, 0, 0},
        {"pause", in_pause, SA_RESTART, 0, 0, 0},
        {"sigsuspend", in_sigsuspend, SA_RESTART, 0, 0, 0},
        {"mutex goes on", in_mutex, 0, 0, 0, 1},
        {"join goes on", in_join, 0, 0, 0, 0},
        {"condition variable goes on", in_cond, 0, 0, 0, 1},
        {"flock, EINTR", in_flock, 0, 0, 0, 0},
        {"partial write is told", in_partial_write, 0, 0, 0, 0},
    };
    socklen_t size = sizeof address;
    blocked = pthread_self();
    listener = socket(AF_INET, SOCK_STREAM, 0);
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    NEED(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 50) == 0);
    NEED(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        run(&calls[i]);
    return 0;
}
