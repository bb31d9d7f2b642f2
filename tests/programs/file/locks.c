/* Locks on files that have to be waited for, between processes and, where they are of the open file, between threads: flock,
   fcntl, lockf and open-file-description locks; other threads go on. */
/* run: */
/* expect:
flock between threads: 50, never two inside 1
F_OFD_SETLKW between threads: 50, never two inside 1
F_SETLKW waits for a child: in time
lockf waits for a child: in time
F_SETLK of another's: -1 EAGAIN or EACCES 1
F_GETLK names the holder: 1
deadlock: -1 EDEADLK
LOCK_NB: -1 EAGAIN
ticks meanwhile: enough
*/
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include "say.h"

static char path[64];
static int over, ticks, inside, alone = 1, count;

static void *ticker(void *arg)
{
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        sleep_ms(1);
        ticks++;
    }
    return arg;
}

static void be_inside(void)
{
    alone &= __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST) == 1;
    usleep(200);
    count++;
    __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
}

static void *by_flock(void *arg)
{
    int fd = open(path, O_RDWR);
    for (int i = 0; i < 10; i++) {
        NEED(flock(fd, LOCK_EX) == 0);
        be_inside();
        flock(fd, LOCK_UN);
    }
    close(fd);
    return arg;
}

static void *by_description(void *arg)
{
    int fd = open(path, O_RDWR);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    for (int i = 0; i < 10; i++) {
        lock.l_type = F_WRLCK;
        NEED(fcntl(fd, F_OFD_SETLKW, &lock) == 0);
        be_inside();
        lock.l_type = F_UNLCK;
        fcntl(fd, F_OFD_SETLK, &lock);
    }
    close(fd);
    return arg;
}

static void between_threads(const char *name, void *(*body)(void *))
{
    pthread_t threads[5];
    count = 0;
    alone = 1;
    for (int i = 0; i < 5; i++)
        threads[i] = start(body, NULL);
    for (int i = 0; i < 5; i++)
        join(threads[i]);
    printf("%s between threads: %d, never two inside %d\n", name, count, alone);
}

/* A child that holds bytes of the file, says so through the pipe, and ends after that time. */
static pid_t holder(int ms)
{
    int ends[2];
    char byte;
    NEED(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10};
        int fd = open(path, O_RDWR);
        NEED(fcntl(fd, F_SETLK, &lock) == 0 && write(ends[1], "x", 1) == 1);
        sleep_ms(ms);
        _exit(0);
    }
    NEED(read(ends[0], &byte, 1) == 1);
    close(ends[0]);
    close(ends[1]);
    return child;
}

static void between_processes(void)
{
    int fd = open(path, O_RDWR), status;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10}, seen = lock;
    pid_t child = holder(100);
    long long begin = now_ms();
    int refused = fcntl(fd, F_SETLK, &lock) == -1 && (errno == EAGAIN || errno == EACCES);
    NEED(fcntl(fd, F_GETLK, &seen) == 0);
    NEED(fcntl(fd, F_SETLKW, &lock) == 0);
    say_took("F_SETLKW waits for a child", begin, 50, 5000);
    waitpid(child, &status, 0);
    lock.l_type = F_UNLCK;
    fcntl(fd, F_SETLK, &lock);
    child = holder(100);
    begin = now_ms();
    NEED(lockf(fd, F_LOCK, 10) == 0);
    say_took("lockf waits for a child", begin, 50, 5000);
    waitpid(child, &status, 0);
    printf("F_SETLK of another's: -1 EAGAIN or EACCES %d\n", refused);
    printf("F_GETLK names the holder: %d\n", seen.l_type == F_WRLCK && seen.l_pid > 0 && seen.l_pid != getpid());
    close(fd);
}

static int lock_byte(int fd, int byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    return fcntl(fd, F_SETLKW, &lock);
}

/* We hold byte 1 and the child byte 2; the child waits for 1, we for 2: the kernel refuses the last. */
static void *deadlock(void *arg)
{
    int fd = open(path, O_RDWR), ends[2];
    char byte;
    NEED(pipe(ends) == 0 && lock_byte(fd, 1) == 0);
    pid_t child = fork();
    if (child == 0) {
        NEED(lock_byte(fd, 2) == 0 && write(ends[1], "x", 1) == 1);
        lock_byte(fd, 1);
        _exit(0);
    }
    NEED(read(ends[0], &byte, 1) == 1);
    sleep_ms(100);
    int result = lock_byte(fd, 2);
    printf("deadlock: %d %s\n", result, error_name(errno));
    close(fd);
    waitpid(child, NULL, 0);
    return arg;
}

int main(void)
{
    snprintf(path, sizeof path, "/tmp/test-locks-%d", getpid());
    close(open(path, O_CREAT | O_RDWR, 0600));
    pthread_t tick = start(ticker, NULL);
    between_threads("flock", by_flock);
    between_threads("F_OFD_SETLKW", by_description);
    between_processes();
    join(start(deadlock, NULL));
    int one = open(path, O_RDWR), two = open(path, O_RDWR);
    flock(one, LOCK_EX);
    int result = flock(two, LOCK_EX | LOCK_NB);
    printf("LOCK_NB: %d %s\n", result, error_name(errno));
    unlink(path);
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    join(tick);
    printf("ticks meanwhile: %s\n", ticks > 100 ? "enough" : "too few");
    return 0;
}
