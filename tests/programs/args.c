/* SPDX-License-Identifier: MIT */
/* Prints what it was given, quoted by byte: arguments, environment, folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static void print_bytes(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text > ' ' && *text < 127 && *text != '\\') {
            putchar(*text);
        } else {
            printf("\\%03o", (unsigned char)*text);
        }
    }
    putchar('\n');
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv)
{
    char cwd[4096];
    size_t count = 0;

    printf("%d arguments\n", argc);
    for (int i = 1; i < argc; i++) { /* not the program's own path: it differs */
        print_bytes(argv[i]);
    }
    while (environ[count] != NULL) {
        count++;
    }
    qsort(environ, count, sizeof(char *), by_name);
    printf("%zu variables\n", count);
    for (size_t i = 0; i < count; i++) {
        print_bytes(environ[i]);
    }
    if (getcwd(cwd, sizeof(cwd)) == NULL) {
        return 1;
    }
    printf("in %s\n", cwd);
    printf("terminal: %d %d %d\n", isatty(0), isatty(1), isatty(2));
    return 0;
}
