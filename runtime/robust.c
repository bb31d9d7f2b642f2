/* The kernel's robust futex list (Documentation/locking/robust-futex-ABI.rst), kept by glibc in the TCB:
 *
 *     head { list ──> entry ──> … ──> &head ; futex_offset ; list_op_pending }
 *
 * An entry's lock word is futex_offset bytes from it; bit 0 of a pointer says that its mutex inherits priority. list_op_pending is
 * the mutex that was being taken or released when the thread ended. */
#include "runtime/robust.h"

#include <limits.h>
#include <linux/futex.h>

#include "runtime/glibc.h"
#include "runtime/park.h"

#define ENTRIES_MAX 2048 /* the kernel's ROBUST_LIST_LIMIT: the list may be damaged */
#define ENTRY_INHERITS 1ul

/* As the kernel's handle_futex_death: only a word that still names the dead thread is touched. */
static void owner_died(uintptr_t entry, int tid)
{
    uint32_t *word = (uint32_t *)((entry & ~ENTRY_INHERITS) + (uintptr_t)glibc.robust_futex_offset);
    uint32_t value = __atomic_load_n(word, __ATOMIC_RELAXED);
    do
        if ((value & FUTEX_TID_MASK) != (uint32_t)tid)
            return;
    while (!__atomic_compare_exchange_n(word, &value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    /* glibc's mutex begins with its word, and waiters in the lot stand under the mutex. Those of other processes need the kernel. */
    park_wake(word, 1, 0);
    if (value & FUTEX_WAITERS)
        sys_call(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void robust_thread_ended(struct green *g)
{
    struct robust_list_head *head = (struct robust_list_head *)((char *)g->tcb + glibc.robust_offset);
    uintptr_t end = (uintptr_t)&head->list, pending = (uintptr_t)head->list_op_pending;
    uintptr_t entry = (uintptr_t)head->list.next;

    for (int i = 0; (entry & ~ENTRY_INHERITS) != end && i < ENTRIES_MAX; i++) {
        /* The next one is read first: once marked, the mutex belongs to somebody else. */
        uintptr_t next = *(uintptr_t *)(entry & ~ENTRY_INHERITS);
        if (entry != pending)
            owner_died(entry, g->tid);
        entry = next;
    }
    if (pending)
        owner_died(pending, g->tid);
    head->list.next = &head->list;
    ((struct robust_list **)head)[-1] = &head->list;
    head->list_op_pending = NULL;
}
