/* stdio on pipes and sockets: fgets, fread, getline, fscanf, fgetc, fprintf, fwrite and fflush wait while other threads go
   on; buffers of streams that are full; end of file; errors. */
/* run: */
/* expect:
fgets: line 1
fgets: line 2
getline: 100000
fread: 50000
fscanf: 12 34 word
getc until the end: 5
feof 1, ferror 0
fprintf fills a pipe: 200000
socket stream both ways: 100
unbuffered writes whole: 1
fgets at the end: 1
read error: 1 EBADF
getdelim: a;b;
fgetws: 4
ticks meanwhile: enough
*/
#include <sys/socket.h>
#include <wchar.h>
#include "say.h"

static int ends[2], ticks, over;
static FILE *in, *out;

static void *ticker(void *arg)
{
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        sleep_ms(1);
        ticks++;
    }
    return arg;
}

static void fresh(void)
{
    NEED(pipe(ends) == 0);
    in = fdopen(ends[0], "r");
    out = fdopen(ends[1], "w");
    NEED(in && out);
}

static void *writes(void *arg)
{
    static const char *const pieces[] = {"li", "ne 1\nline", " 2", "\n"};
    for (int i = 0; i < 4; i++) {
        sleep_ms(10);
        fputs(pieces[i], out);
        fflush(out);
    }
    for (int i = 0; i < 99999; i++)
        putc('x', out);
    putc('\n', out);
    fflush(out);
    sleep_ms(10);
    for (int i = 0; i < 50000; i++)
        fputc(i, out);
    fflush(out);
    sleep_ms(10);
    fprintf(out, "12 3");
    fflush(out);
    sleep_ms(10);
    fprintf(out, "4 wo");
    fflush(out);
    sleep_ms(10);
    fprintf(out, "rd five!");
    fclose(out);
    return arg;
}

static void reading(void)
{
    char line[100], word[10], *long_line = NULL;
    size_t size = 0;
    static unsigned char block[50000];
    int one, two, count = 0;
    fresh();
    pthread_t thread = start(writes, NULL);
    for (int i = 0; i < 2; i++) {
        NEED(fgets(line, sizeof line, in));
        printf("fgets: %s", line);
    }
    printf("getline: %zd\n", getline(&long_line, &size, in));
    free(long_line);
    printf("fread: %zu\n", fread(block, 1, sizeof block, in));
    NEED(block[49999] == (unsigned char)49999);
    NEED(fscanf(in, "%d %d %5s", &one, &two, word) == 3);
    word[4] = 0;
    printf("fscanf: %d %d %s\n", one, two, word);
    while (getc(in) != EOF)
        count++;
    printf("getc until the end: %d\n", count - 1);
    printf("feof %d, ferror %d\n", feof(in) != 0, ferror(in) != 0);
    join(thread);
    fclose(in);
}

static void *prints_much(void *arg)
{
    for (int i = 0; i < 20000; i++)
        fprintf(out, "%09d\n", i);
    fclose(out);
    return arg;
}

static void writing(void)
{
    char block[1000];
    size_t total = 0, n;
    fresh();
    pthread_t thread = start(prints_much, NULL);
    sleep_ms(20);
    while ((n = fread(block, 1, sizeof block, in)) > 0)
        total += n;
    join(thread);
    fclose(in);
    printf("fprintf fills a pipe: %zu\n", total);
}

static void *answers(void *arg)
{
    FILE *stream = fdopen((int)(long)arg, "r+");
    char line[100];
    while (fgets(line, sizeof line, stream)) {
        fprintf(stream, "got %s", line);
        fflush(stream);
    }
    fclose(stream);
    return NULL;
}

static void sockets(void)
{
    char line[100], wanted[100];
    int right = 0;
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    pthread_t thread = start(answers, (void *)(long)ends[1]);
    FILE *stream = fdopen(ends[0], "r+");
    for (int i = 0; i < 100; i++) {
        fprintf(stream, "message %d\n", i);
        fflush(stream);
        NEED(fgets(line, sizeof line, stream));
        snprintf(wanted, sizeof wanted, "got message %d\n", i);
        right += strcmp(line, wanted) == 0;
    }
    shutdown(ends[0], SHUT_WR);
    join(thread);
    fclose(stream);
    printf("socket stream both ways: %d\n", right);
}

static void *writes_unbuffered(void *arg)
{
    static char block[150000];
    memset(block, 'u', sizeof block);
    setvbuf(out, NULL, _IONBF, 0);
    NEED(fwrite(block, 1, sizeof block, out) == sizeof block);
    fclose(out);
    return arg;
}

static void rest(void)
{
    static char block[150001];
    char line[10], *text = NULL;
    wchar_t wide[10];
    size_t size = 0;
    fresh();
    pthread_t thread = start(writes_unbuffered, NULL);
    printf("unbuffered writes whole: %d\n", fread(block, 1, sizeof block, in) == 150000);
    join(thread);
    printf("fgets at the end: %d\n", fgets(line, sizeof line, in) == NULL);
    fclose(in);
    fresh();
    close(ends[0]);
    int failed = getc(in) == EOF && ferror(in);
    printf("read error: %d %s\n", failed, error_name(errno));
    fresh();
    fputs("a;b;c", out);
    fflush(out);
    NEED(getdelim(&text, &size, ';', in) == 2);
    printf("getdelim: %s", text);
    NEED(getdelim(&text, &size, ';', in) == 2);
    printf("%s\n", text);
    fresh();
    fputs("wide\n", out);
    fflush(out);
    NEED(fgetws(wide, 10, in));
    printf("fgetws: %zu\n", wcslen(wide) - 1);
}

int main(void)
{
    pthread_t thread = start(ticker, NULL);
    reading();
    writing();
    sockets();
    rest();
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    join(thread);
    printf("ticks meanwhile: %s\n", ticks > 30 ? "enough" : "too few");
    return 0;
}
