"""Options and environment variables: what is accepted, what is refused, and where COMMAND begins."""
import os
import re
import subprocess

import case


class Options(case.Case):
    def test_unknown_option_is_named_with_those_that_exist(self):
        self.refused(125, ["--worker-count: no such option", "--workers"], self.greenrun("--worker-count=2", "echo"))
        self.refused(125, "-x: no such option", self.greenrun("-xy", "echo"))

    def test_bad_value_is_named_with_what_is_allowed(self):
        self.refused(125, '--workers=abc: not a number from 1 to 64 or "auto"', self.greenrun("--workers=abc", "echo"))
        self.refused(125, "--workers=0: not", self.greenrun("--workers", "0", "echo"))
        self.refused(125, "--stack-size=1K: not a size", self.greenrun("--stack-size=1K", "echo"))
        self.refused(125, ["--patch=foo: not", "socket"], self.greenrun("--patch=foo", "echo"))
        self.refused(125, ["--exec=no: not", "inherit", "clear"], self.greenrun("--exec=no", "echo"))
        self.refused(125, ["--on-deadlock=x: not", "report"], self.greenrun("--on-deadlock=x", "echo"))

    def test_option_without_its_value(self):
        self.refused(125, "--workers: needs a value: a number", self.greenrun("--workers"))

    def test_value_for_an_option_that_takes_none(self):
        self.refused(125, "--check: takes no value", self.greenrun("--check=yes", "echo"))

    def test_option_of_a_later_version_is_not_ignored(self):
        self.refused(125, "--preempt=10: not available", self.greenrun("--preempt=10", "echo"))

    def test_no_command(self):
        self.refused(125, "no COMMAND", self.greenrun())
        self.refused(125, "no COMMAND", self.greenrun("--workers=2", "--"))

    def test_bad_variable_is_refused_before_command_runs(self):
        env = self.environment(GREENRUN_WORKERS="abc")
        self.refused(125, 'GREENRUN_WORKERS=abc: not a number from 1 to 64 or "auto"', self.greenrun("echo", env=env))

    def test_misspelt_variable_is_refused(self):
        self.refused(125, "GREENRUN_WORKER: no such option",
                     self.greenrun("echo", env=self.environment(GREENRUN_WORKER="2")))

    def test_option_overrides_its_variable(self):
        done = self.greenrun("--workers=2", "sh", "-c", "echo $GREENRUN_WORKERS",
                             env=self.environment(GREENRUN_WORKERS="abc"))
        self.assertEqual((done.returncode, done.stdout), (0, "2\n"), done.stderr)

    def test_each_option_becomes_its_variable(self):
        done = self.greenrun("--workers", "2", "--stack-size=64K", "--patch=-dns", "--exec=inherit",
                             "--on-deadlock=ignore", "--offload=3", "env")
        wanted = {"GREENRUN_WORKERS=2", "GREENRUN_STACK_SIZE=64K", "GREENRUN_PATCH=-dns", "GREENRUN_EXEC=inherit",
                  "GREENRUN_ON_DEADLOCK=ignore", "GREENRUN_OFFLOAD=3"}
        self.assertEqual({line for line in done.stdout.splitlines() if line.startswith("GREENRUN_")}, wanted, done.stderr)

    def test_options_end_at_command(self):
        done = self.greenrun("echo", "--workers=abc", "--", "-n")
        self.assertEqual((done.returncode, done.stdout), (0, "--workers=abc -- -n\n"), done.stderr)

    def test_options_end_at_two_dashes(self):
        command = self.file("--help", "#!/bin/sh\necho ran\n")
        done = self.greenrun("--workers=1", "--", os.path.basename(command), env=self.environment(PATH=self.scratch))
        self.assertEqual((done.returncode, done.stdout), (0, "ran\n"), done.stderr)


class Information(case.Case):
    def test_help_fits_a_screen(self):
        done = self.greenrun("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        self.assertLessEqual(len(lines), 24)
        self.assertLessEqual(max(map(len, lines)), 80)

    def test_help_names_every_option(self):
        text = self.greenrun("--help").stdout
        for option in ("workers", "stack-size", "patch", "exec", "on-deadlock", "offload", "check", "list-hooks",
                       "version", "help"):
            self.assertIn("--" + option, text)

    def test_version(self):
        done = self.greenrun("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"\Agreenrun \(libmonkey\) \d+\.\d+\.\d+\n\Z")

    def test_list_hooks_is_the_list_of_what_the_library_exports(self):
        listed = set(re.findall(r"^\w+ +[A-Z]+ +(\w+)@", self.greenrun("--list-hooks").stdout, re.M))
        symbols = subprocess.run(["nm", "-D", "--defined-only", self.library], stdout=subprocess.PIPE, text=True, check=True)
        exported = {line.split()[2].split("@")[0] for line in symbols.stdout.splitlines()}
        self.assertGreater(len(listed), 0)
        self.assertEqual(listed, {name for name in exported if not name.startswith("green_")})

    def test_full_disk_is_a_failure(self):
        with open("/dev/full", "w") as full:
            status = subprocess.run([self.binary, "--help"], env=self.environment(), stdout=full, stderr=subprocess.DEVNULL)
        self.assertEqual(status.returncode, 125)


class BareLibrary(case.Case):
    """LD_PRELOAD without greenrun: the same rules, the same words."""

    def preloaded(self, *command, **variables):
        return self.run_program(*command, env=self.environment(LD_PRELOAD=self.library, **variables))

    def test_bad_variable_ends_the_program_before_main(self):
        self.refused(125, 'GREENRUN_WORKERS=abc: not a number from 1 to 64 or "auto"',
                     self.preloaded("/bin/echo", "main ran", GREENRUN_WORKERS="abc"))
        self.refused(125, "GREENRUN_STACK_SIZE=1: not", self.preloaded("/bin/echo", "main ran", GREENRUN_STACK_SIZE="1"))

    def test_misspelt_variable_ends_the_program_before_main(self):
        self.refused(125, "GREENRUN_WORKER: no such option", self.preloaded("/bin/echo", "main ran", GREENRUN_WORKER="2"))

    def test_option_of_a_later_version_is_not_ignored(self):
        self.refused(125, "GREENRUN_TRACE=x: not available", self.preloaded("/bin/echo", "main ran", GREENRUN_TRACE="x"))

    def test_good_variables_run_the_program(self):
        done = self.preloaded("/bin/echo", "main ran", GREENRUN_WORKERS="2", GREENRUN_STACK_SIZE="64K")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "main ran\n", ""))

    def test_library_may_be_named_for_greenrun_alone(self):
        done = self.preloaded("/bin/echo", "main ran", GREENRUN_LIBRARY=os.path.join(self.scratch, "other.so"))
        self.assertEqual((done.returncode, done.stdout), (0, "main ran\n"), done.stderr)
