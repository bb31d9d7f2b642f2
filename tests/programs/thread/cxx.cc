// C++'s own threads: std::thread, mutexes, condition variables, futures, call_once, local statics, exceptions that are
// in flight while other threads run.
/* run: */
/* expect:
sum under std::mutex: 100000
shared_mutex readers saw whole writes: 1
futures: 4950
exception through a future: from afar
call_once after a throw: runs 2, done 1
local static made once: 1
exceptions in 50 threads, caught right: 5000
uncaught_exceptions is each thread's own: 50
timed_mutex: 0 1
condition_variable wait_for: timeout 1
recursive_mutex: 3
packaged_task and promise: 6
thread ids distinct: 50
hardware_concurrency at least 1: 1
*/
#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#include "say.h"

using namespace std::chrono_literals;

static void run(int count, const std::function<void(int)> &body)
{
    std::vector<std::thread> threads;
    for (int i = 0; i < count; i++)
        threads.emplace_back(body, i);
    for (auto &thread : threads)
        thread.join();
}

static void locks()
{
    std::mutex mutex;
    long sum = 0;
    run(100, [&](int) {
        for (int i = 0; i < 1000; i++) {
            std::lock_guard<std::mutex> guard(mutex);
            sum++;
            if (i % 100 == 0)
                std::this_thread::yield();
        }
    });
    printf("sum under std::mutex: %ld\n", sum);

    std::shared_mutex shared;
    int left = 0, right = 0;
    std::atomic<bool> whole{true};
    run(20, [&](int number) {
        for (int i = 0; i < 100; i++)
            if (number % 5 == 0) {
                std::unique_lock<std::shared_mutex> guard(shared);
                left++;
                std::this_thread::yield();
                right++;
            } else {
                std::shared_lock<std::shared_mutex> guard(shared);
                if (left != right)
                    whole = false;
            }
    });
    printf("shared_mutex readers saw whole writes: %d\n", whole.load());
}

static void futures()
{
    std::vector<std::future<int>> results;
    int sum = 0;
    for (int i = 0; i < 100; i++)
        results.push_back(std::async(std::launch::async, [i] {
            std::this_thread::sleep_for(1ms);
            return i;
        }));
    for (auto &result : results)
        sum += result.get();
    printf("futures: %d\n", sum);
    auto failing = std::async(std::launch::async, []() -> int { throw std::runtime_error("from afar"); });
    try {
        failing.get();
    } catch (const std::exception &error) {
        printf("exception through a future: %s\n", error.what());
    }
}

static void once()
{
    std::once_flag flag;
    std::atomic<int> runs{0}, done{0};
    run(10, [&](int) {
        try {
            std::call_once(flag, [&] {
                std::this_thread::sleep_for(1ms);
                if (++runs == 1)
                    throw std::runtime_error("first time");
                done++;
            });
        } catch (const std::exception &) {
        }
    });
    printf("call_once after a throw: runs %d, done %d\n", runs.load(), done.load());

    static std::atomic<int> made;
    run(20, [&](int) {
        static int value = (std::this_thread::sleep_for(2ms), ++made);
        (void)value;
    });
    printf("local static made once: %d\n", made.load());
}

struct CountsOnUnwind {
    std::atomic<int> &right;
    explicit CountsOnUnwind(std::atomic<int> &r) : right(r) {}
    ~CountsOnUnwind()
    {
        std::this_thread::sleep_for(1ms);
        right += std::uncaught_exceptions() == 1;
    }
};

static void exceptions()
{
    std::atomic<int> right{0}, uncaught{0};
    run(50, [&](int number) {
        for (int i = 0; i < 100; i++)
            try {
                throw number * 1000 + i;
            } catch (int value) {
                std::this_thread::yield();
                try {
                    throw std::string("inner");
                } catch (const std::string &text) {
                    std::this_thread::yield();
                    if (text != "inner")
                        continue;
                }
                try {
                    throw;
                } catch (int again) {
                    right += again == value && value == number * 1000 + i;
                }
            }
        try {
            CountsOnUnwind counter(uncaught);
            throw 1;
        } catch (int) {
        }
    });
    printf("exceptions in 50 threads, caught right: %d\n", right.load());
    printf("uncaught_exceptions is each thread's own: %d\n", uncaught.load());
}

static void timed()
{
    std::timed_mutex mutex;
    mutex.lock();
    bool early = std::async(std::launch::async, [&] { return mutex.try_lock_for(5ms); }).get();
    auto late = std::async(std::launch::async, [&] {
        bool got = mutex.try_lock_for(5s);
        mutex.unlock();
        return got;
    });
    std::this_thread::sleep_for(10ms);
    mutex.unlock();
    printf("timed_mutex: %d %d\n", early, late.get());

    std::mutex plain;
    std::condition_variable never;
    std::unique_lock<std::mutex> guard(plain);
    printf("condition_variable wait_for: timeout %d\n", never.wait_for(guard, 5ms) == std::cv_status::timeout);
    std::recursive_mutex recursive;
    int depth = 0;
    for (; depth < 3; depth++)
        recursive.lock();
    for (int i = 0; i < depth; i++)
        recursive.unlock();
    printf("recursive_mutex: %d\n", depth);
}

int main()
{
    locks();
    futures();
    once();
    exceptions();
    timed();
    std::promise<int> promise;
    std::packaged_task<int(int)> task([&](int n) { return n * promise.get_future().get(); });
    auto result = task.get_future();
    std::thread thread(std::move(task), 2);
    promise.set_value(3);
    thread.join();
    printf("packaged_task and promise: %d\n", result.get());
    std::mutex mutex;
    std::set<std::thread::id> ids;
    std::promise<void> all;
    auto gate = all.get_future().share();
    std::vector<std::thread> threads;
    for (int i = 0; i < 50; i++)
        threads.emplace_back([&, gate] {
            std::lock_guard<std::mutex> guard(mutex);
            ids.insert(std::this_thread::get_id());
            if (ids.size() == 50)
                all.set_value();
            else
                return;
        });
    gate.wait();
    for (auto &each : threads)
        each.join();
    printf("thread ids distinct: %zu\n", ids.size());
    printf("hardware_concurrency at least 1: %d\n", std::thread::hardware_concurrency() >= 1);
    return 0;
}
