/* Diagnostics. They go straight to descriptor 2 with one write, so that lines of several workers do not mix and no stdio
 * lock is taken. */
#include "runtime/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void say(const char *format, va_list args)
{
    char line[1024] = "greenrun: ";
    size_t used = strlen(line);
    int n = vsnprintf(line + used, sizeof(line) - used - 1, format, args);
    used += n < 0 ? 0 : (size_t)n;
    if (used > sizeof(line) - 2)
        used = sizeof(line) - 2;
    line[used++] = '\n';
    sys_call(SYS_write, STDERR_FILENO, line, used);
}

void base_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
}

void base_refuse(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
    sys_call(SYS_exit_group, 125);
    __builtin_unreachable();
}

void base_abort(const char *file, int line, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    base_say("internal error at %s:%d: %s", file, line, text);
    abort();
}

/* The holder needs a few instructions, unless the kernel took it off its CPU: then this CPU may be the one it waits for. */
void spin_lock_slowly(struct spin *s)
{
    for (unsigned tries = 1; atomic_exchange_explicit(&s->locked, 1, memory_order_acquire); tries++) {
        if (tries % 64 == 0)
            sys_call(SYS_sched_yield);
        while (atomic_load_explicit(&s->locked, memory_order_relaxed) && tries++ % 64)
            context_relax();
    }
}
