/* Kernel threads of our own: workers and offload threads, made by libc's own pthread_create.
 *
 * The program's calls of pthread_create reach a hook; the runtime names no hook, so preload hands libc's functions in. */
#pragma once

#include <pthread.h>
#include <stddef.h>

#include "runtime/base.h"

struct native_functions {
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    int (*join)(pthread_t, void **);
};

extern struct native_functions native;

/* Guards the kernel threads that there are of ours, and glibc's list of threads on stacks that are not its own: libc changes it when it makes one of ours, we when a green thread's TCB
 * comes or goes. glibc's own lock for it cannot be had. */
extern struct spin native_list_lock;

/* Starts a detached or joinable kernel thread with all signals but faults blocked, on a stack of its own that glibc neither caches nor
 * frees (a fork child may run on while glibc believes that stack to be unused). 0 or an error number. Never switches. */
int native_thread_start(pthread_t *out, const char *name, size_t stack_size_bytes, void *(*start)(void *),
                        void *argument);

/* Is it the main kernel thread or one that native_thread_start made? Under native_list_lock. */
bool native_is_ours(int tid);

/* In the child of fork. */
void native_after_fork(void);

/* Joins it and unmaps nothing: for the one short-lived thread. */
void native_thread_join(pthread_t thread);
