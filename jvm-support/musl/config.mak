
# SPDX-License-Identifier: MIT
#
# Ours, appended to what musl's configure has found out; see prepare.sh.

# The compiler's own headers (stdatomic.h, immintrin.h), behind musl's.
CFLAGS_ALL += -idirafter $(shell $(CC) -print-file-name=include)

# A loop that copies must not become a call of the function it is in.
obj/src/string/%.o obj/src/string/%.lo: CFLAGS_ALL += -fno-tree-loop-distribute-patterns -O3
obj/src/glibc/%.o obj/src/glibc/%.lo: CFLAGS_ALL += -std=gnu11 -fno-builtin

# mimalloc is one compilation unit, in the C and with the features it wants.
obj/src/malloc/mimalloc/%.o obj/src/malloc/mimalloc/%.lo: CFLAGS_ALL += -std=gnu11 -O3 -DNDEBUG \
	-Imimalloc/include -Imimalloc/src -fvisibility=hidden -Wno-attributes -Wno-array-bounds -Wno-unused-function
