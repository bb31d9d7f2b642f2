/* Ways for a process to end with threads about: exit from a thread runs atexit handlers and flushes, return from main ends
   it though threads run, _exit does neither, quick_exit, exec replaces all. */
/* run: args=exit-in-thread; exit=5 */
/* expect:
exit-in-thread
buffered
atexit 2
atexit 1
destructor
*/
/* run: args=return; exit=6 */
/* expect:
return
buffered
atexit 2
atexit 1
destructor
*/
/* run: args=_exit-in-thread; exit=7 */
/* expect:
_exit-in-thread
*/
/* run: args=quick_exit; exit=8 */
/* expect:
quick_exit
buffered
at_quick_exit
*/
/* run: args=exec-in-thread; exit=9 */
/* expect:
exec-in-thread
from sh
*/
/* run: args=exec-fails */
/* expect:
exec-fails
exec: -1 ENOENT, others live: 5
buffered
atexit 2
atexit 1
destructor
*/
/* run: args=exit-waits; exit=10 */
/* expect:
exit-waits
buffered
handler waited for a thread: 1
atexit 2
atexit 1
destructor
*/
/* run: args=busy; exit=11 */
/* expect:
busy
buffered
atexit 2
atexit 1
destructor
*/
#include "say.h"

static const char *how;
static int ends[2], passes;

static void first(void)
{
    say("atexit 1");
}

static void second(void)
{
    say("atexit 2");
}

static void quick(void)
{
    say("at_quick_exit");
}

__attribute__((destructor)) static void destructor(void)
{
    say("destructor");
}

static void *waits(void *arg)
{
    char byte;
    NEED(read(ends[0], &byte, 1) == 1);
    __atomic_add_fetch(&passes, 1, __ATOMIC_SEQ_CST);
    for (;;)
        pause();
    return arg;
}

static void wake(int count)
{
    for (int i = 0; i < count; i++)
        NEED(write(ends[1], "x", 1) == 1);
    while (__atomic_load_n(&passes, __ATOMIC_SEQ_CST) < count)
        sleep_ms(1);
}

static void waits_for_thread(void)
{
    wake(1);
    say("handler waited for a thread: %d", passes);
}

static void *yields(void *arg)
{
    for (;;)
        sched_yield();
    return arg;
}

static int is(const char *name)
{
    return strcmp(how, name) == 0;
}

static void *ends_process(void *arg)
{
    if (is("_exit-in-thread"))
        _exit(7);
    if (is("quick_exit"))
        quick_exit(8);
    if (is("exec-in-thread"))
        execl("/bin/sh", "sh", "-c", "echo from sh; exit 9", (char *)NULL);
    exit(5);
    return arg;
}

int main(int argc, char **argv)
{
    NEED(argc == 2);
    how = argv[1];
    setvbuf(stdout, NULL, _IOFBF, 0);
    say("%s", how);
    atexit(first);
    atexit(second);
    at_quick_exit(quick);
    NEED(pipe(ends) == 0);
    for (int i = 0; i < 5; i++)
        start(waits, NULL);
    sleep_ms(10);
    if (is("exec-fails")) {
        int result = execl("/no/such/program", "x", (char *)NULL), error = errno;
        wake(5);
        say("exec: %d %s, others live: %d", result, error_name(error), passes);
    }
    if (is("exit-waits"))
        atexit(waits_for_thread);
    if (is("busy"))
        start(yields, NULL);
    printf("buffered\n");
    if (is("exec-fails"))
        return 0;
    if (is("return"))
        return 6;
    if (is("exit-waits"))
        exit(10);
    if (is("busy")) {
        sleep_ms(10);
        return 11;
    }
    start(ends_process, NULL);
    for (;;)
        pause();
}
