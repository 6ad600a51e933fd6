/* SPDX-License-Identifier: MIT */
/*
 * virtio over PCI (virtio 1.2, section 4.1), modern only: registers in a BAR,
 * found by capabilities, and MSI-X, one vector for all queues of a device, or more where
 * its driver asks for them, and for changes of its configuration if it hears of those.
 * A message needs no acknowledgement, so an interrupt costs no exit of ours.  QEMU's balloon has
 * no MSI-X: its driver does without interrupts.  (The lines of old would need tables of the
 * firmware's to be found by, and be shared with other devices.)
 */
#include "pci_priv.h"
#include "virtio_pci_cap_priv.h"
#include "virtio_priv.h"

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/irq.h>
#include <kernel/kmalloc.h>
#include <kernel/print.h>
#include <kernel/string.h>
#include <kernel/trap.h>

#define VENDOR_VIRTIO 0x1af4
#define DEVICE_MODERN 0x1040 /* + the virtio id */
#define DEVICE_MODERN_LAST 0x107f
#define DEVICE_TRANSITIONAL 0x1000 /* up to 0x103f; with the old registers as well */

/* struct virtio_pci_common_cfg, 4.1.4.3. */
enum common_register {
    C_FEATURES_SELECT = 0,
    C_FEATURES = 4,
    C_DRIVER_FEATURES_SELECT = 8,
    C_DRIVER_FEATURES = 12,
    C_MSIX_CONFIG = 16,
    C_QUEUES = 18,
    C_STATUS = 20,
    C_GENERATION = 21,
    C_QUEUE_SELECT = 22,
    C_QUEUE_SIZE = 24,
    C_QUEUE_VECTOR = 26,
    C_QUEUE_ENABLE = 28,
    C_QUEUE_NOTIFY_OFFSET = 30,
    C_QUEUE_DESC = 32,
    C_QUEUE_AVAIL = 40,
    C_QUEUE_USED = 48,
};

#define NO_VECTOR 0xffffu
#define QUEUES_MAX 64
#define PAIRS_MAX 16

/* Registers of an MSI-X entry (PCI 3.0, 6.8.2.6 ff.) and of the capability. */
#define MSIX_ENTRY 16u
#define MSIX_ADDRESS_LOW 0
#define MSIX_ADDRESS_HIGH 4
#define MSIX_DATA 8
#define MSIX_VECTOR_CONTROL 12
#define MSIX_ENABLE (1u << 31)
#define MSIX_MASK_ALL (1u << 30)

struct virtio_pci {
    struct virtio_device device;
    struct pci_function function;
    struct virtio_pci_layout layout;
    volatile char *bar[PCI_BARS]; /* NULL: not mapped */
    u64 bar_size[PCI_BARS];
    volatile char *common, *notify, *config, *msix;
    u32 notify_offset[QUEUES_MAX];
    struct virtio_pci_pair { /* device->queue_vectors of them */
        struct virtio_device *device;
        unsigned number;
    } pair[PAIRS_MAX];
};

static struct virtio_pci *pci_of(struct virtio_device *device)
{
    return container_of(device, struct virtio_pci, device);
}

static volatile u8 *reg8(volatile char *base, u32 offset)
{
    return (volatile u8 *)(base + offset);
}

static volatile u16 *reg16(volatile char *base, u32 offset)
{
    return (volatile u16 *)(base + offset);
}

static volatile u32 *reg32(volatile char *base, u32 offset)
{
    return (volatile u32 *)(base + offset);
}

static u8 vpci_get_status(struct virtio_device *device)
{
    return *reg8(pci_of(device)->common, C_STATUS);
}

static void vpci_set_status(struct virtio_device *device, u8 status)
{
    *reg8(pci_of(device)->common, C_STATUS) = status;
}

static u64 vpci_get_features(struct virtio_device *device)
{
    volatile char *common = pci_of(device)->common;
    u64 low;

    *reg32(common, C_FEATURES_SELECT) = 0;
    low = *reg32(common, C_FEATURES);
    *reg32(common, C_FEATURES_SELECT) = 1;
    return low | (u64)*reg32(common, C_FEATURES) << 32;
}

static void vpci_set_features(struct virtio_device *device, u64 features)
{
    volatile char *common = pci_of(device)->common;

    *reg32(common, C_DRIVER_FEATURES_SELECT) = 0;
    *reg32(common, C_DRIVER_FEATURES) = (u32)features;
    *reg32(common, C_DRIVER_FEATURES_SELECT) = 1;
    *reg32(common, C_DRIVER_FEATURES) = (u32)(features >> 32);
}

