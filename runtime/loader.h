/* The dynamic linker's locks, for green threads.
 *
 * dlopen and dlclose hold them while constructors and destructors of modules run, and dl_iterate_phdr while it calls back: code
 * of the program, which may park. Another green thread must not wait for them in the kernel then, because its worker may be the
 * one that has to go on. So whoever wants one of them waits here first, in the parking lot. One recursive lock stands for all of
 * them. Foreign threads and the runtime itself wait in the kernel, as ever. */
#pragma once

/* May switch; no signal or cancellation request ends it. */
void loader_lock(void);
void loader_unlock(void);

/* Until nobody has it. For calls that cannot be followed by an unlock; they hold the linker's lock for a moment only. May switch. */
void loader_wait(void);

/* In the child of fork, where libc makes the linker's locks new. */
void loader_after_fork(void);
