/* SPDX-License-Identifier: MIT */
/*
 * ksnprintf: the subset of C's formats that kernel/print.h lists.  No memory
 * but the caller's, about 200 bytes of stack, no locks: panic uses it too.
 * A conversion outside the subset is printed as it stands, so that a wrong
 * format shows up in the output instead of taking the kernel down.
 */
#include <kernel/print.h>

#include <kernel/string.h>

/* 64 bits in octal need 22 digits; we print decimal and hexadecimal only. */
#define DIGITS_MAX 20

struct output {
    char *buf;
    size_t size; /* of buf */
    size_t len;  /* of the whole text, however much of it fits */
};

struct spec {
    bool left, zero, alternate, plus;
    int width;
    int precision; /* -1: none given */
    unsigned size; /* of the integer argument, bytes */
};

static void put(struct output *out, char c)
{
    if (out->len + 1 < out->size) {
        out->buf[out->len] = c;
    }
    out->len++;
}

static void put_many(struct output *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put(out, s[i]);
    }
}

static void pad(struct output *out, char c, int n)
{
    for (; n > 0; n--) {
        put(out, c);
    }
}

static void put_text(struct output *out, const struct spec *spec, const char *s, size_t n)
{
    int fill = spec->width > (int)n ? spec->width - (int)n : 0;

    pad(out, ' ', spec->left ? 0 : fill);
    put_many(out, s, n);
    pad(out, ' ', spec->left ? fill : 0);
}

static void put_string(struct output *out, const struct spec *spec, const char *s)
{
    if (s == NULL) {
        s = "(null)";
    }
    put_text(out, spec, s, spec->precision < 0 ? strlen(s) : strnlen(s, (size_t)spec->precision));
}

/* `prefix` is the sign or "0x"; zeroes go between it and the digits. */
static void put_number(struct output *out, const struct spec *spec, const char *prefix, u64 value,
                       unsigned base, const char *alphabet)
{
    char digits[DIGITS_MAX];
    int n = 0;
    int zeroes, fill;

    for (; value != 0; value /= base) {
        digits[DIGITS_MAX - ++n] = alphabet[value % base];
    }
    zeroes = (spec->precision < 0 ? 1 : spec->precision) - n;
    zeroes = MAX(zeroes, 0);
    fill = spec->width - (int)strlen(prefix) - zeroes - n;
    fill = MAX(fill, 0);
    if (spec->zero && !spec->left && spec->precision < 0) {
        zeroes += fill;
        fill = 0;
    }
    pad(out, ' ', spec->left ? 0 : fill);
    put_many(out, prefix, strlen(prefix));
    pad(out, '0', zeroes);
    put_many(out, digits + DIGITS_MAX - n, (size_t)n);
    pad(out, ' ', spec->left ? fill : 0);
}

/* Cuts the value to the argument's size. */
static u64 cut_unsigned(u64 value, unsigned size)
{
    return size == 8 ? value : value & ((1ull << (8 * size)) - 1);
}

static s64 cut_signed(u64 value, unsigned size)
{
    unsigned shift = 64 - 8 * size;

    return (s64)(value << shift) >> shift;
}

static void put_signed(struct output *out, const struct spec *spec, s64 value)
{
    u64 magnitude = value < 0 ? -(u64)value : (u64)value;
    const char *sign = value < 0 ? "-" : spec->plus ? "+" : "";

    put_number(out, spec, sign, magnitude, 10, "0123456789");
}

static void put_hex(struct output *out, const struct spec *spec, u64 value, bool upper)
{
    const char *prefix = !spec->alternate || value == 0 ? "" : upper ? "0X" : "0x";

    put_number(out, spec, prefix, value, 16, upper ? "0123456789ABCDEF" : "0123456789abcdef");
}

static void put_pointer(struct output *out, const struct spec *spec, const void *p)
{
    put_number(out, spec, "0x", (uintptr_t)p, 16, "0123456789abcdef");
}

