/* The table of options: what each value is read as, and what is said about a bad one. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "runtime/options.h"

static struct options o;
static char error[OPTIONS_ERROR_MAX];

static int parse(const char *name, const char *value)
{
    options_default(&o);
    return options_parse(&o, name, value, error, sizeof error);
}

static void refused(const char *name, const char *const values[])
{
    for (; *values; values++)
        cr_expect_eq(parse(name, *values), -1, "%s=%s", name, *values);
}

#define REFUSED(name, ...) refused(name, (const char *const[]){__VA_ARGS__, NULL})

/* The families that --patch=value selects. */
static uint32_t families(const char *value)
{
    cr_assert_eq(parse("--patch", value), 0, "%s", error);
    return o.patch_families;
}

enum family {
#define FAMILY(name) FAMILY_##name,
#include "runtime/families.h"
#undef FAMILY
    FAMILY_COUNT
};

#define BIT(name) (1u << FAMILY_##name)
#define ALL ((1u << FAMILY_COUNT) - 1)

Test(options, default_is_one_worker_with_everything_patched)
{
    options_default(&o);
    cr_expect_eq(o.workers, 1);
    cr_expect_eq(o.stack_size_bytes, 0);
    cr_expect_eq(o.patch_families, ALL);
    cr_expect(o.patch_deep);
    cr_expect(o.exec_inherit);
    cr_expect_eq(o.on_deadlock, DEADLOCK_REPORT);
}

Test(options, workers_is_a_number_or_auto)
{
    cr_expect_eq(parse("--workers", "64"), 0);
    cr_expect_eq(o.workers, 64);
    cr_expect_eq(parse("--workers", "auto"), 0);
    cr_expect_eq(o.workers, 0);
    REFUSED("--workers", "", "0", "65", "-1", "+1", " 1", "1 ", "1x", "abc", "auto2", "0x2", "18446744073709551617");
}

Test(options, stack_size_takes_suffixes)
{
    cr_expect_eq(parse("--stack-size", "65536"), 0);
    cr_expect_eq(o.stack_size_bytes, 65536);
    cr_expect_eq(parse("--stack-size", "64K"), 0);
    cr_expect_eq(o.stack_size_bytes, 64 << 10);
    cr_expect_eq(parse("--stack-size", "8m"), 0);
    cr_expect_eq(o.stack_size_bytes, 8 << 20);
    cr_expect_eq(parse("--stack-size", "1024G"), 0);
    cr_expect_eq(o.stack_size_bytes, (size_t)1 << 40);
    REFUSED("--stack-size", "", "K", "0", "16383", "15K", "1025G", "99999999999999999999G", "8MB", "8 M", "-8M",
            "1.5M");
}

Test(options, stack_size_minimum_is_that_of_pthreads)
{
    char value[32];
    snprintf(value, sizeof value, "%ld", (long)PTHREAD_STACK_MIN);
    cr_expect_eq(parse("--stack-size", value), 0);
    snprintf(value, sizeof value, "%ld", (long)PTHREAD_STACK_MIN - 1);
    cr_expect_eq(parse("--stack-size", value), -1);
}

Test(options, patch_begins_with_none_when_families_are_named)
{
    cr_expect_eq(families("all"), ALL);
    cr_expect_eq(families("none"), 0);
    cr_expect_eq(families("socket"), BIT(socket));
    cr_expect_eq(families("socket,poll"), BIT(socket) | BIT(poll));
    cr_expect_eq(families("no-deep,socket"), BIT(socket));
}

Test(options, patch_begins_with_all_when_families_are_taken_away)
{
    cr_expect_eq(families("-dns"), ALL & ~BIT(dns));
    cr_expect_eq(families("-dns,-signal"), ALL & ~BIT(dns) & ~BIT(signal));
    cr_expect_eq(families("all,-dns"), ALL & ~BIT(dns));
    cr_expect_eq(families("socket,dns,-dns"), BIT(socket));
}

Test(options, patch_no_deep_leaves_the_families)
{
    cr_expect_eq(families("no-deep"), ALL);
    cr_expect_not(o.patch_deep);
    cr_expect_eq(families("all"), ALL);
    cr_expect(o.patch_deep);
}

