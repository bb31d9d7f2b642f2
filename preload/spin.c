/* Spin locks (POSIX: pthread_spin_lock). Whoever holds one may be a green thread of the same worker, so spinning must let it
 * run. Process-shared ones are the same: their holder needs this processor as much as any. */
#include "preload/lock.h"

#define SPINS 64 /* between two yields, when the holder may be on another worker */

/* POSIX pthread_spin_lock: 0. */
HOOK_EXPORT int pthread_spin_lock(pthread_spinlock_t *lock)
{
    while (unlikely(REAL(pthread_spin_trylock)(lock) != 0)) {
        if (!hook_green(FAMILY_lock))
            return REAL(pthread_spin_lock)(lock);
        for (int i = 0; hub_count > 1 && i < SPINS && *lock != 1; i++)
            context_relax();
        hub_yield();
    }
    return 0;
}

/* POSIX pthread_spin_trylock: EBUSY. */
HOOK_EXPORT int pthread_spin_trylock(pthread_spinlock_t *lock)
{
    return lock_tried(REAL(pthread_spin_trylock)(lock));
}
