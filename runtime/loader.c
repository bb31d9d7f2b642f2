/* One recursive lock: see the header. */
#include "runtime/loader.h"

#include "runtime/park.h"

static _Atomic(struct green *) owner;
static unsigned depth; /* own of the owner */

static bool is_taken(void *unused)
{
    (void)unused;
    return atomic_load(&owner) != NULL;
}

static void wait_for_release(void)
{
    struct park_request request = {.key = &owner,
                                   .kind = WAIT_LIBC_LOCK,
                                   .deadline_ns = DEADLINE_NEVER,
                                   .validate = is_taken};
    park_wait(&request);
}

void loader_lock(void)
{
    struct green *g = hook_self_or_alone(), *nobody = NULL;
    if (!g)
        return;
    if (atomic_load(&owner) != g)
        while (!atomic_compare_exchange_strong(&owner, &nobody, g)) {
            wait_for_release();
            nobody = NULL;
        }
    depth++;
}

/* Also by one that came inside the runtime or from a fork in between: then it is not the owner's call. */
void loader_unlock(void)
{
    struct green *g = hook_self_or_alone();
    if (!g || atomic_load(&owner) != g || --depth)
        return;
    atomic_store(&owner, NULL);
    if (park_may_have_waiters(&owner))
        park_wake(&owner, UINT32_MAX, 0);
}

void loader_wait(void)
{
    struct green *g = hook_self_or_alone(), *has_it;
    while (g && (has_it = atomic_load(&owner)) && has_it != g)
        wait_for_release();
}

void loader_after_fork(void)
{
    atomic_store(&owner, NULL);
    depth = 0;
}
