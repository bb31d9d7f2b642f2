/* A signal to each other kernel thread makes it repeat the call; it is SIGSETXID, which libc keeps for this very purpose. Its handler
 * here makes one system call and touches no TLS, so it may interrupt anything, a switch too. One thread at a time is asked, and
 * answers by its id. */
#include "runtime/credentials.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/single_threaded.h>

#include "runtime/native.h"
#include "runtime/signal_internal.h"

/* The call to be repeated. Written by who holds native_list_lock, read by the handler of the thread that is asked. */
static struct {
    long number, a, b, c;
    _Atomic int failed;   /* some thread got an error */
    _Atomic int answered; /* the thread that has just made the call */
} change;

static void repeat(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    if (sys_call(change.number, change.a, change.b, change.c) < 0)
        atomic_store(&change.failed, 1);
    atomic_store(&change.answered, (int)sys_call(SYS_gettid));
}

/* A thread that is not ours may block all signals, as io_uring's workers in the kernel do; then it goes its own way. */
static bool takes_signal(int tid)
{
    char path[64], text[4096];
    snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
    long fd = sys_call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    long size = sys_call(SYS_read, fd, text, sizeof(text) - 1);
    sys_call(SYS_close, fd);
    text[size > 0 ? size : 0] = '\0';
    const char *mask = strstr(text, "SigBlk:");
    return mask && !(strtoull(mask + strlen("SigBlk:"), NULL, 16) & signal_bit(SIGNAL_SETXID));
}

/* Returns when it has answered or is no more. */
static void ask(int process, int tid)
{
    if (!native_is_ours(tid) && !takes_signal(tid))
        return;
    atomic_store(&change.answered, 0);
    if (sys_call(SYS_tgkill, process, tid, SIGNAL_SETXID))
        return;
    while (atomic_load(&change.answered) != tid && sys_call(SYS_tgkill, process, tid, 0) == 0)
        sys_call(SYS_sched_yield);
}

/* struct linux_dirent64 of getdents64(2). */
struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[];
};

static void ask_all_others(void)
{
    _Alignas(struct entry) char entries[4096];
    int process = (int)sys_call(SYS_getpid), own = (int)sys_call(SYS_gettid);
    long filled, fd = sys_call(SYS_openat, AT_FDCWD, "/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(fd >= 0, "cannot list the kernel threads: %ld", fd);
    while ((filled = sys_call(SYS_getdents64, fd, entries, sizeof(entries))) > 0)
        for (long at = 0; at < filled;) {
            const struct entry *e = (const struct entry *)(entries + at);
            int tid = atoi(e->name); /* 0 for "." and ".." */
            if (tid && tid != own)
                ask(process, tid);
            at += e->size;
        }
    sys_call(SYS_close, fd);
}

static void install_handler(void)
{
    struct kernel_action action = {repeat, SA_SIGINFO | SA_RESTORER | SA_RESTART | SA_ONSTACK, signal_restorer,
                                   SIGNALS_ALL};
    sys_call(SYS_rt_sigaction, SIGNAL_SETXID, &action, NULL, sizeof(uint64_t));
}

long credentials_change(long number, long a, long b, long c)
{
    if (in_vfork_child || __libc_single_threaded)
        return sys_call(number, a, b, c);
    runtime_enter();
    spin_lock(&native_list_lock);
    long result = sys_call(number, a, b, c);
    if (result == 0) {
        change.number = number, change.a = a, change.b = b, change.c = c;
        install_handler();
        ask_all_others();
        /* As libc: a process of which one part has other rights than the rest must not go on. */
        must(!change.failed, "not all kernel threads could change their ids");
    }
    spin_unlock(&native_list_lock);
    runtime_leave();
    return result;
}
