/* SPDX-License-Identifier: MIT */
/*
 * virtio over memory-mapped registers (virtio 1.2, section 4.2): the devices
 * of QEMU's microvm and of Firecracker, which ACPI's DSDT or the command line
 * name.
 *
 * The interrupt line stays up until it is acknowledged, which is done before
 * the queues are looked at: what comes after makes a new edge.  Both bits are
 * acknowledged without reading which it was (an access is 28 us on kvm_pvm): who
 * hears of changes of the configuration takes any for one.
 */
#include "virtio_priv.h"

#include <kernel/aspace.h>
#include <kernel/bootinfo.h>
#include <kernel/errno.h>
#include <kernel/irq.h>
#include <kernel/kmalloc.h>
#include <kernel/print.h>
#include <kernel/trap.h>

enum mmio_register {
    REG_MAGIC = 0x00,
    REG_VERSION = 0x04,
    REG_DEVICE_ID = 0x08,
    REG_FEATURES = 0x10,
    REG_FEATURES_SELECT = 0x14,
    REG_DRIVER_FEATURES = 0x20,
    REG_DRIVER_FEATURES_SELECT = 0x24,
    REG_QUEUE_SELECT = 0x30,
    REG_QUEUE_MAX = 0x34,
    REG_QUEUE_SIZE = 0x38,
    REG_QUEUE_READY = 0x44,
    REG_NOTIFY = 0x50,
    REG_INTERRUPT_ACK = 0x64,
    REG_STATUS = 0x70,
    REG_QUEUE_DESC = 0x80,
    REG_QUEUE_AVAIL = 0x90,
    REG_QUEUE_USED = 0xa0,
    REG_GENERATION = 0xfc,
    REG_CONFIG = 0x100,
};

#define MAGIC 0x74726976u /* "virt" */
#define VERSION_MODERN 2u
#define ACK_ALL 3u

/* device->transport */
#define T_REGISTERS 0
#define T_GSI 1

static volatile u32 *reg(const struct virtio_device *device, u32 offset)
{
    return (volatile u32 *)(device->transport[T_REGISTERS] + offset); /* device memory */
}

static u8 mmio_get_status(struct virtio_device *device)
{
    return (u8)*reg(device, REG_STATUS);
}

static void mmio_set_status(struct virtio_device *device, u8 status)
{
    *reg(device, REG_STATUS) = status;
}

static u64 mmio_get_features(struct virtio_device *device)
{
    u64 low;

    if (*reg(device, REG_VERSION) != VERSION_MODERN) {
        return 0;
    }
    *reg(device, REG_FEATURES_SELECT) = 0;
    low = *reg(device, REG_FEATURES);
    *reg(device, REG_FEATURES_SELECT) = 1;
    return low | (u64)*reg(device, REG_FEATURES) << 32;
}

static void mmio_set_features(struct virtio_device *device, u64 features)
{
    *reg(device, REG_DRIVER_FEATURES_SELECT) = 0;
    *reg(device, REG_DRIVER_FEATURES) = (u32)features;
    *reg(device, REG_DRIVER_FEATURES_SELECT) = 1;
    *reg(device, REG_DRIVER_FEATURES) = (u32)(features >> 32);
}

static u16 mmio_queue_max(struct virtio_device *device, u16 index)
{
    *reg(device, REG_QUEUE_SELECT) = index;
    return (u16)MIN(*reg(device, REG_QUEUE_MAX), RING_SIZE_MAX);
}

/* The upper halves are 0 after a reset. */
static void set_address(struct virtio_device *device, u32 offset, paddr_t pa)
{
    *reg(device, offset) = (u32)pa;
    if (pa >> 32 != 0) {
        *reg(device, offset + 4) = (u32)(pa >> 32);
    }
}

/* Right after mmio_queue_max(), which has selected the queue. */
static int mmio_queue_set(struct virtio_device *device, u16 index, u16 size, paddr_t desc,
                          paddr_t avail, paddr_t used)
{
    (void)index;
    *reg(device, REG_QUEUE_SIZE) = size;
    set_address(device, REG_QUEUE_DESC, desc);
    set_address(device, REG_QUEUE_AVAIL, avail);
    set_address(device, REG_QUEUE_USED, used);
    *reg(device, REG_QUEUE_READY) = 1;
    return 0;
}

static void mmio_notify(struct virtio_device *device, u16 index)
{
    *reg(device, REG_NOTIFY) = index;
}

static void mmio_read_config(struct virtio_device *device, u32 offset, void *buf, u32 size)
{
    u32 before;

    if (size <= 4) { /* a field that is read at once is of one generation */
        virtio_copy_config(reg(device, REG_CONFIG + offset), buf, size);
        return;
    }
    do {
        before = *reg(device, REG_GENERATION);
        virtio_copy_config(reg(device, REG_CONFIG + offset), buf, size);
    } while (*reg(device, REG_GENERATION) != before);
}

static void mmio_write_config(struct virtio_device *device, u32 offset, u32 value)
{
    *reg(device, REG_CONFIG + offset) = value;
}

static void mmio_interrupt(void *arg)
{
    struct virtio_device *device = arg;

    *reg(device, REG_INTERRUPT_ACK) = ACK_ALL;
    device->interrupt(device);
}

static int mmio_irq_set(struct virtio_device *device)
{
    int vector = irq_register(mmio_interrupt, device);

    if (vector < 0) {
        return vector;
    }
    /* To CPU 0, as pins are after a reset: see ioapic.c for what another one costs. */
    return irq_route_gsi((u32)device->transport[T_GSI], (unsigned)vector, 0);
}

static const struct virtio_transport_ops mmio_ops = {
    .get_status = mmio_get_status,
    .set_status = mmio_set_status,
    .get_features = mmio_get_features,
    .set_features = mmio_set_features,
    .queue_max = mmio_queue_max,
    .queue_set = mmio_queue_set,
    .notify = mmio_notify,
    .read_config = mmio_read_config,
    .write_config = mmio_write_config,
    .irq_set = mmio_irq_set,
};

/* A transport without a device behind it has the id 0. */
static void scan_one(const struct boot_mmio_device *at, unsigned number, virtio_found found)
{
    struct virtio_device *device;
    char *registers;
    void *va;
    u32 id;

    if (kernel_map_device(at->base, MAX(at->size, 0x200u), &va) != 0) {
        kprintf("virtio-mmio at %#lx: no memory to map it\n", (unsigned long)at->base);
        return;
    }
    registers = va;
    if (*(volatile u32 *)(registers + REG_MAGIC) != MAGIC) {
        kprintf("virtio-mmio at %#lx: nothing is there\n", (unsigned long)at->base);
        return;
    }
    id = *(volatile u32 *)(registers + REG_DEVICE_ID);
    device = id == 0 ? NULL : kzalloc(sizeof(*device));
    if (device == NULL) {
        return;
    }
    ksnprintf(device->name, sizeof(device->name), "virtio-mmio/%u", number);
    device->id = id;
    device->ops = &mmio_ops;
    device->transport[T_REGISTERS] = (u64)registers;
    device->transport[T_GSI] = at->irq;
    found(device);
}

void virtio_mmio_scan(virtio_found found)
{
    for (unsigned i = 0; i < bootinfo.mmio_count; i++) {
        scan_one(&bootinfo.mmio[i], i, found);
    }
}
