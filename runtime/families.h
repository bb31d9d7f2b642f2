/* The families of hooks that --patch chooses from, as FAMILY(name). Data for its two readers: options.c and the hook table. */
FAMILY(thread)  /* pthread and C11 threads: creation, end, identity */
FAMILY(lock)    /* mutex, condvar, rwlock, barrier, semaphore, once, futex, libc's own locks */
FAMILY(io)      /* read, write, pipes, files, descriptors */
FAMILY(socket)  /* sockets */
FAMILY(poll)    /* select, poll, epoll */
FAMILY(time)    /* sleeps and timers */
FAMILY(signal)  /* masks, handlers, waits for signals */
FAMILY(process) /* fork, exec, wait, exit */
FAMILY(dns)     /* name service */
FAMILY(ipc)     /* System V and POSIX message queues and semaphore sets */
