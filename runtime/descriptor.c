/* The table of descriptors: see descriptor.h for what an entry means.
 *
 * Called by hooks on green stacks, by foreign threads and in signal handlers (close and read are async-signal-safe), so
 * everything is a compare-and-swap on one word and memory comes from mmap. */
#include "runtime/descriptor.h"

#include <asm/ioctls.h>
#include <linux/magic.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <termios.h>

_Atomic(struct descriptor *) descriptor_pages[DESCRIPTOR_PAGES];
_Atomic uint32_t descriptor_epoch;

static _Atomic int top_page = -1; /* no page above it is mapped */

/* Maps the page of fd. Two threads may race; the loser's page is given back. */
struct descriptor *descriptor_map(int fd)
{
    size_t size_bytes = DESCRIPTOR_PAGE * sizeof(struct descriptor);
    long map = sys_call(SYS_mmap, NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if ((unsigned long)map > -4096UL)
        return NULL;
    struct descriptor *page = (struct descriptor *)map;
    int top = atomic_load(&top_page);
    while (top < fd / DESCRIPTOR_PAGE && !atomic_compare_exchange_weak(&top_page, &top, fd / DESCRIPTOR_PAGE))
        ;
    struct descriptor *other = NULL;
    if (!atomic_compare_exchange_strong(&descriptor_pages[fd / DESCRIPTOR_PAGE], &other, page)) {
        sys_call(SYS_munmap, page, size_bytes);
        page = other;
    }
    return page + fd % DESCRIPTOR_PAGE;
}

static enum descriptor_kind kind_of_socket(int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    sys_call(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &size);
    return type == SOCK_STREAM ? DESCRIPTOR_STREAM : DESCRIPTOR_MESSAGE;
}

/* Does each write wait for a device or a network? */
static bool is_slow(int fd)
{
    struct statfs fs;
    long flags = sys_call(SYS_fcntl, fd, F_GETFL);
    if (flags >= 0 && flags & (O_DSYNC | O_DIRECT))
        return true;
    if (sys_call(SYS_fstatfs, fd, &fs) < 0)
        return false;
    switch ((unsigned long)fs.f_type) {
    case NFS_SUPER_MAGIC:
    case SMB_SUPER_MAGIC:
    case SMB2_SUPER_MAGIC:
    case CIFS_SUPER_MAGIC:
    case FUSE_SUPER_MAGIC:
    case V9FS_MAGIC:
    case CEPH_SUPER_MAGIC:
    case AFS_FS_MAGIC: return true;
    default: return false;
    }
}

static enum descriptor_kind kind_of(int fd, uint64_t *flags)
{
    struct stat st;
    char settings[256]; /* the kernel's struct termios is smaller */

