"""COMMAND: found or not, able to be green or not, and its exit status."""
import os
import signal
import struct
import subprocess
import unittest

import case

NOBODY = 65534
IS_ROOT = os.geteuid() == 0


def elf_header(elf_class, machine):
    """The first 52 bytes of a little-endian program of another ABI; the rest is never reached."""
    return b"\x7fELF" + bytes([elf_class, 1, 1]) + bytes(9) + struct.pack("<HH", 2, machine) + bytes(200)


class Finding(case.Case):
    def with_path(self, *directories):
        return self.environment(PATH=":".join(directories))

    def test_not_found(self):
        self.refused(127, "no-such-command: not found along PATH", self.greenrun("no-such-command"))
        self.refused(127, "No such file", self.greenrun("./no-such-command"))
        self.refused(127, "No such file", self.greenrun(""))
        self.refused(127, "Not a directory", self.greenrun("/etc/passwd/x"))

    def test_not_executable(self):
        path = self.file("plain", "#!/bin/sh\n", mode=0o644)
        self.refused(126, [path, "Permission denied"], self.greenrun(path))
        self.refused(126, ["plain", "Permission denied"], self.greenrun("plain", env=self.with_path(self.scratch)))

    def test_directory(self):
        self.refused(126, "Is a directory", self.greenrun("/tmp"))

    def test_special_file(self):
        os.mkfifo(os.path.join(self.scratch, "fifo"), 0o755)
        self.refused(126, "Permission denied", self.greenrun(os.path.join(self.scratch, "fifo")))

    def test_search_goes_on_behind_what_is_not_executable(self):
        first, second = (os.path.join(self.scratch, name) for name in ("first", "second"))
        os.mkdir(first)
        os.mkdir(second)
        self.file("first/command", "#!/bin/sh\necho first\n", mode=0o644)
        self.file("second/command", "#!/bin/sh\necho second\n")
        done = self.greenrun("command", env=self.with_path("/nowhere", first, second))
        self.assertEqual((done.returncode, done.stdout), (0, "second\n"), done.stderr)

    def test_empty_element_of_path_is_the_current_directory(self):
        self.file("command", "#!/bin/sh\necho here\n")
        done = self.greenrun("command", env=self.with_path("/nowhere", ""), cwd=self.scratch)
        self.assertEqual((done.returncode, done.stdout), (0, "here\n"), done.stderr)

    def test_without_path_the_standard_one_is_searched(self):
        env = self.environment()
        del env["PATH"]
        self.assertEqual(self.greenrun("true", env=env).returncode, 0)

    def test_check_only_says_so(self):
        done = self.greenrun("--check", "true")
        self.assertEqual((done.returncode, done.stdout), (0, "/usr/bin/true: can be made green\n"), done.stderr)
        self.refused(127, "not found", self.greenrun("--check", "no-such-command"))


