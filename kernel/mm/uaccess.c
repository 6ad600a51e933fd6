/* SPDX-License-Identifier: MIT */
/*
 * Access to the application's memory.  The instructions that may fault are in
 * uaccess_asm.S; here are the checks around them.  A fault is resolved as an
 * application's would be; only if it cannot be, the trap handler looks here
 * for where to go on (fixup_lookup).  The _nofault variants tell it not to
 * try (this_cpu()->no_fault).
 */
#include <kernel/uaccess.h>

#include <kernel/aspace.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>

/* uaccess_asm.S: 0 or -EFAULT. */
int uaccess_copy(void *dst, const void *src, size_t size);
int uaccess_load_u32(const u32 *addr, u32 *value);
int uaccess_cmpxchg_u32(u32 *addr, u32 expected, u32 desired, u32 *old);

struct fixup {
    u64 insn, landing;
};

/* From the linker script. */
extern const struct fixup fixup_start[], fixup_end[];

u64 fixup_lookup(u64 rip)
{
    /* Three entries today: searching is not worth sorting. */
    for (const struct fixup *fixup = fixup_start; fixup < fixup_end; fixup++) {
        if (fixup->insn == rip) {
            return fixup->landing;
        }
    }
    return 0;
}

bool user_range_ok(const void *addr, size_t size)
{
    vaddr_t start = (vaddr_t)addr;

    return start + size >= start && !aspace_range_is_kernel(start, start + size);
}

int user_read(void *dst, const void *src, size_t size)
{
    return user_range_ok(src, size) ? uaccess_copy(dst, src, size) : -EFAULT;
}

int user_write(void *dst, const void *src, size_t size)
{
    return user_range_ok(dst, size) ? uaccess_copy(dst, src, size) : -EFAULT;
}

int user_read_u32(const u32 *addr, u32 *value)
{
    return user_range_ok(addr, sizeof(*addr)) ? uaccess_load_u32(addr, value) : -EFAULT;
}

int user_read_u32_nofault(const u32 *addr, u32 *value)
{
    bool irq = irq_save();
    int error = -EFAULT;

    if (user_range_ok(addr, sizeof(*addr))) {
        this_cpu()->no_fault = true;
        error = uaccess_load_u32(addr, value);
        this_cpu()->no_fault = false;
    }
    irq_restore(irq);
    return error;
}

int user_cmpxchg_u32_nofault(u32 *addr, u32 expected, u32 desired, u32 *old)
{
    bool irq = irq_save();
    int error = -EFAULT;

    if (user_range_ok(addr, sizeof(*addr))) {
        this_cpu()->no_fault = true;
        error = uaccess_cmpxchg_u32(addr, expected, desired, old);
        this_cpu()->no_fault = false;
    }
    irq_restore(irq);
    return error;
}
