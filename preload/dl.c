/* Modules: dlopen, dlclose, and who looks at what they change, over runtime/loader.h.
 *
 * dlopen must not be wrapped: it searches the run path of its caller, which it knows by its return address. But the linker takes
 * its locks through two pointers to libc's pthread_mutex_lock and pthread_mutex_unlock, in the part of its data that is read-only
 * after start; they are made to point here. What libc's own copies of the code lock without these pointers is wrapped,
 * except dlsym, whose caller counts as well: asm/x86_64/dlsym.S. */
#include "preload/dl.h"

#include "preload/hook.h"

#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "runtime/loader.h"
#include "runtime/tls.h"

#define PAGE 4096UL

typedef int mutex_function(pthread_mutex_t *);

static mutex_function *libc_lock, *libc_unlock;

static int lock_green(pthread_mutex_t *mutex)
{
    loader_lock();
    return libc_lock(mutex);
}

static int unlock_green(pthread_mutex_t *mutex)
{
    int error = libc_unlock(mutex);
    loader_unlock();
    return error;
}

struct search {
    mutex_function **lock, **unlock;
    int found;
    uintptr_t first, end; /* pages of the read-only data */
};

static int search_linker(struct dl_phdr_info *info, size_t size, void *argument)
{
    (void)size;
    struct search *s = argument;
    if (info->dlpi_addr != getauxval(AT_BASE))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_GNU_RELRO)
            continue;
        uintptr_t low = info->dlpi_addr + p->p_vaddr, high = low + p->p_memsz;
        s->first = low & ~(PAGE - 1);
        s->end = (high + PAGE - 1) & ~(PAGE - 1);
        for (mutex_function **f = (mutex_function **)low; f < (mutex_function **)high; f++) {
            s->found += *f == libc_lock || *f == libc_unlock;
            if (*f == libc_lock)
                s->lock = f;
            if (*f == libc_unlock)
                s->unlock = f;
        }
    }
    return 1;
}

void dl_install(void)
{
    struct search s = {0};
    libc_lock = (mutex_function *)dlvsym(RTLD_NEXT, "pthread_mutex_lock", "GLIBC_2.2.5");
    libc_unlock = (mutex_function *)dlvsym(RTLD_NEXT, "pthread_mutex_unlock", "GLIBC_2.2.5");
    REAL(dl_iterate_phdr)(search_linker, &s);
    /* Another libc may do it otherwise. Then a constructor that parks may hold up its worker. */
    if (!s.lock || !s.unlock || s.found != 2)
        return;
    if (sys_call(SYS_mprotect, s.first, s.end - s.first, PROT_READ | PROT_WRITE))
        return;
    *s.lock = lock_green;
    *s.unlock = unlock_green;
    sys_call(SYS_mprotect, s.first, s.end - s.first, PROT_READ);
}

/* ---- what libc does itself ---- */

static void end_lock(const bool *is_locked)
{
    (void)is_locked;
    loader_unlock();
}

/* dl_iterate_phdr(3): also when the callback throws. */
HOOK_EXPORT int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, size_t, void *), void *argument)
{
    loader_lock();
    __attribute__((cleanup(end_lock))) bool is_locked = true;
    (void)is_locked;
    return REAL(dl_iterate_phdr)(callback, argument);
}

/* dladdr(3), dladdr1(3). */
HOOK_EXPORT int dladdr(const void *address, Dl_info *info)
{
    loader_lock();
    int found = REAL(dladdr)(address, info);
    loader_unlock();
    return found;
}

HOOK_EXPORT int dladdr1(const void *address, Dl_info *info, void **extra, int flags)
{
    loader_lock();
    int found = REAL(dladdr1)(address, info, extra, flags);
    loader_unlock();
    return found;
}

/* For dlsym: where to go on. */
__attribute__((used, visibility("hidden"))) void *dl_before_sym(void)
{
    loader_wait();
    return (void *)REAL(dlsym);
}

/* ld.so calls this empty function for debuggers, whenever it has loaded or unloaded something. */
HOOK_EXPORT void _dl_debug_state(void)
{
    tls_modules_changed();
}
