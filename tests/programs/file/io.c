/* Regular files from many threads: positioned and sequential reads and writes, O_APPEND, vectors, fsync, sendfile to a socket
   that is full, splice and copy_file_range, directories, stdio on files. */
/* run: */
/* expect:
pwrite and pread by 50 threads: 50
O_APPEND by 20 threads: lines whole 2000
pwritev and preadv: 1
sequential offset shared by threads: 100 distinct
sendfile through a slow socket: 1000000 right 1
splice file to pipe to file: 1
copy_file_range: 1
fsync and fdatasync: 0 0
readdir in 10 threads: 10
stdio on files: 20
beyond RLIMIT_FSIZE, SIGXFSZ ignored: -1 EFBIG
*/
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include "say.h"

static char path[64];
static int shared;

static int fresh(int flags)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_RDWR | flags, 0600);
    NEED(fd >= 0);
    return fd;
}

static void *positioned(void *arg)
{
    long number = (long)arg, right = 1;
    char out[4096], in[4096];
    memset(out, (int)number, sizeof out);
    for (int i = 0; i < 10; i++) {
        off_t at = (number * 10 + i) * (off_t)sizeof out;
        NEED(pwrite(shared, out, sizeof out, at) == sizeof out);
        if (i % 3 == 0)
            sched_yield();
        NEED(pread(shared, in, sizeof in, at) == sizeof in);
        right &= memcmp(in, out, sizeof in) == 0;
    }
    return (void *)right;
}

static void *appends(void *arg)
{
    char line[64];
    int length = snprintf(line, sizeof line, "thread %02ld writes a whole line\n", (long)arg);
    for (int i = 0; i < 100; i++)
        NEED(write(shared, line, length) == length);
    return NULL;
}

static void *reads_next(void *arg)
{
    int number = -1;
    NEED(read(shared, &number, sizeof number) == sizeof number);
    return (void *)(number + (long)arg);
}

static long run(int count, void *(*body)(void *))
{
    pthread_t threads[50];
    long sum = 0;
    for (long i = 0; i < count; i++)
        threads[i] = start(body, (void *)i);
    for (int i = 0; i < count; i++)
        sum += (long)join(threads[i]);
    return sum;
}

static void appending(void)
{
    char line[64];
    int whole = 0;
    shared = fresh(O_APPEND);
    run(20, appends);
    FILE *file = fopen(path, "r");
    while (fgets(line, sizeof line, file))
        whole += strlen(line) == 30 && strcmp(line + 9, " writes a whole line\n") == 0 ? 1 : 0;
    fclose(file);
    close(shared);
    printf("O_APPEND by 20 threads: lines whole %d\n", whole);
}

static void vectors(void)
{
    char one[5] = "", two[5] = "";
    struct iovec out[2] = {{"abcd", 4}, {"efgh", 4}}, in[2] = {{one, 4}, {two, 4}};
    int fd = fresh(0);
    int right = pwritev(fd, out, 2, 100) == 8 && preadv(fd, in, 2, 100) == 8 && strcmp(one, "abcd") == 0 &&
                strcmp(two, "efgh") == 0;
    close(fd);
    printf("pwritev and preadv: %d\n", right);
}

static void sequential(void)
{
    static int seen[100];
    pthread_t threads[100];
    int distinct = 0;
    shared = fresh(0);
    for (int i = 0; i < 100; i++)
        NEED(write(shared, &i, sizeof i) == sizeof i);
    lseek(shared, 0, SEEK_SET);
    for (int i = 0; i < 100; i++)
        threads[i] = start(reads_next, NULL);
    for (int i = 0; i < 100; i++)
        seen[(long)join(threads[i])]++;
    for (int i = 0; i < 100; i++)
        distinct += seen[i] == 1;
    close(shared);
    printf("sequential offset shared by threads: %d distinct\n", distinct);
}

static void *drains(void *arg)
{
    static char block[10000];
    long total = 0, right = 1;
    ssize_t n;
    while ((n = recv((int)(long)arg, block, sizeof block, 0)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            right &= block[i] == (char)((total + i) / 1000);
        total += n;
        usleep(100);
    }
    return (void *)(right ? total : -total);
}

static int fill_1_mb(void)
{
    char block[1000];
    int fd = fresh(0);
    for (int i = 0; i < 1000; i++) {
        memset(block, i, sizeof block);
        NEED(write(fd, block, sizeof block) == sizeof block);
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static void transfers(void)
{
    int fd = fill_1_mb(), ends[2], pipes[2], other = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    off_t offset = 0;
    struct stat stat;
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && pipe(pipes) == 0 && other >= 0);
    pthread_t thread = start(drains, (void *)(long)ends[1]);
    while (offset < 1000000)
        NEED(sendfile(ends[0], fd, &offset, 1000000 - (size_t)offset) > 0);
    close(ends[0]);
    long total = (long)join(thread);
    printf("sendfile through a slow socket: %ld right %d\n", total, total > 0);
    ssize_t moved = splice(fd, NULL, pipes[1], NULL, 5000, 0);
    moved = splice(pipes[0], NULL, other, NULL, (size_t)moved, 0);
    printf("splice file to pipe to file: %d\n", fstat(other, &stat) == 0 && stat.st_size == moved && moved > 0);
    offset = 0;
    moved = copy_file_range(fd, &offset, other, NULL, 10000, 0);
    printf("copy_file_range: %d\n", moved == 10000);
    int first = fsync(fd);
    printf("fsync and fdatasync: %d %d\n", first, fdatasync(fd));
    close(fd);
}

static void *lists(void *arg)
{
    DIR *folder = opendir("/proc/self/fdinfo/..");
    int found = 0;
    (void)arg;
    for (struct dirent *entry; (entry = readdir(folder));) {
        found += strcmp(entry->d_name, "status") == 0;
        sched_yield();
    }
    closedir(folder);
    return (void *)(long)found;
}

static void *uses_stdio(void *arg)
{
    char line[64], wanted[64];
    long right = 1;
    FILE *file = tmpfile();
    for (int i = 0; i < 200; i++)
        fprintf(file, "%ld: line %d\n", (long)arg, i);
    rewind(file);
    for (int i = 0; i < 200; i++) {
        snprintf(wanted, sizeof wanted, "%ld: line %d\n", (long)arg, i);
        right &= fgets(line, sizeof line, file) && strcmp(line, wanted) == 0;
    }
    fclose(file);
    return (void *)right;
}

static void *too_large(void *arg)
{
    struct rlimit limit = {1 << 20, RLIM_INFINITY}, before;
    getrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    int fd = fresh(0);
    ssize_t n = pwrite(fd, "x", 1, 2 << 20);
    int error = errno;
    setrlimit(RLIMIT_FSIZE, &before);
    printf("beyond RLIMIT_FSIZE, SIGXFSZ ignored: %zd %s\n", n, error_name(error));
    close(fd);
    return arg;
}

int main(void)
{
    snprintf(path, sizeof path, "/tmp/test-io-%d", getpid());
    shared = fresh(0);
    printf("pwrite and pread by 50 threads: %ld\n", run(50, positioned));
    close(shared);
    appending();
    vectors();
    sequential();
    transfers();
    printf("readdir in 10 threads: %ld\n", run(10, lists));
    printf("stdio on files: %ld\n", run(20, uses_stdio));
    join(start(too_large, NULL));
    unlink(path);
    return 0;
}
