/* Starting the runtime. */
#pragma once

/* Reads the options, takes over the calling thread as the main green thread, installs deep hooks. Idempotent; from the
 * constructor, or from the first hook that cannot do without. On a user's mistake: a line on stderr and exit 125. */
void init_start(void);
