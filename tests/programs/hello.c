/* SPDX-License-Identifier: MIT */
/* The least there is: output, and a status that is not 0. */
#include <stdio.h>

int main(void)
{
    puts("hello, world");
    return 7;
}
