/* What the test programs share. Results are printed by name (EBUSY, not 16) and times as whether they lie in a range,
   so that two right runs print the same bytes. Plain POSIX and glibc: nothing here knows of green threads. */
#ifndef SAY_H
#define SAY_H

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A program that hangs has said how far it came, and a fork does not double what was said. */
__attribute__((constructor, unused)) static void print_line_by_line(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
}

/* What must hold for the program to go on; not what it tests. */
#define NEED(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("%s:%d: not so: %s (errno %s)\n", __FILE__, __LINE__, #condition, strerrorname_np(errno));          \
            fflush(stdout);                                                                                            \
            _exit(99);                                                                                                 \
        }                                                                                                              \
    } while (0)

static inline const char *error_name(int error)
{
    const char *name = strerrorname_np(error);
    return name ? name : "unknown error";
}

/* For a call that returns an error number. */
#define SAY_ERROR(call) printf("%s: %s\n", #call, error_name(call))

/* For a call that returns -1 and sets errno. */
#define SAY_CALL(call)                                                                                                 \
    do {                                                                                                               \
        long result_ = (long)(call);                                                                                   \
        if (result_ == -1)                                                                                             \
            printf("%s: -1 %s\n", #call, error_name(errno));                                                           \
        else                                                                                                           \
            printf("%s: %ld\n", #call, result_);                                                                       \
    } while (0)

/* A line as a whole, at once: for threads that print in turn, and before a death by signal. */
__attribute__((format(printf, 1, 2), unused)) static void say(const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    line[length] = '\n';
    fflush(stdout);
    NEED(write(1, line, length + 1) == length + 1);
}

static inline long long clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static inline long long now_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

/* The absolute time that many milliseconds from now. */
static inline struct timespec in_ms(clockid_t clock, long ms)
{
    struct timespec time;
    clock_gettime(clock, &time);
    time.tv_sec += ms / 1000;
    time.tv_nsec += ms % 1000 * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_nsec -= 1000000000;
        time.tv_sec++;
    }
    return time;
}

static inline void sleep_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&time, &time) == -1)
        ;
}

/* Whether the time since start_ms lies in a range; the upper end leaves room for a busy machine. */
static inline void say_took(const char *what, long long start_ms, long long least, long long most)
{
    long long took = now_ms() - start_ms;
    if (took >= least && took <= most)
        printf("%s: in time\n", what);
    else
        printf("%s: took %lld ms, not %lld to %lld\n", what, took, least, most);
}

static inline pthread_t start(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, body, arg);
    errno = error;
    NEED(error == 0);
    return thread;
}

static inline void *join(pthread_t thread)
{
    void *result;
    int error = pthread_join(thread, &result);
    errno = error;
    NEED(error == 0);
    return result;
}

#endif
