/* Resolving the real functions. Runs at start, or earlier when a hook is called by another library's constructor: nothing here
 * allocates (a preloaded allocator may be what calls us). */
#include "preload/hook.h"

#include <dlfcn.h>

uint32_t hook_families = UINT32_MAX;

#define DEFINE_RAW(name)
#define DEFINE_DEEP(name)
#define DEFINE_REAL(name) __typeof__(name) *real_##name;
#define DEFINE_KEEP(name) DEFINE_REAL(name)
#define HOOK(family, name, version, kind) DEFINE_##kind(name)
#define NATIVE(name, reason)
#include "preload/table.h"
#undef HOOK

/* RTLD_NEXT without a version may give the oldest one (pthread_cond_* of GLIBC_2.2.5). */
static void *find(const char *name, const char *version)
{
    void *address = dlvsym(RTLD_NEXT, name, version);
    return address || !real_dlsym ? address : real_dlsym(RTLD_NEXT, name);
}

void hook_resolve(void)
{
    /* Our own dlsym would come back here. */
    real_dlsym = (__typeof__(real_dlsym))dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");
#define RESOLVE_RAW(name, version)
#define RESOLVE_DEEP(name, version)
#define RESOLVE_REAL(name, version) real_##name = (__typeof__(real_##name))find(#name, version);
#define RESOLVE_KEEP(name, version) RESOLVE_REAL(name, version)
#define HOOK(family, name, version, kind) RESOLVE_##kind(name, version)
#include "preload/table.h"
}
