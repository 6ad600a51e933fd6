/* SPDX-License-Identifier: MIT */
/*
 *   time NAME COMMAND...
 *
 * Runs COMMAND and prints "NAME wall W" and "NAME cpu C", in milliseconds: from
 * the fork to its end, and the CPU time of it and all its children, as the
 * host counts it.  If COMMAND is a JVM with -Xlog:startuptime, also "NAME create
 * V": how long the creation of the JVM took.  What COMMAND says is not shown.
 * The status is COMMAND's.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../command.h"

#define LINE_LENGTH 4096

static void fail(const char *what)
{
    fprintf(stderr, "time: %s\n", what);
    exit(125);
}

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double ms_of(struct timeval time)
{
    return (double)time.tv_sec * 1e3 + (double)time.tv_usec / 1e3;
}

int main(int argc, char **argv)
{
    char line[LINE_LENGTH];
    struct rusage usage;
    double begun, create, taken;
    FILE *output;
    int status;
    pid_t pid;

    if (argc < 3) {
        fail("usage: time NAME COMMAND...");
    }
    begun = now_ms();
    pid = command_start(argv + 2, &output);
    if (pid < 0) {
        fail("cannot start it");
    }
    while (fgets(line, sizeof(line), output) != NULL) {
        const char *found = strstr(line, "Create VM, ");

        if (found != NULL && sscanf(found, "Create VM, %lf secs", &create) == 1) {
            printf("%s create %.3f\n", argv[1], create * 1e3);
        }
    }
    if (wait4(pid, &status, 0, &usage) != pid) {
        fail("it is gone");
    }
    taken = now_ms() - begun;
    printf("%s wall %.3f\n%s cpu %.3f\n", argv[1], taken, argv[1],
           ms_of(usage.ru_utime) + ms_of(usage.ru_stime));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
