/* connect: refused, timed out by SO_SNDTIMEO on a full backlog, non-blocking with poll and SO_ERROR, twice, by many
   threads; F_GETFL tells the program's own flags at every moment. */
/* run: */
/* expect:
refused: -1 ECONNREFUSED
refused, 50 threads: 50
non-blocking: -1 EINPROGRESS, then POLLOUT 1, SO_ERROR 0
non-blocking refused: -1, then SO_ERROR ECONNREFUSED
connected twice: -1 EISCONN
not a socket: -1 ENOTSOCK
closed: -1 EBADF
bad pointer: -1 EFAULT
bad family: -1 EAFNOSUPPORT
bad size: -1 EINVAL
full backlog with SO_SNDTIMEO: -1 EINPROGRESS
full backlog with SO_SNDTIMEO: waited: in time
O_NONBLOCK seen while connect waits: 0
*/
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include "say.h"

static struct sockaddr_in open_port, closed_port;
static int stuck = -1;

static int listen_on(struct sockaddr_in *address, int backlog)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof *address;
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    NEED(bind(fd, (struct sockaddr *)address, size) == 0 && listen(fd, backlog) == 0);
    NEED(getsockname(fd, (struct sockaddr *)address, &size) == 0);
    return fd;
}

static int dial(int fd, const struct sockaddr_in *to)
{
    return connect(fd, (const struct sockaddr *)to, sizeof *to);
}

static int tcp(int flags)
{
    return socket(AF_INET, SOCK_STREAM | flags, 0);
}

static void say_result(const char *what, int result)
{
    printf("%s: %d %s\n", what, result, result == -1 ? error_name(errno) : "");
}

static int socket_error(int fd)
{
    int error = -1;
    socklen_t size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

static void *is_refused(void *arg)
{
    int fd = tcp(0);
    (void)arg;
    long refused = dial(fd, &closed_port) == -1 && errno == ECONNREFUSED && !(fcntl(fd, F_GETFL) & O_NONBLOCK);
    close(fd);
    return (void *)refused;
}

static void non_blocking(void)
{
    int fd = tcp(SOCK_NONBLOCK);
    struct pollfd entry = {fd, POLLOUT, 0};
    int result = dial(fd, &open_port), error = errno;
    int ready = poll(&entry, 1, 5000);
    /* Over loopback the handshake is done before connect returns or just after. */
    printf("non-blocking: %d %s, then POLLOUT %d, SO_ERROR %s\n", -1, error_name(result == 0 ? EINPROGRESS : error),
           ready == 1 && entry.revents == POLLOUT, error_name(socket_error(fd)));
    close(fd);
    fd = entry.fd = tcp(SOCK_NONBLOCK);
    result = dial(fd, &closed_port);
    error = errno;
    if (error == EINPROGRESS) {
        poll(&entry, 1, 5000);
        error = socket_error(fd);
    }
    printf("non-blocking refused: %d, then SO_ERROR %s\n", result, error_name(error));
    close(fd);
}

static void *errors(void *arg)
{
    int pipe_ends[2], fd = tcp(0);
    NEED(pipe(pipe_ends) == 0 && dial(fd, &open_port) == 0);
    say_result("connected twice", dial(fd, &open_port));
    say_result("not a socket", dial(pipe_ends[0], &open_port));
    close(fd);
    say_result("closed", dial(fd, &open_port));
    fd = tcp(0);
    say_result("bad pointer", connect(fd, (struct sockaddr *)16, sizeof open_port));
    struct sockaddr_in odd = open_port;
    odd.sin_family = 250;
    say_result("bad family", dial(fd, &odd));
    say_result("bad size", connect(fd, (struct sockaddr *)&open_port, 3));
    close(fd);
    return arg;
}

/* With a backlog of 0 that is full the kernel drops further SYNs: connect then waits. */
static void fill(const struct sockaddr_in *address)
{
    for (int i = 0; i < 8; i++)
        dial(tcp(SOCK_NONBLOCK), address);
    sleep_ms(50);
}

static void *gets_stuck(void *arg)
{
    struct timeval limit = {0, 200000};
    stuck = tcp(0);
    setsockopt(stuck, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    long long begin = now_ms();
    say_result("full backlog with SO_SNDTIMEO", dial(stuck, arg));
    say_took("full backlog with SO_SNDTIMEO: waited", begin, 190, 5000);
    return NULL;
}

int main(void)
{
    struct sockaddr_in full;
    pthread_t threads[50];
    long refused = 0;
    listen_on(&open_port, 64);
    close(listen_on(&closed_port, 1));
    listen_on(&full, 0);
    say_result("refused", dial(tcp(0), &closed_port));
    for (int i = 0; i < 50; i++)
        threads[i] = start(is_refused, NULL);
    for (int i = 0; i < 50; i++)
        refused += (long)join(threads[i]);
    printf("refused, 50 threads: %ld\n", refused);
    non_blocking();
    join(start(errors, NULL));
    fill(&full);
    pthread_t thread = start(gets_stuck, &full);
    sleep_ms(60);
    int flags = fcntl(stuck, F_GETFL);
    join(thread);
    printf("O_NONBLOCK seen while connect waits: %d\n", (flags & O_NONBLOCK) != 0);
    return 0;
}
