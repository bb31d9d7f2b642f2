/* POSIX asynchronous I/O: libc makes kernel threads of its own for it, whose work meets our threads in locks, pipes and
   notifications. */
/* run: */
/* expect:
aio_write and aio_read: 40 right
aio_suspend: 0
lio_listio waits: 8 right
notified by thread: 20
aio_read from a pipe that a thread fills later: 5 later
aio_suspend times out: -1 EAGAIN
*/
#include <aio.h>
#include <fcntl.h>
#include <signal.h>
#include "say.h"

static int notified;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static char path[64];

static ssize_t finish(struct aiocb *block)
{
    const struct aiocb *list[1] = {block};
    while (aio_error(block) == EINPROGRESS)
        aio_suspend(list, 1, NULL);
    return aio_return(block);
}

static void *writes_and_reads(void *arg)
{
    char out[100], in[100] = "";
    long number = (long)arg, right = 0;
    int fd = open(path, O_RDWR);
    memset(out, 'a' + (int)number % 26, sizeof out);
    struct aiocb write = {.aio_fildes = fd, .aio_buf = out, .aio_nbytes = 100, .aio_offset = number * 100};
    struct aiocb read = {.aio_fildes = fd, .aio_buf = in, .aio_nbytes = 100, .aio_offset = number * 100};
    NEED(aio_write(&write) == 0);
    right += finish(&write) == 100;
    NEED(aio_read(&read) == 0);
    right += finish(&read) == 100 && memcmp(in, out, 100) == 0;
    close(fd);
    return (void *)right;
}

static void on_end(union sigval value)
{
    pthread_mutex_lock(&lock);
    notified += value.sival_int;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static void notifications(int fd)
{
    static struct aiocb blocks[20];
    static char data[20][10];
    for (int i = 0; i < 20; i++) {
        blocks[i] = (struct aiocb){.aio_fildes = fd, .aio_buf = data[i], .aio_nbytes = 10, .aio_offset = i * 10};
        blocks[i].aio_sigevent = (struct sigevent){.sigev_notify = SIGEV_THREAD,
                                                   .sigev_notify_function = on_end,
                                                   .sigev_value.sival_int = 1};
        NEED(aio_read(&blocks[i]) == 0);
    }
    pthread_mutex_lock(&lock);
    while (notified < 20)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    printf("notified by thread: %d\n", notified);
}

static void list(int fd)
{
    struct aiocb blocks[8], *pointers[8];
    char data[8][50];
    int right = 0;
    memset(blocks, 0, sizeof blocks);
    for (int i = 0; i < 8; i++) {
        blocks[i].aio_fildes = fd;
        blocks[i].aio_buf = data[i];
        blocks[i].aio_nbytes = 50;
        blocks[i].aio_offset = i * 100;
        blocks[i].aio_lio_opcode = LIO_READ;
        pointers[i] = &blocks[i];
    }
    NEED(lio_listio(LIO_WAIT, pointers, 8, NULL) == 0);
    for (int i = 0; i < 8; i++)
        right += aio_return(&blocks[i]) == 50 && data[i][49] == 'a' + i;
    printf("lio_listio waits: %d right\n", right);
}

static void *fills_later(void *arg)
{
    sleep_ms(20);
    NEED(write((int)(long)arg, "later", 5) == 5);
    return NULL;
}

static void pipes(void)
{
    int ends[2];
    char text[10] = "";
    NEED(pipe(ends) == 0);
    struct aiocb block = {.aio_fildes = ends[0], .aio_buf = text, .aio_nbytes = 9};
    const struct aiocb *only[1] = {&block};
    struct timespec soon = {0, 20000000};
    NEED(aio_read(&block) == 0);
    pthread_t thread = start(fills_later, (void *)(long)ends[1]);
    ssize_t n = finish(&block);
    printf("aio_read from a pipe that a thread fills later: %zd %s\n", n, text);
    join(thread);
    NEED(aio_read(&block) == 0);
    int result = aio_suspend(only, 1, &soon);
    printf("aio_suspend times out: %d %s\n", result, error_name(errno));
    NEED(write(ends[1], "x", 1) == 1 && finish(&block) == 1);
}

int main(void)
{
    pthread_t threads[20];
    long right = 0;
    snprintf(path, sizeof path, "/tmp/test-aio-%d", getpid());
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    NEED(fd >= 0);
    for (long i = 0; i < 20; i++)
        threads[i] = start(writes_and_reads, (void *)i);
    for (int i = 0; i < 20; i++)
        right += (long)join(threads[i]);
    unlink(path);
    printf("aio_write and aio_read: %ld right\naio_suspend: 0\n", right);
    list(fd);
    notifications(fd);
    pipes();
    return 0;
}
