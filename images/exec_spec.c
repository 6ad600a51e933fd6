/* SPDX-License-Identifier: MIT */
#include "exec_spec.h"

#include <kernel/errno.h>
#include <kernel/string.h>

/* The value of a record, if it has this key. */
static const char *value_of(const char *record, const char *key)
{
    size_t len = strlen(key);

    return strncmp(record, key, len) == 0 && record[len] == '=' ? record + len + 1 : NULL;
}

/* All values of one key, NULL-terminated; returns where the next list begins. */
static const char **collect(const char *data, size_t size, const char *key, const char **words)
{
    for (const char *at = data; at < data + size; at += strlen(at) + 1) {
        const char *value = value_of(at, key);

        if (value != NULL) {
            *words++ = value;
        }
    }
    *words = NULL;
    return words + 1;
}

size_t exec_spec_words(const char *data, size_t size)
{
    size_t count = 2; /* the ends of both lists */

    for (size_t i = 0; i < size; i++) {
        count += data[i] == '\0';
    }
    return count;
}

static int parse_mount(const char *value, struct exec_spec *spec)
{
    const char *colon = strchr(value, ':');
    struct exec_mount *mount = &spec->mount[spec->mounts];

    if (spec->mounts == EXEC_MOUNTS || colon == NULL || colon == value) {
        return -EINVAL;
    }
    mount->tag = value;
    mount->tag_len = (size_t)(colon - value);
    mount->read_only = strncmp(colon, ":ro:/", 5) == 0;
    if (!mount->read_only && strncmp(colon, ":rw:/", 5) != 0) {
        return -EINVAL;
    }
    mount->path = colon + 4;
    spec->mounts++;
    return 0;
}

static int parse_terminal(const char *value, struct exec_spec *spec)
{
    static const char *const names[] = {"stdin", "stdout", "stderr"};

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(value, names[i]) == 0) {
            spec->terminal[i] = true;
            return 0;
        }
    }
    return -EINVAL;
}

static const char *parse_number(const char *at, u16 *number)
{
    u32 value = 0;
    const char *start = at;

    while (*at >= '0' && *at <= '9' && value <= UINT16_MAX) {
        value = value * 10 + (u32)(*at++ - '0');
    }
    *number = (u16)value;
    return at > start && value <= UINT16_MAX ? at : NULL;
}

static int parse_size(const char *value, struct exec_spec *spec)
{
    const char *at = parse_number(value, &spec->rows);

    if (at == NULL || *at != 'x') {
        return -EINVAL;
    }
    at = parse_number(at + 1, &spec->columns);
    return at != NULL && *at == '\0' ? 0 : -EINVAL;
}

static const char *parse_hex(const char *at, u32 *number)
{
    const char *start = at;

    *number = 0;
    for (; at < start + 8; at++) {
        u32 digit;

        if (*at >= '0' && *at <= '9') {
            digit = (u32)(*at - '0');
        } else if (*at >= 'a' && *at <= 'f') {
            digit = (u32)(*at - 'a') + 10;
        } else {
            break;
        }
        *number = *number << 4 | digit;
    }
    return at > start ? at : NULL;
}

bool settings_parse(const char *text, struct settings_words *settings)
{
    const unsigned count = ARRAY_SIZE(settings->word);

    for (unsigned i = 0; i < count; i++) {
        text = parse_hex(text, &settings->word[i]);
        if (text == NULL || *text != (i + 1 < count ? ' ' : '\0')) {
            return false;
        }
        text++;
    }
    return true;
}

static int parse_input(const char *value, struct exec_spec *spec)
{
    spec->input_frames = strcmp(value, "frames") == 0;
    return spec->input_frames ? 0 : -EINVAL;
}

static int parse_ahead(const char *value, struct exec_spec *spec)
{
    struct exec_ahead *ahead = &spec->ahead[spec->aheads];
    u64 bytes = 0;

    if (spec->aheads == EXEC_AHEADS || *value == ':') {
        return -EINVAL;
    }
    for (; *value >= '0' && *value <= '9' && bytes <= UINT32_MAX; value++) {
        bytes = bytes * 10 + (u64)(*value - '0');
    }
    if (bytes > UINT32_MAX || value[0] != ':' || value[1] != '/') {
        return -EINVAL;
    }
    *ahead = (struct exec_ahead){value + 1, bytes};
    spec->aheads++;
    return 0;
}

static int parse_record(const char *record, struct exec_spec *spec)
{
    const char *value;

    if ((value = value_of(record, "path")) != NULL) {
        spec->path = value;
    } else if ((value = value_of(record, "cwd")) != NULL) {
        spec->cwd = value;
    } else if ((value = value_of(record, "mount")) != NULL) {
        return parse_mount(value, spec);
    } else if ((value = value_of(record, "terminal")) != NULL) {
        return parse_terminal(value, spec);
    } else if ((value = value_of(record, "size")) != NULL) {
        return parse_size(value, spec);
    } else if ((value = value_of(record, "settings")) != NULL) {
        spec->settings = value;
    } else if ((value = value_of(record, "input")) != NULL) {
        return parse_input(value, spec);
    } else if ((value = value_of(record, "ahead")) != NULL) {
        return parse_ahead(value, spec);
    } else if (value_of(record, "arg") == NULL && value_of(record, "env") == NULL) {
        return -EINVAL;
    }
    return 0;
}

int exec_spec_parse(const char *data, size_t size, const char **words, struct exec_spec *spec)
{
    *spec = (struct exec_spec){.cwd = "/"};
    if (size == 0 || data[size - 1] != '\0') {
        return -EINVAL;
    }
    for (const char *at = data; at < data + size; at += strlen(at) + 1) {
        int err = parse_record(at, spec);

        if (err != 0) {
            return err;
        }
    }
    spec->argv = words;
    spec->envp = collect(data, size, "arg", words);
    collect(data, size, "env", spec->envp);
    return spec->path != NULL && spec->path[0] != '\0' && spec->argv[0] != NULL ? 0 : -EINVAL;
}

/* Appends KEY=VALUE and a NUL, or nothing: the size after it, 0 for no room. */
static size_t append(char *data, size_t size, size_t room, const char *key, const char *value,
                     size_t len)
{
    size_t key_len = strlen(key);

    if (key_len + len + 2 > room - size) {
        return 0;
    }
    memcpy(data + size, key, key_len);
    data[size + key_len] = '=';
    memcpy(data + size + key_len + 1, value, len);
    data[size + key_len + 1 + len] = '\0';
    return size + key_len + len + 2;
}

size_t exec_spec_from_text(const char *text, char *data, size_t room)
{
    size_t size = 0;

    for (;;) {
        size_t len = 0;

        while (*text == ' ') {
            text++;
        }
        while (text[len] != '\0' && text[len] != ' ') {
            len++;
        }
        if (len == 0) {
            return size;
        }
        if (size == 0) {
            size = append(data, 0, room, "path", text, len);
            if (size == 0) {
                return 0;
            }
        }
        size = append(data, size, room, "arg", text, len);
        if (size == 0) {
            return 0;
        }
        text += len;
    }
}
