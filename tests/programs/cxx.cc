// SPDX-License-Identifier: MIT
// C++: exceptions (across a library that was loaded later too), thread_local
// with constructors, iostream, std::thread, containers, static construction.
#include "tap.h"

#include <condition_variable>
#include <dlfcn.h>
#include <future>
#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static int constructed;
static std::mutex guard;
static int live;

struct Counted {
    int value = 5;
    Counted()
    {
        std::lock_guard<std::mutex> hold(guard);
        live++;
    }
    ~Counted()
    {
        std::lock_guard<std::mutex> hold(guard);
        live--;
    }
};

struct AtStart {
    AtStart() { constructed = 42; }
};
static AtStart at_start;
static thread_local Counted counted;

static int throw_deep(int depth)
{
    std::string guard_object(static_cast<size_t>(depth), 'x');

    if (depth == 0) {
        throw std::runtime_error("deep");
    }
    return throw_deep(depth - 1) + static_cast<int>(guard_object.size());
}

static void test_exceptions()
{
    std::string caught;
    bool rethrown = false;

    try {
        throw_deep(50);
    } catch (const std::exception &e) {
        caught = e.what();
    }
    OK(caught == "deep", "an exception through 50 frames");
    try {
        try {
            throw 7;
        } catch (int) {
            throw;
        }
    } catch (int number) {
        rethrown = number == 7;
    }
    OK(rethrown, "rethrown");
    caught.clear();
    try {
        caught = std::vector<std::string>().at(3);
    } catch (const std::out_of_range &) {
        caught = "range";
    }
    OK(caught == "range", "one that libstdc++ throws");
}

static void test_library(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);
    auto thrower = library != nullptr
                       ? reinterpret_cast<void (*)(int)>(dlsym(library, "throw_number"))
                       : nullptr;
    int caught = 0;

    if (!OK(thrower != nullptr, "dlopen and dlsym")) {
        std::cout << "# " << dlerror() << std::endl;
        return;
    }
    try {
        thrower(31);
    } catch (const std::invalid_argument &e) {
        caught = std::atoi(e.what());
    }
    OK(caught == 31, "an exception out of a library that was loaded later");
    OK(dlclose(library) == 0, "dlclose");
}

static void test_threads()
{
    std::vector<std::thread> threads;
    std::vector<int> values(20);
    int before = live;

    for (size_t i = 0; i < values.size(); i++) {
        threads.emplace_back([&values, i] {
            counted.value += static_cast<int>(i);
            values[i] = counted.value;
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    OK(values[0] == 5 && values[19] == 24, "thread_local objects, one for each thread");
    OK(live == before, "are destroyed with it");
    std::future<int> future = std::async(std::launch::async, []() -> int { throw 3; });
    int caught = 0;
    try {
        future.get();
    } catch (int number) {
        caught = number;
    }
    OK(caught == 3, "an exception from one thread to another");
}

int main(int argc, char **argv)
{
    std::map<std::string, int> map{{"one", 1}, {"two", 2}};
    std::ostringstream out;

    OK(constructed == 42, "static objects are constructed");
    OK(counted.value == 5, "thread_local in the first thread");
    test_exceptions();
    if (argc > 1) {
        test_library(argv[1]);
    }
    test_threads();
    out << map["two"] << ' ' << 1.5 << ' ' << std::hex << 255 << ' ' << std::boolalpha << true;
    OK(out.str() == "2 1.5 ff true", "formatted output");
    std::istringstream in("12 word 3.25");
    int number = 0;
    double real = 0;
    std::string word;
    in >> number >> word >> real;
    OK(number == 12 && word == "word" && real == 3.25, "formatted input");
    std::cout << "# iostream works" << std::endl;
    return tap_end();
}
