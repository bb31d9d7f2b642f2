/* libc calls itself without the PLT (stdio's read, getaddrinfo's poll, popen's wait4), so symbol hooks do not see these calls.
 * The first five bytes of each DEEP function in libc become
 *
 *     e9 <rel32>        jmp hook
 *
 * The hooks behind them use raw system calls, so the overwritten code is never needed again and there is no trampoline. All
 * libraries lie within 2 GiB of each other; where they do not, or a page cannot be made writable, deep hooks are left out. */
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
};

static const struct deep_row rows[] = {
#define ROW_RAW(family, name, version)
#define ROW_REAL(family, name, version)
#define ROW_DEEP(family, name, version) {FAMILY_##family, #name, version, (void *)name},
#define HOOK(family, name, version, kind) ROW_##kind(family, name, version)
#define NATIVE(name, reason)
#include "preload/table.h"
};

static bool write_jump(unsigned char *entry, const void *target)
{
    intptr_t distance = (const unsigned char *)target - (entry + JUMP_SIZE);
    if (distance != (int32_t)distance)
        return false;
    unsigned char code[JUMP_SIZE] = {0xe9};
    int32_t relative = (int32_t)distance;
    memcpy(code + 1, &relative, sizeof(relative));

    uintptr_t first = (uintptr_t)entry & ~(PAGE - 1), end = ((uintptr_t)entry + JUMP_SIZE + PAGE - 1) & ~(PAGE - 1);
    if (sys_call(SYS_mprotect, first, end - first, PROT_READ | PROT_WRITE))
        return false;
    memcpy(entry, code, sizeof(code));
    return sys_call(SYS_mprotect, first, end - first, PROT_READ | PROT_EXEC) == 0;
}

void deep_install(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct deep_row *row = &rows[i];
        if (!(hook_families >> row->family & 1))
            continue;
        unsigned char *entry = dlvsym(RTLD_NEXT, row->name, row->version);
        /* Two names of one function: the first row has it. */
        if (!entry || *entry == 0xe9)
            continue;
        if (!write_jump(entry, row->hook)) {
            base_say("libc's code cannot be patched: calls that libc makes itself (stdio, name service) will block the "
                     "worker");
            return;
        }
    }
}
