/* SPDX-License-Identifier: MIT */
/*
 * The command line: words separated by spaces, "name" or "name=value", where
 * the value may stand in double quotes to hold spaces.  It is read where it
 * is, in struct bootinfo, each time: options are asked for at start-up only,
 * and a table of them would need memory before there is an allocator.
 *
 * Every word must be known, so that a mistyped option is an error and not a
 * machine that quietly does something else.  An image hands the names of its
 * own options to cmdline_check(); those below are known everywhere, because
 * virtual machine monitors put them there without being asked (QEMU's
 * microvm the first, Firecracker the others), or because parts of the kernel that
 * all images have read them: roles, and what is said of the network.
 *
 *   net.ip=dhcp | ADDRESS/PREFIX[,GATEWAY]   of IPv4; net.ip6 likewise
 *   net.dns=ADDRESS                          a name server, if DHCP names none
 *   net.name=NAME                            of the machine
 */
#include "boot_priv.h"

#include <kernel/errno.h>
#include <kernel/panic.h>
#include <kernel/string.h>

static const char *const known_everywhere[] = {
    "virtio_mmio.device",
    "console",
    "reboot",
    "panic",
    "pci",
    "nomodule",
    "8250.nr_uarts",
    "i8042.noaux",
    "i8042.nomux",
    "i8042.dumbkbd",
    "i8042.nopnp",
    "swiotlb",
    "root",
    "ro",
    "rw",
    "roles",
    "net.ip",
    "net.ip6",
    "net.dns",
    "net.name",
};

static bool is_space(char c)
{
    return (u8)c <= ' ' && c != '\0';
}

int cmdline_next(const char **at, struct cmdline_word *word)
{
    const char *p = *at;
    bool quoted = false;

    while (is_space(*p)) {
        p++;
    }
    *word = (struct cmdline_word){.text = p};
    while (*p != '\0' && *p != '=' && *p != '"' && !is_space(*p)) {
        p++;
    }
    word->name_len = (size_t)(p - word->text);
    word->value = p;
    if (*p == '=') {
        word->value = ++p;
        quoted = *p == '"';
        if (quoted) {
            word->value = ++p;
        }
        while (*p != '\0' && *p != '"' && (quoted || !is_space(*p))) {
            p++;
        }
        word->value_len = (size_t)(p - word->value);
        if (quoted && *p == '"') {
            p++;
            quoted = false;
        }
    }
    /* A quotation mark elsewhere, or text behind the closing one, belongs to the word. */
    word->len = (size_t)(p - word->text);
    if (quoted || (*p != '\0' && !is_space(*p)) || (word->name_len == 0 && word->len > 0)) {
        while (*p != '\0' && !is_space(*p)) {
            p++;
        }
        word->len = (size_t)(p - word->text);
        *at = p;
        return -EINVAL;
    }
    *at = p;
    return word->len > 0;
}

static bool cmdline_word_is(const struct cmdline_word *word, const char *name)
{
    return strlen(name) == word->name_len && memcmp(word->text, name, word->name_len) == 0;
}

/* The last word of that name.  Malformed ones have no name: cmdline_check() reports them. */
static bool find_option(const char *name, struct cmdline_word *found)
{
    const char *at = bootinfo.cmdline;
    struct cmdline_word word;
    bool any = false;
    int more;

    while ((more = cmdline_next(&at, &word)) != 0) {
        if (more > 0 && cmdline_word_is(&word, name)) {
            *found = word;
            any = true;
        }
    }
    return any;
}

bool cmdline_get(const char *name, char *value, size_t size)
{
    struct cmdline_word word;
    size_t len;

    if (!find_option(name, &word)) {
        return false;
    }
    if (size > 0) {
        len = MIN(word.value_len, size - 1);
        memcpy(value, word.value, len);
        value[len] = '\0';
    }
    return true;
}

/* Value of a digit in any base up to 16, or 16. */
static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
}

static unsigned suffix_shift(char c)
{
    switch (c | 0x20) {
    case 'k':
        return 10;
    case 'm':
        return 20;
    case 'g':
        return 30;
    case 't':
        return 40;
    default:
        return 0;
    }
}

const char *cmdline_parse_u64(const char *text, const char *end, u64 *value)
{
    unsigned base = 10;
    const char *digits;
    unsigned shift;
    u64 v = 0;

    if (end - text > 2 && text[0] == '0' && (text[1] | 0x20) == 'x') {
        base = 16;
        text += 2;
    }
    for (digits = text; text < end && digit_value(*text) < base; text++) {
        if (__builtin_mul_overflow(v, base, &v) ||
            __builtin_add_overflow(v, digit_value(*text), &v)) {
            return NULL;
        }
    }
    if (text == digits) {
        return NULL;
    }
    shift = text < end ? suffix_shift(*text) : 0;
    if (shift != 0) {
        text++;
        if (v > UINT64_MAX >> shift) {
            return NULL;
        }
    }
    *value = v << shift;
    return text;
}

int cmdline_get_u64(const char *name, u64 *value)
{
    struct cmdline_word word;
    const char *end;
    u64 v;

    if (!find_option(name, &word)) {
        return -ENOENT;
    }
    end = word.value + word.value_len;
    if (cmdline_parse_u64(word.value, end, &v) != end) {
        return -EINVAL;
    }
    *value = v;
    return 0;
}

static bool word_in(const struct cmdline_word *word, const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (cmdline_word_is(word, names[i])) {
            return true;
        }
    }
    return false;
}

void cmdline_check(const char *const *names, unsigned count)
{
    const char *at = bootinfo.cmdline;
    struct cmdline_word word;
    int more;

    while ((more = cmdline_next(&at, &word)) != 0) {
        if (more < 0) {
            config_error("command line: malformed word '%.*s'", (int)word.len, word.text);
        }
        if (!word_in(&word, known_everywhere, ARRAY_SIZE(known_everywhere)) &&
            !word_in(&word, names, count)) {
            config_error("command line: unknown option '%.*s'", (int)word.len, word.text);
        }
    }
}

/* "<size>@<base>:<irq>[:<id>]", as Linux has it; false if it is something else. */
static bool parse_mmio(const struct cmdline_word *word, struct boot_mmio_device *device)
{
    const char *end = word->value + word->value_len;
    const char *p = cmdline_parse_u64(word->value, end, &device->size);
    u64 number;

    if (p == NULL || p == end || *p != '@') {
        return false;
    }
    p = cmdline_parse_u64(p + 1, end, &device->base);
    if (p == NULL || p == end || *p != ':') {
        return false;
    }
    p = cmdline_parse_u64(p + 1, end, &number);
    if (p == NULL || number > UINT32_MAX) {
        return false;
    }
    device->irq = (u32)number;
    if (p < end && *p == ':') {
        p = cmdline_parse_u64(p + 1, end, &number);
    }
    return p == end && device->base != 0 && device->size >= 0x200 &&
           device->size <= UINT64_MAX - device->base;
}

void cmdline_find_mmio(struct bootinfo *info)
{
    const char *at = info->cmdline;
    struct boot_mmio_device device;
    struct cmdline_word word;
    int more;

    while ((more = cmdline_next(&at, &word)) != 0) {
        if (more < 0 || !cmdline_word_is(&word, "virtio_mmio.device")) {
            continue;
        }
        if (!parse_mmio(&word, &device)) {
            config_error("command line: '%.*s' is not virtio_mmio.device=SIZE@BASE:IRQ",
                         (int)word.len, word.text);
        }
        boot_mmio_add(info, device.base, device.size, device.irq);
    }
}
