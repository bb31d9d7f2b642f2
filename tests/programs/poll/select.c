/* select and pselect: the three sets, what is left in them, the time left (Linux), EINTR, many threads. */
/* run: */
/* expect:
time-out: 0, set cleared 1, time left 0
time-out: in time
only a wait: in time
late byte: 1, right bit 1, other bit 0, time left 1
read and write sets: 2
urgent data in the third set: 1
pselect: -1 EINTR
pselect time unchanged: 1
zero time-out: 0
closed descriptor: -1 EBADF
100 threads: 100
select as a sleep in 100 threads: in time
*/
#include <arpa/inet.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/socket.h>
#include "say.h"

static int pipes[100][2];

static void *writes_late(void *arg)
{
    sleep_ms(20);
    NEED(write((int)(long)arg, "x", 1) == 1);
    return NULL;
}

static fd_set set_of(int fd)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    return set;
}

static void waits(void)
{
    int fd = pipes[0][0], other = pipes[1][0];
    char byte;
    fd_set set = set_of(fd);
    struct timeval time = {0, 30000};
    long long begin = now_ms();
    int ready = select(fd + 1, &set, NULL, NULL, &time);
    printf("time-out: %d, set cleared %d, time left %ld\n", ready, !FD_ISSET(fd, &set),
           (long)(time.tv_sec + time.tv_usec));
    say_took("time-out", begin, 29, 3000);
    begin = now_ms();
    time = (struct timeval){0, 30000};
    select(0, NULL, NULL, NULL, &time);
    say_took("only a wait", begin, 29, 3000);
    set = set_of(fd);
    FD_SET(other, &set);
    time = (struct timeval){20, 0};
    pthread_t thread = start(writes_late, (void *)(long)pipes[0][1]);
    ready = select(other + 1, &set, NULL, NULL, &time);
    join(thread);
    printf("late byte: %d, right bit %d, other bit %d, time left %d\n", ready, FD_ISSET(fd, &set) != 0,
           FD_ISSET(other, &set) != 0, time.tv_sec == 19);
    set = set_of(fd);
    fd_set writable = set_of(pipes[1][1]);
    printf("read and write sets: %d\n", select(pipes[1][1] + 1, &set, &writable, NULL, NULL));
    NEED(read(fd, &byte, 1) == 1);
}

static void urgent(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    NEED(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0);
    NEED(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    NEED(connect(fd, (struct sockaddr *)&address, size) == 0);
    int peer = accept(listener, NULL, NULL);
    NEED(send(peer, "!", 1, MSG_OOB) == 1);
    fd_set set = set_of(fd);
    printf("urgent data in the third set: %d\n", select(fd + 1, NULL, NULL, &set, NULL));
    close(fd);
    close(peer);
    close(listener);
}

static void on_signal(int signal)
{
    (void)signal;
}

static void masks(void)
{
    sigset_t blocked, none;
    fd_set set = set_of(pipes[0][0]);
    struct timespec limit = {5, 0};
    struct timeval zero = {0, 0};
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    pthread_kill(pthread_self(), SIGUSR1);
    int result = pselect(pipes[0][0] + 1, &set, NULL, NULL, &limit, &none);
    printf("pselect: %d %s\n", result, error_name(errno));
    limit = (struct timespec){0, 20000000};
    set = set_of(pipes[0][0]);
    NEED(pselect(pipes[0][0] + 1, &set, NULL, NULL, &limit, NULL) == 0);
    printf("pselect time unchanged: %d\n", limit.tv_nsec == 20000000);
    set = set_of(pipes[0][0]);
    printf("zero time-out: %d\n", select(pipes[0][0] + 1, &set, NULL, NULL, &zero));
    int gone = dup(pipes[0][0]);
    close(gone);
    set = set_of(gone);
    result = select(gone + 1, &set, NULL, NULL, NULL);
    printf("closed descriptor: %d %s\n", result, error_name(errno));
}

static void *selects_own(void *arg)
{
    int fd = pipes[(long)arg][0];
    char byte;
    fd_set set = set_of(fd);
    NEED(select(fd + 1, &set, NULL, NULL, NULL) == 1 && FD_ISSET(fd, &set) && read(fd, &byte, 1) == 1);
    return (void *)1L;
}

static void *sleeps(void *arg)
{
    struct timeval time = {0, 50000};
    NEED(select(0, NULL, NULL, NULL, &time) == 0);
    return arg;
}

static void *body(void *arg)
{
    waits();
    urgent();
    masks();
    return arg;
}

int main(void)
{
    pthread_t threads[100];
    long sum = 0;
    for (int i = 0; i < 100; i++)
        NEED(pipe(pipes[i]) == 0);
    join(start(body, NULL));
    for (long i = 0; i < 100; i++)
        threads[i] = start(selects_own, (void *)i);
    for (int i = 0; i < 100; i++)
        NEED(write(pipes[i][1], "x", 1) == 1);
    for (int i = 0; i < 100; i++)
        sum += (long)join(threads[i]);
    printf("100 threads: %ld\n", sum);
    long long begin = now_ms();
    for (long i = 0; i < 100; i++)
        threads[i] = start(sleeps, (void *)i);
    for (int i = 0; i < 100; i++)
        join(threads[i]);
    say_took("select as a sleep in 100 threads", begin, 49, 2500);
    return 0;
}
