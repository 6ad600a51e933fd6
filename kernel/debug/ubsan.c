/* SPDX-License-Identifier: MIT */
/*
 * What the compiler calls when -fsanitize=undefined finds undefined
 * behaviour: each is a panic that names the place.  Only in the ubsan image.
 * The layout of the descriptors is the compilers' (LLVM's compiler-rt,
 * "UBSan handlers", gcc uses the same).
 */
#ifdef MOKA_UBSAN

#include <kernel/assert.h>

struct source_location {
    const char *file;
    u32 line, column;
};

struct type_descriptor {
    u16 kind, info;
    char name[];
};

struct overflow_data {
    struct source_location location;
    struct type_descriptor *type;
};

struct type_mismatch_data {
    struct source_location location;
    struct type_descriptor *type;
    u8 log_alignment, check_kind;
};

struct shift_data {
    struct source_location location;
    struct type_descriptor *lhs_type, *rhs_type;
};

struct bounds_data {
    struct source_location location;
    struct type_descriptor *array_type, *index_type;
};

struct location_data { /* all that begin with a location and use no more */
    struct source_location location;
};

static noreturn void report(const struct source_location *at, const char *what, u64 a, u64 b)
{
    bug(at->file, (int)at->line, "undefined behaviour: %s (%lx, %lx), column %u", what,
        (unsigned long)a, (unsigned long)b, at->column);
}

#define OVERFLOW_HANDLER(name, what) \
    void __ubsan_handle_##name(struct overflow_data *data, u64 a, u64 b); \
    void __ubsan_handle_##name(struct overflow_data *data, u64 a, u64 b) \
    { \
        report(&data->location, what, a, b); \
    }

OVERFLOW_HANDLER(add_overflow, "addition overflows")
OVERFLOW_HANDLER(sub_overflow, "subtraction overflows")
OVERFLOW_HANDLER(mul_overflow, "multiplication overflows")
OVERFLOW_HANDLER(negate_overflow, "negation overflows")
OVERFLOW_HANDLER(divrem_overflow, "division by zero or overflow")
OVERFLOW_HANDLER(pointer_overflow, "pointer arithmetic overflows")
OVERFLOW_HANDLER(load_invalid_value, "value is not one of the type")
OVERFLOW_HANDLER(vla_bound_not_positive, "array of no elements")

void __ubsan_handle_type_mismatch_v1(struct type_mismatch_data *data, u64 address);
void __ubsan_handle_type_mismatch_v1(struct type_mismatch_data *data, u64 address)
{
    report(&data->location, "access to NULL or beyond an object", address, data->check_kind);
}

void __ubsan_handle_shift_out_of_bounds(struct shift_data *data, u64 a, u64 b);
void __ubsan_handle_shift_out_of_bounds(struct shift_data *data, u64 a, u64 b)
{
    report(&data->location, "shift by too much or of a negative value", a, b);
}

void __ubsan_handle_out_of_bounds(struct bounds_data *data, u64 index);
void __ubsan_handle_out_of_bounds(struct bounds_data *data, u64 index)
{
    report(&data->location, "index out of bounds", index, 0);
}

#define PLACE_HANDLER(name, what) \
    void __ubsan_handle_##name(struct location_data *data); \
    void __ubsan_handle_##name(struct location_data *data) \
    { \
        report(&data->location, what, 0, 0); \
    }

PLACE_HANDLER(builtin_unreachable, "reached what cannot be reached")
PLACE_HANDLER(missing_return, "function ends without a value")
PLACE_HANDLER(invalid_builtin, "builtin called with zero")
PLACE_HANDLER(nonnull_arg, "NULL passed where it may not be")

void __ubsan_handle_nonnull_return_v1(struct location_data *data, struct source_location *at);
void __ubsan_handle_nonnull_return_v1(struct location_data *data, struct source_location *at)
{
    (void)data;
    report(at, "NULL returned where it may not be", 0, 0);
}

#endif /* MOKA_UBSAN */
