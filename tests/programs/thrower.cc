// SPDX-License-Identifier: MIT
// A library for cxx.cc, loaded by dlopen.
#include <stdexcept>
#include <string>

extern "C" void throw_number(int number);

extern "C" void throw_number(int number)
{
    throw std::invalid_argument(std::to_string(number));
}
