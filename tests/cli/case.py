"""What the tests share: a clean environment, a scratch directory, and the way to run greenrun in them."""
import os
import shutil
import subprocess
import tempfile
import unittest

BUILD = None  # set by run


class Case(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="greenrun-cli-")
        self.addCleanup(shutil.rmtree, self.scratch)
        os.chmod(self.scratch, 0o755)
        self.binary = os.path.join(BUILD, "greenrun")
        self.library = os.path.join(BUILD, "libmonkey.so")

    def environment(self, **variables):
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith("GREENRUN_") and name != "LD_PRELOAD"}
        return {**kept, **variables}

    def run_program(self, *command, **options):
        env = options.pop("env", None) or self.environment()
        return subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def greenrun(self, *arguments, **options):
        return self.run_program(self.binary, *arguments, **options)

    def refused(self, status, words, done):
        """greenrun said why in one line and ran nothing."""
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertRegex(done.stderr, r"\Agreenrun: [^\n]*\n\Z")
        for word in [words] if isinstance(words, str) else words:
            self.assertIn(word, done.stderr)

    def file(self, name, content, mode=0o755):
        path = os.path.join(self.scratch, name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, mode)
        return path

    def copy(self, path, name=None, mode=0o755):
        there = os.path.join(self.scratch, name or os.path.basename(path))
        os.makedirs(os.path.dirname(there), exist_ok=True)
        shutil.copyfile(path, there)
        os.chmod(there, mode)
        return there

    def compile(self, name, *flags, source="int main(void) { return 0; }\n"):
        path = os.path.join(self.scratch, name)
        subprocess.run(["gcc", "-x", "c", "-", "-o", path, *flags], input=source, text=True, check=True)
        return path
