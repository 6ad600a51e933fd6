/* SPDX-License-Identifier: MIT */
/* sources: drivers/blk_split.c */
#include "../../drivers/blk_split_priv.h"
#include "host.h"

static const struct blk_limits wide = {.segments = 8, .size = 1u << 30, .sectors = 1000};

static void test_refuses(void)
{
    struct block_segment segment = {0x1000, 1024};
    struct blk_split split;

    EQ(blk_split_begin(&split, &wide, 998, &segment, 1), 0);
    EQ(blk_split_begin(&split, &wide, 999, &segment, 1), -ENOSPC);
    EQ(blk_split_begin(&split, &wide, 1001, &segment, 1), -ENOSPC);
    EQ(blk_split_begin(&split, &wide, UINT64_MAX, &segment, 1), -ENOSPC);
    segment.size = 1000;
    EQ(blk_split_begin(&split, &wide, 0, &segment, 1), -EINVAL);
    segment.size = 0;
    EQ(blk_split_begin(&split, &wide, 0, &segment, 1), -EINVAL);
    segment = (struct block_segment){UINT64_MAX - 100, 512};
    EQ(blk_split_begin(&split, &wide, 0, &segment, 1), -EINVAL);
}

static void test_merges(void)
{
    const struct block_segment pages[] = {
        {0x10000, 4096}, {0x11000, 4096}, {0x12000, 4096}, {0x20000, 512}};
    struct block_segment out[8];
    struct blk_split split;
    u64 sector;

    EQ(blk_split_begin(&split, &wide, 7, pages, 4), 0);
    EQ(blk_split_next(&split, &wide, &sector, out), 2);
    EQ(sector, 7);
    EQ(out[0].size, 3 * 4096);
    EQ(out[1].address, 0x20000);
    EQ(blk_split_next(&split, &wide, &sector, out), 0);
}

static void test_none(void)
{
    struct block_segment out[8];
    struct blk_split split;
    u64 sector;

    EQ(blk_split_begin(&split, &wide, 0, NULL, 0), 0);
    EQ(blk_split_next(&split, &wide, &sector, out), 0);
}

/* All bytes, once, in order, within the limits. */
static void test_random(void)
{
    for (unsigned round = 0; round < 20000; round++) {
        const struct blk_limits limits = {
            .segments = 1 + (u32)rnd_below(5),
            .size = BLOCK_SECTOR * (1 + (u32)rnd_below(6)),
            .sectors = 10000,
        };
        struct block_segment in[10] = {{0}}, out[5];
        unsigned count = 1 + (unsigned)rnd_below(10), at = 0, pieces;
        struct blk_split split;
        u64 expected = rnd_below(100), sector;
        u32 offset = 0;

        for (unsigned i = 0; i < count; i++) {
            bool joined = i > 0 && rnd_below(2) == 0;

            in[i].address = joined ? in[i - 1].address + in[i - 1].size : 0x100000 * (i + 1);
            in[i].size = BLOCK_SECTOR * (1 + (u32)rnd_below(12));
        }
        EQ(blk_split_begin(&split, &limits, expected, in, count), 0);
        while ((pieces = blk_split_next(&split, &limits, &sector, out)) > 0) {
            OK(pieces <= limits.segments);
            EQ(sector, expected);
            for (unsigned i = 0; i < pieces; i++) {
                OK(out[i].size <= limits.size && out[i].size % BLOCK_SECTOR == 0);
                for (u32 done = 0; done < out[i].size; done += BLOCK_SECTOR) {
                    if (!OK(at < count) || !EQ(out[i].address + done, in[at].address + offset)) {
                        return;
                    }
                    offset += BLOCK_SECTOR;
                    if (offset == in[at].size) {
                        at++;
                        offset = 0;
                    }
                }
                expected += out[i].size / BLOCK_SECTOR;
            }
        }
        EQ(at, count);
    }
}

int main(void)
{
    run("sizes and ends are checked", test_refuses);
    run("neighbours become one buffer", test_merges);
    run("an empty transfer", test_none);
    run("random transfers and limits", test_random);
    return finish();
}
