/* SPDX-License-Identifier: MIT */
/*
 * What the host is told of the program's doings with its terminal and its
 * input, by lines in the port "control" as the end is (exec_control.c):
 *
 *   input N        the program waits for standard input, and would take N bytes
 *   settings ...   tcsetattr(3): settings_parse() in exec_spec.h has the form; the
 *                  host says when its terminal is like that
 */
#include <kernel/console.h>
#include <kernel/print.h>

#include "exec.h"

static void want(u64 size)
{
    struct byte_channel *control = channel_find("control");
    char line[32];
    int len = ksnprintf(line, sizeof(line), "input %lu\n", (unsigned long)size);

    /* It is never full: nothing there is as long as its buffer. */
    if (control != NULL && control->write(control, line, (u64)len) != len) {
        kprintf("exec: the host could not be asked for input\n");
    }
}

/* One at a time: under the terminal's lock. */
static void tell_settings(const struct terminal_settings *settings)
{
    static u32 count;
    char line[SETTINGS_TEXT_MAX];
    int len = ksnprintf(line, sizeof(line), "settings %x %x %x %x %x", settings->input,
                        settings->output, settings->control, settings->local, settings->line);

    for (unsigned i = 0; i < sizeof(settings->chars); i++) {
        len += ksnprintf(line + len, sizeof(line) - (size_t)len, " %x", settings->chars[i]);
    }
    exec_report("%s\n", line);
    exec_await_settled(++count);
}

static bool read_settings(const char *text, struct terminal_settings *settings)
{
    struct settings_words words;

    if (text == NULL || !settings_parse(text, &words)) {
        return false;
    }
    *settings = (struct terminal_settings){
        .input = words.word[0],
        .output = words.word[1],
        .control = words.word[2],
        .local = words.word[3],
        .line = (u8)words.word[4],
    };
    for (unsigned i = 0; i < sizeof(settings->chars); i++) {
        settings->chars[i] = (u8)words.word[5 + i];
    }
    return true;
}

void exec_start_terminal(const struct exec_spec *spec)
{
    static const struct console_host host = {.settings = tell_settings, .want = want};
    struct byte_channel *input = channel_find("stdin");
    struct terminal_settings settings;

    if (input != NULL) {
        input->asked_for = spec->input_frames;
    }
    console_set_host(&host, read_settings(spec->settings, &settings) ? &settings : NULL);
}
