/* fork: in the child only the green thread that called it lives on. */
#pragma once

/* Registers with libc's fork handlers, so that every way to fork that libc has (forkpty, daemon, …) is covered. First of all
 * handlers: libc then runs ours first in the child. Once. */
void fork_init(void);
