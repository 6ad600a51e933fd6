/* SPDX-License-Identifier: MIT */
/*
 *   measure PREFIX PROGRAM COMMAND...
 *
 * Runs COMMAND, a JVM or a machine with one, and reads the CPU time of it and
 * its children, as the host counts it, when it says "begin NAME" and "end NAME
 * WALL-MS CPU-MS KERNEL-MS" (Phases.java).  Prints samples as the
 * micro-benchmarks do: PREFIX/NAME/cpu for each phase, and /load, that
 * over the time by the clock; for all phases together PREFIX/PROGRAM/time and
 * /kernel, the share of the program's CPU time that was the kernel's.
 *
 * The host's count is what both systems have in common: for a machine it has
 * the guest's kernel, its idle work, the hypervisor and QEMU in it, and neither
 * has what other programs took meanwhile.  The status is COMMAND's.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../command.h"

#define PATH_LENGTH 64
#define LINE_LENGTH 4096
#define NAME_LENGTH 64

/* Of all phases, as the program says, in milliseconds. */
struct sums {
    double wall, cpu, kernel;
};

static void fail(const char *what)
{
    fprintf(stderr, "measure: %s\n", what);
    exit(125);
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now = {0};

    clock_gettime(clock, &now); /* 0 for a process that has just ended */
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* CPU time of a process and of those that its main thread has started. */
static uint64_t tree_cpu(pid_t pid)
{
    char path[PATH_LENGTH];
    clockid_t clock;
    uint64_t sum = 0;
    FILE *children;
    int child;

    if (clock_getcpuclockid(pid, &clock) == 0) {
        sum = read_clock(clock);
    }
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
    children = fopen(path, "re");
    if (children == NULL) {
        return sum;
    }
    while (fscanf(children, "%d", &child) == 1) {
        sum += tree_cpu(child);
    }
    fclose(children);
    return sum;
}

static void print_sample(const char *prefix, const char *name, const char *what, const char *unit,
                         double value)
{
    printf("sample %s/%s/%s %s %.3f\n", prefix, name, what, unit, value);
}

static void print_sums(const char *prefix, const char *program, const struct sums *sums)
{
    print_sample(prefix, program, "time", "ms", sums->wall);
    print_sample(prefix, program, "kernel", "percent",
                 sums->cpu > 0 ? 100 * sums->kernel / sums->cpu : 0);
}

static struct sums follow(pid_t pid, FILE *output, const char *prefix)
{
    char line[LINE_LENGTH], name[NAME_LENGTH];
    struct sums sums = {0}, phase;
    uint64_t begun = 0;
    double cpu;

    while (fgets(line, sizeof(line), output) != NULL) {
        if (sscanf(line, "begin %63s", name) == 1) {
            begun = tree_cpu(pid);
        } else if (sscanf(line, "end %63s %lf %lf %lf", name, &phase.wall, &phase.cpu,
                          &phase.kernel) == 4) {
            cpu = (double)(tree_cpu(pid) - begun) / 1e6;
            print_sample(prefix, name, "cpu", "ms", cpu);
            print_sample(prefix, name, "load", "percent",
                         phase.wall > 0 ? 100 * cpu / phase.wall : 0);
            sums.wall += phase.wall;
            sums.cpu += phase.cpu;
            sums.kernel += phase.kernel;
        }
    }
    return sums;
}

int main(int argc, char **argv)
{
    struct sums sums;
    FILE *output;
    int status;
    pid_t pid;

    if (argc < 4) {
        fail("usage: measure PREFIX PROGRAM COMMAND...");
    }
    pid = command_start(argv + 3, &output);
    if (pid < 0) {
        fail("cannot start it");
    }
    sums = follow(pid, output, argv[1]);
    if (waitpid(pid, &status, 0) != pid) {
        fail("it is lost");
    }
    print_sums(argv[1], argv[2], &sums);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
