/* SPDX-License-Identifier: MIT */
/*
 * Ends as its argument says; tests/run-programs.sh looks at the status.
 *   return N, exit N, _exit N, abort, raise N, kill N, null, ud2, thread-exit
 *   N, last-thread, atexit
 *   catch N (waits, says so on stdout, and exits with 100 + N), ignore N
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static void *exit_in_thread(void *arg)
{
    exit(*(int *)arg);
}

static void *sleep_a_little(void *arg)
{
    usleep(20000);
    puts("last");
    return arg;
}

static void end_in_handler(int signal)
{
    _exit(100 + signal);
}

static void wait_for_signals(int number, void (*handler)(int))
{
    signal(number, handler);
    puts("waiting");
    fflush(stdout);
    for (;;) {
        pause();
    }
}

static void at_exit(void)
{
    puts("at exit");
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    int number = argc > 2 ? atoi(argv[2]) : 0;
    pthread_t thread;

    printf("%s %d\n", how, number); /* flushed by exit, not by _exit */
    if (strcmp(how, "return") == 0) {
        return number;
    } else if (strcmp(how, "exit") == 0) {
        exit(number);
    } else if (strcmp(how, "_exit") == 0) {
        _exit(number);
    } else if (strcmp(how, "abort") == 0) {
        abort();
    } else if (strcmp(how, "raise") == 0) {
        raise(number);
    } else if (strcmp(how, "kill") == 0) {
        kill(getpid(), number);
    } else if (strcmp(how, "null") == 0) {
        *(volatile int *)(unsigned long)number = 1; /* NOLINT: on purpose */
    } else if (strcmp(how, "ud2") == 0) {
        __asm__ volatile("ud2");
    } else if (strcmp(how, "thread-exit") == 0) {
        pthread_create(&thread, NULL, exit_in_thread, &number);
        pause();
    } else if (strcmp(how, "last-thread") == 0) {
        pthread_create(&thread, NULL, sleep_a_little, NULL);
        pthread_exit(NULL);
    } else if (strcmp(how, "atexit") == 0) {
        atexit(at_exit);
        return number;
    } else if (strcmp(how, "catch") == 0) {
        wait_for_signals(number, end_in_handler);
    } else if (strcmp(how, "ignore") == 0) {
        wait_for_signals(number, SIG_IGN);
    }
    return 99;
}
