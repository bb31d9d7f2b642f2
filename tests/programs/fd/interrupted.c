/* Waits that no readiness ends, in a thread: flock, F_OFD_SETLKW and the open of a FIFO. A handler without SA_RESTART ends them with
 * EINTR, one with it lets them go on, and the open is a cancellation point. */
/* run: */
/* expect:
flock, handler without SA_RESTART: -1 EINTR
flock, handler with SA_RESTART, then unlocked: 0
F_OFD_SETLKW, handler without SA_RESTART: -1 EINTR
open of a FIFO, handler without SA_RESTART: -1 EINTR
open of a FIFO, cancelled: 1
open of a FIFO, then a writer: 0
handlers run: 4
*/
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include "say.h"

static char file[] = "/tmp/test-lock-XXXXXX", fifo[64];
static volatile sig_atomic_t handled;

static void on_signal(int signal)
{
    (void)signal;
    handled++;
}

static void *flocks(void *arg)
{
    int fd = open(file, O_RDWR);
    int result = flock(fd, LOCK_EX);
    printf("%s: %d%s%s\n", (char *)arg, result, result ? " " : "", result ? error_name(errno) : "");
    close(fd);
    return NULL;
}

static void *locks(void *arg)
{
    int fd = open(file, O_RDWR);
    struct flock lock = {.l_type = F_WRLCK};
    int result = fcntl(fd, F_OFD_SETLKW, &lock);
    printf("%s: %d%s%s\n", (char *)arg, result, result ? " " : "", result ? error_name(errno) : "");
    close(fd);
    return NULL;
}

static void *opens(void *arg)
{
    int fd = open(fifo, O_RDONLY);
    printf("%s: %d%s%s\n", (char *)arg, fd < 0 ? -1 : 0, fd < 0 ? " " : "", fd < 0 ? error_name(errno) : "");
    if (fd >= 0)
        close(fd);
    return NULL;
}

static pthread_t start_waiting(void *(*function)(void *), const char *what)
{
    pthread_t thread = start(function, (void *)what);
    sleep_ms(50);
    return thread;
}

static void interrupt(void *(*function)(void *), const char *what)
{
    pthread_t thread = start_waiting(function, what);
    NEED(pthread_kill(thread, SIGUSR1) == 0);
    join(thread);
}

int main(void)
{
    int fd = mkstemp(file);
    struct flock lock = {.l_type = F_WRLCK};
    struct sigaction action = {.sa_handler = on_signal};
    snprintf(fifo, sizeof fifo, "/tmp/test-fifo-%d", getpid());
    NEED(fd >= 0 && mkfifo(fifo, 0600) == 0);
    sigaction(SIGUSR1, &action, NULL);
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR2, &action, NULL);

    NEED(flock(fd, LOCK_EX) == 0);
    interrupt(flocks, "flock, handler without SA_RESTART");
    pthread_t thread = start_waiting(flocks, "flock, handler with SA_RESTART, then unlocked");
    NEED(pthread_kill(thread, SIGUSR2) == 0);
    sleep_ms(50);
    flock(fd, LOCK_UN);
    join(thread);

    NEED(fcntl(fd, F_OFD_SETLK, &lock) == 0);
    interrupt(locks, "F_OFD_SETLKW, handler without SA_RESTART");

    interrupt(opens, "open of a FIFO, handler without SA_RESTART");
    thread = start_waiting(opens, "open of a FIFO, not reached");
    NEED(pthread_cancel(thread) == 0);
    printf("open of a FIFO, cancelled: %d\n", join(thread) == PTHREAD_CANCELED);
    thread = start_waiting(opens, "open of a FIFO, then a writer");
    int writer = open(fifo, O_WRONLY);
    join(thread);
    close(writer);
    printf("handlers run: %d\n", handled);
    unlink(file);
    unlink(fifo);
    return 0;
}
