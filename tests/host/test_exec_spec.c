/* SPDX-License-Identifier: MIT */
/* sources: images/exec_spec.c */
/* What to run: records, their errors, random bytes; command lines in words. */
#include "../../images/exec_spec.h"
#include "host.h"

#include <string.h>

#define WORDS 64

static const char *words[WORDS];
static struct exec_spec spec;

#define PARSE(text) exec_spec_parse(text, sizeof(text) - 1, words, &spec)

static void test_whole(void)
{
    EQ(PARSE("path=/bin/p\0arg=p\0env=A=1\0arg=two words\0arg=\0env=B=\0cwd=/srv\0"
             "mount=moka0:ro:/data\0mount=moka1:rw:/\0terminal=stdout\0size=24x80\0"),
       0);
    OK(strcmp(spec.path, "/bin/p") == 0);
    OK(strcmp(spec.cwd, "/srv") == 0);
    OK(strcmp(spec.argv[0], "p") == 0 && strcmp(spec.argv[1], "two words") == 0 &&
       strcmp(spec.argv[2], "") == 0 && spec.argv[3] == NULL);
    OK(strcmp(spec.envp[0], "A=1") == 0 && strcmp(spec.envp[1], "B=") == 0 && spec.envp[2] == NULL);
    EQ(spec.mounts, 2);
    OK(spec.mount[0].read_only && spec.mount[0].tag_len == 5 &&
       strcmp(spec.mount[0].path, "/data") == 0);
    OK(!spec.mount[1].read_only && strcmp(spec.mount[1].path, "/") == 0);
    OK(!spec.terminal[0] && spec.terminal[1] && !spec.terminal[2]);
    EQ(spec.rows, 24);
    EQ(spec.columns, 80);
}

static void test_terminal(void)
{
    struct settings_words settings;

    EQ(PARSE("path=p\0arg=\0settings=500 5 bf\0input=frames\0"), 0);
    OK(strcmp(spec.settings, "500 5 bf") == 0 && spec.input_frames);
    EQ(PARSE("path=p\0arg=\0"), 0);
    OK(spec.settings == NULL && !spec.input_frames);
    EQ(PARSE("path=p\0arg=\0input=bytes\0"), -EINVAL);
    OK(settings_parse("500 5 bf 8a3b 0 3 1c 7f 15 4 0 1 0 11 13 1a 0 12 f 17 16 0 0 ff",
                      &settings));
    EQ(settings.word[0], 0x500);
    EQ(settings.word[3], 0x8a3b);
    EQ(settings.word[5], 3);
    EQ(settings.word[23], 0xff);
    OK(!settings_parse("500 5 bf 8a3b 0 3 1c 7f 15 4 0 1 0 11 13 1a 0 12 f 17 16 0 0", &settings));
    OK(!settings_parse("500 5 bf 8a3b 0 3 1c 7f 15 4 0 1 0 11 13 1a 0 12 f 17 16 0 0 ff 1",
                       &settings));
    OK(!settings_parse("123456789 5 bf 8a3b 0 3 1c 7f 15 4 0 1 0 11 13 1a 0 12 f 17 16 0 0 ff",
                       &settings));
    OK(!settings_parse("", &settings));
    OK(!settings_parse("x", &settings));
}

static void test_ahead(void)
{
    EQ(PARSE("path=p\0arg=\0ahead=1048576:/lib/a\0ahead=4294967295:/b:c\0"), 0);
    EQ(spec.aheads, 2);
    OK(strcmp(spec.ahead[0].path, "/lib/a") == 0 && spec.ahead[0].bytes == 1048576);
    OK(strcmp(spec.ahead[1].path, "/b:c") == 0 && spec.ahead[1].bytes == UINT32_MAX);
    EQ(PARSE("path=p\0arg=\0ahead=1:/a\0ahead=1:/a\0ahead=1:/a\0ahead=1:/a\0"), 0);
    EQ(PARSE("path=p\0arg=\0ahead=1:/a\0ahead=1:/a\0ahead=1:/a\0ahead=1:/a\0ahead=1:/a\0"),
       -EINVAL);
    EQ(PARSE("path=p\0arg=\0ahead=:/a\0"), -EINVAL);
    EQ(PARSE("path=p\0arg=\0ahead=1:a\0"), -EINVAL);
    EQ(PARSE("path=p\0arg=\0ahead=1/a\0"), -EINVAL);
    EQ(PARSE("path=p\0arg=\0ahead=4294967296:/a\0"), -EINVAL);
    EQ(PARSE("path=p\0arg=\0ahead=99999999999999999999999:/a\0"), -EINVAL);
}

