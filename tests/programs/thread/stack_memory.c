/* Stacks can be used as deep as they are said to be: the default, small, large, and memory of the caller's own. */
/* run: */
/* expect:
default size, 7 MiB touched: 7340032
10 threads at once, 7 MiB each: 73400320
64 KiB stack, 32 KiB touched: 32768
256 MiB stack, 200 MiB touched: 209715200
user stack, 300 KiB touched: 307200
user stack is where we said: 1
user stack memory kept its edges: 1
user stack too small: EINVAL
*/
#include <sys/mman.h>
#include "say.h"

/* Touches a page a call until so many bytes of stack are in use. */
__attribute__((noinline)) static size_t touch(size_t bytes)
{
    volatile char page[4096 - 64];
    page[0] = page[sizeof page - 1] = 1;
    if (bytes <= 4096)
        return bytes * page[0];
    return touch(bytes - 4096) + 4096 * page[sizeof page - 1];
}

static void *touches(void *arg)
{
    return (void *)touch((size_t)arg);
}

static size_t run_sized(size_t stack, size_t bytes)
{
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    NEED(pthread_attr_setstacksize(&attr, stack) == 0);
    NEED(pthread_create(&thread, &attr, touches, (void *)bytes) == 0);
    return (size_t)join(thread);
}

static char *user_low;
static size_t user_size = 512 << 10;
static int where_we_said;

static void *on_user_stack(void *arg)
{
    char local;
    pthread_attr_t attr;
    void *low;
    size_t size;
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstack(&attr, &low, &size);
    where_we_said = &local >= user_low && &local < user_low + user_size && low == user_low && size == user_size;
    pthread_attr_destroy(&attr);
    return touches(arg);
}

static void user_stack(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    char *memory = mmap(NULL, user_size + 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(memory != MAP_FAILED);
    memset(memory, 0x5a, user_size + 8192);
    user_low = memory + 4096;
    pthread_attr_init(&attr);
    NEED(pthread_attr_setstack(&attr, user_low, user_size) == 0);
    NEED(pthread_create(&thread, &attr, on_user_stack, (void *)(300UL << 10)) == 0);
    printf("user stack, 300 KiB touched: %zu\n", (size_t)join(thread));
    printf("user stack is where we said: %d\n", where_we_said);
    int kept = 1;
    for (int i = 0; i < 4096; i++)
        kept &= memory[i] == 0x5a && memory[4096 + user_size + i] == 0x5a;
    printf("user stack memory kept its edges: %d\n", kept);
    printf("user stack too small: %s\n", error_name(pthread_attr_setstack(&attr, memory, 4096)));
    munmap(memory, user_size + 8192);
}

int main(void)
{
    pthread_t threads[10];
    size_t sum = 0;
    printf("default size, 7 MiB touched: %zu\n", (size_t)join(start(touches, (void *)(7UL << 20))));
    for (int i = 0; i < 10; i++)
        threads[i] = start(touches, (void *)(7UL << 20));
    for (int i = 0; i < 10; i++)
        sum += (size_t)join(threads[i]);
    printf("10 threads at once, 7 MiB each: %zu\n", sum);
    printf("64 KiB stack, 32 KiB touched: %zu\n", run_sized(64 << 10, 32 << 10));
    printf("256 MiB stack, 200 MiB touched: %zu\n", run_sized(256 << 20, 200 << 20));
    user_stack();
    return 0;
}
