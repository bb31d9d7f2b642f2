/* COMMAND and whether the library would be loaded into it.
 *
 * ld.so ignores LD_PRELOAD for a program that gains privileges, only warns about a library of another ABI, and is not there
 * at all in a static program. Each of these would be a silent native run, so greenrun looks at the file before it
 * executes it. */
#pragma once

#include <limits.h>

/* Finds name as execvp(3) does: a path when it has a slash, else along PATH. 0 and path filled, or refuses with
 * EXIT_NOT_FOUND or EXIT_NOT_GREEN. */
int command_find(const char *name, char path[PATH_MAX]);

/* Whether executing path, or the interpreter that its first line names, would load the library at library. 0, or refuses
 * with EXIT_NOT_GREEN and says why. */
int command_check(const char *path, const char *library);
