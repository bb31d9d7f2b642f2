/* Building, renewing and destroying TCBs. Runs on any thread, inside the runtime. */
#include "runtime/tls.h"

#include <link.h>
#include <linux/futex.h>
#include <locale.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/glibc.h"

/* glibc's tcbhead_t up to the members that compilers and libc read with fixed offsets (x86-64 ABI). */
struct tcb_head {
    void *tcb;
    union dtv *dtv;
    void *self;
    int multiple_threads;
    int gscope_flag;
    uintptr_t sysinfo;
    uintptr_t stack_guard;
    uintptr_t pointer_guard;
};

union dtv {
    size_t counter; /* [-1]: number of entries, [0]: generation */
    struct {
        void *value;
        void *to_free;
    } pointer;
};

#define TLS_UNALLOCATED ((void *)-1) /* glibc's TLS_DTV_UNALLOCATED */

/* A module's block of static TLS, as offset below the thread pointer. */
struct tls_module {
    size_t offset;
    const void *image;
    size_t image_size, size;
};

#define MODULES_MAX 256
static struct tls_module modules[MODULES_MAX];
static int module_count;
static _Atomic bool modules_stale = true;
static struct spin modules_lock;
static struct tcb_head main_head;

void tls_init(void)
{
    main_head = *(struct tcb_head *)context_thread_pointer();
}

void tls_modules_changed(void)
{
    atomic_store(&modules_stale, true);
}

bool tls_is_stale(void)
{
    return atomic_load_explicit(&modules_stale, memory_order_relaxed);
}

static void fill_private(char *tcb)
{
    *(pid_t *)(tcb + glibc.tid_offset) = 0;
    *(int *)(tcb + glibc.cancel_offset) = 0;
    *(void **)(tcb + glibc.key_table_offset) = tcb + glibc.key_block_offset;
    struct robust_list_head *head = (struct robust_list_head *)(tcb + glibc.robust_offset);
    *((void **)head - 1) = head;
    head->list.next = &head->list;
    head->futex_offset = glibc.robust_futex_offset;
    if (glibc.rseq_offset)
        /* rseq.cpu_id: the kernel keeps rseq of kernel threads only; libc then asks it for the CPU. */
        *(int32_t *)(tcb + glibc.rseq_offset + 4) = -2;
}

int tls_build(void *tcb)
{
    if (!glibc.allocate_tls(tcb))
        return -1;
    struct tcb_head *head = tcb;
    head->tcb = head->self = tcb;
    head->multiple_threads = 1;
    head->stack_guard = main_head.stack_guard;
    head->pointer_guard = main_head.pointer_guard;
    fill_private(tcb);
    return 0;
}

void tls_destroy(void *tcb)
{
    glibc.deallocate_tls(tcb, false);
}

static bool contains(size_t offset, size_t size, const void *own_instance)
{
    size_t other = (size_t)((const char *)context_thread_pointer() - (const char *)own_instance);
    return other <= offset && other > offset - size;
}

/* The TCB was just made: its dtv has the address of each block of static TLS, and no other. */
static int note_module(struct dl_phdr_info *info, size_t unused, void *tcb)
{
    (void)unused;
    const union dtv *dtv = ((struct tcb_head *)tcb)->dtv;
    size_t id = info->dlpi_tls_modid;
    if (!id || id > dtv[-1].counter || dtv[id].pointer.value == TLS_UNALLOCATED || module_count == MODULES_MAX)
        return 0;
    size_t offset = (size_t)((char *)tcb - (char *)dtv[id].pointer.value);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        /* Not libc's, and not our own. */
        if (p->p_type != PT_TLS || contains(offset, p->p_memsz, &errno) || contains(offset, p->p_memsz, &self))
            continue;
        modules[module_count++] = (struct tls_module){.offset = offset,
                                                      .image = (void *)(info->dlpi_addr + p->p_vaddr),
                                                      .image_size = p->p_filesz,
                                                      .size = p->p_memsz};
    }
    return 0;
}

/* Neither dl_iterate_phdr nor dlinfo say where a block lies that the calling thread has not touched yet. A new TCB does. */
static bool list_modules(void)
{
    size_t size = glibc.tls_size + glibc.tls_align;
    long memory = sys_call(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if ((unsigned long)memory > -4096UL)
        return false;
    char *tcb = (char *)((uintptr_t)(memory + (long)(size - glibc.pthread_size)) & ~(glibc.tls_align - 1));
    bool is_built = tls_build(tcb) == 0;
    if (is_built) {
        module_count = 0;
        dl_iterate_phdr(note_module, tcb);
        tls_destroy(tcb);
    }
    sys_call(SYS_munmap, memory, size);
    return is_built;
}

static void refresh_modules(void)
{
    spin_lock(&modules_lock);
    if (atomic_exchange(&modules_stale, false) && !list_modules())
        atomic_store(&modules_stale, true);
    spin_unlock(&modules_lock);
}

/* Blocks of modules that were loaded late live in malloc's memory, one for each thread that touched them. */
static void free_dynamic_blocks(struct tcb_head *head)
{
    union dtv *dtv = head->dtv;
    for (size_t i = 1; i <= dtv[-1].counter; i++) {
        if (!dtv[i].pointer.to_free)
            continue;
        free(dtv[i].pointer.to_free);
        dtv[i].pointer.to_free = NULL;
        dtv[i].pointer.value = TLS_UNALLOCATED;
    }
}

void tls_renew(void *tcb)
{
    if (unlikely(atomic_load_explicit(&modules_stale, memory_order_relaxed)))
        refresh_modules();
    for (int i = 0; i < module_count; i++) {
        const struct tls_module *m = &modules[i];
        char *block = (char *)tcb - m->offset;
        memcpy(block, m->image, m->image_size);
        memset(block + m->image_size, 0, m->size - m->image_size);
    }
    free_dynamic_blocks(tcb);
    fill_private(tcb);
    TLS_SET(tcb, errno, 0);
    TLS_SET(tcb, h_errno, 0);
}

/* Another worker may have been making the list. */
void tls_after_fork(void)
{
    atomic_store(&modules_lock.locked, 0);
    atomic_store(&modules_stale, true);
}
