/* Modules. */
#pragma once

/* Makes the dynamic linker's locks ours. Once, at start, while the process has one thread. */
void dl_install(void);
