/* User and group ids. To the kernel they belong to a kernel thread, to POSIX to the process. libc makes its threads follow by a
 * signal to each of them, and takes green threads for kernel threads in that; so it is done here, for those that there are. */
#pragma once

/* Makes one of the set*id system calls in all kernel threads of the process, in the caller's first. 0, or a negated errno: then
 * nothing has changed. In the child of vfork: for itself only. Never switches. */
long credentials_change(long number, long a, long b, long c);
