/* Pipes between threads with back-pressure both ways, pairs of pipes, partial writes, atomic writes up to PIPE_BUF by
   many writers, vectors, the end of file, EPIPE and SIGPIPE. */
/* run: */
/* expect:
10 MB through one pipe: right 1
round trips over two pipes: 2000
records of 512 bytes by 20 writers whole: 2000
writev and readv: 10 helloworld
end when the last writer closes: 20
non-blocking: write until EAGAIN then read all 1
pipe size set and full: 4096 then EAGAIN
blocked write goes on in parts: 200000
EPIPE: -1 EPIPE, SIGPIPE 1
EPIPE in a blocked writer: 1
packet mode keeps bounds: 3 5
zero bytes: 0 0
*/
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/uio.h>
#include "say.h"

static int forth[2], back[2];
static volatile sig_atomic_t pipes;

static void on_pipe(int signal)
{
    (void)signal;
    pipes++;
}

static size_t write_all(int fd, const char *data, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = write(fd, data + done, size - done);
        if (n <= 0)
            break;
        done += n;
    }
    return done;
}

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 7 + i / 4096);
}

static void *writes_10_mb(void *arg)
{
    static char block[100000];
    for (size_t at = 0; at < 10000000; at += sizeof block) {
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = (char)byte_at(at + i);
        NEED(write_all(forth[1], block, sizeof block) == sizeof block);
    }
    close(forth[1]);
    return arg;
}

static void bulk(void)
{
    static unsigned char block[33333];
    size_t at = 0;
    ssize_t n;
    int right = 1;
    NEED(pipe(forth) == 0);
    pthread_t writer = start(writes_10_mb, NULL);
    while ((n = read(forth[0], block, sizeof block)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            right &= block[i] == byte_at(at + i);
        at += n;
    }
    join(writer);
    close(forth[0]);
    printf("10 MB through one pipe: right %d\n", right && at == 10000000);
}

static void *answers(void *arg)
{
    int number;
    while (read(forth[0], &number, sizeof number) == sizeof number) {
        number++;
        NEED(write(back[1], &number, sizeof number) == sizeof number);
    }
    return arg;
}

static void round_trips(void)
{
    int number = 0;
    NEED(pipe(forth) == 0 && pipe(back) == 0);
    pthread_t thread = start(answers, NULL);
    for (int i = 0; i < 2000; i++) {
        NEED(write(forth[1], &number, sizeof number) == sizeof number);
        NEED(read(back[0], &number, sizeof number) == sizeof number);
    }
    close(forth[1]);
    join(thread);
    printf("round trips over two pipes: %d\n", number);
}

static void *writes_records(void *arg)
{
    char record[512];
    memset(record, 'a' + (int)(long)arg, sizeof record);
    for (int i = 0; i < 100; i++)
        NEED(write(forth[1], record, sizeof record) == sizeof record);
    return NULL;
}

static void atomic_records(void)
{
    pthread_t threads[20];
    char record[512];
    int whole = 0;
    NEED(pipe(forth) == 0);
    for (long i = 0; i < 20; i++)
        threads[i] = start(writes_records, (void *)i);
    for (int i = 0; i < 2000; i++) {
        size_t have = 0;
        while (have < sizeof record)
            have += read(forth[0], record + have, sizeof record - have);
        whole += memcmp(record, record + 1, sizeof record - 1) == 0;
    }
    for (int i = 0; i < 20; i++)
        join(threads[i]);
    printf("records of 512 bytes by 20 writers whole: %d\n", whole);
}

static void *writes_vector(void *arg)
{
    struct iovec parts[3] = {{"hel", 3}, {"lowor", 5}, {"ld", 2}};
    sleep_ms(10);
    NEED(writev(forth[1], parts, 3) == 10);
    return arg;
}

static void vectors(void)
{
    char one[4] = "", two[8] = "";
    struct iovec parts[2] = {{one, 3}, {two, 7}};
    pthread_t thread = start(writes_vector, NULL);
    ssize_t length = readv(forth[0], parts, 2);
    join(thread);
    printf("writev and readv: %zd %s%s\n", length, one, two);
}

static void *reads_to_end(void *arg)
{
    char byte;
    return (void *)(long)(read((int)(long)arg, &byte, 1) == 0);
}

static void ends(void)
{
    pthread_t threads[20];
    long ended = 0;
    NEED(pipe(forth) == 0);
    int second = dup(forth[1]);
    for (int i = 0; i < 20; i++)
        threads[i] = start(reads_to_end, (void *)(long)forth[0]);
    sleep_ms(10);
    close(forth[1]);
    sleep_ms(10);
    close(second);
    for (int i = 0; i < 20; i++)
        ended += (long)join(threads[i]);
    printf("end when the last writer closes: %ld\n", ended);
}

static void *reads_200000(void *arg)
{
    char block[3000];
    long total = 0;
    while (total < 200000) {
        ssize_t n = read(forth[0], block, sizeof block);
        NEED(n > 0);
        total += n;
        usleep(50);
    }
    return (void *)(total + (long)arg);
}

static void full(void)
{
    static char block[200000];
    size_t written = 0, got = 0;
    ssize_t n;
    NEED(pipe2(forth, O_NONBLOCK) == 0);
    while ((n = write(forth[1], block, 1000)) > 0)
        written += n;
    int again = errno == EAGAIN;
    while ((n = read(forth[0], block, 1000)) > 0)
        got += n;
    printf("non-blocking: write until EAGAIN then read all %d\n", again && errno == EAGAIN && written == got);
    NEED(fcntl(forth[1], F_SETPIPE_SZ, 4096) == 4096);
    n = write(forth[1], block, 5000);
    printf("pipe size set and full: %zd then %s\n", n, write(forth[1], block, 1) == -1 ? error_name(errno) : "no");
    NEED(pipe(forth) == 0);
    pthread_t reader = start(reads_200000, NULL);
    NEED(write(forth[1], block, sizeof block) == sizeof block);
    printf("blocked write goes on in parts: %ld\n", (long)join(reader));
}

static void *writes_until_error(void *arg)
{
    static char block[100000];
    (void)arg;
    while (write(forth[1], block, sizeof block) >= 0)
        ;
    return (void *)(long)(errno == EPIPE);
}

static void *reads_packets(void *arg)
{
    char block[100];
    int first = (int)read(forth[0], block, 100);
    printf("packet mode keeps bounds: %d %zd\n", first, read(forth[0], block, 100));
    return arg;
}

static void broken(void)
{
    NEED(pipe(forth) == 0);
    close(forth[0]);
    ssize_t n = write(forth[1], "x", 1);
    printf("EPIPE: %zd %s, SIGPIPE %d\n", n, error_name(errno), pipes);
    NEED(pipe(forth) == 0);
    pthread_t writer = start(writes_until_error, NULL);
    sleep_ms(20);
    close(forth[0]);
    printf("EPIPE in a blocked writer: %ld\n", (long)join(writer));
}

int main(void)
{
    signal(SIGPIPE, on_pipe);
    bulk();
    round_trips();
    atomic_records();
    vectors();
    ends();
    full();
    broken();
    NEED(pipe2(forth, O_DIRECT) == 0);
    pthread_t reader = start(reads_packets, NULL);
    sleep_ms(10);
    NEED(write(forth[1], "one", 3) == 3 && write(forth[1], "three", 5) == 5);
    join(reader);
    char nothing;
    ssize_t read_none = read(forth[0], &nothing, 0);
    printf("zero bytes: %zd %zd\n", read_none, write(forth[1], &nothing, 0));
    return 0;
}
