/* The table of hooks: one row for each libc symbol that we stand in front of, in the order of its families.
 *
 *   HOOK(family, name, version, kind)
 *     version: the symbol version that real_NAME is resolved with (dlvsym), because RTLD_NEXT may give the oldest one
 *     kind:    RAW   the hook speaks to the kernel itself and needs no real function
 *              DEEP  RAW, and the entry of libc's own function is overwritten by a jump to the hook, because libc
 *                    calls it without the PLT
 *              REAL  the hook uses real_NAME, libc's own function
 *   NATIVE(name, reason)
 *     a name of the same kind that needs no hook, and why
 *
 * Included by several files with their own definitions of HOOK and NATIVE; the Makefile makes the export list from it. */
#ifdef TABLE_EXPORTS
#define HOOK(family, name, version, kind) export name;
#define NATIVE(name, reason)
#endif

HOOK(process, __libc_start_main, "GLIBC_2.34", REAL)

HOOK(thread, pthread_create, "GLIBC_2.34", REAL)
HOOK(thread, pthread_join, "GLIBC_2.34", REAL)
HOOK(thread, pthread_tryjoin_np, "GLIBC_2.34", REAL)
HOOK(thread, pthread_timedjoin_np, "GLIBC_2.34", REAL)
HOOK(thread, pthread_clockjoin_np, "GLIBC_2.34", REAL)
HOOK(thread, pthread_detach, "GLIBC_2.34", REAL)
HOOK(thread, pthread_exit, "GLIBC_2.2.5", REAL)
HOOK(thread, pthread_getattr_np, "GLIBC_2.32", REAL)
HOOK(thread, sched_yield, "GLIBC_2.2.5", RAW)
HOOK(thread, pthread_yield, "GLIBC_2.2.5", RAW)
HOOK(thread, gettid, "GLIBC_2.30", RAW)
NATIVE(pthread_self, "reads the TCB, and each green thread has its own")
NATIVE(pthread_equal, "compares two values")
NATIVE(pthread_getspecific, "reads the TCB, and each green thread has its own")
NATIVE(pthread_setspecific, "writes the TCB, and each green thread has its own")
NATIVE(pthread_key_create, "keys are global to the process and held by libc")
NATIVE(pthread_key_delete, "keys are global to the process and held by libc")

HOOK(poll, epoll_wait, "GLIBC_2.3.2", RAW)
HOOK(poll, epoll_create1, "GLIBC_2.9", RAW)

#ifdef TABLE_EXPORTS
#undef HOOK
#undef NATIVE
#endif