Test(options, patch_refuses_what_is_no_family)
{
    REFUSED("--patch", "", ",", "socket,", ",socket", "sockets", "sock", "-", "--socket", "-none", "deep", "Socket");
}

Test(options, exec_and_on_deadlock_are_words)
{
    cr_expect_eq(parse("--exec", "clear"), 0);
    cr_expect_not(o.exec_inherit);
    cr_expect_eq(parse("--on-deadlock", "abort"), 0);
    cr_expect_eq(o.on_deadlock, DEADLOCK_ABORT);
    cr_expect_eq(parse("--on-deadlock", "ignore"), 0);
    cr_expect_eq(o.on_deadlock, DEADLOCK_IGNORE);
    REFUSED("--exec", "", "inherited", "INHERIT", "1");
    REFUSED("--on-deadlock", "", "reports", "die");
}

Test(options, message_names_option_value_and_what_is_allowed)
{
    cr_expect_eq(parse("GREENRUN_WORKERS", "abc"), -1);
    cr_expect_str_eq(error, "GREENRUN_WORKERS=abc: not a number from 1 to 64 or \"auto\"");
    cr_expect_eq(parse("--workers", "abc"), -1);
    cr_expect_str_eq(error, "--workers=abc: not a number from 1 to 64 or \"auto\"");
}

Test(options, every_message_fits)
{
    char value[5000];
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (size_t i = 0; i < options_count; i++) {
        cr_expect_eq(parse(options_table[i].variable, value), -1);
        cr_expect_lt(strlen(error), sizeof error - 1, "%s", error);
    }
    cr_expect_eq(parse(value, ""), -1);
    cr_expect_lt(strlen(error), sizeof error - 1, "%s", error);
}

Test(options, unknown_name_is_refused_and_the_others_are_named)
{
    cr_expect_eq(parse("--worker", "1"), -1);
    cr_expect(strstr(error, "--worker: no such option") && strstr(error, " --workers"), "%s", error);
    cr_expect_eq(parse("workers", "1"), -1);
    cr_expect_eq(parse("GREENRUN_WORKER", "1"), -1);
    cr_expect(strstr(error, " GREENRUN_WORKERS"), "%s", error);
}

Test(options, what_is_not_available_is_checked_and_refused)
{
    for (size_t i = 0; i < options_count; i++)
        if (!options_table[i].is_available) {
            cr_expect_eq(parse(options_table[i].variable, ""), -1);
            cr_expect(strstr(error, ": not "), "%s", error);
        }
    cr_expect_eq(parse("--preempt", "10"), -1);
    cr_expect_str_eq(error, "--preempt=10: not available in this version");
}

Test(options, environment_sets_what_it_names)
{
    char *environment[] = {"PATH=/bin", "GREENRUN_WORKERS=2", "GREENRUN_STACK_SIZE=64K", "GREENRUN_LIBRARY=/x", NULL};
    cr_assert_eq(options_from_environment(&o, environment, error, sizeof error), 0);
    cr_expect_eq(o.workers, 2);
    cr_expect_eq(o.stack_size_bytes, 64 << 10);
    cr_expect(o.exec_inherit);
}

Test(options, environment_names_the_bad_variable)
{
    char *environment[] = {"GREENRUN_EXEC=clear", "GREENRUN_WORKERS=", NULL};
    cr_expect_eq(options_from_environment(&o, environment, error, sizeof error), -1);
    cr_expect_str_eq(error, "GREENRUN_WORKERS=: not a number from 1 to 64 or \"auto\"");
}

Test(options, environment_refuses_a_misspelt_variable)
{
    char *environment[] = {"GREENRUN_WORKRES=2", NULL};
    cr_expect_eq(options_from_environment(&o, environment, error, sizeof error), -1);
    cr_expect(strstr(error, "GREENRUN_WORKRES: no such option"), "%s", error);
}

Test(options, environment_may_be_missing)
{
    cr_expect_eq(options_from_environment(&o, NULL, error, sizeof error), 0);
    cr_expect_eq(o.workers, 1);
}
