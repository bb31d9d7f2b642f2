/* A runtime without hooks, for tests of one part of it: each test runs in a process of its own (Criterion forks). */
#pragma once

#include <criterion/criterion.h>
#include <sys/epoll.h>

#include "asm/x86_64/syscall.h"
#include "runtime/glibc.h"
#include "runtime/hub.h"
#include "runtime/native.h"
#include "runtime/offload.h"
#include "runtime/readiness.h"
#include "runtime/tls.h"

/* What preload/epoll.c does for the hubs' libev. */
int epoll_wait(int fd, struct epoll_event *events, int max, int timeout_ms)
{
    if (hub_is_polling())
        return hub_epoll_wait(fd, events, max, timeout_ms);
    return (int)sys_ret(sys_call(SYS_epoll_pwait, fd, events, max, timeout_ms, NULL, 0));
}

int epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
    if (hub_is_polling())
        return readiness_epoll_ctl(epoll_fd, operation, fd, event);
    return (int)sys_ret(sys_call(SYS_epoll_ctl, epoll_fd, operation, fd, event));
}

#ifdef __SANITIZE_ADDRESS__
#include <dlfcn.h>

/* What preload/thread.c does for the program, here for AddressSanitizer: it asks for the stack that it runs on. */
int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr)
{
    struct green *g = thread_find(thread);
    if (g && !g->is_main)
        return pthread_attr_init(attr) || pthread_attr_setstack(attr, g->stack_low, g->stack_size_bytes);
    int (*real)(pthread_t, pthread_attr_t *) = dlsym(RTLD_NEXT, "pthread_getattr_np");
    return real(thread, attr);
}
#endif

static inline void runtime_start(int workers)
{
    native = (struct native_functions){pthread_create, pthread_join};
    context_init();
    glibc_init();
    tls_init();
    hub_init(workers);
    thread_init();
    thread_set_default_attr(64 * 1024, 4096);
    offload_init(2);
}

/* Starts a green thread or fails the test. */
static inline pthread_t go(void *(*start)(void *), void *argument)
{
    pthread_t thread;
    cr_assert_eq(thread_create(&thread, NULL, start, argument), 0);
    return thread;
}

static inline void *end_of(pthread_t thread)
{
    void *result = NULL;
    cr_assert_eq(thread_join(thread, &result, DEADLINE_NEVER), 0);
    return result;
}
