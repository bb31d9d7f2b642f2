/* A FIFO: open waits for the other side while other threads go on; O_NONBLOCK opens; reading to the end. */
/* run: */
/* expect:
reader got: hello from the writer
other thread went on: enough
O_WRONLY|O_NONBLOCK without reader: -1 ENXIO
O_RDONLY|O_NONBLOCK without writer: opened 1, read 0
20 readers and writers paired: 20
*/
#include <fcntl.h>
#include <sys/stat.h>
#include "say.h"

static char path[64];
static int ticks, over;

static void *ticker(void *arg)
{
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        sleep_ms(1);
        ticks++;
    }
    return arg;
}

static void *writes(void *arg)
{
    sleep_ms(30);
    int fd = open(path, O_WRONLY);
    NEED(fd >= 0);
    sleep_ms(10);
    NEED(write(fd, "hello from the writer", 21) == 21);
    close(fd);
    return arg;
}

static void *pair_writer(void *arg)
{
    int fd = open(arg, O_WRONLY);
    NEED(fd >= 0 && write(fd, "p", 1) == 1);
    close(fd);
    return NULL;
}

static void *pair_reader(void *arg)
{
    char byte = 0;
    int fd = open(arg, O_RDONLY);
    NEED(fd >= 0 && read(fd, &byte, 1) == 1);
    close(fd);
    return (void *)(long)(byte == 'p');
}

int main(void)
{
    char text[100] = "";
    pthread_t thread = start(ticker, NULL), writer, threads[40];
    snprintf(path, sizeof path, "/tmp/test-fifo-%d", getpid());
    NEED(mkfifo(path, 0600) == 0);
    writer = start(writes, NULL);
    int fd = open(path, O_RDONLY);
    NEED(fd >= 0);
    for (size_t have = 0; have < 21;)
        have += read(fd, text + have, sizeof text - have);
    NEED(read(fd, text + 50, 1) == 0);
    close(fd);
    join(writer);
    printf("reader got: %s\n", text);
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    join(thread);
    printf("other thread went on: %s\n", ticks >= 10 ? "enough" : "too little");
    fd = open(path, O_WRONLY | O_NONBLOCK);
    printf("O_WRONLY|O_NONBLOCK without reader: %d %s\n", fd, error_name(errno));
    fd = open(path, O_RDONLY | O_NONBLOCK);
    printf("O_RDONLY|O_NONBLOCK without writer: opened %d, read %zd\n", fd >= 0, read(fd, text, 1));
    close(fd);
    unlink(path);
    char paths[20][64];
    long paired = 0;
    for (int i = 0; i < 20; i++) {
        snprintf(paths[i], sizeof paths[i], "/tmp/test-fifo-%d-%d", getpid(), i);
        NEED(mkfifo(paths[i], 0600) == 0);
        threads[i] = start(pair_reader, paths[i]);
    }
    for (int i = 0; i < 20; i++)
        threads[20 + i] = start(pair_writer, paths[i]);
    for (int i = 0; i < 20; i++) {
        paired += (long)join(threads[i]);
        join(threads[20 + i]);
        unlink(paths[i]);
    }
    printf("20 readers and writers paired: %ld\n", paired);
    return 0;
}
