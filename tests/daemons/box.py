"""A temp directory, free ports and the processes of one check; all of it is gone when the box closes.

The daemon runs in its own session, so whatever it forks is found again by session id and ended by pid, also
after a failure. We are a subreaper: orphans of a daemon become our children instead of init's.
"""
import ctypes
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import procfs

HOST = '127.0.0.1'
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LIBC = ctypes.CDLL(None)
HERE = os.path.dirname(os.path.abspath(__file__))


class Failure(Exception):
    """The daemon did something else than what the check wants; the text says what."""


def become_subreaper():
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def wait_until(what, condition, seconds=10.0):
    """Poll until CONDITION returns something true and return that; its last value goes into the failure."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f'not within {seconds:g} s: {what() if callable(what) else what}')
        time.sleep(0.01)


class Process:
    """A started daemon or helper: PID, output file, and the ways to end it."""

    def __init__(self, argv, directory, log, nofile=None, environment=None):
        def in_child():
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            # A shell without job control starts what it puts in the background with these ignored, and that is inherited.
            for number in (signal.SIGINT, signal.SIGQUIT):
                signal.signal(number, signal.SIG_DFL)
            if nofile:
                resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))

        env = {k: v for k, v in os.environ.items() if k != 'LD_PRELOAD' and not k.startswith('GREENRUN_')}
        env.update(LC_ALL='C.UTF-8', PATH='/usr/sbin:/usr/bin:/sbin:/bin', **(environment or {}))
        self.log = os.path.join(directory, log)
        with open(self.log, 'ab') as out:
            self.child = subprocess.Popen(argv, cwd=directory, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          start_new_session=True, preexec_fn=in_child, env=env)
        self.pid = self.child.pid

    def is_alive(self):
        return self.child.poll() is None

    def stop(self, signum, limit=10.0):
        """Send SIGNUM and return (status as subprocess gives it, seconds until the end)."""
        if not self.is_alive():
            raise Failure(f'was dead before signal {signum}, status {self.child.returncode}')
        start = time.monotonic()
        os.kill(self.pid, signum)
        try:
            code = self.child.wait(limit)
        except subprocess.TimeoutExpired:
            raise Failure(f'still running {limit:g} s after {signal.Signals(signum).name}') from None
        return code, time.monotonic() - start

    def destroy(self):
        """End the whole session by pid. Returns the pids that were still there."""
        left = procfs.session_members(self.pid)
        for _ in range(50):
            members = procfs.session_members(self.pid)
            for pid in members:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            self.child.poll()
            reap_orphans()
            if not members:
                break
            time.sleep(0.02)
        return left


def reap_orphans():
    """Collect zombies that came to us as subreaper. Popen's own child was polled before: its status is safe."""
    for entry in procfs.listing('/proc'):
        if entry.isdigit():
            fields = procfs.stat(int(entry))
            if fields and fields[0] == 'Z' and int(fields[1]) == os.getpid():
                try:
                    os.waitpid(int(entry), os.WNOHANG)
                except ChildProcessError:
                    pass


class Box:
    """Use as a context manager. PREFIX is the command put before the daemon ([] or greenrun with options)."""

    def __init__(self, name, prefix=(), nofile=None):
        self.prefix, self.nofile = list(prefix), nofile
        self.dir = tempfile.mkdtemp(prefix=f'green-{name}-')
        os.chmod(self.dir, 0o755)      # daemons that drop root must still reach their files
        self.processes, self.taken = [], set()
        self.daemon = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.destroy()
        shutil.rmtree(self.dir, ignore_errors=True)

    def port(self):
        """A free port below the ephemeral range, so that no client's own end takes it before the daemon does."""
        while True:
            number = random.randrange(12000, 32000)
            with socket.socket() as probe:
                try:
                    probe.bind((HOST, number))
                except OSError:
                    continue
            if number not in self.taken:
                self.taken.add(number)
                return number

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, content):
        with open(self.path(name), 'wb') as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return self.path(name)

    def start_helper(self, argv, port):
        helper = Process(argv, self.dir, 'helper.log')
        self.processes.append(helper)
        self.wait_port(helper, port)
        return helper

    def start_backend(self):
        """Our native backend: returns (HTTP port, echo port)."""
        http, echo = self.port(), self.port()
        self.start_helper([sys.executable, os.path.join(HERE, 'backend.py'), str(http), str(echo)], echo)
        return http, echo

    def start_daemon(self, argv, port, **environment):
        self.daemon = Process(self.prefix + argv, self.dir, 'daemon.log', self.nofile, environment)
        self.processes.append(self.daemon)
        self.wait_port(self.daemon, port)
        return self.daemon

    def wait_port(self, process, port):
        def is_open():
            if not process.is_alive():
                tail = procfs.read(process.log)[-2000:]
                raise Failure(f'ended with status {process.child.returncode} before port {port} was open\n{tail}')
            try:
                socket.create_connection((HOST, port), 1).close()
                return True
            except OSError:
                return False
        wait_until(f'port {port} open', is_open)
