/* SPDX-License-Identifier: MIT */
/*
 * The library of loader.c: a function that is chosen as it is loaded, by one
 * that needs the library's own relocations, and thread-local storage in the
 * model that the compiler is told.
 */
#include <stddef.h>

static int forty_two(void)
{
    return 42;
}

static int none(void)
{
    return 0;
}

int lib_number = 1;
/* Two relocations: of an address within the library, of a symbol. */
int (*lib_choices[])(void) = {none, forty_two};
int *lib_index = &lib_number;

static void *choose(void)
{
    return (void *)lib_choices[*lib_index];
}
int lib_answer(void) __attribute__((ifunc("choose")));

int lib_call_answer(void)
{
    return lib_answer();
}

static __thread int counter = 5;
static __thread char zeros[100];

/* The next of this thread's numbers, from 6 on; -1 if what is to be zero is not. */
int lib_next(void)
{
    for (size_t i = 0; i < sizeof zeros; i++) {
        if (zeros[i]) {
            return -1;
        }
    }
    return ++counter;
}

int lib_arguments;

__attribute__((constructor)) static void begin(int count, char **arguments, char **environment)
{
    lib_arguments = arguments && arguments[0] && environment ? count : -1;
}
