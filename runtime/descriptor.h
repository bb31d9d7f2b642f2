/* What we know of each descriptor number of the program, so that hooks need not ask the kernel.
 *
 * Two levels, mapped page by page when a number is first used, never freed: an entry's address is good for ever, and looking
 * one up takes no lock. An entry is one atomic word:
 *
 *     63           32 31        16 15            0
 *     | fork epoch   | generation | flags | kind |
 *
 * The kind is found out at first use. What belongs to the open file description (O_NONBLOCK, timeouts) is only believed while
 * nobody else can change it: the description was born here, is known under one number, and is younger than the last fork
 * (DESCRIPTOR_PRIVATE, and the epoch is the present one). Otherwise the kernel is asked each time.
 *
 * close and its relatives start a new generation before the number is free, so a change that was computed from an older word
 * is dropped. All of it is safe from any thread and from signal handlers, and never switches. */
#pragma once

#include "runtime/base.h"
#include "runtime/timer.h"

enum descriptor_kind {
    DESCRIPTOR_UNKNOWN, /* not looked at since the number was opened */
    DESCRIPTOR_STREAM,  /* SOCK_STREAM socket */
    DESCRIPTOR_MESSAGE, /* any other socket */
    DESCRIPTOR_PIPE,    /* pipe or FIFO */
    DESCRIPTOR_TTY,
    DESCRIPTOR_FILE,  /* regular file, directory, block device: never waits for readiness */
    DESCRIPTOR_OTHER, /* character devices, eventfd, inotify, … */
};

#define DESCRIPTOR_KIND 0x7u
#define DESCRIPTOR_PRIVATE 0x8u     /* see above */
#define DESCRIPTOR_NONBLOCK 0x10u   /* private: the program set O_NONBLOCK */
#define DESCRIPTOR_TIMED 0x20u      /* private: the timeouts below are not both "never" */
#define DESCRIPTOR_ASK_TIMED 0x40u  /* private: the timeouts have not been asked for yet */
#define DESCRIPTOR_DRAINED 0x80u    /* hint: the last read was short, so the next will find nothing before an event */
#define DESCRIPTOR_NO_NOWAIT 0x100u /* preadv2(RWF_NOWAIT) said EOPNOTSUPP */
#define DESCRIPTOR_LOWAT 0x200u     /* SO_RCVLOWAT was set */
#define DESCRIPTOR_LINGER 0x400u    /* SO_LINGER was set: close may wait */
#define DESCRIPTOR_LISTENS 0x800u   /* SO_ACCEPTCONN said yes */
#define DESCRIPTOR_SLOW 0x1000u     /* file: a write waits for the device (O_SYNC, O_DIRECT) or the network */
#define DESCRIPTOR_FLAGS 0xffffu

struct descriptor {
    _Atomic uint64_t word;
    _Atomic int64_t receive_timeout_ns; /* DEADLINE_NEVER: none; valid with DESCRIPTOR_TIMED */
    _Atomic int64_t send_timeout_ns;
    struct spin act; /* held over a poll and the call that its answer allows: accept, read of a FIFO */
    uint32_t unused;
};

#define DESCRIPTOR_PAGE 4096
#define DESCRIPTOR_PAGES (1 << 18)

extern _Atomic(struct descriptor *) descriptor_pages[DESCRIPTOR_PAGES];
extern _Atomic uint32_t descriptor_epoch;

struct descriptor *descriptor_map(int fd);
enum descriptor_kind descriptor_classify(struct descriptor *d, int fd);
bool descriptor_ask_nonblocking(int fd);
int64_t descriptor_ask_timeout(struct descriptor *d, int fd, int option);

/* The entry of fd; NULL for a number that cannot be one, or when there is no memory: then go native. */
static inline struct descriptor *descriptor_at(int fd)
{
    if (unlikely(fd < 0 || fd >= DESCRIPTOR_PAGE * DESCRIPTOR_PAGES))
        return NULL;
    struct descriptor *page = atomic_load_explicit(&descriptor_pages[fd / DESCRIPTOR_PAGE], memory_order_acquire);
    return likely(page != NULL) ? page + fd % DESCRIPTOR_PAGE : descriptor_map(fd);
}

static inline uint64_t descriptor_word(const struct descriptor *d)
{
    return atomic_load_explicit(&d->word, memory_order_relaxed);
}

static inline bool descriptor_word_is_private(uint64_t word)
{
    return (word & DESCRIPTOR_PRIVATE) && word >> 32 == atomic_load_explicit(&descriptor_epoch, memory_order_relaxed);
}

static inline bool descriptor_is_private(const struct descriptor *d)
{
    return descriptor_word_is_private(descriptor_word(d));
}

static inline enum descriptor_kind descriptor_kind(struct descriptor *d, int fd)
{
    enum descriptor_kind kind = descriptor_word(d) & DESCRIPTOR_KIND;
    return likely(kind != DESCRIPTOR_UNKNOWN) ? kind : descriptor_classify(d, fd);
}

static inline bool descriptor_has(const struct descriptor *d, uint64_t flags)
{
    return descriptor_word(d) & flags;
}

/* Sets or clears flags; nothing is written when they are so already. */
static inline void descriptor_mark(struct descriptor *d, uint64_t flags, bool on)
{
    uint64_t word = descriptor_word(d);
    for (;;) {
        uint64_t next = on ? word | flags : word & ~flags;
        if (next == word ||
            atomic_compare_exchange_weak_explicit(&d->word, &word, next, memory_order_relaxed, memory_order_relaxed))
            return;
    }
}

/* Did the program ask for O_NONBLOCK? */
static inline bool descriptor_is_nonblocking(const struct descriptor *d, int fd)
{
    uint64_t word = descriptor_word(d);
    return likely(descriptor_word_is_private(word)) ? word & DESCRIPTOR_NONBLOCK : descriptor_ask_nonblocking(fd);
}

/* SO_RCVTIMEO or SO_SNDTIMEO as a deadline from now. */
static inline int64_t descriptor_deadline(struct descriptor *d, int fd, int option)
{
    uint64_t word = descriptor_word(d);
    if (likely(descriptor_word_is_private(word) && !(word & (DESCRIPTOR_TIMED | DESCRIPTOR_ASK_TIMED))))
        return DEADLINE_NEVER;
    int64_t timeout_ns = descriptor_ask_timeout(d, fd, option);
    return timeout_ns == DEADLINE_NEVER ? DEADLINE_NEVER : deadline_after_ns(timeout_ns);
}

/* fd was born here just now, as the only name of its description. flags: DESCRIPTOR_NONBLOCK and other flags it starts with. */
void descriptor_born(int fd, enum descriptor_kind kind, uint64_t flags);

/* fd was accepted from listener, whose socket options it inherits. */
void descriptor_accepted(int fd, struct descriptor *listener, bool is_nonblocking);

/* Nothing is known of fd from now on: it was, or is about to be, closed or replaced. */
void descriptor_reset(int fd);

/* The description of fd has got another name (dup, SCM_RIGHTS). */
void descriptor_share(int fd);

/* The program set O_NONBLOCK on or off. */
void descriptor_set_nonblocking(int fd, bool on);

/* The program set SO_RCVTIMEO or SO_SNDTIMEO. */
void descriptor_set_timeout(int fd, int option, int64_t timeout_ns);

/* The lowest number from `from` on that something is or was known of, or -1. */
int descriptor_next_known(int from);

/* A child process was made, in it and in its parent: all descriptions may now be shared. */
void descriptor_after_fork(void);
