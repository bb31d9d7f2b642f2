/* The table of options and a parser for each value.
 *
 * A parser takes the whole value or nothing: no sign, blank or letter too many is forgiven, since a typing error that is
 * silently ignored costs more than one that is named. It says only yes or no; the message is made in one place from the
 * row's own text. Adding an option is a member of struct options, a parser and a row. */
#include "runtime/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRING_(x) #x
#define STRING(x) STRING_(x)

#define VARIABLE_PREFIX "GREENRUN_"

#define OFFLOAD_MAX 1024
#define MS_MAX 60000

#define STACK_SIZE_MAX ((size_t)1 << 40)

#define AVAILABLE true
#define UNAVAILABLE false

static const char *const family_names[] = {
#define FAMILY(name) #name,
#include "runtime/families.h"
#undef FAMILY
};

#define FAMILY_COUNT (sizeof family_names / sizeof *family_names)
#define FAMILY_ALL ((1u << FAMILY_COUNT) - 1)

/* Decimal digits only: no sign, no blanks, nothing behind. */
static bool parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    if (errno || *end || number < min || number > max)
        return false;
    *out = number;
    return true;
}

static bool parse_unsigned(const char *text, unsigned min, unsigned max, unsigned *out)
{
    uint64_t number;
    if (!parse_number(text, min, max, &number))
        return false;
    *out = (unsigned)number;
    return true;
}

static bool parse_workers(struct options *o, const char *value)
{
    if (strcmp(value, "auto") == 0) {
        o->workers = 0;
        return true;
    }
    return parse_unsigned(value, 1, OPTIONS_WORKERS_MAX, &o->workers);
}

/* The last letter may scale: K, M or G, of either case. */
static bool parse_stack_size(struct options *o, const char *value)
{
    static const char letters[] = "KMGkmg";
    char digits[24];
    size_t length = strlen(value);
    unsigned shift = 0;

    if (length == 0 || length >= sizeof digits)
        return false;
    memcpy(digits, value, length + 1);
    const char *letter = strchr(letters, digits[length - 1]);
    if (letter) {
        shift = 10 * (unsigned)((letter - letters) % 3 + 1);
        digits[length - 1] = '\0';
    }
    uint64_t number;
    if (!parse_number(digits, 1, STACK_SIZE_MAX >> shift, &number))
        return false;
    size_t size_bytes = (size_t)number << shift;
    if (size_bytes < (size_t)PTHREAD_STACK_MIN)
        return false;
    o->stack_size_bytes = size_bytes;
    return true;
}

static bool word_is(const char *word, size_t length, const char *text)
{
    return strlen(text) == length && memcmp(word, text, length) == 0;
}

/* No bits: "none", or no family. */
static uint32_t family_bits(const char *word, size_t length)
{
    if (word_is(word, length, "all"))
        return FAMILY_ALL;
    for (unsigned i = 0; i < FAMILY_COUNT; i++)
        if (word_is(word, length, family_names[i]))
            return 1u << i;
    return 0;
}

/* One word of --patch. A family without '-' that is the first word about families means "only this one". */
static bool patch_word(struct options *o, const char *word, size_t length, bool *is_first)
{
    if (word_is(word, length, "no-deep")) {
        o->patch_deep = false;
        return true;
    }
    bool removes = *word == '-';
    uint32_t bits = family_bits(word + removes, length - removes);
    if (removes)
        o->patch_families &= ~bits;
    else
        o->patch_families = (*is_first ? 0 : o->patch_families) | bits;
    *is_first = false;
    return bits != 0 || word_is(word, length, "none");
}

static bool parse_patch(struct options *o, const char *value)
{
    bool is_first = true;
    o->patch_families = FAMILY_ALL;
    o->patch_deep = true;
    for (;;) {
        size_t length = strcspn(value, ",");
        if (!patch_word(o, value, length, &is_first))
            return false;
        if (!value[length])
            return true;
        value += length + 1;
    }
}

static bool parse_exec(struct options *o, const char *value)
{
    o->exec_inherit = strcmp(value, "inherit") == 0;
    return o->exec_inherit || strcmp(value, "clear") == 0;
}

static bool parse_on_deadlock(struct options *o, const char *value)
{
    static const char *const words[] = {
        [DEADLOCK_REPORT] = "report", [DEADLOCK_ABORT] = "abort", [DEADLOCK_IGNORE] = "ignore"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(value, words[i]) == 0) {
            o->on_deadlock = (enum on_deadlock)i;
            return true;
        }
    return false;
}

static bool parse_offload(struct options *o, const char *value)
{
    return parse_unsigned(value, 1, OFFLOAD_MAX, &o->offload_threads);
}

static bool parse_preempt(struct options *o, const char *value)
{
    return parse_unsigned(value, 0, MS_MAX, &o->preempt_ms);
}

static bool parse_block_warn(struct options *o, const char *value)
{
    return parse_unsigned(value, 0, MS_MAX, &o->block_warn_ms);
}

static bool parse_schedule(struct options *o, const char *value)
{
    static const char random_word[] = "random";
    o->schedule_is_random = strncmp(value, random_word, sizeof random_word - 1) == 0;
    o->schedule_has_seed = false;
    if (!o->schedule_is_random)
        return strcmp(value, "fifo") == 0;
    value += sizeof random_word - 1;
    if (!*value)
        return true;
    o->schedule_has_seed = *value == ':' && parse_number(value + 1, 0, UINT64_MAX, &o->schedule_seed);
    return o->schedule_has_seed;
}

