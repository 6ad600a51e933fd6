/* SPDX-License-Identifier: MIT */
/*
 * error(3).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "glibc.h"

unsigned error_message_count;
int error_one_per_line;
void (*error_print_progname)(void);

static void print(int status, int error, const char *format, va_list args)
{
    vfprintf(stderr, format, args);
    if (error) {
        fprintf(stderr, ": %s", strerror(error));
    }
    fputc('\n', stderr);
    error_message_count++;
    if (status) {
        exit(status);
    }
}

static void print_program(const char *behind)
{
    fflush(stdout);
    if (error_print_progname) {
        error_print_progname();
    } else {
        fprintf(stderr, "%s:%s", program_invocation_name, behind);
    }
}

void error(int status, int code, const char *format, ...)
{
    va_list args;

    print_program(" ");
    va_start(args, format);
    print(status, code, format, args);
    va_end(args);
}

void error_at_line(int status, int code, const char *file, unsigned line, const char *format, ...)
{
    static const char *last_file;
    static unsigned last_line;
    va_list args;

    if (error_one_per_line && line == last_line && last_file && file && !strcmp(file, last_file)) {
        return;
    }
    last_file = file, last_line = line;
    print_program("");
    fprintf(stderr, "%s:%u: ", file ? file : "", line);
    va_start(args, format);
    print(status, code, format, args);
    va_end(args);
}
