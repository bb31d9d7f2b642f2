/* What each green thread carries for signals (struct green's member `signal`). Sets of signals are words, bit N-1 for signal N,
 * as the kernel has them. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* What became of a wait that signals interrupted. */
struct signal_verdict {
    bool has_run;  /* a handler ran */
    bool restarts; /* the first one was set with SA_RESTART: it decides, as in the kernel */
};

struct signal_state {
    uint64_t blocked; /* its mask. Changed by its owner under the signal lock; others read it under the lock */
    uint64_t saved;   /* own: the mask that a temporary one replaced, while has_saved */
    uint64_t pending; /* guarded by the signal lock: signals directed to it */
    uint64_t awaited; /* guarded by the signal lock: what it waits for in sigtimedwait */
    uint64_t
        left_in_kernel; /* own: what main, while alone, sent itself and blocked: its kernel thread may have it pending */
    stack_t altstack;   /* own: sigaltstack as the program set it */
    struct signal_verdict owed; /* own: what handlers did since a wait was interrupted, until signal_deliver asks */
    bool owes_verdict;          /* own: the next handler is the first one since then */
    bool has_saved;
    bool has_native_mask; /* own: its kernel thread has exactly its mask, for a child to inherit */
    bool is_live;         /* guarded by the signal lock: takes part in masks and may receive */
};