    if (sys_call(SYS_fstat, fd, &st) < 0)
        return DESCRIPTOR_UNKNOWN;
    switch (st.st_mode & S_IFMT) {
    case S_IFSOCK: return kind_of_socket(fd);
    case S_IFIFO: return DESCRIPTOR_PIPE;
    case S_IFREG:
    case S_IFDIR:
    case S_IFBLK: *flags = is_slow(fd) ? DESCRIPTOR_SLOW : 0; return DESCRIPTOR_FILE;
    case S_IFCHR: return sys_call(SYS_ioctl, fd, TCGETS, settings) == 0 ? DESCRIPTOR_TTY : DESCRIPTOR_OTHER;
    default: return DESCRIPTOR_OTHER; /* anonymous inodes have no type */
    }
}

/* Finds out the kind. DESCRIPTOR_UNKNOWN only for a number that is not open. */
enum descriptor_kind descriptor_classify(struct descriptor *d, int fd)
{
    uint64_t word = descriptor_word(d);
    uint64_t flags = 0;
    enum descriptor_kind kind = kind_of(fd, &flags);
    uint64_t next = (word & ~(uint64_t)DESCRIPTOR_KIND) | kind | flags;
    /* A failure means that the number changed hands meanwhile: the next call asks again. */
    atomic_compare_exchange_strong(&d->word, &word, next);
    return kind;
}

bool descriptor_ask_nonblocking(int fd)
{
    long flags = sys_call(SYS_fcntl, fd, F_GETFL);
    return flags >= 0 && (flags & O_NONBLOCK);
}

/* One timeout from the kernel; a socket without one says zero. */
static int64_t ask_kernel(int fd, int option)
{
    struct timeval tv = {0};
    socklen_t size = sizeof tv;
    if (sys_call(SYS_getsockopt, fd, SOL_SOCKET, option, &tv, &size) < 0 || (!tv.tv_sec && !tv.tv_usec))
        return DEADLINE_NEVER;
    return tv.tv_sec > INT64_MAX / 2000000000 ? DEADLINE_NEVER : tv.tv_sec * 1000000000LL + tv.tv_usec * 1000LL;
}

static void remember_timeouts(struct descriptor *d, int64_t receive_ns, int64_t send_ns)
{
    atomic_store_explicit(&d->receive_timeout_ns, receive_ns, memory_order_relaxed);
    atomic_store_explicit(&d->send_timeout_ns, send_ns, memory_order_relaxed);
    descriptor_mark(d, DESCRIPTOR_TIMED, receive_ns != DEADLINE_NEVER || send_ns != DEADLINE_NEVER);
    descriptor_mark(d, DESCRIPTOR_ASK_TIMED, false);
}

/* The timeout that a blocking call has now. */
int64_t descriptor_ask_timeout(struct descriptor *d, int fd, int option)
{
    uint64_t word = descriptor_word(d);
    if (!descriptor_word_is_private(word))
        return ask_kernel(fd, option);
    if (word & DESCRIPTOR_ASK_TIMED)
        remember_timeouts(d, ask_kernel(fd, SO_RCVTIMEO), ask_kernel(fd, SO_SNDTIMEO));
    if (!descriptor_has(d, DESCRIPTOR_TIMED))
        return DEADLINE_NEVER;
    return atomic_load_explicit(option == SO_RCVTIMEO ? &d->receive_timeout_ns : &d->send_timeout_ns,
                                memory_order_relaxed);
}

/* Replaces all but the generation, which goes on by one. */
static void start_generation(struct descriptor *d, uint64_t flags)
{
    uint64_t word = descriptor_word(d);
    uint64_t next;
    do {
        uint64_t epoch = atomic_load_explicit(&descriptor_epoch, memory_order_relaxed);
        next = epoch << 32 | ((word + DESCRIPTOR_FLAGS + 1) & 0xffff0000u) | flags;
    } while (!atomic_compare_exchange_weak_explicit(&d->word, &word, next, memory_order_relaxed, memory_order_relaxed));
}

void descriptor_born(int fd, enum descriptor_kind kind, uint64_t flags)
{
    struct descriptor *d = descriptor_at(fd);
    if (d)
        start_generation(d, kind | flags | DESCRIPTOR_PRIVATE);
}

void descriptor_accepted(int fd, struct descriptor *listener, bool is_nonblocking)
{
    struct descriptor *d = descriptor_at(fd);
    if (!d)
        return;
    uint64_t word = descriptor_word(listener);
    uint64_t flags = (word & (DESCRIPTOR_LOWAT | DESCRIPTOR_LINGER)) | (is_nonblocking ? DESCRIPTOR_NONBLOCK : 0);
    if (!descriptor_word_is_private(word) || (word & (DESCRIPTOR_TIMED | DESCRIPTOR_ASK_TIMED)))
        flags |= DESCRIPTOR_ASK_TIMED;
    start_generation(d, flags | DESCRIPTOR_PRIVATE | (word & DESCRIPTOR_KIND));
}

void descriptor_reset(int fd)
{
    struct descriptor *d = descriptor_at(fd);
    if (d)
        start_generation(d, 0);
}

void descriptor_share(int fd)
{
    struct descriptor *d = descriptor_at(fd);
    if (d)
        descriptor_mark(d, DESCRIPTOR_PRIVATE, false);
}

void descriptor_set_nonblocking(int fd, bool on)
{
    struct descriptor *d = descriptor_at(fd);
    if (d)
        descriptor_mark(d, DESCRIPTOR_NONBLOCK, on);
}

void descriptor_set_timeout(int fd, int option, int64_t timeout_ns)
{
    struct descriptor *d = descriptor_at(fd);
    if (!d || !descriptor_is_private(d))
        return;
    int64_t receive_ns = option == SO_RCVTIMEO ? timeout_ns : descriptor_ask_timeout(d, fd, SO_RCVTIMEO);
    int64_t send_ns = option == SO_SNDTIMEO ? timeout_ns : descriptor_ask_timeout(d, fd, SO_SNDTIMEO);
    remember_timeouts(d, receive_ns, send_ns);
}

int descriptor_next_known(int from)
{
    for (int fd = from; fd / DESCRIPTOR_PAGE <= atomic_load(&top_page); fd++) {
        struct descriptor *page = atomic_load(&descriptor_pages[fd / DESCRIPTOR_PAGE]);
        if (!page)
            fd += DESCRIPTOR_PAGE - 1 - fd % DESCRIPTOR_PAGE;
        else if (descriptor_word(page + fd % DESCRIPTOR_PAGE))
            return fd;
    }
    return -1;
}

void descriptor_after_fork(void)
{
    atomic_fetch_add_explicit(&descriptor_epoch, 1, memory_order_relaxed);
}
