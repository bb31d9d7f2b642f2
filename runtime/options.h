/* The options of greenrun and of libmonkey.so: one table, read by both.
 *
 * greenrun takes them from its command line (`--workers=2`) and hands them on in the environment (`GREENRUN_WORKERS=2`);
 * the preloaded library reads the environment before main runs. So nothing here allocates, uses stdio streams or keeps
 * pointers into the environment, which programs overwrite to set their title.
 *
 * A row that the runtime does not act on yet is marked UNAVAILABLE: its values are checked, then refused. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_WORKERS_MAX 64
#define OPTIONS_ERROR_MAX 512 /* no message is longer */

/* Not an option of the library but greenrun's own: which library to preload. */
#define OPTIONS_LIBRARY_VARIABLE "GREENRUN_LIBRARY"

enum on_deadlock {
    DEADLOCK_REPORT, /* print who waits for what, go on waiting */
    DEADLOCK_ABORT,  /* print it, then abort() */
    DEADLOCK_IGNORE,
};

/* Filled by options_default and options_parse; afterwards read only. */
struct options {
    unsigned workers;        /* 0: one for each CPU that the process may use */
    size_t stack_size_bytes; /* 0: as native, from RLIMIT_STACK */
    uint32_t patch_families; /* bit N: family N of runtime/families.h */
    bool patch_deep;         /* overwrite libc's own entries too */
    bool exec_inherit;       /* programs that the program executes are green too */
    enum on_deadlock on_deadlock;
    unsigned offload_threads; /* upper bound */
    unsigned preempt_ms;      /* 0: never */
    unsigned block_warn_ms;   /* 0: never */
    bool schedule_is_random;
    bool schedule_has_seed;
    uint64_t schedule_seed;
    char stats_file[PATH_MAX]; /* "": none, "-": stderr */
    char trace_file[PATH_MAX]; /* "": none */
};

struct option_row {
    const char *name;     /* as on the command line, without the dashes */
    const char *variable; /* its environment variable */
    const char *argument; /* in --help: "N|auto"; "[FILE]" may be left out on the command line */
    const char *help;
    const char *allowed; /* what may follow "not" in the message about a bad value */
    bool is_available;
    bool (*parse)(struct options *o, const char *value);
};

extern const struct option_row options_table[];
extern const size_t options_count;

/* What holds when nothing is said. Never switches. */
void options_default(struct options *o);

/* Sets one option. name is what the user wrote, `--workers` or `GREENRUN_WORKERS`. 0, or -1 with one line in error:
 * the name, the value, and what is allowed; then that option's members of o are unspecified. Never switches. */
int options_parse(struct options *o, const char *name, const char *value, char *error, size_t error_size);

/* options_default, then every GREENRUN_… of environment (as envp, NULL-terminated). A variable of that prefix which is
 * no option is refused as well: it is a misspelt one. 0, or -1 with one line in error. Never switches. */
int options_from_environment(struct options *o, char *const environment[], char *error, size_t error_size);
