/* Moving bytes and messages through a descriptor: what socket, pipe and file hooks share. Results are the kernel's. */
#pragma once

#include "preload/wait.h"

/* A receive call (recvfrom, recvmsg) on a socket, by the socket's kind. All may switch. */
long receive_bytes(struct descriptor *d, int fd, void *buffer, size_t size, int flags, struct sockaddr *from,
                   socklen_t *from_size);
long receive_message(struct descriptor *d, int fd, struct msghdr *message, int flags);

/* A send call (sendto, sendmsg) on a socket. */
long send_bytes(struct descriptor *d, int fd, const void *buffer, size_t size, int flags, const struct sockaddr *to,
                socklen_t to_size);
long send_message(struct descriptor *d, int fd, const struct msghdr *message, int flags);

/* Has a stream socket an error or a hang-up waiting, which the next call would take and clear? Never switches. */
bool stream_has_error(int fd);

/* A read or write on anything else. */
struct nowait {
    struct descriptor *d;
    int fd;
    enum descriptor_kind kind;
    int events; /* EV_READ or EV_WRITE */
};

/* One attempt at it; -EAGAIN for "not now". Touches only what the kernel has found to be the program's memory. May switch. */
long nowait_attempt(const struct nowait *io, const struct iovec *vectors, size_t count);

#define IOVEC_WINDOW 16
#define TRANSFER_MAX 0x7ffff000u /* read(2): no call moves more */

/* What is left of count vectors after the first skip bytes, at most IOVEC_WINDOW of them. Returns how many. Never switches. */
int iovec_rest(struct iovec *window, const struct iovec *vectors, size_t count, size_t skip);

/* The bytes of all vectors together. */
size_t iovec_size(const struct iovec *vectors, size_t count);
