#pragma once

/* --exec=clear: takes this library and its options out of the environment, so that programs which this one executes run
 * natively. What others preload stays. Before main; never switches. */
void inherit_nothing(void);
