/* SPDX-License-Identifier: MIT */
/* The ChaCha20 block function (RFC 8439, section 2.3); pure. */
#pragma once

#include <kernel/types.h>

#define CHACHA_KEY_WORDS 8
#define CHACHA_BLOCK_WORDS 16

/* Words are little-endian, as the machine has them. */
void chacha20_block(const u32 key[CHACHA_KEY_WORDS], u32 counter, const u32 nonce[3],
                    u32 block[CHACHA_BLOCK_WORDS]);