static u16 vpci_queue_max(struct virtio_device *device, u16 index)
{
    volatile char *common = pci_of(device)->common;

    if (index >= QUEUES_MAX || index >= *reg16(common, C_QUEUES)) {
        return 0;
    }
    *reg16(common, C_QUEUE_SELECT) = index;
    return MIN(*reg16(common, C_QUEUE_SIZE), (u16)RING_SIZE_MAX);
}

static void set_address(volatile char *common, u32 offset, paddr_t pa)
{
    *reg32(common, offset) = (u32)pa;
    *reg32(common, offset + 4) = (u32)(pa >> 32);
}

/* Right after vpci_queue_max(), which has selected the queue. */
static int vpci_queue_set(struct virtio_device *device, u16 index, u16 size, paddr_t desc,
                          paddr_t avail, paddr_t used)
{
    struct virtio_pci *pci = pci_of(device);
    u64 notify = (u64)*reg16(pci->common, C_QUEUE_NOTIFY_OFFSET) * pci->layout.notify_multiplier;
    u16 vector = index / 2 < device->queue_vectors ? index / 2 + 1 : 0;

    if (notify > pci->layout.part[VIRTIO_PCI_NOTIFY].length - 2) {
        return -ENODEV;
    }
    pci->notify_offset[index] = (u32)notify;
    *reg16(pci->common, C_QUEUE_SIZE) = size;
    set_address(pci->common, C_QUEUE_DESC, desc);
    set_address(pci->common, C_QUEUE_AVAIL, avail);
    set_address(pci->common, C_QUEUE_USED, used);
    if (!device->no_interrupts) {
        *reg16(pci->common, C_QUEUE_VECTOR) = vector;
        if (*reg16(pci->common, C_QUEUE_VECTOR) != vector) {
            return -ENODEV; /* it has no room for the vector: 4.1.5.1.2 */
        }
    }
    *reg16(pci->common, C_QUEUE_ENABLE) = 1;
    return 0;
}

static void vpci_notify(struct virtio_device *device, u16 index)
{
    struct virtio_pci *pci = pci_of(device);

    *reg16(pci->notify, pci->notify_offset[index]) = index;
}

static void vpci_read_config(struct virtio_device *device, u32 offset, void *buf, u32 size)
{
    struct virtio_pci *pci = pci_of(device);
    u8 before;

    if (offset + size > pci->layout.part[VIRTIO_PCI_DEVICE].length) {
        memset(buf, 0, size);
        return;
    }
    if (size <= 4) { /* a field that is read at once is of one generation */
        virtio_copy_config(pci->config + offset, buf, size);
        return;
    }
    do {
        before = *reg8(pci->common, C_GENERATION);
        virtio_copy_config(pci->config + offset, buf, size);
    } while (*reg8(pci->common, C_GENERATION) != before);
}

static void vpci_write_config(struct virtio_device *device, u32 offset, u32 value)
{
    struct virtio_pci *pci = pci_of(device);

    if (offset + sizeof(value) <= pci->layout.part[VIRTIO_PCI_DEVICE].length) {
        *reg32(pci->config, offset) = value;
    }
}

static void vpci_interrupt(void *arg)
{
    struct virtio_device *device = arg;

    device->interrupt(device);
}

static void vpci_pair_interrupt(void *arg)
{
    struct virtio_pci_pair *pair = arg;

    pair->device->queue_interrupt(pair->device, pair->number);
}

static void vpci_queue_vectors(struct virtio_device *device, u16 wanted)
{
    struct virtio_pci *pci = pci_of(device);

    device->queue_vectors =
        wanted < pci->layout.msix_entries && wanted <= ARRAY_SIZE(pci->pair) ? wanted : 0;
}

static int set_entry(struct virtio_pci *pci, unsigned entry, irq_handler handler, void *arg)
{
    volatile char *at = pci->msix + (u64)entry * MSIX_ENTRY;
    int vector = irq_register(handler, arg);
    struct msi_message message;

    if (vector < 0) {
        return vector;
    }
    message = irq_msi_message((unsigned)vector, irq_next_cpu());
    *reg32(at, MSIX_ADDRESS_LOW) = (u32)message.address;
    *reg32(at, MSIX_ADDRESS_HIGH) = (u32)(message.address >> 32);
    *reg32(at, MSIX_DATA) = message.data;
    *reg32(at, MSIX_VECTOR_CONTROL) = 0;
    return 0;
}

/*
 * The table's entries were chosen by queue_set(), before a message can come: the
 * device is not started yet.
 */
static int vpci_irq_set(struct virtio_device *device)
{
    struct virtio_pci *pci = pci_of(device);
    int err = set_entry(pci, 0, vpci_interrupt, device);

    for (unsigned i = 0; i < device->queue_vectors && err == 0; i++) {
        pci->pair[i] = (struct virtio_pci_pair){device, i};
        err = set_entry(pci, i + 1, vpci_pair_interrupt, &pci->pair[i]);
    }
    if (err == 0 && device->hears_config) {
        *reg16(pci->common, C_MSIX_CONFIG) = 0;
        err = *reg16(pci->common, C_MSIX_CONFIG) == 0 ? 0 : -ENODEV;
    }
    return err;
}

