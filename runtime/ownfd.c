/* A short array is enough: two descriptors a hub. */
#include "runtime/ownfd.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>

#define OWN_MAX 256
#define HIGH 960 /* below the usual soft limit of 1024, so that the kernel's table stays small */

int ownfd_low = INT_MAX;
static _Atomic int own[OWN_MAX]; /* number + 1; 0: unused */

int ownfd_adopt(int fd)
{
    if (fd < 0)
        return fd;
    long high = sys_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, HIGH);
    if (high >= 0) {
        sys_call(SYS_close, fd);
        fd = (int)high;
    }
    for (int i = 0; i < OWN_MAX; i++) {
        int unused = 0;
        if (atomic_compare_exchange_strong(&own[i], &unused, fd + 1)) {
            if (fd < ownfd_low)
                ownfd_low = fd;
            return fd;
        }
    }
    return fd;
}

void ownfd_close(int fd)
{
    for (int i = 0; i < OWN_MAX; i++)
        if (atomic_load(&own[i]) == fd + 1)
            atomic_store(&own[i], 0);
    sys_call(SYS_close, fd);
}

bool ownfd_search(int fd)
{
    for (int i = 0; i < OWN_MAX; i++)
        if (atomic_load_explicit(&own[i], memory_order_relaxed) == fd + 1)
            return true;
    return false;
}

int ownfd_next(int from)
{
    int next = -1;
    for (int i = 0; i < OWN_MAX; i++) {
        int fd = atomic_load_explicit(&own[i], memory_order_relaxed) - 1;
        if (fd >= from && (next < 0 || fd < next))
            next = fd;
    }
    return next;
}

void ownfd_after_fork(void)
{
    for (int i = 0; i < OWN_MAX; i++) {
        int fd = atomic_exchange(&own[i], 0) - 1;
        if (fd >= 0)
            sys_call(SYS_close, fd);
    }
    ownfd_low = INT_MAX;
}
