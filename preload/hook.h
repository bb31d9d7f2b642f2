/* What every hook starts from: families, the real functions, and the way into the runtime.
 *
 * A hook has three parts: (1) hook_green(family): not ours? go native; (2) try without blocking; (3) park, and say on what. */
#pragma once

#include "preload/declarations.h"
#include "runtime/thread.h"

#define HOOK_EXPORT __attribute__((visibility("default"), externally_visible))

/* Another name of libc's for the same function, and so of the same hook. */
#define HOOK_ALIAS(other, name) HOOK_EXPORT __typeof__(name) other __attribute__((alias(#name), copy(name)))

/* The families of --patch. */
enum hook_family {
#define FAMILY(name) FAMILY_##name,
#include "runtime/families.h"
#undef FAMILY
    FAMILY_COUNT
};

/* Bit N: family N is patched. Set once at start from GREENRUN_PATCH. */
extern uint32_t hook_families;

/* The green thread that calls, or NULL: then the hook does what libc would have done and returns. */
static inline struct green *hook_green(enum hook_family family)
{
    struct green *g = hook_self();
    return likely(hook_families & 1u << family) ? g : NULL;
}

/* real_NAME for each row of kind REAL or KEEP. Use through REAL(): a hook may run before any constructor. */
#define RAW(name)
#define DEEP(name)
#define KEEP(name)
#define REAL_DECLARE_RAW(name)
#define REAL_DECLARE_DEEP(name)
#define REAL_DECLARE_REAL(name) extern __typeof__(name) *real_##name;
#define REAL_DECLARE_KEEP(name) REAL_DECLARE_REAL(name)
#define HOOK(family, name, version, kind) REAL_DECLARE_##kind(name)
#define NATIVE(name, reason)
#include "preload/table.h"
#undef HOOK
#undef NATIVE
#undef RAW
#undef DEEP
#undef KEEP

/* Resolves all real functions. Idempotent; does not allocate; callable before any constructor. */
void hook_resolve(void);

#define REAL(name) (likely(real_##name != NULL) ? real_##name : (hook_resolve(), real_##name))
