
# SPDX-License-Identifier: MIT
#
# Ours, appended to what musl's configure has found out; see prepare.sh.

# The compiler's own headers (stdatomic.h, immintrin.h), behind musl's.
CFLAGS_ALL += -idirafter $(shell $(CC) -print-file-name=include)

# A loop that copies must not become a call of the function it is in.
obj/src/string/%.o obj/src/string/%.lo: CFLAGS_ALL += -fno-tree-loop-distribute-patterns -O3
# Short functions that are called often: see src/string/x86_64/evex.h for the registers.
# Two stores of a word must not become one of a vector ahead of NEED_EVEX().
STRING_FLAGS := -fomit-frame-pointer -falign-functions=64 -falign-loops=32 -fno-tree-vectorize
STRING_FIXED := $(foreach n,0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15,-ffixed-xmm$(n))
obj/src/string/x86_64/%.o obj/src/string/x86_64/%.lo: CFLAGS_ALL += $(STRING_FLAGS) $(STRING_FIXED)
obj/src/string/x86_64/string_%.o obj/src/string/x86_64/string_%.lo: STRING_FIXED :=

obj/src/glibc/%.o obj/src/glibc/%.lo: CFLAGS_ALL += -std=gnu11 -fno-builtin

# mimalloc is one compilation unit, in the C and with the features it wants.
obj/src/malloc/mimalloc/%.o obj/src/malloc/mimalloc/%.lo: CFLAGS_ALL += -std=gnu11 -O3 -DNDEBUG \
	-Imimalloc/include -Imimalloc/src -fvisibility=hidden -Wno-attributes -Wno-array-bounds -Wno-unused-function
