/* SPDX-License-Identifier: MIT */
/*
 * What GNU's programs use of glibc beside POSIX: regular expressions with their
 * own syntax, obstacks, fts, random_r().  Right is what glibc does.  Prints TAP.
 */
#define _GNU_SOURCE
#include <fts.h>
#include <locale.h>
#include <obstack.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

static int failed, number;

static void report(const char *name, int ok)
{
    printf("%sok %d - %s\n", ok ? "" : "not ", ++number, name);
    failed |= !ok;
}

/* Where the pattern is found, and group 1: "4-7 5-6"; or the message of an error. */
static const char *find(reg_syntax_t syntax, const char *pattern, const char *text)
{
    static char result[200];
    struct re_pattern_buffer buffer = {0};
    struct re_registers regs = {0};
    const char *error;
    int at, length = strlen(text);

    re_set_syntax(syntax);
    error = re_compile_pattern(pattern, strlen(pattern), &buffer);
    if (error) {
        return error;
    }
    at = re_search(&buffer, text, length, 0, length, &regs);
    if (at < 0) {
        strcpy(result, "none");
    } else if (buffer.re_nsub) {
        sprintf(result, "%d-%d %d-%d", regs.start[0], regs.end[0], regs.start[1], regs.end[1]);
    } else {
        sprintf(result, "%d-%d", regs.start[0], regs.end[0]);
    }
    regfree(&buffer);
    return result;
}

