/* greenrun [OPTION…] [--] COMMAND [ARG…]: executes COMMAND with libmonkey.so preloaded.
 *
 * It finds the library beside itself, makes sure that ld.so would load it into COMMAND (command.h), puts each option into its
 * environment variable (runtime/options.h) and becomes COMMAND, whose exit status is thus the caller's. What goes
 * wrong before that ends with 125, 126 or 127 (greenrun.h); nothing ever runs natively because something was missing. */
#include "tools/greenrun.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/options.h"
#include "tools/command.h"

#define LIBRARY_NAME "libmonkey.so"

/* Values of getopt_long: greenrun's own options, then the rows of options_table from OPTION_ROW on. */
enum own_option { OPTION_CHECK = 256, OPTION_LIST_HOOKS, OPTION_VERSION, OPTION_HELP, OPTION_ROW };

static const struct option own_options[] = {
    {"list-hooks", no_argument, NULL, OPTION_LIST_HOOKS},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
};

#define OWN_COUNT (sizeof own_options / sizeof *own_options)

int refuse(enum exit_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("greenrun: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return status;
}

static _Noreturn void die(const char *what)
{
    exit(refuse(EXIT_OURS, "%s: %s", what, strerror(errno)));
}

static void print_help(void)
{
    printf("Usage: greenrun [OPTION...] [--] COMMAND [ARG...]\n"
           "Run COMMAND with its threads as green threads. Exits as COMMAND does, or with\n"
           "125: greenrun failed, 126: COMMAND cannot be made green, 127: it is not found.\n\n");
    for (size_t i = 0; i < options_count; i++) {
        const struct option_row *row = &options_table[i];
        char left[40];
        bool is_optional = row->argument[0] == '[';
        snprintf(left, sizeof left, "--%s%s%s", row->name, is_optional ? "" : "=", row->argument);
        if (row->is_available)
            printf("  %-34s %s\n", left, row->help);
    }
    printf("  %-34s %s\n", "--check", "only say whether COMMAND can be made green");
    printf("  %-34s %s\n", "--list-hooks", "the libc calls that are taken over");
    printf("  %-34s %s\n", "--version, --help", "print these and exit");
    printf("\nEach --NAME=VALUE is GREENRUN_NAME=VALUE in the environment, which also works\n"
           "with LD_PRELOAD=" LIBRARY_NAME " alone; %s is the library's path.\n",
           OPTIONS_LIBRARY_VARIABLE);
}

static void print_hooks(void)
{
#define HOOK(family, name, version, kind) printf("%-8s %-4s %s@%s\n", #family, #kind, #name, version);
#define NATIVE(name, reason) printf("%-8s %-4s %s: %s\n", "-", "-", #name, reason);
#include "preload/table.h"
#undef HOOK
#undef NATIVE
}

/* Ends greenrun after something was printed; a full disk is a failure too. */
static _Noreturn void finish_output(void)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        die("standard output");
    exit(EXIT_SUCCESS);
}

static _Noreturn void inform(int option)
{
    if (option == OPTION_HELP)
        print_help();
    else if (option == OPTION_LIST_HOOKS)
        print_hooks();
    else
        puts("greenrun (libmonkey) " VERSION);
    finish_output();
}

/* own_options and one for each row of options_table, as getopt_long wants them. */
static struct option *long_options(void)
{
    struct option *list = calloc(OWN_COUNT + options_count + 1, sizeof *list);
    if (!list)
        die("options");
    memcpy(list, own_options, sizeof own_options);
    for (size_t i = 0; i < options_count; i++) {
        const struct option_row *row = &options_table[i];
        int argument = row->argument[0] == '[' ? optional_argument : required_argument;
        list[OWN_COUNT + i] = (struct option){row->name, argument, NULL, OPTION_ROW + (int)i};
    }
    return list;
}

/* getopt_long returned '?' or ':'; optopt is the value of a known name, a letter for a short option, else 0. */
static int refuse_option(struct options *o, int result, const char *word)
{
    char name[64], error[OPTIONS_ERROR_MAX];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    if (result == ':')
        return refuse(EXIT_OURS, "%s: needs a value: %s", name, options_table[optopt - OPTION_ROW].allowed);
    if (optopt >= OPTION_CHECK)
        return refuse(EXIT_OURS, "%s: takes no value", name);
    if (optopt)
        snprintf(name, sizeof name, "-%c", optopt);
    options_parse(o, name, "", error, sizeof error);
    return refuse(EXIT_OURS, "%s", error);
}

