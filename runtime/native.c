/* Kernel threads of our own. */
#include "runtime/native.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "runtime/base.h"
#include "runtime/glibc.h"
#include "runtime/signal.h"

struct native_functions native;
struct spin native_list_lock;

struct native_start {
    void *(*start)(void *);
    void *argument;
    const char *name;
};

#define KNOWN_MAX 1024
static int known[KNOWN_MAX]; /* their ids; under native_list_lock */
static int known_count;

/* libc's clone has written the id into the TCB before it returns. */
static void remember(pthread_t thread)
{
    if (known_count < KNOWN_MAX)
        known[known_count++] = *(const int *)((const char *)thread + glibc.tid_offset);
}

bool native_is_ours(int tid)
{
    for (int i = 0; i < known_count; i++)
        if (known[i] == tid)
            return true;
    return tid == (int)sys_call(SYS_getpid);
}

void native_after_fork(void)
{
    atomic_store(&native_list_lock.locked, 0);
    known_count = 0;
}

static void *native_main(void *raw)
{
    struct native_start *s = raw;
    sys_call(SYS_prctl, PR_SET_NAME, s->name);
    return s->start(s->argument);
}

int native_thread_start(pthread_t *out, const char *name, size_t stack_size_bytes, void *(*start)(void *),
                        void *argument)
{
    const size_t guard = 4096;
    stack_size_bytes += guard;
    char *stack = (char *)sys_call(SYS_mmap, NULL, stack_size_bytes, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if ((unsigned long)stack > -4096UL)
        return ENOMEM;
    sys_call(SYS_mprotect, stack, guard, PROT_NONE);

    /* The start record lies at the low end of the new stack: it lives as long as the thread does. */
    struct native_start *record = (struct native_start *)(stack + guard);
    *record = (struct native_start){start, argument, name};

    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstack(&attr, stack + guard, stack_size_bytes - guard);
    signal_helper_begin();
    spin_lock(&native_list_lock);
    int error = native.create(out, &attr, native_main, record);
    if (!error)
        remember(*out);
    spin_unlock(&native_list_lock);
    signal_helper_end();
    pthread_attr_destroy(&attr);
    if (error)
        sys_call(SYS_munmap, stack, stack_size_bytes);
    return error;
}

void native_thread_join(pthread_t thread)
{
    spin_lock(&native_list_lock);
    native.join(thread, NULL);
    spin_unlock(&native_list_lock);
}
