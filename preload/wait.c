/* How hooks wait: see wait.h. */
#include "preload/wait.h"

#include "runtime/offload.h"
#include "runtime/readiness.h"

/* What the end of a wait means for the call. Cancellation unwinds from here and does not return. */
int wait_outcome(int wake, enum signal_restart restart)
{
    switch (wake) {
    case WAKE_UP: return 0;
    case WAKE_TIMEOUT: return -EAGAIN;
    case WAKE_CLOSED: return -EBADF;
    case WAKE_CANCEL: pthread_testcancel(); return 0;
    case WAKE_SIGNAL: return signal_deliver(restart) ? -EINTR : 0;
    default: return -ENOMEM;
    }
}

int wait_for(int fd, int events, int64_t deadline_ns, enum signal_restart restart)
{
    return wait_outcome(readiness_wait(fd, events, deadline_ns, WAIT_ENDS_EARLY), restart);
}

int wait_until(int64_t deadline_ns)
{
    hub_prepare(self, WAIT_SLEEP, 0, WAIT_ENDS_EARLY);
    return wait_outcome(hub_park(deadline_ns), SIGNAL_NEVER_RESTARTS);
}

void wait_found_nothing(void)
{
    static __thread unsigned times __attribute__((tls_model("initial-exec")));
    if (++times % 16 == 0)
        hub_yield();
}

short wait_poll_now(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    return sys_call(SYS_poll, &p, 1, 0) > 0 ? p.revents : 0;
}

long wait_offloaded(long number, long a, long b, long c, long d, long e, long f)
{
    bool is_carried = offload_begin() == 0;
    long result = sys_call6(number, a, b, c, d, e, f);
    if (is_carried)
        offload_end();
    return result;
}

long wait_abroad(enum signal_restart restart, long number, long a, long b, long c, long d, long e, long f)
{
    const long arguments[6] = {a, b, c, d, e, f};
    for (;;) {
        long result = offload_call(number, arguments, WAIT_ENDS_EARLY);
        if (result != -EINTR)
            return result;
        pthread_testcancel();
        if (signal_deliver(restart))
            return -EINTR;
    }
}

/* process_vm_readv checks both ends. Where a sandbox forbids it there is only the plain copy. */
bool wait_copy_in(void *to, const void *from, size_t size)
{
    struct iovec local = {to, size}, remote = {(void *)from, size};
    long got = sys_call(SYS_process_vm_readv, sys_call(SYS_getpid), &local, 1, &remote, 1, 0);
    if (got == -EPERM || got == -ENOSYS) {
        __builtin_memcpy(to, from, size);
        return true;
    }
    return got == (long)size;
}
