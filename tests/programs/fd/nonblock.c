/* O_NONBLOCK belongs to the program: set and taken back by fcntl and ioctl(FIONBIO), inherited by dup, honoured at once;
   and it never shows when the program did not set it, also while other threads wait in read, accept, connect, write. */
/* run: */
/* expect:
pipe: fresh 0, set 1 EAGAIN, dup sees 1, ioctl off 0, late read 1
socket: fresh 0, set 1 EAGAIN, dup sees 1, ioctl off 0, late read 1
while threads wait: read 0, recv 0, accept 0, write 0, poll 0, select 0
child sees no O_NONBLOCK: 0
socket made with SOCK_NONBLOCK: 1 EAGAIN
fcntl(-1, F_GETFL): -1 EBADF
other flags stay: O_APPEND 1
set while another waits, next call: EAGAIN
*/
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "say.h"

static int listener, reading[2], receiving[2], writing[2], polling[2], selecting[2];

static int is_nonblocking(int fd)
{
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

static void *writes_late(void *arg)
{
    sleep_ms(10);
    NEED(write((int)(long)arg, "x", 1) == 1);
    return NULL;
}

static void own_flags(const char *name, int reader, int writer)
{
    char byte;
    int fresh = is_nonblocking(reader), on = 1, off = 0, twin = dup(reader);
    fcntl(reader, F_SETFL, fcntl(reader, F_GETFL) | O_NONBLOCK);
    int set = is_nonblocking(reader);
    const char *error = read(reader, &byte, 1) == -1 ? error_name(errno) : "none";
    int twin_sees = is_nonblocking(twin);
    ioctl(reader, FIONBIO, &off);
    int unset = is_nonblocking(reader);
    pthread_t thread = start(writes_late, (void *)(long)writer);
    printf("%s: fresh %d, set %d %s, dup sees %d, ioctl off %d, late read %zd\n", name, fresh, set, error, twin_sees,
           unset, read(reader, &byte, 1));
    join(thread);
    ioctl(reader, FIONBIO, &on);
    NEED(is_nonblocking(reader) && read(reader, &byte, 1) == -1 && errno == EAGAIN);
    ioctl(reader, FIONBIO, &off);
}

static void *in_read(void *arg)
{
    char byte;
    NEED(read(reading[0], &byte, 1) == 1);
    return arg;
}

static void *in_recv(void *arg)
{
    char byte;
    NEED(recv(receiving[0], &byte, 1, 0) == 1);
    return arg;
}

static void *in_accept(void *arg)
{
    NEED(accept(listener, NULL, NULL) == -1);
    return arg;
}

static void *in_write(void *arg)
{
    static char block[300000];
    NEED(write(writing[1], block, sizeof block) == sizeof block);
    return arg;
}

static void *in_poll(void *arg)
{
    struct pollfd entry = {polling[0], POLLIN, 0};
    NEED(poll(&entry, 1, -1) == 1);
    return arg;
}

static void *in_select(void *arg)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(selecting[0], &set);
    NEED(select(selecting[0] + 1, &set, NULL, NULL, NULL) == 1);
    return arg;
}

/* The exit status of a shell-like child that looks at the descriptors it inherited. */
static int child_sees(void)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(is_nonblocking(reading[0]) + is_nonblocking(receiving[0]) + is_nonblocking(listener) +
              is_nonblocking(writing[1]));
    NEED(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void waiting_threads(void)
{
    void *(*const bodies[])(void *) = {in_read, in_recv, in_accept, in_write, in_poll, in_select};
    pthread_t threads[6];
    static char sink[300000];
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    listener = socket(AF_INET, SOCK_STREAM, 0);
    NEED(bind(listener, (struct sockaddr *)&any, sizeof any) == 0 && listen(listener, 1) == 0);
    NEED(pipe(reading) == 0 && pipe(writing) == 0 && pipe(polling) == 0 && pipe(selecting) == 0);
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, receiving) == 0);
    for (int i = 0; i < 6; i++)
        threads[i] = start(bodies[i], NULL);
    sleep_ms(30);
    printf("while threads wait: read %d, recv %d, accept %d, write %d, poll %d, select %d\n",
           is_nonblocking(reading[0]), is_nonblocking(receiving[0]), is_nonblocking(listener),
           is_nonblocking(writing[1]), is_nonblocking(polling[0]), is_nonblocking(selecting[0]));
    printf("child sees no O_NONBLOCK: %d\n", child_sees());
    NEED(write(reading[1], "x", 1) == 1 && send(receiving[1], "x", 1, 0) == 1 && write(polling[1], "x", 1) == 1);
    NEED(write(selecting[1], "x", 1) == 1);
    for (size_t got = 0; got < sizeof sink;)
        got += read(writing[0], sink, sizeof sink);
    shutdown(listener, SHUT_RDWR);
    for (int i = 0; i < 6; i++)
        join(threads[i]);
}

int main(void)
{
    int ends[2];
    char byte;
    NEED(pipe(ends) == 0);
    own_flags("pipe", ends[0], ends[1]);
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    own_flags("socket", ends[0], ends[1]);
    waiting_threads();
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ssize_t n = recv(fd, &byte, 1, 0);
    printf("socket made with SOCK_NONBLOCK: %d %s\n", is_nonblocking(fd), n == -1 ? error_name(errno) : "");
    SAY_CALL(fcntl(-1, F_GETFL));
    NEED(pipe(ends) == 0);
    fcntl(ends[1], F_SETFL, O_APPEND);
    printf("other flags stay: O_APPEND %d\n", fcntl(ends[1], F_GETFL) == (O_APPEND | O_WRONLY));
    memcpy(reading, ends, sizeof ends);
    pthread_t thread = start(in_read, NULL);
    sleep_ms(10);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    n = read(ends[0], &byte, 1);
    printf("set while another waits, next call: %s\n", n == -1 ? error_name(errno) : "none");
    NEED(write(ends[1], "x", 1) == 1);
    join(thread);
    return 0;
}
