/* What libc keeps for each thread or locks for all: uselocale, strtok, strerror, localtime, setenv, random, qsort, iconv. */
/* run: */
/* expect:
uselocale is each thread's own: 50
global locale untouched: 1
new thread has the global locale: 1
strtok keeps its place: 50
strerror's text is each thread's own: 50
localtime_r and strftime: 50
setenv and getenv: 50
rand is one sequence: 1
ctype in every thread: 50
multibyte state: 50
snprintf of doubles: 50
*/
#include <ctype.h>
#include <locale.h>
#include <wchar.h>
#include "say.h"

static int own, places, texts, times, environments, classes, wides, doubles;

static void add(int *sum, int n)
{
    __atomic_add_fetch(sum, n, __ATOMIC_RELAXED);
}

static int has_own_locale(int number)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (number % 2)
        uselocale(utf8);
    usleep(100);
    size_t most = MB_CUR_MAX;
    int right = (most > 1) == (number % 2 != 0);
    uselocale(LC_GLOBAL_LOCALE);
    freelocale(utf8);
    return right;
}

static int walks_text(int number)
{
    char text[64], wanted[16];
    int right = 1, i = 0;
    snprintf(text, sizeof text, "%d,%d,%d,%d", number, number + 1, number + 2, number + 3);
    char *rest = NULL;
    for (char *part = strtok_r(text, ",", &rest); part; part = strtok_r(NULL, ",", &rest), i++) {
        sched_yield();
        snprintf(wanted, sizeof wanted, "%d", number + i);
        right &= strcmp(part, wanted) == 0;
    }
    return right && i == 4;
}

static int has_own_text(int number)
{
    char wanted[64];
    const char *text = strerror(5000 + number);
    snprintf(wanted, sizeof wanted, "Unknown error %d", 5000 + number);
    usleep(100);
    return strcmp(text, wanted) == 0;
}

static int knows_time(int number)
{
    time_t when = 86400L * number;
    struct tm tm;
    char text[32], wanted[32];
    gmtime_r(&when, &tm);
    sched_yield();
    strftime(text, sizeof text, "%Y-%j", &tm);
    snprintf(wanted, sizeof wanted, "1970-%03d", number + 1);
    return strcmp(text, wanted) == 0 && timegm(&tm) == when;
}

static int keeps_environment(int number)
{
    char name[32], value[32];
    snprintf(name, sizeof name, "TEST_%d", number);
    snprintf(value, sizeof value, "value %d", number);
    setenv(name, value, 1);
    sched_yield();
    const char *got = getenv(name);
    return got && strcmp(got, value) == 0;
}

static int converts(void)
{
    mbstate_t state;
    wchar_t wide = 0;
    memset(&state, 0, sizeof state);
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), before = uselocale(utf8);
    size_t first = mbrtowc(&wide, "\xc3", 1, &state);
    sched_yield();
    size_t second = mbrtowc(&wide, "\xa9", 1, &state);
    uselocale(before);
    freelocale(utf8);
    return first == (size_t)-2 && second == 1 && wide == 0xe9;
}

static int prints_doubles(int number)
{
    char text[32], wanted[32];
    snprintf(text, sizeof text, "%.3f", number + 0.125);
    snprintf(wanted, sizeof wanted, "%d.125", number);
    return strcmp(text, wanted) == 0 && strtod(text, NULL) == number + 0.125;
}

static void *body(void *arg)
{
    int number = (int)(long)arg;
    add(&classes, isalpha('x') && !isalpha('1') && toupper('q') == 'Q');
    add(&own, has_own_locale(number));
    add(&places, walks_text(number));
    add(&texts, has_own_text(number));
    add(&times, knows_time(number));
    add(&environments, keeps_environment(number));
    add(&wides, converts());
    add(&doubles, prints_doubles(number));
    return NULL;
}

static void *is_global(void *arg)
{
    (void)arg;
    return (void *)(long)(uselocale((locale_t)0) == LC_GLOBAL_LOCALE);
}

static void *draws(void *arg)
{
    (void)arg;
    return (void *)(long)rand();
}

static int is_one_sequence(void)
{
    int alone[4], threaded[4];
    srand(42);
    for (int i = 0; i < 4; i++)
        alone[i] = rand();
    srand(42);
    for (int i = 0; i < 4; i++)
        threaded[i] = i % 2 ? (int)(long)join(start(draws, NULL)) : rand();
    return memcmp(alone, threaded, sizeof alone) == 0;
}

int main(void)
{
    pthread_t threads[50];
    /* The names are there already: setenv that adds one moves the array under those who read it (setenv(3): not MT-safe). */
    for (int i = 0; i < 50; i++) {
        char name[32];
        snprintf(name, sizeof name, "TEST_%d", i);
        setenv(name, "", 1);
    }
    for (long i = 0; i < 50; i++)
        threads[i] = start(body, (void *)i);
    for (int i = 0; i < 50; i++)
        join(threads[i]);
    printf("uselocale is each thread's own: %d\n", own);
    printf("global locale untouched: %d\n", uselocale((locale_t)0) == LC_GLOBAL_LOCALE);
    printf("new thread has the global locale: %ld\n", (long)join(start(is_global, NULL)));
    printf("strtok keeps its place: %d\n", places);
    printf("strerror's text is each thread's own: %d\n", texts);
    printf("localtime_r and strftime: %d\n", times);
    printf("setenv and getenv: %d\n", environments);
    printf("rand is one sequence: %d\n", is_one_sequence());
    printf("ctype in every thread: %d\nmultibyte state: %d\nsnprintf of doubles: %d\n", classes, wides, doubles);
    return 0;
}
