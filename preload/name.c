/* Names of threads (pthread_setname_np(3), PR_SET_NAME in prctl(2)). A green thread has one of its own; the main thread's is the
 * kernel's, which ps shows. */
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>

#include "preload/hook.h"

#define NAME_SIZE sizeof(((struct green *)0)->name)

/* A thread that was never named, by none whose creator was, has the main thread's name. */
static int copy_name(const struct green *g, char out[NAME_SIZE])
{
    if (*g->name) {
        memcpy(out, g->name, NAME_SIZE);
        return 0;
    }
    long fd = sys_call(SYS_open, "/proc/self/comm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return (int)-fd;
    long length = sys_call(SYS_read, fd, out, NAME_SIZE);
    sys_call(SYS_close, fd);
    out[length > 0 ? length - 1 : 0] = '\0'; /* instead of the line's end */
    return 0;
}

static struct green *named(pthread_t thread)
{
    struct green *g = hook_families & 1u << FAMILY_thread && !in_vfork_child ? thread_find(thread) : NULL;
    return g && !g->is_main ? g : NULL;
}

/* 0, ERANGE (16 bytes or more). */
HOOK_EXPORT int pthread_setname_np(pthread_t thread, const char *name)
{
    struct green *g = named(thread);
    if (!g)
        return REAL(pthread_setname_np)(thread, name);
    if (strlen(name) >= NAME_SIZE)
        return ERANGE;
    strncpy(g->name, name, NAME_SIZE);
    return 0;
}

/* 0, ERANGE (less than 16 bytes of room). */
HOOK_EXPORT int pthread_getname_np(pthread_t thread, char *out, size_t size_bytes)
{
    struct green *g = named(thread);
    if (!g)
        return REAL(pthread_getname_np)(thread, out, size_bytes);
    return size_bytes < NAME_SIZE ? ERANGE : copy_name(g, out);
}

static int own_name(struct green *g, int option, char *name)
{
    int error = 0;
    if (option == PR_GET_NAME)
        error = copy_name(g, name);
    else {
        strncpy(g->name, name, NAME_SIZE - 1);
        g->name[NAME_SIZE - 1] = '\0';
    }
    errno = error ? error : errno;
    return error ? -1 : 0;
}

/* prctl(2): all but the name of the calling thread is the kernel's. */
HOOK_EXPORT int prctl(int option, ...)
{
    struct green *g = hook_self_or_alone();
    va_list list;
    va_start(list, option);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long), d = va_arg(list, long);
    va_end(list);
    if (g && !g->is_main && (option == PR_SET_NAME || option == PR_GET_NAME))
        return own_name(g, option, (char *)a);
    return (int)sys_ret(sys_call(SYS_prctl, option, a, b, c, d));
}