/* Checks one option and puts it into its environment variable. */
static int set_row(struct options *o, const struct option_row *row, const char *value)
{
    char name[64], error[OPTIONS_ERROR_MAX];
    snprintf(name, sizeof name, "--%s", row->name);
    if (!value)
        value = "-"; /* --stats without a file */
    if (options_parse(o, name, value, error, sizeof error) != 0)
        return refuse(EXIT_OURS, "%s", error);
    if (setenv(row->variable, value, 1) != 0)
        die(row->variable);
    return 0;
}

/* Up to COMMAND, which optind then names. */
static int read_options(int argc, char **argv, bool *only_check)
{
    struct options o;
    struct option *list = long_options();
    char error[OPTIONS_ERROR_MAX];
    int result, status = 0;

    opterr = 0;
    options_default(&o);
    while (status == 0 && (result = getopt_long(argc, argv, "+:", list, NULL)) != -1) {
        if (result >= OPTION_ROW)
            status = set_row(&o, &options_table[result - OPTION_ROW], optarg);
        else if (result == OPTION_CHECK)
            *only_check = true;
        else if (result >= OPTION_LIST_HOOKS)
            inform(result);
        else
            status = refuse_option(&o, result, argv[optind - 1]);
    }
    free(list);
    if (status == 0 && options_from_environment(&o, environ, error, sizeof error) != 0)
        status = refuse(EXIT_OURS, "%s", error);
    return status;
}

/* ld.so would only warn, and go on without it, where the library cannot be mapped: a wrong path, a noexec mount. */
static bool can_be_loaded(const char *library)
{
    int fd = open(library, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    void *page = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    int mmap_errno = errno;
    if (page != MAP_FAILED)
        munmap(page, 1);
    close(fd);
    errno = mmap_errno;
    return page != MAP_FAILED;
}

/* GREENRUN_LIBRARY, else beside greenrun (the build tree), else ../lib from there (where `make install` puts it). */
static int find_library(char library[PATH_MAX])
{
    char self_path[PATH_MAX], candidate[PATH_MAX + 32];
    const char *chosen = getenv(OPTIONS_LIBRARY_VARIABLE);
    if (chosen) {
        if (!realpath(chosen, library) || !can_be_loaded(library))
            return refuse(EXIT_OURS, "%s=%s: %s", OPTIONS_LIBRARY_VARIABLE, chosen, strerror(errno));
        return 0;
    }
    if (!realpath("/proc/self/exe", self_path))
        return refuse(EXIT_OURS, "/proc/self/exe: %s", strerror(errno));
    const char *directory = dirname(self_path);
    snprintf(candidate, sizeof candidate, "%s/" LIBRARY_NAME, directory);
    if (realpath(candidate, library) && can_be_loaded(library))
        return 0;
    snprintf(candidate, sizeof candidate, "%s/../lib/" LIBRARY_NAME, directory);
    if (realpath(candidate, library) && can_be_loaded(library))
        return 0;
    return refuse(EXIT_OURS, "%s: neither in %s nor in %s/../lib can it be loaded: %s; %s can say where it is",
                  LIBRARY_NAME, directory, directory, strerror(errno), OPTIONS_LIBRARY_VARIABLE);
}

/* Ours comes first, so that a library which interposes on the same calls (an allocator, a tracer) stays behind it. */
static int preload(const char *library)
{
    const char *others = getenv("LD_PRELOAD");
    char *list;
    /* ld.so(8): spaces and colons separate the list, and nothing escapes them. */
    if (strpbrk(library, " :"))
        return refuse(EXIT_OURS, "%s: LD_PRELOAD cannot name a path with a space or a colon", library);
    if (asprintf(&list, "%s%s%s", library, others && *others ? ":" : "", others ? others : "") < 0)
        die("LD_PRELOAD");
    if (setenv("LD_PRELOAD", list, 1) != 0)
        die("LD_PRELOAD");
    free(list);
    return 0;
}

int main(int argc, char **argv)
{
    char library[PATH_MAX], path[PATH_MAX];
    bool only_check = false;

    int status = read_options(argc, argv, &only_check);
    if (status == 0 && optind == argc)
        status = refuse(EXIT_OURS, "no COMMAND; greenrun --help says more");
    if (status == 0)
        status = find_library(library);
    if (status == 0)
        status = command_find(argv[optind], path);
    if (status == 0)
        status = command_check(path, library);
    if (status == 0 && only_check) {
        printf("%s: can be made green\n", path);
        finish_output();
    }
    if (status == 0)
        status = preload(library);
    if (status != 0)
        return status;
    execv(path, argv + optind);
    return refuse(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_GREEN, "%s: %s", path, strerror(errno));
}
