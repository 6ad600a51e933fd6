/* SPDX-License-Identifier: MIT */
/* clang-format off */
/* sources: kernel/boot/bootinfo.c kernel/boot/ram.c kernel/boot/pvh.c kernel/boot/fwcfg.c kernel/boot/acpi.c kernel/boot/aml.c kernel/boot/mptable.c kernel/boot/cmdline.c tests/host/boot_fake.c */
/* clang-format on */
/* The command line: words, numbers, what is refused; against a model of random words. */
#include "boot_fake.h"

#include <stdio.h>
#include <string.h>

static void set(const char *text)
{
    fake_reset();
    snprintf(bootinfo.cmdline, sizeof(bootinfo.cmdline), "%s", text);
}

static bool is(const char *name, const char *want)
{
    char value[64] = "untouched";

    return cmdline_get(name, value, sizeof(value)) && strcmp(value, want) == 0;
}

static void test_get(void)
{
    char value[4] = "abc";

    set("  one=1 two three=a=b quoted=\"x y  z\" empty= one=last  none=\"\" tail");
    OK(is("one", "last"));
    OK(is("two", ""));
    OK(is("three", "a=b"));
    OK(is("quoted", "x y  z"));
    OK(is("empty", ""));
    OK(is("none", ""));
    OK(is("tail", ""));
    OK(!is("on", ""));
    OK(!is("y", ""));
    OK(!is("ones", ""));
    OK(!is("", ""));
    OK(cmdline_get("quoted", value, sizeof(value)));
    OK(strcmp(value, "x y") == 0);
    OK(cmdline_get("quoted", value, 1));
    OK(value[0] == '\0');
    OK(cmdline_get("quoted", NULL, 0));
    set("");
    OK(!is("one", ""));
    set("   \t\n ");
    OK(!is("one", ""));
    set("a=1\nb=2\t\n");
    OK(is("a", "1") && is("b", "2"));
}

static void expect_number(const char *text, int err, u64 want)
{
    u64 value = 42;

    set(text);
    if (!OK(cmdline_get_u64("n", &value) == err) || !EQ(value, err == 0 ? want : 42)) {
        printf("# '%s'\n", text);
    }
}

static void test_numbers(void)
{
    expect_number("n=0", 0, 0);
    expect_number("n=123", 0, 123);
    expect_number("n=\"123\"", 0, 123);
    expect_number("n=0x1fF", 0, 0x1ff);
    expect_number("n=5K", 0, 5 * KIB);
    expect_number("n=5m", 0, 5 * MIB);
    expect_number("n=0x10G", 0, 16 * GIB);
    expect_number("n=3T", 0, 3 * TIB);
    expect_number("n=18446744073709551615", 0, UINT64_MAX);
    expect_number("n=0xffffffffffffffff", 0, UINT64_MAX);
    expect_number("n=16777215T", 0, 16777215 * TIB);
    expect_number("n=18446744073709551616", -EINVAL, 0);
    expect_number("n=0x10000000000000000", -EINVAL, 0);
    expect_number("n=16777216T", -EINVAL, 0);
    expect_number("n=", -EINVAL, 0);
    expect_number("n", -EINVAL, 0);
    expect_number("n=K", -EINVAL, 0);
    expect_number("n=0x", -EINVAL, 0);
    expect_number("n=-1", -EINVAL, 0);
    expect_number("n=1a", -EINVAL, 0);
    expect_number("n=1KB", -EINVAL, 0);
    expect_number("n=\"1 \"", -EINVAL, 0);
    expect_number("m=1", -ENOENT, 0);
}

static bool accepted(const char *text)
{
    static const char *const names[] = {"test", "seconds"};

    set(text);
    return !EXPECT_CONFIG_ERROR(cmdline_check(names, ARRAY_SIZE(names)));
}

static void test_check(void)
{
    OK(accepted(""));
    OK(accepted("test=a seconds=3"));
    OK(accepted("test=\"a b\" seconds"));
    OK(accepted("virtio_mmio.device=512@0xfeb00e00:12 test"));
    OK(accepted("reboot=k panic=1 pci=off nomodule 8250.nr_uarts=0 console=ttyS0"));
    OK(!accepted("tset=a"));
    OK(fake_error_has("unknown option 'tset=a'"));
    OK(!accepted("test=a secondss"));
    OK(fake_error_has("'secondss'"));
    OK(!accepted("test=\"a b"));
    OK(fake_error_has("malformed word 'test=\"a b'"));
    OK(!accepted("test=\"a\"b seconds"));
    OK(fake_error_has("'test=\"a\"b'"));
    OK(!accepted("te\"st\"=1"));
    OK(!accepted("test=a\"b\""));
    OK(!accepted("=1"));
    OK(fake_error_has("'=1'"));
    OK(!accepted("\"test\""));
}

static bool find_mmio(const char *text)
{
    set(text);
    return !EXPECT_CONFIG_ERROR(cmdline_find_mmio(&bootinfo));
}

