/* SPDX-License-Identifier: MIT */
/* Starts a command whose output is read: for the programs here that measure one. */
#pragma once

#include <stdio.h>
#include <unistd.h>

/* Its process, with its standard output in *output; -1: it cannot be started. */
static inline pid_t command_start(char **command, FILE **output)
{
    int ends[2];
    pid_t pid;

    if (pipe(ends) != 0 || (pid = fork()) < 0) {
        return -1;
    }
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(command[0], command);
        _exit(127);
    }
    close(ends[1]);
    *output = fdopen(ends[0], "r");
    return pid;
}
