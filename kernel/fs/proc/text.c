/* SPDX-License-Identifier: MIT */
/*
 * See kernel/text.h.  Pieces of equal size in a table: /proc/self/maps of a
 * large program is larger than what kmalloc() gives at a time, and a piece
 * that is full is never copied again.
 */
#include <kernel/text.h>

#include <kernel/kmalloc.h>
#include <kernel/print.h>
#include <kernel/string.h>

#define PIECE 4080u /* with kmalloc's guards, one frame in debug builds too */
#define LINE 256u
#define ROOM_FIRST 8u

void text_init(struct text *text)
{
    *text = (struct text){.size = 0};
}

void text_free(struct text *text)
{
    for (size_t i = 0; i < text->pieces; i++) {
        kfree(text->piece[i]);
    }
    kfree(text->piece);
    text_init(text);
}

static bool grow_table(struct text *text)
{
    size_t room = text->room == 0 ? ROOM_FIRST : 2 * text->room;
    char **piece = kmalloc(room * sizeof(*piece));

    if (piece == NULL) {
        return false;
    }
    if (text->pieces > 0) {
        memcpy(piece, text->piece, text->pieces * sizeof(*piece));
    }
    kfree(text->piece);
    text->piece = piece;
    text->room = room;
    return true;
}

static bool add_piece(struct text *text)
{
    if (text->pieces == text->room && !grow_table(text)) {
        return false;
    }
    text->piece[text->pieces] = kmalloc(PIECE);
    if (text->piece[text->pieces] == NULL) {
        return false;
    }
    text->pieces++;
    return true;
}

void text_put(struct text *text, const char *data, size_t size)
{
    while (size > 0 && !text->failed) {
        size_t offset = text->size % PIECE;
        size_t part = MIN(size, PIECE - offset);

        if (offset == 0 && !add_piece(text)) {
            text->failed = true;
            return;
        }
        memcpy(text->piece[text->pieces - 1] + offset, data, part);
        text->size += part;
        data += part;
        size -= part;
    }
}

void text_puts(struct text *text, const char *string)
{
    text_put(text, string, strlen(string));
}

size_t text_print(struct text *text, const char *fmt, ...)
{
    char line[LINE];
    va_list args;
    int size;

    va_start(args, fmt);
    size = kvsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    size = size < 0 ? 0 : MIN(size, (int)LINE - 1);
    text_put(text, line, (size_t)size);
    return (size_t)size;
}

void text_octal(struct text *text, u64 value, unsigned digits)
{
    char line[22];
    unsigned at = sizeof(line);

    for (digits = MIN(digits, at); value != 0 || digits > 0; value /= 8) {
        line[--at] = (char)('0' + value % 8);
        digits -= digits > 0;
    }
    text_put(text, line + at, sizeof(line) - at);
}

size_t text_at(const struct text *text, u64 pos, const char **data)
{
    if (pos >= text->size) {
        return 0;
    }
    *data = text->piece[pos / PIECE] + pos % PIECE;
    return MIN(PIECE - pos % PIECE, text->size - pos);
}

size_t text_copy(const struct text *text, char *data, size_t size)
{
    const char *from;
    size_t done = 0;
    size_t part;

    while (done < size && (part = text_at(text, done, &from)) > 0) {
        part = MIN(part, size - done);
        memcpy(data + done, from, part);
        done += part;
    }
    return done;
}
