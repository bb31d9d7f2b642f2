/* Calls on descriptors and clocks made through syscall(2): they park like those made by name, and give -1 and errno. */
/* run: */
/* expect:
SYS_read waited: 3
SYS_poll waited: 1
SYS_clock_nanosleep, bad time: -1 EINVAL
SYS_close: 0
SYS_read after it: -1 EBADF
*/
#include <poll.h>
#include <sys/syscall.h>
#include "say.h"

static int ends[2];

static void *writes(void *arg)
{
    struct timespec t = {0, 20000000};
    syscall(SYS_nanosleep, &t, NULL);
    NEED(syscall(SYS_write, ends[1], "abc", 3) == 3);
    syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &t, NULL);
    NEED(syscall(SYS_write, ends[1], "def", 3) == 3);
    return arg;
}

static void say_result(const char *what, long result)
{
    if (result == -1)
        printf("%s: -1 %s\n", what, error_name(errno));
    else
        printf("%s: %ld\n", what, result);
}

int main(void)
{
    char bytes[3];
    struct timespec bad = {0, -1};
    NEED(syscall(SYS_pipe2, ends, 0) == 0);
    pthread_t writer = start(writes, NULL);
    say_result("SYS_read waited", syscall(SYS_read, ends[0], bytes, sizeof bytes));
    struct pollfd wanted = {.fd = ends[0], .events = POLLIN};
    say_result("SYS_poll waited", syscall(SYS_poll, &wanted, 1, -1));
    join(writer);
    say_result("SYS_clock_nanosleep, bad time", syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &bad, NULL));
    say_result("SYS_close", syscall(SYS_close, ends[0]));
    say_result("SYS_read after it", syscall(SYS_read, ends[0], bytes, 1));
    return 0;
}
