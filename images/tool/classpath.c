/* SPDX-License-Identifier: MIT */
/*
 * The jar that is to be run: whether java(1) could start it, told ahead of the
 * machine, and the jars that its manifest names by Class-Path, and theirs.
 *
 * Class-Path has URLs, separated by spaces: relative to the folder of the jar,
 * as it was named, or "file:" and an absolute path (JAR File Specification).
 * What is not there is left out, as java does.
 */
#include "jar.h"
#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail_no_class(const char *path)
{
    fail(text("name the class: moka java -cp %s org.example.Main", path),
         "the jar '%s' does not say which class is to be run: its manifest has no Main-Class",
         path);
}

static void check_file(const char *path)
{
    struct stat stat_buf;

    if (stat(path, &stat_buf) != 0) {
        fail("for example: moka run target/app.jar", "cannot read the jar '%s': %s", path,
             strerror(errno));
    }
    if (S_ISDIR(stat_buf.st_mode)) {
        fail(text("a folder of classes: moka java -cp %s org.example.Main", path),
             "'%s' is a folder, and no jar", path);
    }
    if (access(path, R_OK) != 0) {
        fail(text("it must be readable: chmod u+r '%s'", path), "cannot read the jar '%s': %s",
             path, strerror(errno));
    }
}

void jar_check(const char *path)
{
    char *manifest = NULL, *class;

    check_file(path);
    switch (jar_read(path, &manifest)) {
    case JAR_UNREADABLE:
        fail(NULL, "cannot read the jar '%s': %s", path, strerror(errno));
    case JAR_NO_ZIP:
        fail("a jar is what jar(1), Maven or Gradle make: moka run target/app.jar",
             "'%s' is no jar, or one that was cut short", path);
    case JAR_NO_MANIFEST:
        fail_no_class(path);
        return;
    case JAR_FINE:
        break;
    }
    class = jar_attribute(manifest, "Main-Class");
    if (class == NULL) {
        fail_no_class(path);
    }
    free(class);
    free(manifest);
}

static unsigned hex_value(char c)
{
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
           : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                  : 16;
}

/* In place: %20 is a space. */
static void decode_url(char *url)
{
    char *to = url;

    for (; *url != '\0'; url++) {
        if (*url == '%' && hex_value(url[1]) < 16 && hex_value(url[2]) < 16) {
            *to++ = (char)(hex_value(url[1]) << 4 | hex_value(url[2]));
            url += 2;
        } else {
            *to++ = *url;
        }
    }
    *to = '\0';
}

/* The path that a URL means, seen from a jar; NULL: it is not a file's. */
static char *path_of(const char *jar, char *url)
{
    const char *slash = strrchr(jar, '/');

    decode_url(url);
    if (strncmp(url, "file:", strlen("file:")) == 0) {
        url += strlen("file:");
        while (url[0] == '/' && url[1] == '/') { /* file:///path */
            url++;
        }
    } else if (strstr(url, "://") != NULL) {
        return NULL;
    }
    return url[0] == '/' ? text("%s", url)
                         : text("%.*s%s", slash != NULL ? (int)(slash + 1 - jar) : 0, jar, url);
}

static bool has(const struct words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->word[i], word) == 0) {
            return true;
        }
    }
    return false;
}

void jar_for_each_needed(const char *jar, void (*found)(void *arg, const char *path), void *arg)
{
    struct words seen = {0}; /* jars may name each other */

    words_add(&seen, text("%s", jar));
    for (size_t at = 0; at < seen.count; at++) {
        char *manifest = NULL, *list, *rest, *url;

        if (jar_read(seen.word[at], &manifest) != JAR_FINE) {
            continue;
        }
        rest = list = jar_attribute(manifest, "Class-Path");
        while ((url = strsep(&rest, " ")) != NULL) {
            char *path = *url != '\0' ? path_of(seen.word[at], url) : NULL;

            if (path != NULL && access(path, F_OK) == 0 && !has(&seen, path)) {
                found(arg, path);
                words_add(&seen, path);
            } else {
                free(path);
            }
        }
        free(list);
        free(manifest);
    }
}
