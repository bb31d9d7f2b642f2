/* Finds glibc's private facts at run time; see the header for the sources. */
#include "runtime/glibc.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <linux/futex.h>
#include <pthread.h>
#include <resolv.h>
#include <signal.h>
#include <sys/rseq.h>
#include <sys/single_threaded.h>
#include <unistd.h>

#include "runtime/base.h"
#include "runtime/native.h"

struct glibc glibc;

static void *private_symbol(const char *name)
{
    void *address = dlvsym(RTLD_NEXT, name, "GLIBC_PRIVATE");
    if (!address)
        base_refuse("this C library (glibc %s) has no %s; libmonkey supports glibc 2.34 and later",
                    gnu_get_libc_version(), name);
    return address;
}

/* The third word of a libthread_db descriptor. */
static size_t offset_of(const char *descriptor)
{
    return ((const uint32_t *)private_symbol(descriptor))[2];
}

static void check(bool holds, const char *what)
{
    if (!holds)
        base_refuse("this C library (glibc %s) keeps its %s elsewhere than expected", gnu_get_libc_version(), what);
}

void glibc_init(void)
{
    char *tcb = context_thread_pointer();

    glibc.pthread_size = *(const uint32_t *)private_symbol("_thread_db_sizeof_pthread");
    glibc.tid_offset = offset_of("_thread_db_pthread_tid");
    glibc.list_offset = offset_of("_thread_db_pthread_list");
    glibc.cancel_offset = offset_of("_thread_db_pthread_cancelhandling");
    glibc.key_table_offset = offset_of("_thread_db_pthread_specific");
    check(*(pid_t *)(tcb + glibc.tid_offset) == (pid_t)sys_call(SYS_gettid), "thread id");

    char *first_block = *(char **)(tcb + glibc.key_table_offset);
    glibc.key_block_offset = (size_t)(first_block - tcb);
    check(glibc.key_block_offset < glibc.pthread_size, "thread-specific data");
    glibc.keys = private_symbol("__pthread_keys");

    struct robust_list_head *head = NULL;
    size_t head_size = 0;
    sys_call(SYS_get_robust_list, 0, &head, &head_size);
    glibc.robust_offset = (size_t)((char *)head - tcb);
    check(glibc.robust_offset < glibc.pthread_size && *((void **)head - 1) == head, "robust mutex list");
    glibc.robust_futex_offset = head->futex_offset;

    char *rtld_global = *(char **)private_symbol("__nptl_rtld_global");
    glibc.stack_user = (struct glibc_list *)(rtld_global + offset_of("_thread_db_rtld_global__dl_stack_user"));
    struct glibc_list *own = (struct glibc_list *)(tcb + glibc.list_offset);
    check(own->next->prev == own && glibc.stack_user->next->prev == glibc.stack_user, "list of threads");

    glibc.resolver_offset = (char *)private_symbol("__resp") - tcb;
    glibc.rseq_offset = __rseq_size ? __rseq_offset : 0;
    glibc.call_tls_dtors = private_symbol("__call_tls_dtors");
    glibc.ctype_init = private_symbol("__ctype_init");
    glibc.allocate_tls = private_symbol("_dl_allocate_tls");
    glibc.deallocate_tls = private_symbol("_dl_deallocate_tls");
    void (*static_info)(size_t *, size_t *) = private_symbol("_dl_get_tls_static_info");
    static_info(&glibc.tls_size, &glibc.tls_align);
    if (glibc.tls_align < 64)
        glibc.tls_align = 64;
}

static void *nothing(void *argument)
{
    return argument;
}

bool glibc_become_threaded(void)
{
    if (likely(!__libc_single_threaded))
        return true;
    pthread_t thread;
    if (native_thread_start(&thread, "green-first", 64 * 1024, nothing, NULL))
        return false;
    native_thread_join(thread);
    __libc_single_threaded = 0;
    return true;
}
