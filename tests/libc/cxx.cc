// SPDX-License-Identifier: MIT
// What a C++ program needs of libc beside C: unwinding through it, thread_local
// destructors, once, locales, streams.  Prints TAP.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <locale>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <thread>

static int destroyed;

struct Tracked {
    int value = 1;
    ~Tracked()
    {
        destroyed += value;
    }
};

static thread_local Tracked tracked;

static int throws_in_qsort(const void *, const void *)
{
    throw std::runtime_error("compare");
}

static bool unwinds_through_libc()
{
    int numbers[] = {3, 1, 2};
    try {
        qsort(numbers, 3, sizeof *numbers, throws_in_qsort);
    } catch (const std::runtime_error &) {
        return true;
    }
    return false;
}

static int number;

static bool check(const char *name, bool ok)
{
    std::cout << (ok ? "ok " : "not ok ") << ++number << " - " << name << std::endl;
    return ok;
}

int main()
{
    bool ok = true;
    std::once_flag once;
    int calls = 0;
    std::cout << "1..5" << std::endl;
    ok &= check("an exception passes through qsort()", unwinds_through_libc());
    std::thread([] { tracked.value = 5; }).join();
    ok &= check("thread_local is destroyed with its thread", destroyed == 5);
    for (int i = 0; i < 3; i++) {
        std::call_once(once, [&] { calls++; });
    }
    ok &= check("once", calls == 1);
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out << 1234567.5 << ' ' << std::hex << 255;
    ok &= check("streams", out.str() == "1.23457e+06 ff");
    ok &= check("classes of characters", std::isalpha('x', std::locale::classic()) &&
                                             !std::isalpha('1', std::locale::classic()));
    return ok ? 0 : 1;
}
