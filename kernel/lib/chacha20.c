/* SPDX-License-Identifier: MIT */
/*
 * ChaCha20's block function as RFC 8439 gives it: 20 rounds over 16 words,
 * about 500 cycles without vector registers.
 */
#include "chacha20_priv.h"

#include <kernel/string.h>

static u32 rotate_left(u32 x, unsigned n)
{
    return x << n | x >> (32 - n);
}

static void quarter_round(u32 *s, unsigned a, unsigned b, unsigned c, unsigned d)
{
    s[a] += s[b];
    s[d] = rotate_left(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = rotate_left(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = rotate_left(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = rotate_left(s[b] ^ s[c], 7);
}

static void double_round(u32 *s)
{
    for (unsigned i = 0; i < 4; i++) {
        quarter_round(s, i, 4 + i, 8 + i, 12 + i);
    }
    for (unsigned i = 0; i < 4; i++) {
        quarter_round(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
}

void chacha20_block(const u32 key[CHACHA_KEY_WORDS], u32 counter, const u32 nonce[3],
                    u32 block[CHACHA_BLOCK_WORDS])
{
    /* "expand 32-byte k" */
    u32 input[CHACHA_BLOCK_WORDS] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

    memcpy(input + 4, key, CHACHA_KEY_WORDS * sizeof(u32));
    input[12] = counter;
    memcpy(input + 13, nonce, 3 * sizeof(u32));
    memcpy(block, input, sizeof(input));
    for (unsigned i = 0; i < 10; i++) {
        double_round(block);
    }
    for (unsigned i = 0; i < CHACHA_BLOCK_WORDS; i++) {
        block[i] += input[i];
    }
}
