/* SPDX-License-Identifier: MIT */
/*
 * A machine for the tests of kernel/boot, in place of io.c: physical memory
 * made of pieces, each a heap block of its own so that ASan sees a read past
 * its end, fw_cfg items, and config_error() and kprintf() that keep what
 * they are told.
 */
#pragma once

#include "../../kernel/boot/boot_priv.h"
#include "host.h"

#include <setjmp.h>

/* Forgets everything, bootinfo too.  Call first and, for the leak check, last. */
void fake_reset(void);

/* Memory of `size` bytes at `pa`, zeroed or a copy.  Pieces do not join. */
u8 *fake_memory(paddr_t pa, size_t size);
u8 *fake_memory_copy(paddr_t pa, const void *bytes, size_t size);

/* An item of fw_cfg, and a file in its directory that has that key. */
void fake_item(u16 key, const void *bytes, size_t size);
void fake_file(const char *name, u16 key, const void *bytes, size_t size);

extern struct fake_machine {
    bool has_fwcfg, pci_ports;
    u32 apic_id;             /* of the CPU that boots */
    struct boot_range image; /* the kernel */
    unsigned fwcfg_reads;
    char error[512];    /* the last config_error() */
    char printed[2048]; /* all of kprintf() */
    jmp_buf jump;
} fake;

/* True if `statement` ends in config_error(), whose text is in fake.error. */
#define EXPECT_CONFIG_ERROR(statement) (setjmp(fake.jump) != 0 ? true : ((statement), false))

/* True if `text` is in what was printed, or in the error. */
bool fake_printed(const char *text);
bool fake_error_has(const char *text);

/* Writers of fields. */
static inline void store_bytes(u8 *p, const void *bytes, size_t n)
{
    __builtin_memcpy(p, bytes, n);
}

static inline void store_u16(u8 *p, u16 v)
{
    __builtin_memcpy(p, &v, sizeof(v));
}

static inline void store_u32(u8 *p, u32 v)
{
    __builtin_memcpy(p, &v, sizeof(v));
}

static inline void store_u64(u8 *p, u64 v)
{
    __builtin_memcpy(p, &v, sizeof(v));
}

/* Sets p[at] so that `size` bytes sum up to 0. */
void fix_checksum(u8 *p, size_t size, size_t at);

/* An ACPI table: header with signature and right checksum, `body` behind it. */
#define SDT_HEADER_SIZE 36
size_t make_sdt(u8 *to, const char *signature, const void *body, size_t size);
/* RSDP at `pa`, its XSDT (or, without `xsdt`, RSDT) of `count` tables. */
void fake_acpi_root(paddr_t pa, bool xsdt, const paddr_t *tables, unsigned count);
/* MADT with `cpus` enabled CPUs of APIC ids first, first + 1, ... and an I/O APIC. */
size_t make_madt(u8 *to, unsigned cpus, u32 first);
