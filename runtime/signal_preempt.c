/* When a computing green thread may be switched out by a signal, and when not even a handler may run.
 *
 * Not while the instruction that was interrupted lies in libc, the dynamic linker, the unwinder (which runs under the linker's
 * lock) or this library: what runs instead could need what they hold. In malloc itself a handler would do no harm, but it may park, and the
 * other threads of the worker use the same cache of free chunks (heap.h), which may be half changed. */
#include "runtime/signal_internal.h"

/* After ev.h, whose EV_NONE elf.h makes a macro; resolv.h has made p_type one. */
#undef p_type
#include <dlfcn.h>
#include <link.h>

/* malloc.c's static functions lie before the first one that libc exports. */
#define MALLOC_BEFORE 0x4800
#define MALLOC_AFTER 0x80

struct module {
    const char *low, *high;
};

static struct module modules[8];
static struct module allocator; /* libc's malloc and its relatives */
static int module_count;
static int timers[HUB_MAX]; /* of each worker, made at first need: the kernel's number plus one */

static bool holds_locks(const char *path)
{
    static const char *const names[] = {"libc.so", "ld-linux", "libgcc_s", "libmonkey.so"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strstr(path, names[i]))
            return true;
    return false;
}

static int note_module(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size, (void)unused;
    if (!info->dlpi_name || !holds_locks(info->dlpi_name))
        return 0;
    for (int i = 0; i < info->dlpi_phnum && module_count < 8; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type == PT_LOAD && p->p_flags & PF_X) {
            const char *low = (const char *)(info->dlpi_addr + p->p_vaddr);
            modules[module_count++] = (struct module){low, low + p->p_memsz};
        }
    }
    return 0;
}

void signal_preempt_init(void)
{
    dl_iterate_phdr(note_module, NULL);
    const char *first = dlvsym(RTLD_NEXT, "__libc_malloc", "GLIBC_2.2.5");
    const char *last = dlvsym(RTLD_NEXT, "malloc_info", "GLIBC_2.10");
    if (first && last > first)
        allocator = (struct module){first - MALLOC_BEFORE, last + MALLOC_AFTER};
}

bool signal_is_in_malloc(const void *address)
{
    return (const char *)address >= allocator.low && (const char *)address < allocator.high;
}

bool signal_may_switch_at(const void *address)
{
    for (int i = 0; i < module_count; i++)
        if ((const char *)address >= modules[i].low && (const char *)address < modules[i].high)
            return false;
    return true;
}

/* Timers are not inherited across fork. */
void signal_preempt_after_fork(void)
{
    memset(timers, 0, sizeof(timers));
}

void signal_kick_later(long delay_ns)
{
    int *timer = &timers[worker_hub->index];
    if (!*timer) {
        struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL_KICK};
        event._sigev_un._tid = worker_hub->kernel_tid;
        if (sys_call(SYS_timer_create, CLOCK_MONOTONIC, &event, timer))
            return;
        ++*timer;
    }
    const struct itimerspec once = {.it_value.tv_nsec = delay_ns};
    sys_call(SYS_timer_settime, *timer - 1, 0, &once, NULL);
}