static void test_patterns(void)
{
    static const struct {
        reg_syntax_t syntax;
        const char *pattern, *text, *result;
    } cases[] = {
        {RE_SYNTAX_POSIX_BASIC, "b*", "abbb", "0-0"},
        {RE_SYNTAX_POSIX_BASIC, "b\\+", "abbb", "1-4"},
        {RE_SYNTAX_POSIX_BASIC, "*b", "a*b", "1-3"},
        {RE_SYNTAX_POSIX_BASIC, "a^b$c", "a^b$c", "0-5"},
        {RE_SYNTAX_POSIX_BASIC, "\\(a*\\)b\\1", "xaabaay", "1-6 1-3"},
        {RE_SYNTAX_POSIX_BASIC, "x\\{2,3\\}", "x xx xxxx", "2-4"},
        {RE_SYNTAX_POSIX_BASIC, "\\(ab\\|a\\)\\(c\\|bcd\\)", "abcd", "0-4 0-1"},
        {RE_SYNTAX_POSIX_EXTENDED, "a|ab|abc", "xabcd", "1-4"},
        {RE_SYNTAX_POSIX_EXTENDED, "(a|b)*c", "ababc", "0-5 3-4"},
        {RE_SYNTAX_POSIX_EXTENDED, "[[:digit:]]+\\.", "v12.3", "1-4"},
        {RE_SYNTAX_POSIX_EXTENDED, "[]a-]+", "x-]a", "1-4"},
        {RE_SYNTAX_POSIX_EXTENDED, "[^é]é.", "aéü", "0-5"},
        {RE_SYNTAX_POSIX_EXTENDED, "\\<wo\\w*\\b", "two word", "4-8"},
        {RE_SYNTAX_POSIX_EXTENDED, "^b", "a\nb", "2-3"},
        {RE_SYNTAX_POSIX_EXTENDED, "\\`b", "a\nb", "none"},
        {RE_SYNTAX_POSIX_EXTENDED | RE_ICASE, "hEl+o", "say HELLO", "4-9"},
        {RE_SYNTAX_POSIX_EXTENDED, "(a", "a", "Unmatched ( or \\("},
        {RE_SYNTAX_POSIX_EXTENDED, "[a", "a", "Unmatched [, [^, [:, [., or [="},
        {RE_SYNTAX_POSIX_EXTENDED, "*a", "a", "Invalid preceding regular expression"},
        {RE_SYNTAX_POSIX_BASIC, "a\\1", "a", "Invalid back reference"},
        {RE_SYNTAX_EGREP, "a{1", "a{1", "0-3"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *result = find(cases[i].syntax, cases[i].pattern, cases[i].text);
        char name[200];

        snprintf(name, sizeof name, "%s in %s is %s", cases[i].pattern,
                 i == 13 || i == 14 ? "two lines" : cases[i].text, cases[i].result);
        report(name, strcmp(result, cases[i].result) == 0);
        if (strcmp(result, cases[i].result) != 0) {
            printf("# %s\n", result);
        }
    }
}

/* Linear in the text, whatever the pattern. */
static void test_hard_pattern(void)
{
    static char text[100001];

    memset(text, 'a', sizeof text - 1);
    report("nested repetitions take their time only once",
           !strcmp(find(RE_SYNTAX_POSIX_EXTENDED, "((a*)*)*b", text), "none"));
}

static void test_posix(void)
{
    regex_t regex;
    regmatch_t match[3];

    report("regcomp", regcomp(&regex, "(b+)(c)?", REG_EXTENDED) == 0 && regex.re_nsub == 2);
    report("regexec", regexec(&regex, "abbd", 3, match, 0) == 0 && match[0].rm_so == 1 &&
                          match[0].rm_eo == 3 && match[1].rm_so == 1 && match[1].rm_eo == 3 &&
                          match[2].rm_so == -1);
    report("regexec that finds nothing", regexec(&regex, "xyz", 0, NULL, 0) == REG_NOMATCH);
    regfree(&regex);
    report("regcomp of a bad pattern", regcomp(&regex, "a{2", REG_EXTENDED) == REG_EBRACE);
}

static void test_backward_and_both(void)
{
    struct re_pattern_buffer buffer = {0};

    re_set_syntax(RE_SYNTAX_POSIX_BASIC);
    re_compile_pattern("ab", 2, &buffer);
    report("re_search backward", re_search(&buffer, "ababx", 5, 5, -5, NULL) == 2);
    report("re_match",
           re_match(&buffer, "xab", 3, 1, NULL) == 2 && re_match(&buffer, "xab", 3, 0, NULL) == -1);
    report("re_search_2", re_search_2(&buffer, "xxa", 3, "bxx", 3, 0, 6, NULL, 6) == 2);
    regfree(&buffer);
}

static void test_obstack(void)
{
    struct obstack stack;
    char *first, *second, *text;
    int ok = 1;

    obstack_init(&stack);
    first = obstack_copy0(&stack, "first", 5);
    for (int i = 0; i < 20000; i++) {
        obstack_int_grow(&stack, i);
    }
    second = obstack_finish(&stack);
    for (int i = 0; i < 20000; i++) {
        ok &= ((int *)second)[i] == i;
    }
    report("an obstack's object grows across chunks", ok && !strcmp(first, "first"));
    obstack_printf(&stack, "%d and %s", 17, "four");
    obstack_1grow(&stack, 0);
    text = obstack_finish(&stack);
    report("obstack_printf", !strcmp(text, "17 and four"));
    obstack_free(&stack, second);
    report("obstack_free goes back to an object", obstack_alloc(&stack, 8) == (void *)second);
    obstack_free(&stack, NULL);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void test_fts(void)
{
    char folder[] = P_tmpdir "/fts.XXXXXX", seen[500] = "", path[100];
    char *paths[] = {folder, NULL};
    FTS *fts;
    FTSENT *entry;

    if (!mkdtemp(folder)) {
        report("mkdtemp", 0);
        return;
    }
    snprintf(path, sizeof path, "%s/b", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/b/c", folder);
    fclose(fopen(path, "w"));
    snprintf(path, sizeof path, "%s/a", folder);
    (void)!symlink("nowhere", path);
    fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    while ((entry = fts_read(fts))) {
        sprintf(seen + strlen(seen), "%d%s%d%s ", entry->fts_level,
                entry->fts_level ? entry->fts_name : "", entry->fts_info,
                access(entry->fts_accpath, F_OK) ? "!" : "");
    }
    fts_close(fts);
    report("fts walks in order", !strcmp(seen, "01 1a12! 1b1 2c8 1b6 06 "));
    fts = fts_open(paths, FTS_PHYSICAL | FTS_NOSTAT, NULL);
    while ((entry = fts_read(fts))) {
        if (entry->fts_info == FTS_DP) {
            rmdir(entry->fts_accpath);
        } else if (entry->fts_info != FTS_D) {
            unlink(entry->fts_accpath);
        }
    }
    fts_close(fts);
    report("and removes what it finds", access(folder, F_OK) != 0);
}

static void test_random(void)
{
    struct random_data data = {0};
    char state[128];
    int32_t a, b;

    initstate_r(42, state, sizeof state, &data);
    random_r(&data, &a);
    random_r(&data, &b);
    report("random_r gives glibc's numbers", a == 71876166 && b == 708592740);
}

int main(void)
{
    setlocale(LC_ALL, "C.UTF-8");
    test_patterns();
    test_hard_pattern();
    test_posix();
    test_backward_and_both();
    test_obstack();
    test_fts();
    test_random();
    printf("1..%d\n", number);
    return failed;
}
