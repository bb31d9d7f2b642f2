/* When a computing green thread may be switched out by a signal.
 *
 * Not while the instruction that was interrupted lies in libc, the dynamic linker, the unwinder (which runs under the linker's
 * lock) or this library: what runs instead could need what they hold. */
#include "runtime/signal_internal.h"

/* After ev.h, whose EV_NONE elf.h makes a macro; resolv.h has made p_type one. */
#undef p_type
#include <link.h>

#define RETRY_NS 1000000

struct module {
    const char *low, *high;
};

static struct module modules[8];
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

void signal_kick_later(void)
{
    int *timer = &timers[worker_hub->index];
    if (!*timer) {
        struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL_KICK};
        event._sigev_un._tid = worker_hub->kernel_tid;
        if (sys_call(SYS_timer_create, CLOCK_MONOTONIC, &event, timer))
            return;
        ++*timer;
    }
    const struct itimerspec once = {.it_value.tv_nsec = RETRY_NS};
    sys_call(SYS_timer_settime, *timer - 1, 0, &once, NULL);
}
