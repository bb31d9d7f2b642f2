"""What is known about a daemon at the moment a check failed: its output, where each thread stands, a backtrace."""
import contextlib
import shutil
import subprocess

import procfs

TAIL_BYTES, SHOWN_TASKS = 2000, 5


@contextlib.contextmanager
def on_failure(box):
    """Attach the diagnosis to what is raised inside, while the processes are still there."""
    try:
        yield
    except Exception as error:
        if not hasattr(error, 'diagnosis'):
            error.diagnosis = report(box)
        raise


def report(box):
    if not box.daemon:
        return ''
    parts = ['--- end of its output', procfs.read(box.daemon.log)[-TAIL_BYTES:]]
    for pid in procfs.family(box.daemon.pid)[:4]:
        if procfs.stat(pid):
            parts += [f'--- process {pid}', state(pid), '--- threads', tasks(pid), '--- gdb', backtrace(pid)]
    return '\n'.join(parts)


def state(pid):
    wanted = ('State', 'Threads', 'VmRSS', 'SigQ', 'SigPnd', 'ShdPnd', 'SigBlk', 'SigCgt')
    lines = [line for line in procfs.read(f'/proc/{pid}/status').splitlines() if line.split(':')[0] in wanted]
    return '\n'.join(lines + [f'descriptors: {procfs.descriptor_names(pid)}'])


def tasks(pid):
    lines = []
    tids = sorted(procfs.listing(f'/proc/{pid}/task'), key=int)
    for tid in tids[:SHOWN_TASKS]:
        task = f'/proc/{pid}/task/{tid}'
        lines.append(f'{tid} {procfs.read(task + "/comm").strip()} wchan={procfs.read(task + "/wchan")} '
                     f'syscall={procfs.read(task + "/syscall").strip()}')
        lines += ['    ' + line for line in procfs.read(task + '/stack').splitlines()[:3]]
    return '\n'.join(lines + ([f'… {len(tids)} in all'] if len(tids) > SHOWN_TASKS else []))


def backtrace(pid):
    if not shutil.which('gdb'):
        return 'not installed'
    command = ['gdb', '-p', str(pid), '-batch', '-nx', '-ex', 'set print thread-events off',
               '-ex', 'thread apply all -s bt 8']
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return 'gdb did not finish in 20 s'
    lines = [line for line in done.stdout.splitlines() if not line.startswith(('[', 'warning:'))]
    return '\n'.join(lines[-40:]) or done.stderr[-500:]
