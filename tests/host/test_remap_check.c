/* SPDX-License-Identifier: MIT */
/* sources: kernel/mm/remap_check.c */
/*
 * Which sources are apart from all other places: beside a model that looks at each
 * two places.
 */
#include "host.h"

#include "../../kernel/mm/remap_check_priv.h"

#define PAIRS 12u

static bool overlap(vaddr_t a, u64 size_a, vaddr_t b, u64 size_b)
{
    return a < b + size_b && b < a + size_a;
}

static bool model_apart(const struct remap_pair *pairs, u64 count)
{
    for (u64 i = 0; i < count; i++) {
        for (u64 j = 0; j < count; j++) {
            if (overlap(pairs[i].from, pairs[i].size, pairs[j].to, pairs[j].size) ||
                (i != j && overlap(pairs[i].from, pairs[i].size, pairs[j].from, pairs[j].size))) {
                return false;
            }
        }
    }
    return true;
}

static u64 any(u64 below)
{
    static u64 random = 1;

    random = random * 6364136223846793005ull + 1442695040888963407ull;
    return (random >> 33) % below;
}

static void test_apart(void)
{
    struct remap_pair pairs[PAIRS];
    struct remap_place places[2 * PAIRS];
    unsigned apart = 0, wrong = 0;

    for (unsigned round = 0; round < 20000; round++) {
        u64 count = any(PAIRS) + 1;

        for (u64 i = 0; i < count; i++) {
            pairs[i] = (struct remap_pair){any(200), any(200), any(8) + 1};
        }
        apart += model_apart(pairs, count);
        wrong += remap_sources_apart(pairs, count, places) != model_apart(pairs, count);
    }
    EQ(wrong, 0);
    OK(apart > 1000 && apart < 19000);
}

int main(void)
{
    run("sources are apart exactly when they overlap nothing", test_apart);
    return finish();
}
