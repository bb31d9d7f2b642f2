// thread_local objects of C++: constructed on first use in each thread, destroyed at its end, last made first, before
// the destructors of pthread keys; also after pthread_exit, and main's at exit.
/* run: */
/* expect:
first made
second made
in thread: 1 2
second gone
first gone
key destructor
first made
second made
in thread: 1 2
second gone
first gone
key destructor
not used, not made
100 threads: made 200, gone 200
first made
main ends
first gone
*/
#include <atomic>
#include <thread>
#include <vector>
#include "say.h"

static bool quiet;
static std::atomic<int> made, gone;

struct Noisy {
    const char *name;
    int value;
    Noisy(const char *n, int v) : name(n), value(v)
    {
        made++;
        if (!quiet)
            printf("%s made\n", name);
    }
    ~Noisy()
    {
        gone++;
        if (!quiet)
            printf("%s gone\n", name);
    }
};

static thread_local Noisy first("first", 1);
static pthread_key_t key;

static int second_value()
{
    static thread_local Noisy second("second", 2);
    return second.value;
}

static void use()
{
    int one = first.value, two = second_value();
    if (!quiet)
        printf("in thread: %d %d\n", one, two);
    pthread_setspecific(key, &key);
}

static void key_gone(void *)
{
    if (!quiet)
        printf("key destructor\n");
}

static void *returns(void *)
{
    use();
    return nullptr;
}

static void *exits(void *)
{
    use();
    pthread_exit(nullptr);
}

static void *uses_nothing(void *)
{
    return nullptr;
}

int main()
{
    NEED(pthread_key_create(&key, key_gone) == 0);
    join(start(returns, nullptr));
    join(start(exits, nullptr));
    join(start(uses_nothing, nullptr));
    printf("not used, not made\n");
    quiet = true;
    made = gone = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 100; i++)
        threads.emplace_back([i] {
            use();
            std::this_thread::sleep_for(std::chrono::microseconds(i));
        });
    for (auto &thread : threads)
        thread.join();
    printf("100 threads: made %d, gone %d\n", made.load(), gone.load());
    quiet = false;
    first.value = 3;
    printf("main ends\n");
    return 0;
}
