# SPDX-License-Identifier: MIT
#
# make libc         the C library of Moka's programs, in $(BUILD)/libc:
#                     lib/libc.so     also the dynamic loader, for musl's and glibc's programs
#                     lib/libc.a crt1.o ...   for static programs
#                     bin/musl-gcc    a compiler for programs to run on it
# make libc-linux   the same with Linux's SYSCALL instructions, in $(BUILD)/libc-linux: what is
#                   not about system calls is tested with it, on Linux
# make test-libc    both variants under tests/test-libc.sh
# make test-libc-suite LIBC_TEST=FOLDER   musl's test suite on Linux and in Moka; without
#                   FOLDER, libc-test in the user's cache, and it says where to get it
# make bench-libc   benchmarks/programs/bench_libc.c on Linux with glibc and in Moka
#
# musl and mimalloc are unpacked and built below $(BUILD)/libc/tree by their own makefile, which
# compiles what has changed.

# Without a red zone: a system call pushes a return address.  With unwind tables: exceptions
# pass through qsort() and pthread_once(), and profilers and debuggers see callers.
LIBC_CFLAGS := -O2 -g -pipe -mno-red-zone -fno-omit-frame-pointer -fcf-protection=none \
	-fasynchronous-unwind-tables -fno-plt

libc_inputs := $(shell find jvm-support/musl jvm-support/glibc gc-hooks/include -type f) jvm-support/fetch.sh \
	jvm-support/sources.txt mk/libc.mk

# $(call libc_variant,NAME,VARIANT of prepare.sh)
define libc_variant
$(BUILD)/$(1)/tree.stamp: $(libc_inputs)
	@mkdir -p $$(@D)
	@echo "  LIBC  $$(@D)"
	$$(Q)jvm-support/musl/prepare.sh $(2) $$(@D)/tree $$(abspath $$(@D)) "$(CC)" "$(LIBC_CFLAGS)"
	$$(Q)touch $$@

$(BUILD)/$(1)/lib/libc.so: $(BUILD)/$(1)/tree.stamp
	+$$(Q)$$(MAKE) -s --no-print-directory -C $(BUILD)/$(1)/tree $$(if $$(filter -j%,$$(MAKEFLAGS)),,-j$$(shell nproc)) \
		>$(BUILD)/$(1)/build.log 2>&1 || { tail -n 30 $(BUILD)/$(1)/build.log; exit 1; }
	$$(Q)jvm-support/musl/install.sh $(2) $(BUILD)/$(1)/tree $(BUILD)/$(1)
endef
$(eval $(call libc_variant,libc,moka))
$(eval $(call libc_variant,libc-linux,linux))

.PHONY: libc libc-linux test-libc test-libc-suite bench-libc
libc: $(BUILD)/libc/lib/libc.so
libc-linux: $(BUILD)/libc-linux/lib/libc.so
test-libc: libc libc-linux
	$(Q)BUILD=$(BUILD) tests/test-libc.sh
test-libc-suite: programs libc-linux
	$(Q)tests/run-libc-suite.sh $(LIBC_SUITE_FLAGS) $(BUILD) $(LIBC_TEST)
bench-libc: bench-programs
	$(Q)benchmarks/compare-libc.sh $(BUILD)
