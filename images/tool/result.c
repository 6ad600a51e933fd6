/* SPDX-License-Identifier: MIT */
/*
 * What became of it: the program's status as the guest reports it, or, if the
 * machine ended without a word about that, why it did as far as its log tells.
 */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* The first line with `what`, or the last of all, in a log. */
static char *find_line(const struct log *log, const char *what)
{
    char *all = text("%.*s", (int)log->size, log->size != 0 ? log->bytes : "");
    char *result = NULL, *rest = all, *line;

    while ((line = strsep(&rest, "\r\n")) != NULL) {
        if (*line != '\0' && (what == NULL || strstr(line, what) != NULL)) {
            free(result);
            result = text("%s", line);
            if (what != NULL) {
                break;
            }
        }
    }
    free(all);
    return result;
}

/* The kernel's own words, without those that say who speaks. */
static const char *without_prefix(const char *line)
{
    static const char *const prefixes[] = {"moka: ", "moka.rom: ", "cannot start: "};

    for (unsigned i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(line, prefixes[i], strlen(prefixes[i])) == 0) {
            line += strlen(prefixes[i]);
        }
    }
    return line;
}

/* The machine is not as the kernel needs it: the line says all, a log nothing more. */
static bool is_about_machine(const char *line)
{
    return strstr(line, "cannot start: ") != NULL ||
           strncmp(line, "moka.rom: ", strlen("moka.rom: ")) == 0;
}

/* The machine ended without a word about the program. */
static int explain(const struct machine *machine, const struct options *options)
{
    char *line;
    struct message said;

    if (machine->killed) {
        return STATUS_SIGNAL + machine->last_signal;
    }
    line = find_line(&machine->serial, "panic");
    if (line == NULL && WIFSIGNALED(machine->wait_status)) {
        fail(NULL, "the machine was ended by signal %d", WTERMSIG(machine->wait_status));
    }
    if (line == NULL) {
        line = find_line(&machine->serial, NULL);
    }
    if (line != NULL) {
        fail(options->verbose || is_about_machine(line)
                 ? NULL
                 : text("the kernel's log is in '%s'",
                        report_log(options, machine->serial.bytes, machine->serial.size)),
             "the machine failed: %s", without_prefix(line));
    }
    said = message_of(
        text("%.*s", (int)machine->qemu.size, machine->qemu.size != 0 ? machine->qemu.bytes : ""));
    if (said.text != NULL) {
        if (said.remedy == NULL && strstr(said.text, "Cannot allocate memory") != NULL) {
            said.remedy = "the host does not have so much: give it less with -m";
        }
        fail(said.remedy, "the machine did not start: %s", said.text);
    }
    fail("the option --verbose shows more", "the machine ended by itself, with status %d",
         WEXITSTATUS(machine->wait_status));
}

static void say_memory(const struct options *options)
{
    say("the program was ended: the machine's memory, %s, has run out; give it more with -m",
        options->memory != NULL ? options->memory : "1G");
}

int machine_result(const struct machine *machine, const struct options *options)
{
    int number;

    if (sscanf(machine->end, "exit %d", &number) == 1) {
        return number & 0xff;
    }
    if (sscanf(machine->end, "signal %d", &number) == 1) {
        if (strstr(machine->end, " memory") != NULL) {
            say_memory(options);
        }
        return STATUS_SIGNAL + (number & 0x7f);
    }
    if (sscanf(machine->end, "error %d ", &number) == 1) {
        char *said = strchr(machine->end + strlen("error "), ' ');

        say("%.*s", said != NULL ? (int)strcspn(said + 1, "\n") : 0, said + 1);
        return number;
    }
    return explain(machine, options);
}