static const struct virtio_transport_ops vpci_ops = {
    .get_status = vpci_get_status,
    .set_status = vpci_set_status,
    .get_features = vpci_get_features,
    .set_features = vpci_set_features,
    .queue_max = vpci_queue_max,
    .queue_vectors = vpci_queue_vectors,
    .queue_set = vpci_queue_set,
    .notify = vpci_notify,
    .read_config = vpci_read_config,
    .write_config = vpci_write_config,
    .irq_set = vpci_irq_set,
};

static u32 read_word(void *arg, u32 offset)
{
    return pci_read(arg, offset);
}

/* Maps `length` bytes of a BAR, all of which is mapped the first time. */
static int map(struct virtio_pci *pci, unsigned bar, u32 offset, u32 length, volatile char **va)
{
    if (pci->bar[bar] == NULL) {
        paddr_t base;
        void *mapped;
        int err = pci_bar_place(&pci->function, bar, &base, &pci->bar_size[bar]);

        if (err == 0) {
            err = kernel_map_device(base, pci->bar_size[bar], &mapped);
        }
        if (err != 0) {
            return err;
        }
        pci->bar[bar] = mapped;
    }
    if ((u64)offset + length > pci->bar_size[bar]) {
        return -ENODEV;
    }
    *va = pci->bar[bar] + offset;
    return 0;
}

static int map_part(struct virtio_pci *pci, enum virtio_pci_part part, volatile char **va)
{
    const struct virtio_pci_range *range = &pci->layout.part[part];

    return range->length == 0 ? 0 : map(pci, range->bar, range->offset, range->length, va);
}

static int set_up(struct virtio_pci *pci)
{
    struct virtio_pci_layout *layout = &pci->layout;
    int err = virtio_pci_parse(read_word, &pci->function, layout);

    if (err == 0) {
        err = map_part(pci, VIRTIO_PCI_COMMON, &pci->common);
    }
    if (err == 0) {
        err = map_part(pci, VIRTIO_PCI_NOTIFY, &pci->notify);
    }
    if (err == 0) {
        err = map_part(pci, VIRTIO_PCI_DEVICE, &pci->config);
    }
    pci->device.no_interrupts = layout->msix == 0;
    if (err == 0 && layout->msix != 0) {
        err = map(pci, layout->msix_bar, layout->msix_offset, layout->msix_entries * MSIX_ENTRY,
                  &pci->msix);
    }
    if (err != 0) {
        return err;
    }
    pci_enable(&pci->function);
    if (layout->msix == 0) {
        return 0;
    }
    pci_write(&pci->function, layout->msix,
              (pci_read(&pci->function, layout->msix) & ~MSIX_MASK_ALL) | MSIX_ENABLE);
    /* After MSI-X is on, or the device keeps no vectors. */
    *reg16(pci->common, C_MSIX_CONFIG) = NO_VECTOR;
    return 0;
}

/*
 * A transitional device, QEMU's default, has the modern registers as well; it
 * says in its subsystem id what it is (4.1.2.1, 4.1.2.3).
 */
static u32 virtio_id(const struct pci_function *f)
{
    if (f->device_id < DEVICE_MODERN) {
        return pci_read(f, PCI_SUBSYSTEM) >> 16;
    }
    return (u32)(f->device_id - DEVICE_MODERN);
}

static void scan_one(const struct pci_function *f, void *arg)
{
    virtio_found found = *(virtio_found *)arg;
    struct virtio_pci *pci;
    int err;

    if (f->vendor_id != VENDOR_VIRTIO || f->device_id < DEVICE_TRANSITIONAL ||
        f->device_id > DEVICE_MODERN_LAST) {
        return;
    }
    pci = kzalloc(sizeof(*pci));
    if (pci == NULL) {
        kprintf("pci %u.%u: no memory for a virtio device\n", f->device, f->function);
        return;
    }
    pci->function = *f;
    ksnprintf(pci->device.name, sizeof(pci->device.name), "virtio-pci/%u.%u", f->device,
              f->function);
    pci->device.id = virtio_id(f);
    pci->device.ops = &vpci_ops;
    err = set_up(pci);
    if (err != 0) {
        kprintf("%s: cannot be used as a virtio device (error %d)\n", pci->device.name, -err);
        return;
    }
    found(&pci->device);
}

void virtio_pci_scan(virtio_found found)
{
    pci_for_each(scan_one, &found);
}
