/* SPDX-License-Identifier: MIT */
/*
 * Boot time and idle load of a virtual machine, seen from outside.
 *
 *   boottime boot RUNS COMMAND...     times COMMAND (QEMU) from its start
 *   boottime start RUNS COMMAND...    times COMMAND until its output ends and it has ended
 *   boottime idle SECONDS COMMAND...  CPU time it uses once the guest is idle
 *
 * Prints lines as the micro-benchmarks do (bench.h).  The guest's console is
 * COMMAND's standard output.  boot: the first byte of it, the kernel's own
 * "entry to idle N us", and the end if it ends by itself; else it is killed
 * when the latter has been printed.  idle: waits for its line "idle for N s" and
 * then two seconds more, and takes the CPU time of all its threads second by second.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_MAX 65536
#define PATIENCE_MS 60000
#define BOOT_MARK "entry to idle "
#define IDLE_MARK "idle for "

struct guest {
    pid_t pid;
    int output; /* a pipe */
    uint64_t started, first_byte, ended;
    size_t length;
    char text[OUTPUT_MAX];
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void fail(const char *what)
{
    fprintf(stderr, "boottime: %s\n", what);
    exit(1);
}

static void guest_start(struct guest *guest, char **command)
{
    int ends[2];

    memset(guest, 0, sizeof(*guest));
    if (pipe(ends) != 0) {
        fail("no pipe");
    }
    guest->started = now_ns();
    guest->pid = fork();
    if (guest->pid < 0) {
        fail("no process");
    }
    if (guest->pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(command[0], command);
        _exit(127);
    }
    close(ends[1]);
    guest->output = ends[0];
}

/* Reads until `mark` and the end of its line are there: true; or until the
 * output ends: false. */
static bool guest_read_until(struct guest *guest, const char *mark)
{
    struct pollfd wait = {.fd = guest->output, .events = POLLIN};

    for (;;) {
        const char *found = strstr(guest->text, mark);
        ssize_t got;

        if (found != NULL && strchr(found, '\n') != NULL) {
            return true;
        }
        if (guest->length == OUTPUT_MAX - 1 || poll(&wait, 1, PATIENCE_MS) <= 0) {
            kill(guest->pid, SIGKILL);
            fail("the guest does not get on");
        }
        got = read(guest->output, guest->text + guest->length, OUTPUT_MAX - 1 - guest->length);
        if (got <= 0) {
            guest->ended = now_ns();
            return false;
        }
        if (guest->length == 0) {
            guest->first_byte = now_ns();
        }
        guest->length += (size_t)got;
    }
}

static void guest_end(struct guest *guest)
{
    if (guest->ended == 0) {
        kill(guest->pid, SIGKILL);
    }
    close(guest->output);
    waitpid(guest->pid, NULL, 0);
}

static void print_ns(const char *name, uint64_t ns)
{
    printf("sample %s ns %llu\n", name, (unsigned long long)ns);
}

static void run_boot(int runs, char **command)
{
    static struct guest guest;

    for (int i = 0; i < runs; i++) {
        const char *mark;

        guest_start(&guest, command);
        if (!guest_read_until(&guest, BOOT_MARK) && guest.length == 0) {
            fail("the guest printed nothing");
        }
        print_ns("boot/first_byte", guest.first_byte - guest.started);
        mark = strstr(guest.text, BOOT_MARK);
        if (mark != NULL) {
            print_ns("boot/entry_to_idle", strtoull(mark + strlen(BOOT_MARK), NULL, 10) * 1000);
        }
        if (guest.ended != 0) {
            print_ns("boot/exit", guest.ended - guest.started);
        }
        guest_end(&guest);
    }
}

/* A command that prints something and ends with 0. */
static void run_start(int runs, char **command)
{
    static struct guest guest;

    for (int i = 0; i < runs; i++) {
        int status = 0;

        guest_start(&guest, command);
        if (guest_read_until(&guest, "\n\n") || waitpid(guest.pid, &status, 0) != guest.pid ||
            status != 0 || guest.length == 0) {
            fail("the command failed");
        }
        print_ns("start/end", now_ns() - guest.started);
        close(guest.output);
    }
}

/* CPU time of all threads of the process, those that have ended included. */
static uint64_t process_cpu_ns(pid_t pid)
{
    struct timespec used;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) {
        fail("the guest has ended");
    }
    return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

static void run_idle(int seconds, char **command)
{
    static struct guest guest;

    guest_start(&guest, command);
    if (!guest_read_until(&guest, IDLE_MARK)) {
        fail("the guest ended before it was idle");
    }
    sleep(2);
    /* A sample for each second, so that there is a spread. */
    for (int i = 0; i < seconds; i++) {
        uint64_t start = now_ns(), used = process_cpu_ns(guest.pid);

        sleep(1);
        if (waitpid(guest.pid, NULL, WNOHANG) != 0) {
            fail("the guest has ended");
        }
        used = process_cpu_ns(guest.pid) - used;
        printf("sample idle/host_cpu percent %.3f\n",
               (double)used * 100 / (double)(now_ns() - start));
    }
    guest_end(&guest);
}

int main(int argc, char **argv)
{
    int count = argc > 3 ? atoi(argv[2]) : 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (count > 0 && strcmp(argv[1], "boot") == 0) {
        run_boot(count, argv + 3);
    } else if (count > 0 && strcmp(argv[1], "start") == 0) {
        run_start(count, argv + 3);
    } else if (count > 0 && strcmp(argv[1], "idle") == 0) {
        run_idle(count, argv + 3);
    } else {
        fail("usage: boottime boot RUNS | start RUNS | idle SECONDS, COMMAND...");
    }
    return 0;
}
