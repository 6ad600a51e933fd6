/* SPDX-License-Identifier: MIT */
/* sources: drivers/virtio.c */
#include "../../drivers/virtio_priv.h"
#include "host.h"

#include <kernel/print.h>
#include <stdio.h>
#include <string.h>

/* A device that checks the order of section 3.1.1. */
static struct {
    struct virtio_device device;
    u8 status;
    u64 offered, chosen;
    unsigned busy_reads; /* how often it is not reset yet */
    bool refuses_features, irq_fails;
    bool features_written;
    char printed[256];
} fake;

void kprintf(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(fake.printed, sizeof(fake.printed), fmt, ap);
    va_end(ap);
}

static u8 get_status(struct virtio_device *device)
{
    if (fake.busy_reads > 0) {
        fake.busy_reads--;
        return 0x55;
    }
    return fake.status;
}

static void set_status(struct virtio_device *device, u8 status)
{
    if (status != 0 && status != 128) {
        OK((fake.status & ~status) == 0); /* bits are only added */
    }
    if ((status & 8) != 0 && (fake.status & 8) == 0) {
        OK(fake.features_written);
        if (fake.refuses_features) {
            status &= (u8)~8;
        }
    }
    if ((status & 4) != 0) {
        OK((fake.status & 8) != 0);
    }
    fake.status = status;
}

static u64 get_features(struct virtio_device *device)
{
    OK((fake.status & 3) == 3);
    return fake.offered;
}

static void set_features(struct virtio_device *device, u64 features)
{
    OK((features & ~fake.offered) == 0);
    fake.chosen = features;
    fake.features_written = true;
}

static int irq_set(struct virtio_device *device)
{
    OK((fake.status & 4) == 0);
    return fake.irq_fails ? -ENOSPC : 0;
}

static const struct virtio_transport_ops ops = {
    .get_status = get_status,
    .set_status = set_status,
    .get_features = get_features,
    .set_features = set_features,
    .irq_set = irq_set,
};

static void interrupt(struct virtio_device *device)
{
}

static void prepare(u64 offered)
{
    memset(&fake, 0, sizeof(fake));
    fake.device.ops = &ops;
    fake.status = 7; /* as firmware may have left it */
    fake.offered = offered;
}

static void test_all_well(void)
{
    prepare(VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX | 1ull << 5 | 1ull << 6 | 1ull << 33 |
            1ull << 63);
    fake.busy_reads = 10;
    EQ(virtio_negotiate(&fake.device, 1ull << 5 | 1ull << 7), 0);
    /* What both know, and nothing else. */
    EQ(fake.chosen, VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX | 1ull << 5);
    EQ(fake.device.features, fake.chosen);
    EQ(virtio_start(&fake.device, interrupt), 0);
    EQ(fake.status, 15);
    OK(fake.device.interrupt == interrupt);
}

static void test_legacy(void)
{
    prepare(VIRTIO_F_EVENT_IDX | 0xff);
    EQ(virtio_negotiate(&fake.device, 0xff), -ENODEV);
    OK(strstr(fake.printed, "virtio 1") != NULL);
    OK(!fake.features_written);
}

static void test_refuses_features(void)
{
    prepare(VIRTIO_F_VERSION_1);
    fake.refuses_features = true;
    EQ(virtio_negotiate(&fake.device, 0), -ENODEV);
    OK(strstr(fake.printed, "features") != NULL);
    virtio_give_up(&fake.device);
    EQ(fake.status, 128);
}

static void test_does_not_reset(void)
{
    prepare(VIRTIO_F_VERSION_1);
    fake.busy_reads = ~0u;
    EQ(virtio_negotiate(&fake.device, 0), -ENODEV);
    OK(strstr(fake.printed, "reset") != NULL);
}

static void test_no_interrupt(void)
{
    prepare(VIRTIO_F_VERSION_1);
    EQ(virtio_negotiate(&fake.device, 0), 0);
    fake.irq_fails = true;
    EQ(virtio_start(&fake.device, interrupt), -ENOSPC);
    EQ(fake.status & 4, 0);
}

/* Only for a driver that does without. */
static void test_has_none(void)
{
    prepare(VIRTIO_F_VERSION_1);
    EQ(virtio_negotiate(&fake.device, 0), 0);
    fake.device.no_interrupts = true;
    fake.irq_fails = true;
    EQ(virtio_start(&fake.device, interrupt), -ENODEV);
    EQ(fake.status & 4, 0);
    EQ(virtio_start(&fake.device, NULL), 0);
    EQ(fake.status & 4, 4);
}

int main(void)
{
    run("a modern device starts", test_all_well);
    run("a legacy device is refused", test_legacy);
    run("a device that refuses the features", test_refuses_features);
    run("a device that does not reset", test_does_not_reset);
    run("no interrupt, no start", test_no_interrupt);
    run("a device without interrupts", test_has_none);
    return finish();
}