class NotGreen(case.Case):
    """What would run natively, because ld.so would not preload the library, is refused with the reason."""

    def test_static_program(self):
        self.refused(126, "statically linked", self.greenrun(self.compile("static", "-static")))
        self.refused(126, "statically linked", self.greenrun(self.compile("static-pie", "-static-pie")))

    def test_foreign_abi(self):
        path = self.file("program", elf_header(1, 3))
        self.refused(126, ["another ABI", "32-bit i386", "64-bit"], self.greenrun(path))
        path = self.file("program", elf_header(1, 62))
        self.refused(126, ["another ABI", "32-bit x86-64"], self.greenrun(path))
        path = self.file("program", elf_header(2, 183))
        self.refused(126, ["another ABI", "64-bit AArch64"], self.greenrun(path))

    def test_other_libc(self):
        path = self.compile("musl", "-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1")
        self.refused(126, ["/lib/ld-musl-x86_64.so.1", "not glibc's"], self.greenrun(path))

    def test_missing_loader(self):
        path = self.compile("strange", "-Wl,--dynamic-linker=/nowhere/ld-linux-x86-64.so.2")
        self.refused(126, ["/nowhere/ld-linux-x86-64.so.2", "No such file"], self.greenrun(path))

    def test_damaged_elf(self):
        with open("/bin/true", "rb") as file:
            path = self.file("cut", file.read(100))
        self.refused(126, "damaged", self.greenrun(path))

    def test_neither_elf_nor_script(self):
        for content in (b"", b"echo hello\n", b"#", b"#!", b"#! \n/bin/sh", b"\x7fEL"):
            self.refused(126, "neither an ELF program nor a #! script", self.greenrun(self.file("data", content)))

    def test_script_is_judged_by_its_interpreter(self):
        static = self.compile("static", "-static")
        self.refused(126, [static, "statically linked"], self.greenrun(self.file("script", f"#!{static}\n")))
        self.refused(126, ["/nowhere/sh", "No such file"], self.greenrun(self.file("script", "#! /nowhere/sh -e\n")))

    def test_interpreter_must_be_executable(self):
        inner = self.file("inner", "#!/bin/sh\n", mode=0o644)
        self.refused(126, [inner, "Permission denied"], self.greenrun(self.file("outer", f"#!{inner}\n")))

    def test_interpreter_may_be_a_script(self):
        inner = self.file("inner", "#!/bin/sh\necho inner $# \n")
        done = self.greenrun(self.file("outer", f"#!{inner} word\n"), "argument")
        self.assertEqual((done.returncode, done.stdout), (0, "inner 3\n"), done.stderr)

    def test_script_that_interprets_itself(self):
        path = os.path.join(self.scratch, "loop")
        self.refused(126, "Too many levels", self.greenrun(self.file("loop", f"#!{path}\n")))

    @unittest.skipUnless(IS_ROOT, "only root gives files away")
    def test_setuid_and_setgid(self):
        for owner, group, mode, word in ((NOBODY, 0, 0o4755, "setuid"), (0, NOBODY, 0o2755, "setgid")):
            path = self.copy("/bin/true", word)
            os.chown(path, owner, group)
            os.chmod(path, mode)
            self.refused(126, word, self.greenrun(path))

    @unittest.skipUnless(IS_ROOT, "only root gives files away")
    def test_setuid_to_the_same_user_changes_nothing(self):
        self.assertEqual(self.greenrun(self.copy("/bin/true", "own", mode=0o6755)).returncode, 0)

    @unittest.skipUnless(IS_ROOT, "only root gives files away")
    def test_setuid_without_new_privileges_changes_nothing(self):
        path = self.copy("/bin/true", "setuid")
        os.chown(path, NOBODY, 0)
        os.chmod(path, 0o4755)
        self.assertEqual(self.run_program("setpriv", "--no-new-privs", self.binary, path).returncode, 0)

    @unittest.skipUnless(IS_ROOT, "only root gives files away")
    def test_setgid_without_group_execution_changes_nothing(self):
        path = self.copy("/bin/true", "locking")
        os.chown(path, 0, NOBODY)
        os.chmod(path, 0o2745)
        self.assertEqual(self.greenrun(path).returncode, 0)

    @unittest.skipUnless(IS_ROOT, "only root gives capabilities")
    def test_file_capabilities_of_who_is_not_root(self):
        greenrun, _ = self.copy(self.binary), self.copy(self.library)
        path = self.copy("/bin/true", "capable")
        # vfs_cap_data, revision 2, effective: CAP_NET_BIND_SERVICE
        os.setxattr(path, "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))
        as_nobody = ["setpriv", "--reuid", str(NOBODY), "--clear-groups"]
        self.refused(126, "file capabilities", self.run_program(*as_nobody, greenrun, path))
        self.assertEqual(self.greenrun(path).returncode, 0)

    @unittest.skipUnless(IS_ROOT, "root reads everything")
    def test_program_that_may_not_be_read(self):
        greenrun, _ = self.copy(self.binary), self.copy(self.library)
        path = self.copy("/bin/true", "unreadable", mode=0o711)
        done = self.run_program("setpriv", "--reuid", str(NOBODY), "--clear-groups", greenrun, path)
        self.refused(126, "cannot be read", done)


class Status(case.Case):
    def test_exit_status_is_that_of_command(self):
        for status in (0, 1, 3, 125, 126, 127, 255):
            self.assertEqual(self.greenrun("sh", "-c", f"exit {status}").returncode, status)

    def test_death_by_signal_is_that_of_command(self):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
            self.assertEqual(self.greenrun("sh", "-c", f"ulimit -c 0; kill -{int(number)} $$").returncode, -number)

    def test_signal_from_outside_reaches_command(self):
        child = subprocess.Popen([self.binary, "sh", "-c", "echo ready; exec sleep 600"], env=self.environment(),
                                 stdout=subprocess.PIPE, text=True)
        with child:
            child.stdout.readline()
            child.terminate()
            self.assertEqual(child.wait(), -signal.SIGTERM)

    def test_arguments_and_streams_pass_unchanged(self):
        words = ["", "a b", "*", "$HOME", "ä\n"]
        done = self.greenrun("printf", "<%s>", *words)
        self.assertEqual((done.stdout, done.stderr), ("".join(f"<{word}>" for word in words), ""))
        self.assertEqual(self.greenrun("cat", input="through\n").stdout, "through\n")

    def test_first_argument_is_the_name_as_given(self):
        source = "#include <stdio.h>\nint main(int argc, char **argv) { puts(argv[0]); return argc - 1; }\n"
        path = self.compile("say", source=source)
        self.assertEqual(self.greenrun("say", env=self.environment(PATH=self.scratch)).stdout, "say\n")
        self.assertEqual(self.greenrun(path).stdout, path + "\n")
