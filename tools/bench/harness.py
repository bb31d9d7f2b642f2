"""What the benchmark driver and the demonstration share: children that never outlive us, a server under load, tables.

Everything is run natively and under greenrun in turn, in one run on one machine: only ratios of such figures mean anything.
The server gets the first core, the load the second one.
"""
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
OUT = os.path.join(BUILD, "bench")
SERVER_CPU, LOAD_CPU = 0, 1


class Failure(Exception):
    """A run that gave no figure: what to tell the user."""


def build(*programs):
    """Brings the library and the named programs of this directory up to date."""
    targets = ["all"] + [f"build/bench/{name}" for name in programs]
    if subprocess.run(["make", "-s", "-C", ROOT, *targets]).returncode:
        raise Failure("the build failed")


def program(name):
    return os.path.join(OUT, name)


def green(command):
    return [os.path.join(BUILD, "greenrun"), "--", *command]


def end_on_sigterm():
    """SIGTERM ends us like Ctrl-C does: through the clean-up of every `with`."""
    def leave(number, _frame):
        raise SystemExit(128 + number)
    signal.signal(signal.SIGTERM, leave)


class Child:
    """A process on one core that is gone, and waited for, when its `with` block ends."""

    def __init__(self, command, cpu=None, **options):
        pinned = ["taskset", "-c", str(cpu % os.cpu_count())] if cpu is not None else []
        self.name = os.path.basename(command[0])
        self.process = subprocess.Popen(pinned + command, text=True, **options)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        try:
            if self.process.poll() is None:
                self.process.terminate()
                self.process.wait(10)
        except subprocess.TimeoutExpired:
            print(f"{self.name} did not end on SIGTERM", file=sys.stderr)
        finally:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()

    def line(self):
        """Its next line of output."""
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f"{self.name} ended early with status {self.process.wait()}")
        return line

    def tell(self, line):
        print(line, file=self.process.stdin, flush=True)


def echo_server(command, cpu=SERVER_CPU):
    """Starts one of our echo servers. Returns the child and its port."""
    child = Child(command, cpu, stdout=subprocess.PIPE)
    try:
        return child, int(child.line().split()[1])
    except BaseException:
        child.__exit__()
        raise


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_until_it_listens(child, port):
    for _ in range(500):
        if child.process.poll() is not None:
            raise Failure(f"{child.name} ended at once with status {child.process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise Failure(f"{child.name} does not listen on port {port}")


def process_state(pid):
    """Memory, kernel threads, processor time and context switches of a process and all its threads."""
    state = {"switches": 0}
    for line in open(f"/proc/{pid}/status"):
        key, value = line.split(":", 1)
        if key in ("VmRSS", "VmPTE"):
            state[key] = int(value.split()[0])
        elif key == "Threads":
            state["threads"] = int(value)
    for task in os.listdir(f"/proc/{pid}/task"):
        for line in open(f"/proc/{pid}/task/{task}/status"):
            if "ctxt_switches" in line:
                state["switches"] += int(line.split()[1])
    times = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    state["cpu_s"] = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
    return state


def load(server_pid, port, connections, seconds, warm_up=0.5, backend=None):
    """Puts a server under load. Returns echo_load's figures and what they cost the server."""
    command = [program("echo_load"), "-n", str(connections), "-w", str(warm_up), "-d", str(seconds)]
    if backend:
        command += ["-s", str(backend)]
    command.append(str(port))
    with Child(command, LOAD_CPU, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        result = json.loads(child.line())
        before = process_state(server_pid)
        child.tell("go")
        result.update(json.loads(child.line()))
        after = process_state(server_pid)
        child.process.stdin.close()
        if child.process.wait():
            raise Failure("echo_load failed")
    messages = max(result["answers"] - connections, 1)
    result["rss_kib"] = after["VmRSS"]
    result["threads"] = after["threads"]
    result["cpu_us_per_message"] = (after["cpu_s"] - before["cpu_s"]) * 1e6 / messages
    result["switches_per_message"] = (after["switches"] - before["switches"]) / messages
    return result


def medians(rounds):
    """One dictionary out of several with the same keys."""
    return {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} cores, {model}, Linux {platform.release()}, {' '.join(platform.libc_ver())}"


def table(rows):
    """Lines of a table; the first row is the head, columns after the first are aligned to the right."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(lines)
