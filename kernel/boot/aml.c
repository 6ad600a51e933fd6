/* SPDX-License-Identifier: MIT */
/*
 * The two things that are wanted of the DSDT, found without interpreting its
 * code (ACPI 6.5, chapter 20 for the encoding, 6.4.3 for resources).
 *
 * The sleep type of S5 is in a package of constants in every firmware met:
 *
 *     [08] "_S5_" 12 PkgLength NumElements first-element ...
 *
 * A microvm with ACPI names its virtio transports here and not on the
 * command line, each in a device object of constants:
 *
 *     ... "LNRO0005" 00 ... 86 09 00 01 base:4 size:4 89 06 00 flags 01 irq:4
 *
 * that is its hardware id, then in its resources a fixed 32-bit memory range
 * and one interrupt.  Other descriptors, or computed ones, are passed over.
 */
#include "boot_priv.h"

#include <kernel/string.h>

#define AML_NAME 0x08
#define AML_ROOT '\\'
#define AML_BYTE 0x0a
#define AML_ONE 0x01

#define VIRTIO_ID "LNRO0005"
#define MEMORY32_FIXED "\x86\x09\x00"
#define MEMORY32_SIZE 12
#define INTERRUPT "\x89\x06\x00"
#define INTERRUPT_SIZE 9
#define INTERRUPT_COUNT 4
#define INTERRUPT_NUMBER 5
#define NEARBY 64 /* from the id to its resources; other names come between */

/* The first `len` bytes equal to `what` in [p, end), or NULL. */
static const u8 *find_bytes(const u8 *p, const u8 *end, const void *what, size_t len)
{
    const u8 first = *(const u8 *)what;

    while (p < end && (p = memchr(p, first, (size_t)(end - p))) != NULL) {
        if ((size_t)(end - p) >= len && memcmp(p, what, len) == 0) {
            return p;
        }
        p++;
    }
    return NULL;
}

/* The integer at `p`: BytePrefix, OneOp, else ZeroOp. */
static u8 byte_constant(const u8 *p, const u8 *end)
{
    if (end - p >= 2 && p[0] == AML_BYTE) {
        return p[1];
    }
    return p < end && p[0] == AML_ONE;
}

static void find_sleep_type(struct bootinfo *info, const u8 *aml, const u8 *end)
{
    const u8 *p = aml;

    while ((p = find_bytes(p, end, "_S5_\x12", 5)) != NULL) {
        /* The top two bits of PkgLength's first byte say how many more it has. */
        if (p > aml && (p[-1] == AML_NAME || p[-1] == AML_ROOT) && end - p > 5) {
            size_t skip = 7 + (p[5] >> 6);

            if ((size_t)(end - p) > skip) {
                info->sleep_type = byte_constant(p + skip, end) & 7;
            }
            return;
        }
        p++;
    }
}

static void find_virtio(struct bootinfo *info, const u8 *aml, const u8 *end)
{
    const u8 *p = aml;

    while ((p = find_bytes(p, end, VIRTIO_ID, sizeof(VIRTIO_ID))) != NULL) {
        const u8 *memory, *irq;

        p += sizeof(VIRTIO_ID);
        memory = find_bytes(p, p + MIN(NEARBY, end - p), MEMORY32_FIXED, 3);
        if (memory == NULL || end - memory < MEMORY32_SIZE + INTERRUPT_SIZE) {
            continue;
        }
        irq = memory + MEMORY32_SIZE;
        if (memcmp(irq, INTERRUPT, 3) == 0 && irq[INTERRUPT_COUNT] == 1) {
            boot_mmio_add(info, load_u32(memory + 4), load_u32(memory + 8),
                          load_u32(irq + INTERRUPT_NUMBER));
        }
    }
}

void boot_aml_scan(struct bootinfo *info, const u8 *aml, size_t size)
{
    find_sleep_type(info, aml, aml + size);
    find_virtio(info, aml, aml + size);
}
