"""What every daemon must survive, one function a phase, and the numbers it must come back to afterwards."""
import time

import crowd
import procfs
import wire
from box import Failure, wait_until

CLIENTS = 200
CHURN_ROUNDS = 5
LASTING = 10     # samples, 20 ms apart


class Watch:
    """The daemon's family of processes, added up. BASE is what the quiet daemon had before the phases."""

    def __init__(self, box, workers):
        self.box, self.pid, self.workers = box, box.daemon.pid, workers     # workers: None when native
        self.base = self.settled_descriptors()

    def total(self, number):
        return sum(number(pid) for pid in procfs.family(self.pid))

    def descriptors(self):
        return self.total(procfs.descriptors)

    def rss_kb(self):
        return self.total(lambda pid: procfs.status(pid, 'VmRSS'))

    def tasks(self):
        """(those of the process that has the most, how many are offload threads)."""
        pairs = [procfs.tasks(pid) for pid in procfs.family(self.pid)]
        return max((own for own, _ in pairs), key=len), sum(len(offload) for _, offload in pairs)

    def cpu_seconds(self):
        return self.total(procfs.cpu_seconds)

    def must_live(self):
        if not self.box.daemon.is_alive():
            raise Failure(f'the daemon ended by itself, status {self.box.daemon.child.returncode}')

    def settled_descriptors(self):
        """The lowest number seen in a while: the last clients' connections may still be closing."""
        seen = []
        for _ in range(20):
            seen.append(self.descriptors())
            time.sleep(0.01)
        return min(seen)

    def no_descriptor_leaked(self, after):
        self.must_live()
        wait_until(lambda: f'{after}: {self.base} descriptors before, {self.descriptors()} after: '
                           f'{procfs.descriptor_names(self.pid)}',
                   lambda: self.descriptors() <= self.base)


def held_crowd(daemon, watch, facts):
    """CLIENTS at once; while all are connected the threads are counted and the processor must be idle."""
    def arrived(number):
        wait_until(lambda: f'{number} connections accepted (descriptors {watch.base} before, {watch.descriptors()} now)',
                   lambda: watch.descriptors() >= watch.base + number)

    def look():
        watch.must_live()
        check_threads(daemon, watch, facts)
        check_idle(watch, facts)

    with crowd.Sampler(watch.tasks if watch.workers else tuple) as sampler:
        crowd.Crowd(daemon.client, CLIENTS, daemon.backlog, arrived).run(look)
    daemon.settle()
    check_samples(daemon, watch, sampler.seen, facts)
    watch.no_descriptor_leaked('crowd')


def check_threads(daemon, watch, facts):
    own = len(watch.tasks()[0])
    facts['threads'] = own
    if watch.workers is None:
        if daemon.thread_per_connection and own <= CLIENTS:
            raise Failure(f'native with only {own} threads for {CLIENTS} clients: this check proves nothing')
    elif daemon.thread_per_connection and own != watch.workers:
        raise Failure(f'{own} kernel threads with {CLIENTS} clients connected, not {watch.workers}')


def check_samples(daemon, watch, seen, facts):
    """Also between the quiet moments there may be no further kernel thread.

    What is not there for LASTING samples does not count: an offload thread has no name of its own until it runs first.
    """
    if watch.workers is None:
        return
    windows = [seen[first:first + LASTING] for first in range(len(seen) - LASTING + 1)]
    own = max((len(set.intersection(*(tids for tids, _ in window))) for window in windows), default=0)
    offload = max((count for _, count in seen), default=0)
    facts['offload'] = offload
    if own > watch.workers + daemon.foreign_threads:
        raise Failure(f'{own} kernel threads at work, not {watch.workers}')
    if offload and not daemon.may_offload:
        raise Failure(f'{offload} offload threads although it does no file or DNS work')


def check_idle(watch, facts, seconds=0.4):
    """Nobody sends, so nobody computes: a busy loop somewhere shows here."""
    time.sleep(0.1)
    before = watch.cpu_seconds()
    time.sleep(seconds)
    used = watch.cpu_seconds() - before
    facts['idle_cpu'] = used
    if used > seconds / 4:
        raise Failure(f'{used:.2f} s of processor time in {seconds} s with all clients silent')


def memory_is_stable(daemon, watch, facts):
    """The same churn again and again. Caches and malloc's arenas grow in some rounds, a leak grows in every one.

    What counts as growth is 256 bytes a conversation, and 64 KiB for pages that are touched for the first time.
    """
    rounds, count = [], daemon.churn_count // CHURN_ROUNDS
    for _ in range(CHURN_ROUNDS):
        crowd.churn(daemon.short, count, min(16, daemon.backlog))
        watch.no_descriptor_leaked('churn')
        rounds.append(watch.rss_kb())
    facts['rss_kb'] = rounds[-1]
    if all(later - earlier > count / 4 + 64 for earlier, later in zip(rounds, rounds[1:])):
        raise Failure(f'resident memory grows round over round: {rounds} kB')


def resets(daemon, watch, facts):
    """Clients that vanish by RST: some in the middle of their request, some in the middle of the answer."""
    def vanish_beside_a_good_one(number):
        daemon.client(number).vanish()
        daemon.short(number)

    crowd.churn(vanish_beside_a_good_one, 100, min(20, daemon.backlog // 2))
    watch.no_descriptor_leaked('resets')


def exhausted(daemon, watch, facts):
    """More clients than descriptors: some are refused or wait, but afterwards everything is as before."""
    socks = []
    for number in range(1, daemon.nofile + 20):
        socks.append(daemon.knock())
        end = time.monotonic() + 0.03           # as long as it accepts, do not overrun its backlog
        while watch.descriptors() < watch.base + number and time.monotonic() < end:
            time.sleep(0.001)
    facts['fds_full'] = procfs.descriptors(watch.pid)
    watch.must_live()
    for sock in socks:
        sock.close()
    watch.no_descriptor_leaked('exhaustion')
    for number in range(5):
        daemon.short(number)
