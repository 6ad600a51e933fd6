/* SPDX-License-Identifier: MIT */
/*
 * Looks into a jar as java(1) does before it starts one: is it a zip file, has
 * it a manifest, and what stands there.  So that what is wrong is said in one
 * line, before there is a machine.
 *
 * Zip: PKWARE's APPNOTE.TXT 4.3.  From the end: the directory's own end
 * record, the directory, the file's local header.  A manifest is the first
 * section of lines "Name: value"; a line that begins with a space goes on
 * with the one before it (JAR File Specification).
 */
#include "jar.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define END_SIZE 22
#define END_COMMENT_MAX 65535
#define ENTRY_SIZE 46
#define LOCAL_SIZE 30
#define MANIFEST "META-INF/MANIFEST.MF"
#define MANIFEST_MAX (4u << 20)

struct zip {
    const unsigned char *bytes;
    size_t size;
};

static uint32_t u16_at(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t u32_at(const unsigned char *p)
{
    return u16_at(p) | u16_at(p + 2) << 16;
}

static bool is_record(const struct zip *zip, size_t at, size_t size, const char *signature)
{
    return at <= zip->size && zip->size - at >= size && memcmp(zip->bytes + at, signature, 4) == 0;
}

/* NULL: it is no zip file. */
static const unsigned char *find_end(const struct zip *zip)
{
    size_t last = zip->size >= END_SIZE ? zip->size - END_SIZE : 0;

    for (size_t back = 0; back <= END_COMMENT_MAX && back <= last; back++) {
        if (is_record(zip, last - back, END_SIZE, "PK\5\6")) {
            return zip->bytes + last - back;
        }
    }
    return NULL;
}

/* DEFLATE without a header of zlib's: exactly `size` bytes. */
static bool inflate_all(const unsigned char *packed, size_t packed_size, char *text, size_t size)
{
    z_stream stream = {
        .next_in = (unsigned char *)(uintptr_t)packed,
        .avail_in = (uInt)packed_size,
        .next_out = (unsigned char *)text,
        .avail_out = (uInt)size,
    };
    bool done = inflateInit2(&stream, -MAX_WBITS) == Z_OK &&
                inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 0;

    (void)inflateEnd(&stream);
    return done;
}

/* The file that a directory entry names, as text; NULL: not readable. */
static char *extract(const struct zip *zip, const unsigned char *entry)
{
    size_t packed = u32_at(entry + 20), size = u32_at(entry + 24), at = u32_at(entry + 42);
    uint32_t method = u16_at(entry + 10);
    char *text;
    bool done;

    if (size > MANIFEST_MAX || !is_record(zip, at, LOCAL_SIZE, "PK\3\4")) {
        return NULL;
    }
    at += LOCAL_SIZE + u16_at(zip->bytes + at + 26) + u16_at(zip->bytes + at + 28);
    if (at > zip->size || packed > zip->size - at || (method == 0 && packed != size)) {
        return NULL;
    }
    text = calloc(1, size + 1);
    if (text == NULL) {
        return NULL;
    }
    if (method == 0) {
        memcpy(text, zip->bytes + at, size);
        return text;
    }
    done = method == 8 && inflate_all(zip->bytes + at, packed, text, size);
    if (!done) {
        free(text);
    }
    return done ? text : NULL;
}

static char *find_manifest(const struct zip *zip, const unsigned char *end)
{
    size_t at = u32_at(end + 16), gap;

    /* What stands ahead of the zip file (a script, in an executable jar) moves all places. */
    gap = (size_t)(end - zip->bytes) - u32_at(end + 12) - at;
    if (gap > (size_t)(end - zip->bytes)) {
        return NULL;
    }
    for (unsigned left = u16_at(end + 10); left > 0; left--) {
        struct zip inner = {zip->bytes + gap, zip->size - gap};
        const unsigned char *entry = inner.bytes + at;
        size_t name;

        if (!is_record(&inner, at, ENTRY_SIZE, "PK\1\2")) {
            return NULL;
        }
        name = u16_at(entry + 28);
        if (name == strlen(MANIFEST) && inner.size - at - ENTRY_SIZE >= name &&
            strncasecmp((const char *)entry + ENTRY_SIZE, MANIFEST, name) == 0) {
            return extract(&inner, entry);
        }
        at += ENTRY_SIZE + name + u16_at(entry + 30) + u16_at(entry + 32);
    }
    return NULL;
}

enum jar_state jar_read(const char *path, char **manifest)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum jar_state state = JAR_NO_ZIP;
    struct stat stat_buf;
    struct zip zip;
    const unsigned char *end;
    void *bytes;

    *manifest = NULL;
    if (fd < 0 || fstat(fd, &stat_buf) != 0) {
        return JAR_UNREADABLE;
    }
    bytes = !S_ISREG(stat_buf.st_mode) || stat_buf.st_size == 0
                ? MAP_FAILED
                : mmap(NULL, (size_t)stat_buf.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED) {
        return JAR_NO_ZIP;
    }
    zip = (struct zip){bytes, (size_t)stat_buf.st_size};
    end = find_end(&zip);
    if (end != NULL) {
        *manifest = find_manifest(&zip, end);
        state = *manifest != NULL ? JAR_FINE : JAR_NO_MANIFEST;
    }
    munmap(bytes, zip.size);
    return state;
}

/* Where the line ends, CR, LF or both, and where the next begins. */
static const char *line_end(const char *line, const char **next)
{
    const char *end = line + strcspn(line, "\r\n");

    *next = end + (*end == '\r' && end[1] == '\n' ? 2 : *end != '\0');
    return end;
}

char *jar_attribute(const char *manifest, const char *name)
{
    size_t len = strlen(name), size = 0;
    char *value = NULL;

    for (const char *line = manifest, *next; *line != '\0' && *line != '\r' && *line != '\n';
         line = next) {
        const char *end = line_end(line, &next), *from = NULL;

        if (value != NULL && *line == ' ') {
            from = line + 1;
        } else if (value != NULL) {
            break;
        } else if (strncasecmp(line, name, len) == 0 && strncmp(line + len, ": ", 2) == 0) {
            from = line + len + 2;
        }
        if (from != NULL) {
            char *longer = realloc(value, size + (size_t)(end - from) + 1);

            if (longer == NULL) {
                break;
            }
            value = longer;
            memcpy(value + size, from, (size_t)(end - from));
            size += (size_t)(end - from);
            value[size] = '\0';
        }
    }
    return value;
}