static bool parse_path(char path[PATH_MAX], const char *value)
{
    size_t length = strlen(value);
    if (length == 0 || length >= PATH_MAX)
        return false;
    memcpy(path, value, length + 1);
    return true;
}

static bool parse_stats(struct options *o, const char *value)
{
    return parse_path(o->stats_file, value);
}

static bool parse_trace(struct options *o, const char *value)
{
    return parse_path(o->trace_file, value);
}

static const char patch_allowed[] =
    "\"all\", \"none\", or words with commas between them: a family, a family with '-' before it, or \"no-deep\"; "
    "the families are"
#define FAMILY(name) " " #name
#include "runtime/families.h"
#undef FAMILY
    ;

#define MS_ALLOWED "a number of milliseconds from 0 (never) to " STRING(MS_MAX)

const struct option_row options_table[] = {
    {"workers", "GREENRUN_WORKERS", "N|auto", "kernel threads; auto: one for each CPU [1]",
     "a number from 1 to " STRING(OPTIONS_WORKERS_MAX) " or \"auto\"", AVAILABLE, parse_workers},
    {"stack-size", "GREENRUN_STACK_SIZE", "SIZE", "new threads' stack, as 256K [RLIMIT_STACK]",
     "a size in bytes, or with K, M or G behind it, from PTHREAD_STACK_MIN (16K) to 1024G", AVAILABLE,
     parse_stack_size},
    {"patch", "GREENRUN_PATCH", "LIST", "all, none, NAME,..., -NAME, no-deep [all]", patch_allowed, AVAILABLE,
     parse_patch},
    {"exec", "GREENRUN_EXEC", "inherit|clear", "programs that COMMAND executes [inherit]", "\"inherit\" or \"clear\"",
     AVAILABLE, parse_exec},
    {"on-deadlock", "GREENRUN_ON_DEADLOCK", "report|abort|ignore", "when every thread waits for ever [report]",
     "\"report\", \"abort\" or \"ignore\"", AVAILABLE, parse_on_deadlock},
    {"offload", "GREENRUN_OFFLOAD", "N", "most kernel threads for blocking calls [64]",
     "a number from 1 to " STRING(OFFLOAD_MAX), AVAILABLE, parse_offload},
    {"preempt", "GREENRUN_PREEMPT", "MS", "switch out who computes for MS [0: never]", MS_ALLOWED, UNAVAILABLE,
     parse_preempt},
    {"schedule", "GREENRUN_SCHEDULE", "fifo|random[:SEED]", "order of the runnable threads [fifo]",
     "\"fifo\", \"random\" or \"random:\" and a number", UNAVAILABLE, parse_schedule},
    {"block-warn", "GREENRUN_BLOCK_WARN", "MS", "warn of who holds a worker MS [0: never]", MS_ALLOWED, UNAVAILABLE,
     parse_block_warn},
    {"stats", "GREENRUN_STATS", "[FILE]", "write counters at exit [stderr]", "a path, or \"-\" for stderr", UNAVAILABLE,
     parse_stats},
    {"trace", "GREENRUN_TRACE", "FILE", "write every switch to FILE", "a path", UNAVAILABLE, parse_trace},
};

const size_t options_count = sizeof options_table / sizeof *options_table;

void options_default(struct options *o)
{
    memset(o, 0, sizeof *o);
    o->workers = 1;
    o->patch_families = FAMILY_ALL;
    o->patch_deep = true;
    o->exec_inherit = true;
    o->on_deadlock = DEADLOCK_REPORT;
    o->offload_threads = 64;
}

static const struct option_row *find_row(const char *name)
{
    for (const struct option_row *row = options_table; row < options_table + options_count; row++)
        if (strcmp(name, row->variable) == 0 || (strncmp(name, "--", 2) == 0 && strcmp(name + 2, row->name) == 0))
            return row;
    return NULL;
}

/* Names what there is, in the form that the user chose. */
static void say_no_such_option(const char *name, char *error, size_t error_size)
{
    bool is_variable = *name != '-';
    int length = snprintf(error, error_size, "%.100s: no such option; there are", name);
    for (size_t i = 0; i < options_count; i++)
        if (options_table[i].is_available && length >= 0 && (size_t)length < error_size)
            length += snprintf(error + length, error_size - (size_t)length, " %s%s", is_variable ? "" : "--",
                               is_variable ? options_table[i].variable : options_table[i].name);
}

int options_parse(struct options *o, const char *name, const char *value, char *error, size_t error_size)
{
    const struct option_row *row = find_row(name);
    if (!row)
        say_no_such_option(name, error, error_size);
    else if (!row->parse(o, value))
        snprintf(error, error_size, "%s=%.100s: not %s", name, value, row->allowed);
    else if (!row->is_available)
        snprintf(error, error_size, "%s=%.100s: not available in this version", name, value);
    else
        return 0;
    return -1;
}

/* One NAME=VALUE of the environment. */
static int parse_variable(struct options *o, const char *variable, char *error, size_t error_size)
{
    char name[64];
    size_t length = strcspn(variable, "=");
    snprintf(name, sizeof name, "%.*s", (int)length, variable);
    if (strcmp(name, OPTIONS_LIBRARY_VARIABLE) == 0)
        return 0;
    return options_parse(o, name, variable[length] ? variable + length + 1 : "", error, error_size);
}

int options_from_environment(struct options *o, char *const environment[], char *error, size_t error_size)
{
    options_default(o);
    for (; environment && *environment; environment++)
        if (strncmp(*environment, VARIABLE_PREFIX, sizeof VARIABLE_PREFIX - 1) == 0 &&
            parse_variable(o, *environment, error, error_size) != 0)
            return -1;
    return 0;
}
