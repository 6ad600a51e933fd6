/* SPDX-License-Identifier: MIT */
/* sources: kernel/fs/proc/text.c kernel/fs/proc/pseudo_table.c kernel/lib/printf.c */
/*
 * The texts and tables of /proc and /sys: growing text with memory that fails
 * at each step, names with numbers in them, and positions in folders.
 */
#include "host.h"

#include "../../kernel/fs/proc/pseudo_priv.h"
#include <kernel/kmalloc.h>
#include <string.h>

void *kmalloc(size_t size)
{
    return test_alloc(size);
}

void kfree(void *object)
{
    test_free(object);
}

size_t strlcpy(char *dst, const char *src, size_t size);
size_t strlcpy(char *dst, const char *src, size_t size)
{
    size_t len = strlen(src);

    memcpy(dst, src, len < size ? len + 1 : size - 1);
    return len;
}

static void test_grows(void)
{
    static char copy[200000];
    struct text text;
    const char *data;
    size_t size;
    u64 at = 0;

    text_init(&text);
    EQ(text_at(&text, 0, &data), 0);
    for (unsigned i = 0; i < 20000; i++) {
        EQ(text_print(&text, "%08u\n", i), 9);
    }
    EQ(text.size, 180000);
    EQ(text_copy(&text, copy, sizeof(copy)), 180000);
    OK(memcmp(copy + 9 * 12345, "00012345\n", 9) == 0);
    EQ(text_copy(&text, copy, 5), 5);
    while ((size = text_at(&text, at, &data)) > 0) {
        at += MIN(size, 1000u);
    }
    EQ(at, 180000);
    text_octal(&text, 022, 4);
    text_octal(&text, 0, 1);
    text_octal(&text, ~0ull, 0);
    EQ(text_copy(&text, copy, sizeof(copy)), 180027);
    OK(memcmp(copy + 180000, "002201777777777777777777777", 27) == 0);
    EQ(text_print(&text, "%300s", ""), 255); /* cut, not overrun */
    text_free(&text);
}

static void test_no_memory(void)
{
    for (unsigned i = 0; i < 12; i++) {
        struct text text;
        u64 size;

        text_init(&text);
        fail_after(i);
        for (unsigned n = 0; n < 6000 && !text.failed; n++) {
            text_puts(&text, "0123456789");
        }
        OK(text.failed);
        size = text.size;
        text_puts(&text, "x"); /* no hole in it */
        EQ(text.size, size);
        fail_after(-1);
        text_free(&text);
    }
}

static u64 odd(const struct pseudo_node *folder, u64 from)
{
    from |= 1;
    return from <= 7 ? from : PSEUDO_NONE;
}

static u64 huge(const struct pseudo_node *folder, u64 from)
{
    return from <= 0xffffffff ? 0xffffffff : PSEUDO_NONE;
}

static int show_key(struct text *text, const struct pseudo_node *node)
{
    text_print(text, "%lu", (unsigned long)node->key[0]);
    return 0;
}

static const struct pseudo_entry inner[] = {PSEUDO_FILE("key", show_key), PSEUDO_END};
static const struct pseudo_entry entries[] = {
    PSEUDO_TEXT("a", "text of a"),
    PSEUDO_NUMBERS("n", odd, inner),
    {.name = "p-", .suffix = "kB", .mode = S_IFDIR, .next = huge, .children = inner},
    PSEUDO_TEXT("z", ""),
    PSEUDO_END,
};
static const struct pseudo_entry root_entry = PSEUDO_FOLDER("", entries);
static const struct pseudo_node root = {.entry = &root_entry};

static bool finds(const char *name)
{
    struct pseudo_node found;

    return pseudo_find(&root, name, strlen(name), &found);
}

static void test_find(void)
{
    struct pseudo_node found, file;
    struct text text;
    char copy[16] = "";

    OK(finds("a") && finds("z") && finds("n1") && finds("n7") && finds("p-4294967295kB"));
    OK(!finds("") && !finds("b") && !finds("aa") && !finds("n") && !finds("n2") && !finds("n9"));
    OK(!finds("n01") && !finds("n1x") && !finds("n+1") && !finds("p-4294967295") && !finds("p-kB"));
    OK(!finds("n18446744073709551617") && !finds("p-99999999999999999999kB") && !finds("p-k"));
    OK(pseudo_find(&root, "n3", 2, &found) && pseudo_find(&found, "key", 3, &file));
    text_init(&text);
    EQ(pseudo_show(&text, &file), 0);
    EQ(text_copy(&text, copy, sizeof(copy)), 1);
    OK(copy[0] == '3');
    text_free(&text);
    OK(pseudo_number(&found) != pseudo_number(&file));
}

static void test_list(void)
{
    static const char *const expected[] = {"a", "n1", "n3", "n5", "n7", "p-4294967295kB", "z"};
    struct pseudo_node found;
    char name[32];
    u64 pos = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
        u64 before = pos;

        OK(pseudo_list(&root, &pos, name, &found));
        OK(strcmp(name, expected[i]) == 0);
        OK(pos > before);
    }
    OK(!pseudo_list(&root, &pos, name, &found));
}

int main(void)
{
    run("text grows", test_grows);
    run("text without memory", test_no_memory);
    run("finds names and numbers", test_find);
    run("lists a folder from any position", test_list);
    return finish();
}