static void test_mmio(void)
{
    OK(find_mmio("a virtio_mmio.device=512@0xfeb00e00:12 virtio_mmio.device=4K@0xd0000000:5:7"));
    EQ(bootinfo.mmio_count, 2);
    EQ(bootinfo.mmio[0].base, 0xfeb00e00);
    EQ(bootinfo.mmio[0].size, 512);
    EQ(bootinfo.mmio[0].irq, 12);
    EQ(bootinfo.mmio[1].base, 0xd0000000);
    EQ(bootinfo.mmio[1].size, 4096);
    EQ(bootinfo.mmio[1].irq, 5);

    OK(find_mmio("virtio_mmio.device=512@0xfeb00e00:12 virtio_mmio.device=512@0xfeb00e00:12"));
    EQ(bootinfo.mmio_count, 1);

    OK(!find_mmio("virtio_mmio.device=512@0xfeb00e00"));
    OK(fake_error_has("'virtio_mmio.device=512@0xfeb00e00'"));
    OK(!find_mmio("virtio_mmio.device"));
    OK(!find_mmio("virtio_mmio.device=512"));
    OK(!find_mmio("virtio_mmio.device=@1:1"));
    OK(!find_mmio("virtio_mmio.device=512@0xfeb00e00:12:"));
    OK(!find_mmio("virtio_mmio.device=512@0xfeb00e00:12x"));
    OK(!find_mmio("virtio_mmio.device=512@0xfeb00e00:4294967296"));
    OK(!find_mmio("virtio_mmio.device=512@0:12"));
    OK(!find_mmio("virtio_mmio.device=16@0x1000:12"));
    OK(!find_mmio("virtio_mmio.device=512@0xffffffffffffffff:12"));
}

/* More devices than there is room for: the first ones are kept. */
static void test_mmio_many(void)
{
    char text[BOOT_CMDLINE];
    size_t len = 0;

    for (unsigned i = 0; i < BOOT_MMIO_DEVICES + 8; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "virtio_mmio.device=512@%#x:%u ",
                                0x1000 * (i + 1), i);
    }
    OK(find_mmio(text));
    EQ(bootinfo.mmio_count, BOOT_MMIO_DEVICES);
    EQ(bootinfo.mmio[BOOT_MMIO_DEVICES - 1].irq, BOOT_MMIO_DEVICES - 1);
    OK(fake_printed("more than"));
}

#define NAMES 6

/* Words made at random, and what the last one of each name said. */
static void random_words(void)
{
    static const char letters[] = "ab=@:.-9";
    char last[NAMES][32];
    bool there[NAMES] = {false};
    char text[BOOT_CMDLINE] = "";
    size_t len = 0;

    for (unsigned i = 0; i < 20; i++) {
        unsigned name = (unsigned)rnd_below(NAMES);
        bool quoted = rnd_below(3) == 0;
        unsigned n = (unsigned)rnd_below(20);

        for (unsigned k = 0; k < n; k++) {
            bool space = quoted && rnd_below(4) == 0;

            last[name][k] = space ? ' ' : letters[rnd_below(sizeof(letters) - 1)];
        }
        last[name][n] = '\0';
        there[name] = true;
        len +=
            (size_t)snprintf(text + len, sizeof(text) - len, "%*sname%u=%s%s%s ", (int)rnd_below(3),
                             "", name, quoted ? "\"" : "", last[name], quoted ? "\"" : "");
    }
    set(text);
    for (unsigned name = 0; name < NAMES; name++) {
        char option[8];

        snprintf(option, sizeof(option), "name%u", name);
        OK(there[name] ? is(option, last[name]) : !is(option, ""));
    }
}

static void test_model(void)
{
    for (unsigned i = 0; i < 2000; i++) {
        random_words();
    }
}

/* Any bytes at all: nothing is read outside, and each word is accounted for. */
static void test_garbage(void)
{
    static const char bytes[] = "a=\"  \t\x80@:0x9Kvirtio_mmio.device=";

    for (unsigned i = 0; i < 20000; i++) {
        size_t len = rnd_below(40);
        const char *at = bootinfo.cmdline;
        struct cmdline_word word;

        fake_reset();
        for (size_t k = 0; k < len; k++) {
            bootinfo.cmdline[k] = bytes[rnd_below(sizeof(bytes) - 1)];
        }
        while (cmdline_next(&at, &word) != 0) {
            if (!OK(word.len > 0 && word.text + word.len == at &&
                    word.value + word.value_len <= at)) {
                printf("# '%s'\n", bootinfo.cmdline);
                return;
            }
        }
        OK(at == bootinfo.cmdline + strlen(bootinfo.cmdline));
        (void)EXPECT_CONFIG_ERROR(cmdline_check(NULL, 0));
        (void)EXPECT_CONFIG_ERROR(cmdline_find_mmio(&bootinfo));
    }
}

int main(void)
{
    run("finds options", test_get);
    run("reads numbers", test_numbers);
    run("refuses unknown and malformed words", test_check);
    run("finds virtio-mmio devices", test_mmio);
    run("keeps as many devices as there is room for", test_mmio_many);
    run("agrees with a model of random words", test_model);
    run("stands any bytes", test_garbage);
    return finish();
}
