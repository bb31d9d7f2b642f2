/* libc calls itself without the PLT (stdio's read, getaddrinfo's poll, popen's wait4), so symbol hooks do not see these calls.
 * The first five bytes of each DEEP function in libc become
 *
 *     e9 <rel32>        jmp hook
 *
 * The hooks behind DEEP rows use raw system calls, so the overwritten code is never needed again. For KEEP rows it is: the
 * instructions that were overwritten are copied to a page of ours, followed by a jump to the rest, and real_NAME points there.
 * That is done only where they are known to run anywhere. All libraries lie within 2 GiB of each other; where they do not,
 * or a page cannot be made writable, deep hooks are left out. */
#include "preload/deep.h"

#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "preload/hook.h"

#define PAGE 4096UL
#define JUMP_SIZE 5

struct deep_row {
    enum hook_family family;
    const char *name, *version;
    void *hook;
    void **real; /* of a KEEP row */
};

static const struct deep_row rows[] = {
#define ROW_RAW(family, name, version)
#define ROW_REAL(family, name, version)
#define ROW_DEEP(family, name, version) {FAMILY_##family, #name, version, (void *)name, NULL},
#define ROW_KEEP(family, name, version) {FAMILY_##family, #name, version, (void *)name, (void **)&real_##name},
#define HOOK(family, name, version, kind) ROW_##kind(family, name, version)
#define NATIVE(name, reason)
#include "preload/table.h"
};

/* From the first entry to the last, page by page. The range lies in libc's text. */
struct range {
    uintptr_t first, end;
    bool is_open; /* writable, and executable all the same: our own code may run libc's meanwhile */
};

static bool protect(uintptr_t first, uintptr_t end, int protection)
{
    return sys_call(SYS_mprotect, first, end - first, protection) == 0;
}

/* One system call for all instead of two for each, where the kernel lets memory be both (SELinux may not). */
static void range_open(struct range *r)
{
    r->is_open = r->first < r->end && protect(r->first, r->end, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static bool range_close(const struct range *r)
{
    return !r->is_open || protect(r->first, r->end, PROT_READ | PROT_EXEC);
}

static uintptr_t page_of(const void *address)
{
    return (uintptr_t)address & ~(PAGE - 1);
}

static bool write_jump(unsigned char *entry, const void *target, const struct range *text)
{
    intptr_t distance = (const unsigned char *)target - (entry + JUMP_SIZE);
    if (distance != (int32_t)distance)
        return false;
    unsigned char code[JUMP_SIZE] = {0xe9};
    int32_t relative = (int32_t)distance;
    memcpy(code + 1, &relative, sizeof(relative));

    uintptr_t first = page_of(entry), end = page_of(entry + JUMP_SIZE - 1) + PAGE;
    if (!text->is_open && !protect(first, end, PROT_READ | PROT_WRITE))
        return false;
    memcpy(entry, code, sizeof(code));
    return text->is_open || protect(first, end, PROT_READ | PROT_EXEC);
}

/* ---- keeping what is overwritten ---- */

static unsigned char *kept; /* a page */
static size_t kept_size;

/* Length of an instruction of the kind that functions begin with and that does not depend on its address; 0 for any other. */
static size_t movable_length(const unsigned char *code)
{
    static const unsigned char endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa}, sub_rsp_imm8[] = {0x48, 0x83, 0xec},
                               sub_rsp_imm32[] = {0x48, 0x81, 0xec};
    if (memcmp(code, endbr64, sizeof(endbr64)) == 0)
        return 4;
    if (memcmp(code, sub_rsp_imm8, sizeof(sub_rsp_imm8)) == 0)
        return 4;
    if (memcmp(code, sub_rsp_imm32, sizeof(sub_rsp_imm32)) == 0)
        return 7;
    if (code[0] == 0x6a) /* push imm8 */
        return 2;
    if ((code[0] & 0xf8) == 0x50) /* push of rax to rdi */
        return 1;
    return code[0] == 0x41 && (code[1] & 0xf8) == 0x50 ? 2 : 0; /* push of r8 to r15 */
}

/* The way into the function at entry once its first instructions are overwritten; NULL where they cannot be moved. */
static void *keep(const unsigned char *entry)
{
    static const unsigned char jump_far[] = {0xff, 0x25, 0, 0, 0, 0}; /* jmp *0(%rip): the address follows */
    size_t length = 0;
    while (length < JUMP_SIZE) {
        size_t next = movable_length(entry + length);
        if (!next)
            return NULL;
        length += next;
    }
    unsigned char *copy = kept + kept_size;
    const void *rest = entry + length;
    size_t size = length + sizeof(jump_far) + sizeof(rest);
    if (kept_size + size > PAGE)
        return NULL;
    memcpy(copy, entry, length);
    memcpy(copy + length, jump_far, sizeof(jump_far));
    memcpy(copy + length + sizeof(jump_far), &rest, sizeof(rest));
    kept_size += size;
    return copy;
}

static bool make_room_to_keep(void)
{
    long page = sys_call(SYS_mmap, NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if ((unsigned long)page > -4096UL)
        return false;
    kept = (unsigned char *)page;
    return true;
}

/* False when this page, or libc's, cannot be written: then no other can either. */
static bool install(const struct deep_row *row, unsigned char *entry, const struct range *text)
{
    void *way_in = row->real ? keep(entry) : NULL;
    if (row->real && !way_in)
        return true;
    if (!write_jump(entry, row->hook, text))
        return false;
    if (row->real)
        *row->real = way_in;
    return true;
}

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static struct range find_entries(unsigned char *entries[ROWS])
{
    struct range text = {UINTPTR_MAX, 0, false};
    for (size_t i = 0; i < ROWS; i++) {
        const struct deep_row *row = &rows[i];
        entries[i] = hook_families >> row->family & 1 ? dlvsym(RTLD_NEXT, row->name, row->version) : NULL;
        if (!entries[i])
            continue;
        uintptr_t first = page_of(entries[i]), end = page_of(entries[i] + JUMP_SIZE - 1) + PAGE;
        text.first = first < text.first ? first : text.first;
        text.end = end > text.end ? end : text.end;
    }
    return text;
}

void deep_install(void)
{
    static unsigned char *entries[ROWS];
    struct range text = find_entries(entries);
    bool is_possible = make_room_to_keep();
    range_open(&text);
    for (size_t i = 0; i < ROWS && is_possible; i++)
        /* Two names of one function: the first row has it. */
        if (entries[i] && *entries[i] != 0xe9)
            is_possible = install(&rows[i], entries[i], &text);
    if (!range_close(&text) || !is_possible)
        base_say(
            "libc's code cannot be patched: calls that libc makes itself (stdio, name service) will block the worker");
    if (kept)
        sys_call(SYS_mprotect, kept, PAGE, PROT_READ | PROT_EXEC);
}
