/* What the context switch must know of the machine. Apart, because <sys/auxv.h> and <ev.h> do not go together. */
#include "asm/x86_64/context.h"

#include <sys/auxv.h>

#define HWCAP2_FSGSBASE 2 /* asm/hwcap2.h: the kernel lets user code write the FS base */

bool context_has_fsgsbase;

void context_init(void)
{
    context_has_fsgsbase = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
}
