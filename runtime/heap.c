/* Finding and sharing malloc's thread-local state: see heap.h. */
#include "runtime/heap.h"

#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base.h"

#define WORDS_MAX 4          /* glibc 2.36 has two: the cache and the arena */
#define BLOCK_MAX_BYTES 1024 /* of libc's TLS; it has some 150 */

static ptrdiff_t words[WORDS_MAX]; /* offsets from the thread pointer */
static int word_count;

struct block {
    ptrdiff_t offset;
    size_t size_bytes;
};

static int find_libc_block(struct dl_phdr_info *info, size_t size, void *out)
{
    (void)size;
    char *start = info->dlpi_tls_data;
    for (int i = 0; start && i < info->dlpi_phnum; i++) {
        size_t bytes = info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type != PT_TLS || (char *)&errno < start || (char *)&errno >= start + bytes)
            continue;
        *(struct block *)out = (struct block){start - (char *)context_thread_pointer(), bytes};
        return 1;
    }
    return 0;
}

void heap_warm(void)
{
    void *volatile chunk = malloc(1);
    free(chunk);
}

static void note_changes(const uintptr_t *before, const uintptr_t *after, const struct block *block)
{
    for (size_t i = 0; i < block->size_bytes / sizeof(*after); i++) {
        if (before[i] == after[i])
            continue;
        if (word_count == WORDS_MAX) {
            word_count = 0;
            return;
        }
        words[word_count++] = block->offset + (ptrdiff_t)(i * sizeof(*after));
    }
}

void heap_learn(void *fresh_tcb)
{
    uintptr_t before[BLOCK_MAX_BYTES / sizeof(uintptr_t)];
    struct block block;
    if (!dl_iterate_phdr(find_libc_block, &block) || block.size_bytes > sizeof(before) || block.offset % 8)
        return;
    word_count = 0; /* a fork child learns anew */
    const void *fresh = (char *)fresh_tcb + block.offset;
    memcpy(before, fresh, block.size_bytes);
    heap_warm();
    void *own = context_thread_pointer();
    context_set_thread_pointer(fresh_tcb);
    heap_warm();
    context_set_thread_pointer(own);
    note_changes(before, fresh, &block);
}

void heap_share(void *to, const void *from)
{
    for (int i = 0; i < word_count; i++)
        *(uintptr_t *)((char *)to + words[i]) = *(const uintptr_t *)((const char *)from + words[i]);
}
