"""What the kernel says about a running daemon: threads, descriptors, memory, processor time.

Everything here reads /proc and nothing else; a process that is gone reads as empty, because the
caller's own check (is it alive?) gives the better message.
"""
import os

OFFLOAD = 'green-offload'   # comm of the runtime's offload threads; they are not workers


def read(path):
    try:
        with open(path, 'rb') as f:
            return f.read().decode('utf-8', 'replace')
    except OSError:
        return ''


def status(pid, field):
    """The number in a line of /proc/PID/status (kB for memory), 0 when the process is gone."""
    for line in read(f'/proc/{pid}/status').splitlines():
        if line.startswith(field + ':'):
            return int(line.split()[1])
    return 0


def stat(pid):
    """Fields of /proc/PID/stat after the command name: [0] is the state, [1] the parent, [3] the session."""
    text = read(f'/proc/{pid}/stat')
    return text[text.rindex(')') + 2:].split() if text else []


def listing(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


def tasks(pid):
    """The ids of its kernel threads: (workers and the program's own, offload threads)."""
    names = {tid: read(f'/proc/{pid}/task/{tid}/comm').strip() for tid in listing(f'/proc/{pid}/task')}
    offload = {tid for tid, name in names.items() if name == OFFLOAD}
    return {tid for tid, name in names.items() if name} - offload, offload


def descriptors(pid):
    return len(listing(f'/proc/{pid}/fd'))


def descriptor_names(pid):
    names = []
    for fd in listing(f'/proc/{pid}/fd'):
        try:
            names.append(os.readlink(f'/proc/{pid}/fd/{fd}').split(':[')[0])
        except OSError:
            pass
    return {name: names.count(name) for name in sorted(set(names))}


def cpu_seconds(pid):
    fields = stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK') if fields else 0.0


def maps_library(pid, name):
    return f'/{name}' in read(f'/proc/{pid}/maps')


def session_members(sid):
    """Living processes of a session. Zombies do not count: their parent just has not looked yet."""
    found = []
    for entry in listing('/proc'):
        if entry.isdigit():
            fields = stat(int(entry))
            if fields and fields[0] != 'Z' and int(fields[3]) == sid:
                found.append(int(entry))
    return found


def family(pid):
    """PID and all its descendants: a pre-forking daemon does its work in children."""
    children = {}
    for entry in listing('/proc'):
        if entry.isdigit():
            fields = stat(int(entry))
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry))
    members = [pid]
    for member in members:
        members += children.get(member, [])
    return members
