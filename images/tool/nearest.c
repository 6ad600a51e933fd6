/* SPDX-License-Identifier: MIT */
/*
 * Which of some names a mistyped one was meant to be: that which the fewest
 * changes of letters make of it (Levenshtein's distance), if these are few.
 */
#include "tool.h"

#include <string.h>

#define WORD_MAX 64

/* How many letters are to be changed, put in or left out to make one word of the other. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[WORD_MAX + 1];
    size_t len = strlen(b);

    for (size_t j = 0; j <= len; j++) {
        row[j] = (unsigned)j;
    }
    for (size_t i = 1; *a != '\0'; i++, a++) {
        unsigned corner = row[0];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= len; j++) {
            unsigned change = corner + (*a != b[j - 1]);

            corner = row[j];
            row[j] = row[j] + 1 < change ? row[j] + 1 : change;
            row[j] = row[j - 1] + 1 < row[j] ? row[j - 1] + 1 : row[j];
        }
    }
    return row[len];
}

const char *nearest(const char *word, const char *const *names)
{
    const char *best = NULL;
    unsigned least = (unsigned)strlen(word) / 3 + 2;

    for (; *names != NULL && strlen(word) < WORD_MAX; names++) {
        unsigned changes = distance(word, *names);

        if (changes < least) {
            least = changes;
            best = *names;
        }
    }
    return best;
}