static const char *parse_flags(const char *fmt, struct spec *spec)
{
    for (;; fmt++) {
        switch (*fmt) {
        case '-':
            spec->left = true;
            break;
        case '0':
            spec->zero = true;
            break;
        case '#':
            spec->alternate = true;
            break;
        case '+':
            spec->plus = true;
            break;
        default:
            return fmt;
        }
    }
}

static const char *parse_int(const char *fmt, int *value)
{
    *value = 0;
    while (*fmt >= '0' && *fmt <= '9') {
        *value = *value * 10 + (*fmt++ - '0');
    }
    return fmt;
}

static const char *parse_length(const char *fmt, struct spec *spec)
{
    spec->size = sizeof(int);
    if (fmt[0] == 'h') {
        spec->size = fmt[1] == 'h' ? sizeof(char) : sizeof(short);
        return fmt + (fmt[1] == 'h' ? 2 : 1);
    }
    if (fmt[0] == 'l') {
        spec->size = sizeof(long); /* as long long */
        return fmt + (fmt[1] == 'l' ? 2 : 1);
    }
    if (fmt[0] == 'z' || fmt[0] == 't') {
        spec->size = sizeof(size_t);
        return fmt + 1;
    }
    return fmt;
}

/* A list of arguments that functions can share: va_list may be an array. */
struct arguments {
    va_list ap;
};

/* From after the '%' to the conversion character. */
static const char *parse_spec(const char *fmt, struct spec *spec, struct arguments *args)
{
    *spec = (struct spec){.precision = -1};
    fmt = parse_flags(fmt, spec);
    if (*fmt == '*') {
        spec->width = va_arg(args->ap, int);
        fmt++;
        if (spec->width < 0) {
            spec->left = true;
            spec->width = -spec->width;
        }
    } else {
        fmt = parse_int(fmt, &spec->width);
    }
    if (*fmt == '.') {
        fmt++;
        if (*fmt == '*') {
            spec->precision = va_arg(args->ap, int);
            fmt++;
        } else {
            fmt = parse_int(fmt, &spec->precision);
        }
    }
    return parse_length(fmt, spec);
}

/* An int and a long arrive in slots that differ in what the upper half holds. */
static u64 next_integer(const struct spec *spec, struct arguments *args)
{
    return spec->size == 8 ? va_arg(args->ap, u64) : va_arg(args->ap, unsigned);
}

/* False if the conversion is none of ours. */
static bool convert(struct output *out, const struct spec *spec, char conversion,
                    struct arguments *args)
{
    char c;

    switch (conversion) {
    case 'd':
    case 'i':
        put_signed(out, spec, cut_signed(next_integer(spec, args), spec->size));
        return true;
    case 'u':
        put_number(out, spec, "", cut_unsigned(next_integer(spec, args), spec->size), 10,
                   "0123456789");
        return true;
    case 'x':
    case 'X':
        put_hex(out, spec, cut_unsigned(next_integer(spec, args), spec->size), conversion == 'X');
        return true;
    case 'c':
        c = (char)va_arg(args->ap, int);
        put_text(out, spec, &c, 1);
        return true;
    case 's':
        put_string(out, spec, va_arg(args->ap, const char *));
        return true;
    case 'p':
        put_pointer(out, spec, va_arg(args->ap, const void *));
        return true;
    case '%':
        put(out, '%');
        return true;
    default:
        return false;
    }
}

int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct output out = {.buf = buf, .size = size};
    struct arguments args;

    va_copy(args.ap, ap);
    while (*fmt != '\0') {
        const char *start = fmt;
        struct spec spec;

        if (*fmt++ != '%') {
            put(&out, *start);
            continue;
        }
        fmt = parse_spec(fmt, &spec, &args);
        if (*fmt != '\0' && convert(&out, &spec, *fmt, &args)) {
            fmt++;
        } else {
            put_many(&out, start, (size_t)(fmt - start));
        }
    }
    va_end(args.ap);
    if (size > 0) {
        buf[MIN(out.len, size - 1)] = '\0';
    }
    return (int)out.len;
}

int ksnprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    int len;

    va_start(ap, fmt);
    len = kvsnprintf(buf, size, fmt, ap);
    va_end(ap);
    return len;
}
