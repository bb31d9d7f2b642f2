"""Many clients at once, in threads of the test's own process, all bounded in time.

A Crowd opens all its clients, holds them there while the caller looks at the daemon, then lets them work and
close. The first errors are what the caller gets; a client that hangs is an error like any other.
"""
import threading
import time
import traceback

from box import Failure

OPEN_LIMIT, WORK_LIMIT = 20.0, 40.0
threading.stack_size(512 << 10)


def place(error):
    """The innermost functions of ours that it passed through."""
    return ' > '.join(f'{frame.name}:{frame.lineno}' for frame in traceback.extract_tb(error.__traceback__)[-3:])


def raise_first(errors, count, doing):
    if errors:
        texts = '; '.join(f'client {n}: {type(e).__name__}: {e} ({place(e)})' for n, e in errors[:3])
        raise Failure(f'{len(errors)} of {count} clients failed {doing}: {texts}')


class Crowd:
    """ARRIVED(number) waits until the daemon has accepted NUMBER of us; at most BACKLOG knock at the same time."""

    def __init__(self, make, count, backlog, arrived):
        self.backlog, self.arrived = backlog, arrived
        self.clients = [make(number) for number in range(count)]
        self.lock, self.go = threading.Lock(), threading.Event()
        self.opened, self.errors, self.given_up = 0, [], False
        self.threads = [threading.Thread(target=self.live, args=(client,), daemon=True) for client in self.clients]

    def live(self, client):
        try:
            client.open()
            with self.lock:
                self.opened += 1
            self.go.wait(WORK_LIMIT)
            if not self.given_up:
                client.work()
        except Exception as error:       # of any kind: it is the client's verdict on the daemon
            with self.lock:
                self.errors.append((client.number, error))
        finally:
            client.close()

    def run(self, while_held):
        """Open all, call WHILE_HELD with everybody connected, let them work, wait for the last one."""
        try:
            self.open_all()
            while_held()
        except BaseException:
            self.given_up = True
            raise
        finally:
            self.go.set()
        self.join(WORK_LIMIT)

    def open_all(self):
        end = time.monotonic() + OPEN_LIMIT
        for first in range(0, len(self.threads), self.backlog):
            batch = self.threads[first:first + self.backlog]
            for thread in batch:
                thread.start()
            while self.opened < first + len(batch):
                raise_first(self.errors, len(self.clients), 'to connect')
                if time.monotonic() > end:
                    raise Failure(f'only {self.opened} of {len(self.clients)} clients connected in {OPEN_LIMIT:g} s')
                time.sleep(0.002)
            self.arrived(self.opened)

    def join(self, limit):
        end = time.monotonic() + limit
        for thread in self.threads:
            thread.join(max(0.0, end - time.monotonic()))
        raise_first(self.errors, len(self.clients), 'to work')
        hung = [c.number for c, t in zip(self.clients, self.threads) if t.is_alive()]
        if hung:
            raise Failure(f'{len(hung)} of {len(self.clients)} clients hang, the first is number {hung[0]}')


def churn(once, count, at_once, limit=40.0):
    """COUNT short conversations, AT_ONCE of them at any time; ONCE(number) is one."""
    errors, end = [], time.monotonic() + limit

    def lane(first):
        for number in range(first, count, at_once):
            try:
                if time.monotonic() > end:
                    raise TimeoutError(f'only {number} of {count} conversations in {limit:g} s')
                once(number)
            except Exception as error:
                errors.append((number, error))
                return

    lanes = [threading.Thread(target=lane, args=(first,), daemon=True) for first in range(at_once)]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join(max(0.0, end + 25 - time.monotonic()))
    raise_first(errors, count, 'in the churn')
    if any(thread.is_alive() for thread in lanes):
        raise Failure('the churn hangs')


class Sampler:
    """Calls LOOK every few milliseconds while the context lasts and keeps all it returned."""

    def __init__(self, look):
        self.look, self.seen, self.done = look, [], threading.Event()
        self.thread = threading.Thread(target=self.loop, daemon=True)

    def loop(self):
        while not self.done.wait(0.02):
            self.seen.append(self.look())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
