/* SPDX-License-Identifier: MIT */
/*
 * What to run, as the tool `moka` says it in the fw_cfg file "opt/moka/exec":
 * records KEY=VALUE, each ended by a NUL byte, so that no value needs quoting.
 *
 *   path      the program
 *   arg       argv[0], argv[1], ... in order
 *   env       NAME=VALUE, in order
 *   cwd       the working folder; "/" if it is not given
 *   mount     TAG:ro:/FOLDER or TAG:rw:/FOLDER, a 9p share of the host
 *   terminal  "stdin", "stdout" or "stderr": the host has a terminal there
 *   size      ROWSxCOLUMNS of it
 *   settings  its settings, as settings_parse() has them
 *   input     "frames": standard input comes when it is asked for (console.h)
 *   ahead     BYTES:/FILE, of which so much is sure to be read: exec_ahead.c
 *
 * "opt/moka/libc" is the C library to be put into the tree.
 *
 * A disk that boots by itself has the first as a file of its root, and the
 * second in its place there.
 */
#pragma once

#include <kernel/types.h>

#define EXEC_SPEC_FILE "/.moka/exec"
#define EXEC_MOUNTS 16u
#define EXEC_AHEADS 4u
#define EXEC_SPEC_MAX (2 * MIB)

struct exec_mount {
    const char *tag, *path;
    size_t tag_len;
    bool read_only;
};

struct exec_ahead {
    const char *path;
    u64 bytes;
};

struct exec_spec {
    const char *path, *cwd;
    const char **argv, **envp; /* NULL-terminated */
    struct exec_mount mount[EXEC_MOUNTS];
    unsigned mounts;
    struct exec_ahead ahead[EXEC_AHEADS];
    unsigned aheads;
    bool terminal[3];
    u16 rows, columns;
    const char *settings; /* NULL: not known */
    bool input_frames;
};

/* How many pointers exec_spec_parse() wants in `words`. */
size_t exec_spec_words(const char *data, size_t size);

/*
 * All pointers lead into `data`, which stays the caller's.  -EINVAL: not of
 * this form, or without a path or argv[0].
 */
must_check int exec_spec_parse(const char *data, size_t size, const char **words,
                               struct exec_spec *spec);

/*
 * A terminal's settings as text: the words of termios in the order of the
 * struct, hexadecimal, with spaces between them: input, output, control, local,
 * line, 19 characters.  False: not of this form.
 */
#define SETTINGS_TEXT_MAX 160u
#define SETTINGS_CHARS 19u
struct settings_words {
    u32 word[5 + SETTINGS_CHARS];
};
must_check bool settings_parse(const char *text, struct settings_words *settings);

/*
 * A command line in words that spaces separate, as such a file: its size, or
 * 0 if `room` bytes are too few or it has no word.
 */
size_t exec_spec_from_text(const char *text, char *data, size_t room);