static void test_least(void)
{
    EQ(PARSE("path=p\0arg=\0"), 0);
    OK(strcmp(spec.cwd, "/") == 0 && spec.envp[0] == NULL && spec.mounts == 0);
}

static void test_refused(void)
{
    EQ(exec_spec_parse("", 0, words, &spec), -EINVAL);
    EQ(PARSE("path=/p\0arg=p"), -EINVAL); /* no end */
    EQ(PARSE("arg=p\0"), -EINVAL);
    EQ(PARSE("path=\0arg=p\0"), -EINVAL);
    EQ(PARSE("path=/p\0"), -EINVAL);
    EQ(PARSE("path=/p\0arg=p\0what=x\0"), -EINVAL);
    EQ(PARSE("path=/p\0arg=p\0\0"), -EINVAL);
    EQ(PARSE("path=/p\0arg=p\0mount=x\0"), -EINVAL);
    EQ(PARSE("path=/p\0arg=p\0mount=:ro:/x\0"), -EINVAL);
    EQ(PARSE("path=/p\0arg=p\0mount=t:xx:/x\0"), -EINVAL);
    EQ(PARSE("path=/p\0arg=p\0mount=t:ro:x\0"), -EINVAL);
    EQ(PARSE("path=/p\0arg=p\0terminal=other\0"), -EINVAL);
    EQ(PARSE("path=/p\0arg=p\0size=24\0"), -EINVAL);
    EQ(PARSE("path=/p\0arg=p\0size=x80\0"), -EINVAL);
    EQ(PARSE("path=/p\0arg=p\0size=1x99999\0"), -EINVAL);
    EQ(PARSE("path=/p\0arg=p\0size=1x2x\0"), -EINVAL);
}

static void test_many_mounts(void)
{
    char data[1024] = "path=/p\0arg=p";
    size_t size = sizeof("path=/p\0arg=p");

    for (unsigned i = 0; i < EXEC_MOUNTS; i++) {
        strcpy(data + size, "mount=t:ro:/x");
        size += sizeof("mount=t:ro:/x");
    }
    EQ(exec_spec_parse(data, size, words, &spec), 0);
    strcpy(data + size, "mount=t:ro:/x");
    EQ(exec_spec_parse(data, size + sizeof("mount=t:ro:/x"), words, &spec), -EINVAL);
}

/* Nothing is read or written beyond what there is: ASan looks. */
static void test_random(void)
{
    static const char *const pieces[] = {
        "path=p", "arg=p",        "env=A", "cwd=/", "terminal=stdin",
        "size=1", "mount=t:ro:/", "=",     "arg",   ""};
    unsigned good = 0;

    for (int round = 0; round < 20000; round++) {
        char text[128] = "path=p\0arg=p";
        size_t size = 13 * rnd_below(2), count;
        const char **list;
        char *data;

        for (u64 i = rnd_below(5); i > 0; i--) {
            const char *piece = pieces[rnd_below(ARRAY_SIZE(pieces))];

            memcpy(text + size, piece, strlen(piece) + 1);
            size += strlen(piece) + 1;
        }
        size -= size > 0 && rnd_below(8) == 0;
        data = test_alloc(size + (size == 0));
        memcpy(data, text, size);
        count = exec_spec_words(data, size);
        list = test_alloc(count * sizeof(*list));
        good += exec_spec_parse(data, size, list, &spec) == 0;
        test_free(list);
        test_free(data);
    }
    OK(good > 100);
    EQ(test_live(), 0);
}

static void test_text(void)
{
    char data[64];
    size_t size = exec_spec_from_text("  /bin/p a  bc ", data, sizeof(data));

    EQ(exec_spec_parse(data, size, words, &spec), 0);
    OK(strcmp(spec.path, "/bin/p") == 0 && strcmp(spec.argv[0], "/bin/p") == 0 &&
       strcmp(spec.argv[1], "a") == 0 && strcmp(spec.argv[2], "bc") == 0 && spec.argv[3] == NULL);
    EQ(exec_spec_from_text("", data, sizeof(data)), 0);
    EQ(exec_spec_from_text("   ", data, sizeof(data)), 0);
    for (size_t room = 0; room < size; room++) {
        char *small = test_alloc(room + 1);

        EQ(exec_spec_from_text("  /bin/p a  bc ", small, room), 0);
        test_free(small);
    }
    EQ(exec_spec_from_text("  /bin/p a  bc ", data, size), size);
}

int main(void)
{
    run("a whole one", test_whole);
    run("the least", test_least);
    run("refused", test_refused);
    run("as many mounts as there may be", test_many_mounts);
    run("random bytes", test_random);
    run("a terminal", test_terminal);
    run("files that are read ahead", test_ahead);
    run("a command line in words", test_text);
    return finish();
}
