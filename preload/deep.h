/* Deep hooks: libc's own entry points become jumps to ours. */
#pragma once

/* Overwrites the entry of each DEEP row of a patched family. Before the program has threads. Where a page cannot be made writable
 * it says so once; symbol hooks work on. */
void deep_install(void);
