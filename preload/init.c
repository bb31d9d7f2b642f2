/* Where everything starts: the library's constructor, the first hook that needs the runtime, and main itself. */
#include "preload/init.h"

#include "preload/deep.h"
#include "preload/dl.h"
#include "preload/hook.h"
#include "preload/inherit.h"
#include "runtime/fork.h"
#include "runtime/glibc.h"
#include "runtime/hub.h"
#include "runtime/native.h"
#include "runtime/offload.h"
#include "runtime/options.h"
#include "runtime/report.h"
#include "runtime/tls.h"

static struct options options;
static bool is_started;

static int count_workers(void)
{
    if (options.workers)
        return (int)options.workers;
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof(cpus), &cpus))
        return 1;
    int count = CPU_COUNT(&cpus);
    return count < 1 ? 1 : count > HUB_MAX ? HUB_MAX : count;
}

static void read_default_attr(void)
{
    pthread_attr_t attr;
    size_t stack = 0, guard = 0;
    if (pthread_getattr_default_np(&attr))
        return;
    pthread_attr_getstacksize(&attr, &stack);
    pthread_attr_getguardsize(&attr, &guard);
    pthread_attr_destroy(&attr);
    thread_set_default_attr(options.stack_size_bytes ? options.stack_size_bytes : stack, guard);
}

void init_start(void)
{
    char error[OPTIONS_ERROR_MAX];
    if (is_started)
        return;
    is_started = true;
    if (options_from_environment(&options, environ, error, sizeof(error)))
        base_refuse("%s", error);
    hook_families = options.patch_families;
    hook_resolve();
    native = (struct native_functions){REAL(pthread_create), REAL(pthread_join)};
    context_init();
    glibc_init();
    tls_init();
    hub_init(count_workers());
    thread_init();
    read_default_attr();
    offload_init((int)options.offload_threads);
    report_init(options.on_deadlock);
    fork_init();
    if (options.patch_deep) {
        deep_install();
        dl_install();
    }
    if (!options.exec_inherit)
        inherit_nothing();
}

__attribute__((constructor(101))) static void start(void)
{
    init_start();
}

static int (*program_main)(int, char **, char **);

static int run_main(int argc, char **argv, char **envp)
{
    return thread_run_main(program_main, argc, argv, envp);
}

/* The executable's _start calls it with the address of main: the earliest point at which main's thread is known. */
HOOK_EXPORT int __libc_start_main(int (*main_function)(int, char **, char **), int argc, char **argv,
                                  void (*init)(void), void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    init_start();
    program_main = main_function;
    return REAL(__libc_start_main)(run_main, argc, argv, init, fini, rtld_fini, stack_end);
}
