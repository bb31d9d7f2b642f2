"""--on-deadlock: what is said and done when every thread waits for another."""
import re
import signal
import subprocess
import threading

import case

PROGRAM = """
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *lock(void *unused)
{
    pthread_mutex_lock(&mutex);
    return unused;
}

int main(void)
{
    pthread_t thread;
    pthread_mutex_lock(&mutex);
    pthread_create(&thread, NULL, lock, NULL);
    puts("joining");
    fflush(stdout);
    pthread_join(thread, NULL);
    puts("joined");
}
"""


class Deadlock(case.Case):
    def deadlocked(self, workers, *options):
        program = self.compile("deadlock", "-pthread", source=PROGRAM)
        child = subprocess.Popen([self.binary, f"--workers={workers}", *options, program], env=self.environment(),
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        limit = threading.Timer(20, child.kill)  # a line that never comes shall end the test, not hang it
        limit.start()
        for clean_up in (child.communicate, child.kill, limit.cancel):
            self.addCleanup(clean_up)
        self.assertEqual(child.stdout.readline(), "joining\n")
        return child

    def read_report(self, child):
        """Each worker reports its own threads, in any order."""
        self.assertRegex(child.stderr.readline(), "^greenrun: deadlock: all 2 threads wait")
        missing = {"thread 1 waits for the end of thread 2", "thread 2 waits for mutex 0x[0-9a-f]+, which thread 1 holds"}
        while missing:
            line = child.stderr.readline()
            self.assertRegex(line, "^greenrun: ", f"the report ended without {missing}")
            missing = {pattern for pattern in missing if not re.search(pattern, line)}

    def test_default_reports_and_goes_on_waiting(self):
        for workers in (1, 2):
            child = self.deadlocked(workers)
            self.read_report(child)
            self.assertIsNone(child.poll())
            child.terminate()
            self.assertEqual(child.wait(), -signal.SIGTERM)
            self.assertEqual(child.stdout.read(), "")

    def test_abort_reports_and_aborts(self):
        for workers in (1, 2):
            child = self.deadlocked(workers, "--on-deadlock=abort")
            self.read_report(child)
            self.assertEqual(child.wait(), -signal.SIGABRT)

    def test_ignore_says_nothing(self):
        child = self.deadlocked(1, "--on-deadlock=ignore")
        with self.assertRaises(subprocess.TimeoutExpired):
            child.wait(timeout=0.3)
        child.terminate()
        self.assertEqual((child.wait(), child.stderr.read()), (-signal.SIGTERM, ""))
