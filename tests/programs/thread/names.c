/* Names of threads: each its own, inherited from the creator, by pthread_setname_np and prctl, of others and of main. */
/* run: */
/* expect:
main: as the program 1
new thread: as its creator 1
set and gotten: own-name
by prctl: by-prctl
of another: from-main
creator's, once set: creator 1
too long: ERANGE
15 bytes: 123456789012345
buffer too small: ERANGE
prctl cuts: a-name-that-is-
main's from a thread: main-renamed
others keep theirs: 20
*/
#include <semaphore.h>
#include <sys/prctl.h>
#include "say.h"

static pthread_t main_thread;
static sem_t named, looked;

static const char *name_of(pthread_t thread)
{
    static __thread char name[16];
    int error = pthread_getname_np(thread, name, sizeof name);
    return error ? error_name(error) : name;
}

static void *has_creators(void *creator)
{
    return (void *)(long)(strcmp(name_of(pthread_self()), creator) == 0);
}

static void *names_itself(void *arg)
{
    char name[16] = "";
    pthread_setname_np(pthread_self(), "own-name");
    printf("set and gotten: %s\n", name_of(pthread_self()));
    prctl(PR_SET_NAME, "by-prctl");
    prctl(PR_GET_NAME, name);
    printf("by prctl: %s\n", name);
    sem_post(&named);
    sem_wait(&looked);
    printf("of another: %s\n", name_of(pthread_self()));
    pthread_setname_np(pthread_self(), "creator");
    printf("creator's, once set: creator %ld\n", (long)join(start(has_creators, "creator")));
    printf("too long: %s\n", error_name(pthread_setname_np(pthread_self(), "1234567890123456")));
    pthread_setname_np(pthread_self(), "123456789012345");
    printf("15 bytes: %s\n", name_of(pthread_self()));
    printf("buffer too small: %s\n", error_name(pthread_getname_np(pthread_self(), name, 15)));
    prctl(PR_SET_NAME, "a-name-that-is-too-long");
    printf("prctl cuts: %s\n", name_of(pthread_self()));
    pthread_setname_np(main_thread, "main-renamed");
    return arg;
}

static void *keeps_name(void *arg)
{
    char name[16];
    snprintf(name, sizeof name, "keeper-%ld", (long)arg);
    pthread_setname_np(pthread_self(), name);
    sleep_ms(5);
    return (void *)(long)(strcmp(name_of(pthread_self()), name) == 0);
}

int main(void)
{
    char name[16] = "";
    pthread_t threads[20];
    long kept = 0;
    main_thread = pthread_self();
    sem_init(&named, 0, 0);
    sem_init(&looked, 0, 0);
    strncpy(name, program_invocation_short_name, 15);
    printf("main: as the program %d\n", strcmp(name_of(main_thread), name) == 0);
    printf("new thread: as its creator %ld\n", (long)join(start(has_creators, name)));
    pthread_t thread = start(names_itself, NULL);
    sem_wait(&named);
    NEED(strcmp(name_of(thread), "by-prctl") == 0);
    pthread_setname_np(thread, "from-main");
    sem_post(&looked);
    join(thread);
    printf("main's from a thread: %s\n", name_of(main_thread));
    for (long i = 0; i < 20; i++)
        threads[i] = start(keeps_name, (void *)i);
    for (int i = 0; i < 20; i++)
        kept += (long)join(threads[i]);
    printf("others keep theirs: %ld\n", kept);
    return 0;
}
