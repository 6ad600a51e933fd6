/* SPDX-License-Identifier: MIT */
/*
 * What kernel/boot needs of the machine itself: low physical memory, the
 * fw_cfg device's DMA, PCI's configuration ports and this CPU's APIC id.
 *
 * A port access costs up to 70 us on kvm_pvm, so each function says how many
 * it makes.
 */
#include "boot_priv.h"

#include <kernel/errno.h>
#include <kernel/image_place.h>
#include <kernel/port.h>
#include <kernel/start.h>

#define WINDOW_SIZE (4 * GIB)

void *boot_phys(paddr_t pa, u64 size)
{
    return size <= WINDOW_SIZE && pa <= WINDOW_SIZE - size ? (void *)(BOOT_WINDOW + pa) : NULL;
}

/* The reverse, for statically allocated objects too. */
static paddr_t to_phys(const void *va)
{
    return (u64)va >= BOOT_WINDOW ? (u64)va - BOOT_WINDOW : image_to_phys(va);
}

struct boot_range boot_image(void)
{
    return (struct boot_range){image_to_phys(kernel_text_start), image_to_phys(kernel_end)};
}

/*
 * The DMA interface: the address of a descriptor is written to a register
 * pair, big-endian, the write to the low half starts the transfer and it is
 * over when the instruction is.  The high half is 0 unless written since.
 */
#define FWCFG_DMA_LOW 0x518
#define FWCFG_DMA_READ 2u
#define FWCFG_DMA_SELECT 8u

/* All fields big-endian. */
struct fwcfg_dma {
    u32 control; /* key << 16 | command; 0 when done */
    u32 length;
    u64 address;
};

/* One port access.  Where there is no fw_cfg the descriptor stays as it was. */
int boot_fwcfg_read_phys(u16 key, paddr_t to, u32 size)
{
    static struct fwcfg_dma dma;
    u32 control = (u32)key << 16 | FWCFG_DMA_SELECT | FWCFG_DMA_READ;

    dma.control = __builtin_bswap32(control);
    dma.length = __builtin_bswap32(size);
    dma.address = __builtin_bswap64(to);
    port_write_u32(FWCFG_DMA_LOW, __builtin_bswap32((u32)to_phys(&dma)));
    return dma.control == 0 ? 0 : -ENODEV;
}

int boot_fwcfg_read(u16 key, void *buf, u32 size)
{
    return boot_fwcfg_read_phys(key, to_phys(buf), size);
}

#define PCI_ADDRESS 0xcf8
#define PCI_ADDRESS_ENABLE 0x80000000u

/* Two port accesses.  Where nothing answers, reads give ones. */
bool boot_pci_ports(void)
{
    port_write_u32(PCI_ADDRESS, PCI_ADDRESS_ENABLE);
    return port_read_u32(PCI_ADDRESS) == PCI_ADDRESS_ENABLE;
}

/* CPUID leaf 1: enough, as the CPU that boots has one of the low numbers. */
u32 boot_apic_id(void)
{
    u32 eax = 1;
    u32 ebx, ecx = 0, edx;

    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return ebx >> 24;
}
