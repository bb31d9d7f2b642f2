/* What syscall(2) needs of the signal hooks: the calls that differ from libc's. Results are the kernel's. */
#pragma once

#include <signal.h>

/* tgkill, tkill, rt_tgsigqueueinfo (info not NULL). May run handlers. */
long hook_tgkill(int process, int tid, int sig, const siginfo_t *info);

struct kernel_action;
/* rt_sigaction with the kernel's structure. */
long hook_sigaction(int sig, const struct kernel_action *action, struct kernel_action *old, size_t set_size);
