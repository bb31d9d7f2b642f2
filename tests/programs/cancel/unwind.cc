/* Cancellation and pthread_exit unwind C++: destructors of all frames run in order, catch (...) that throws on lets it pass, handlers
   pushed in C++ are destructors; the thread's thread_local objects go last. */
/* run: */
/* expect:
cancelled: inner outer catch pushed frame thread_local
exited 5: inner outer catch pushed frame thread_local
cancelled in std::condition_variable: lock frame
exception in another thread meanwhile: caught 1000
*/
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include "say.h"

static std::string order;

struct Trace {
    const char *name;
    ~Trace()
    {
        order += std::string(" ") + name;
    }
};

static bool exits;

static void deepest()
{
    Trace inner{"inner"};
    if (exits)
        pthread_exit((void *)5L);
    for (;;)
        sleep(100);
}

static void middle()
{
    Trace outer{"outer"};
    deepest();
}

static void pushed(void *)
{
    order += " pushed";
}

static void *body(void *)
{
    thread_local Trace last{"thread_local"};
    (void)last;
    Trace frame{"frame"};
    pthread_cleanup_push(pushed, nullptr);
    try {
        middle();
    } catch (...) {
        order += " catch";
        throw;
    }
    pthread_cleanup_pop(0);
    return nullptr;
}

static std::mutex mutex;
static std::condition_variable condition;

struct Unlocks {
    std::unique_lock<std::mutex> &lock;
    ~Unlocks()
    {
        order += lock.owns_lock() ? " lock" : " no lock";
    }
};

static void *waits(void *)
{
    Trace frame{"frame"};
    std::unique_lock<std::mutex> lock(mutex);
    Unlocks unlocks{lock};
    for (;;)
        condition.wait(lock);
}

static int caught;

static void *throws(void *)
{
    for (int i = 0; i < 1000; i++)
        try {
            if (i % 100 == 0)
                std::this_thread::yield();
            throw std::runtime_error("x");
        } catch (const std::exception &) {
            caught++;
        }
    return nullptr;
}

int main()
{
    pthread_t thread = start(body, nullptr);
    sleep_ms(10);
    pthread_cancel(thread);
    void *result = join(thread);
    printf("%s:%s\n", result == PTHREAD_CANCELED ? "cancelled" : "not", order.c_str());
    order = "";
    exits = true;
    result = join(start(body, nullptr));
    printf("exited %ld:%s\n", (long)result, order.c_str());
    order = "";
    thread = start(waits, nullptr);
    sleep_ms(10);
    pthread_cancel(thread);
    pthread_t other = start(throws, nullptr);
    join(thread);
    printf("cancelled in std::condition_variable:%s\n", order.c_str());
    join(other);
    printf("exception in another thread meanwhile: caught %d\n", caught);
    return 0;
}
