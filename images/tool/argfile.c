/* SPDX-License-Identifier: MIT */
/*
 * Options of java(1) that stand in a file (@FILE, -XX:VMOptionsFile=FILE) or in
 * a variable, taken apart into words as java does: by white space, where quotes
 * hold words together, a backslash within quotes takes what follows as it is,
 * and # begins a comment (java(1), "@argfiles").
 */
#include "tool.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1u << 20)

/* Behind a backslash in quotes. */
static char unescape(char c)
{
    return c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'f' ? '\f' : c;
}

/* The word at *at, into `word`, which has room for it; *at moves behind it. */
static void take_word(const char **at, char *word)
{
    char quote = '\0';

    for (; **at != '\0' && (quote != '\0' || !isspace((unsigned char)**at)); (*at)++) {
        if (quote == '\0' && (**at == '"' || **at == '\'')) {
            quote = **at;
        } else if (quote != '\0' && **at == quote) {
            quote = '\0';
        } else if (quote != '\0' && **at == '\\' && (*at)[1] == '\n') {
            for (; isspace((unsigned char)(*at)[1]); (*at)++) {
            }
        } else if (quote != '\0' && **at == '\\' && (*at)[1] != '\0') {
            *word++ = unescape(*++*at);
        } else {
            *word++ = **at;
        }
    }
    *word = '\0';
}

/* NULL-terminated; `comments`: of a file, a variable has none. */
static char **split(const char *options, bool comments)
{
    struct words words = {.room = 0};
    char *word = need_memory(malloc(strlen(options) + 1));

    for (;;) {
        while (isspace((unsigned char)*options)) {
            options++;
        }
        if (*options == '\0') {
            break;
        }
        if (comments && *options == '#') {
            options += strcspn(options, "\n");
            continue;
        }
        take_word(&options, word);
        words_add(&words, text("%s", word));
    }
    free(word);
    if (words.word == NULL) {
        words.word = need_memory(calloc(1, sizeof(char *)));
    }
    return words.word;
}

char **argfile_read(const char *path)
{
    FILE *file = fopen(path, "re");
    char *bytes, **words;

    if (file == NULL) {
        return NULL;
    }
    bytes = need_memory(malloc(FILE_MAX + 1));
    bytes[fread(bytes, 1, FILE_MAX, file)] = '\0';
    fclose(file);
    words = split(bytes, true);
    free(bytes);
    return words;
}

/* The words of the file that this one names, if it does. */
static void follow(const char *word, void (*found)(void *arg, char **words), void *arg)
{
    static const char *const prefixes[] = {"@", "-XX:VMOptionsFile=", "-XX:Flags=", NULL};

    for (const char *const *prefix = prefixes; *prefix != NULL; prefix++) {
        size_t len = strlen(*prefix);
        char **words = strncmp(word, *prefix, len) == 0 ? argfile_read(word + len) : NULL;

        if (words != NULL) {
            found(arg, words);
        }
    }
}

static const char *options_in(const char *variable)
{
    static const char *const names[] = {
        "JAVA_TOOL_OPTIONS=", "JDK_JAVA_OPTIONS=", "_JAVA_OPTIONS=", NULL};

    for (const char *const *name = names; *name != NULL; name++) {
        if (strncmp(variable, *name, strlen(*name)) == 0) {
            return variable + strlen(*name);
        }
    }
    return NULL;
}

void java_for_each_list(char **args, const struct words *env,
                        void (*found)(void *arg, char **words), void *arg)
{
    size_t count = java_option_count(args);

    for (size_t i = 0; i < env->count; i++) {
        const char *options = options_in(env->word[i]);
        char **words = options != NULL ? split(options, false) : NULL;

        if (words != NULL) {
            found(arg, words);
            for (char **word = words; *word != NULL; word++) {
                follow(*word, found, arg);
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        follow(args[i], found, arg);
    }
}
