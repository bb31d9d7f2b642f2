"""The library: where greenrun looks for it, and how it gets into COMMAND."""
import os
import subprocess

import case

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Library(case.Case):
    def preload_list(self, **variables):
        """What LD_PRELOAD holds in COMMAND."""
        done = self.greenrun("sh", "-c", "echo $LD_PRELOAD", env=self.environment(**variables))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.rstrip("\n")

    def test_missing_library(self):
        self.binary = self.copy(self.binary, "bin/greenrun")
        self.refused(125, ["libmonkey.so", "No such file", "GREENRUN_LIBRARY"], self.greenrun("echo"))

    def test_variable_that_names_no_library(self):
        env = self.environment(GREENRUN_LIBRARY="/nowhere/libmonkey.so")
        self.refused(125, "GREENRUN_LIBRARY=/nowhere/libmonkey.so: No such file", self.greenrun("echo", env=env))
        env = self.environment(GREENRUN_LIBRARY=self.file("text.so", "no library"))
        self.refused(125, "not a library", self.greenrun("echo", env=env))

    def test_library_is_found_beside_greenrun(self):
        self.assertEqual(self.preload_list(), self.library)

    def test_library_is_found_through_a_link_to_greenrun(self):
        link = os.path.join(self.scratch, "link")
        os.symlink(self.binary, link)
        self.binary = link
        self.assertEqual(self.preload_list(), self.library)

    def test_variable_goes_before_the_usual_places(self):
        other = self.copy(self.library, "other.so")
        self.assertEqual(self.preload_list(GREENRUN_LIBRARY=other), other)

    def test_relative_name_becomes_absolute(self):
        other = self.copy(self.library, "other.so")
        done = self.greenrun("sh", "-c", "cd / && /bin/echo $LD_PRELOAD", cwd=self.scratch,
                             env=self.environment(GREENRUN_LIBRARY="other.so"))
        self.assertEqual((done.stdout, done.stderr), (other + "\n", ""))

    def test_path_that_ld_so_would_split(self):
        for name in ("with space/other.so", "with:colon/other.so"):
            env = self.environment(GREENRUN_LIBRARY=self.copy(self.library, name))
            self.refused(125, "space or a colon", self.greenrun("echo", env=env))

    def test_other_preloaded_libraries_stay_behind_ours(self):
        other = self.compile("other.so", "-shared", "-fPIC", source="int other;\n")
        self.assertEqual(self.preload_list(LD_PRELOAD=other), f"{self.library}:{other}")

    def test_library_is_mapped_in_command(self):
        done = self.greenrun("cat", "/proc/self/maps")
        self.assertIn(self.library, done.stdout)
        self.assertEqual(done.stderr, "")


class Inheritance(case.Case):
    """What programs that COMMAND executes get: --exec."""

    def environment_below(self, *options, **variables):
        done = self.greenrun(*options, "sh", "-c", "exec env", env=self.environment(**variables))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return {line for line in done.stdout.splitlines() if line.startswith(("GREENRUN_", "LD_PRELOAD="))}

    def test_inherit_passes_library_and_options_on(self):
        self.assertEqual(self.environment_below("--workers=2", "--exec=inherit"),
                         {"GREENRUN_WORKERS=2", "GREENRUN_EXEC=inherit", f"LD_PRELOAD={self.library}"})

    def test_clear_passes_nothing_on(self):
        self.assertEqual(self.environment_below("--workers=2", "--exec=clear"), set())

    def test_clear_leaves_what_others_preload(self):
        first, last = (self.compile(name, "-shared", "-fPIC", source="") for name in ("first.so", "notlibmonkey.so"))
        self.assertEqual(self.environment_below("--exec=clear", LD_PRELOAD=f"{first} {self.library}:{last}"),
                         {f"LD_PRELOAD={first}:{last}"})


class Installation(case.Case):
    def make(self, target):
        build = os.path.relpath(case.BUILD, TOP)
        subprocess.run(["make", "-s", "-C", TOP, target, f"B={build}", f"DESTDIR={self.scratch}", "PREFIX=/opt/monkey"],
                       check=True, stdout=subprocess.DEVNULL, env=self.environment(MAKEFLAGS=""))

    def files(self):
        return sorted(os.path.relpath(os.path.join(folder, name), self.scratch)
                      for folder, _, names in os.walk(self.scratch) for name in names)

    def test_installed_greenrun_finds_the_installed_library(self):
        self.make("install")
        prefix = os.path.join(self.scratch, "opt/monkey")
        self.binary = os.path.join(prefix, "bin/greenrun")
        done = self.greenrun("sh", "-c", "echo $LD_PRELOAD")
        self.assertEqual((done.stdout, done.stderr), (os.path.join(prefix, "lib/libmonkey.so") + "\n", ""))

    def test_pkg_config_file_names_the_prefix(self):
        self.make("install")
        with open(os.path.join(self.scratch, "opt/monkey/lib/pkgconfig/monkey.pc")) as file:
            text = file.read()
        self.assertIn("prefix=/opt/monkey\n", text)
        self.assertNotIn("@", text)

    def test_uninstall_leaves_no_file(self):
        self.make("install")
        self.assertNotEqual(self.files(), [])
        self.make("uninstall")
        self.assertEqual(self.files(), [])
