# SPDX-License-Identifier: MIT
#
# make programs       what runs programs: the tool, the kernel, the C library
# make test-programs  tests/programs on Linux and in Moka, compared
# make test-build     disks of `moka build`, by `moka run` and by QEMU alone; what the tool says
#                     of a JVM that ends badly; other JDKs that are here
# make test-debian    Debian's own binaries in Moka, a minute on each platform
# make test-debian-full  the same with more of them, 500 MB, and self-tests
#
# Each program of tests/programs is built four times: with glibc, as the
# compiler does it, dynamic (the same file runs on Linux and, on our library,
# in Moka) and static (its SYSCALL instructions reach the kernel), and with our
# musl, dynamic and static, which run in Moka only.

TOOL_FLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wshadow -Wno-unused-parameter -Werror \
	-pthread
tool_sources := $(wildcard images/tool/*.c)

$(BUILD)/tool/moka: $(tool_sources) $(wildcard images/tool/*.h) mk/programs.mk
	@mkdir -p $(@D)
	@echo "  HOST  $@"
	$(Q)$(CC) $(TOOL_FLAGS) -o $@ $(tool_sources) -lz

# What makes a disk of `moka build` boot: the first sector and the loader.
$(BUILD)/disk/boot.bin: images/disk/boot.S images/disk/layout.h images/disk/disk.ld mk/programs.mk
	@mkdir -p $(@D)
	@echo "  BOOT  $@"
	$(Q)$(CC) -m32 -D__ASSEMBLY__ -c -o $(@D)/boot.o images/disk/boot.S
	$(Q)ld -m elf_i386 -T images/disk/disk.ld -o $(@D)/boot.elf $(@D)/boot.o
	$(Q)objcopy -O binary $(@D)/boot.elf $@

# GDB's view of a guest that no debugger can be attached to (docs/debugging.md).
$(BUILD)/tool/mkcore: tools/mkcore.c mk/programs.mk
	@mkdir -p $(@D)
	@echo "  HOST  $@"
	$(Q)$(CC) $(TOOL_FLAGS) -o $@ $<

# Optimised, but with the faults that they are to make left in.
PROGRAM_FLAGS := -Igc-hooks/include -I$(BUILD)/docs -O2 -g -Wall -Wextra -Wshadow -Wno-unused-parameter -Wno-nonnull \
	-Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict -pthread
PROGRAM_CFLAGS := -std=gnu11 -D_GNU_SOURCE $(PROGRAM_FLAGS)
PROGRAM_CXXFLAGS := -std=gnu++17 $(PROGRAM_FLAGS)
CXX := g++

programs_root := $(BUILD)/programs
program_names := $(patsubst tests/programs/%.c,%,$(wildcard tests/programs/*.c))
# Programs of several files.
$(foreach way,glibc static musl musl-static,$(programs_root)/$(way)/hooks_fuzz): \
	$(wildcard tests/programs/hooks_fuzz/*.[ch])
program_files := $(addprefix $(programs_root)/glibc/,$(program_names) cxx libthrower.so) \
	$(addprefix $(programs_root)/static/,$(program_names))
program_musl_files := $(addprefix $(programs_root)/musl/,$(program_names)) \
	$(addprefix $(programs_root)/musl-static/,$(program_names))
# Those of the hooks, and what they have in common.
$(foreach variant,glibc static musl musl-static,$(patsubst %,$(programs_root)/$(variant)/%,$(filter hooks%,$(program_names)))): \
	tests/programs/hooks.h $(wildcard gc-hooks/include/moka/*.h)
# The examples of the guide to the hooks, which hooks_docs runs.
$(BUILD)/docs/gc-hooks-examples.h: docs/gc-hooks.md mk/programs.mk
	@mkdir -p $(@D)
	$(Q)awk '/^```$$/ { on = 0 } on { print } /^```c$$/ { on = 1 }' $< >$@
$(foreach variant,glibc static musl musl-static,$(programs_root)/$(variant)/hooks_docs): \
	$(BUILD)/docs/gc-hooks-examples.h
# What C++ needs beside a C library.
program_libraries := $(addprefix $(programs_root)/lib/x86_64-linux-gnu/,libstdc++.so.6 libgcc_s.so.1) \
	$(programs_root)/lib/libmoka-linux.so

$(programs_root)/glibc/%: tests/programs/%.c tests/programs/tap.h mk/programs.mk
	@mkdir -p $(@D)
	@echo "  PROG  $@"
	$(Q)$(CC) $(PROGRAM_CFLAGS) -o $@ $(filter %.c,$^)
$(programs_root)/static/%: tests/programs/%.c tests/programs/tap.h mk/programs.mk
	@mkdir -p $(@D)
	@echo "  PROG  $@"
	$(Q)$(CC) $(PROGRAM_CFLAGS) -static -no-pie -o $@ $(filter %.c,$^)
$(programs_root)/musl/%: tests/programs/%.c tests/programs/tap.h mk/programs.mk $(BUILD)/libc/lib/libc.so
	@mkdir -p $(@D)
	@echo "  PROG  $@"
	$(Q)$(BUILD)/libc/bin/musl-gcc $(PROGRAM_CFLAGS) -o $@ $(filter %.c,$^)
$(programs_root)/musl-static/%: tests/programs/%.c tests/programs/tap.h mk/programs.mk $(BUILD)/libc/lib/libc.so
	@mkdir -p $(@D)
	@echo "  PROG  $@"
	$(Q)$(BUILD)/libc/bin/musl-gcc $(PROGRAM_CFLAGS) -static-pie -o $@ $(filter %.c,$^)
$(programs_root)/glibc/cxx: tests/programs/cxx.cc tests/programs/tap.h mk/programs.mk
	@mkdir -p $(@D)
	@echo "  PROG  $@"
	$(Q)$(CXX) $(PROGRAM_CXXFLAGS) -o $@ $<
$(programs_root)/glibc/libthrower.so: tests/programs/thrower.cc mk/programs.mk
	@mkdir -p $(@D)
	@echo "  PROG  $@"
	$(Q)$(CXX) $(PROGRAM_CXXFLAGS) -shared -fPIC -o $@ $<
$(programs_root)/lib/x86_64-linux-gnu/%:
	@mkdir -p $(@D)
	$(Q)cp -L "$$($(CXX) -print-file-name=$(@F))" $@

$(programs_root)/lib/libmoka-linux.so: $(BUILD)/hooks-linux/libmoka-linux.so
	@mkdir -p $(@D)
	$(Q)cp $< $@

.PHONY: programs test-program-files test-programs test-build test-debian test-debian-full
programs: $(BUILD)/tool/moka $(BUILD)/tool/mkcore $(BUILD)/disk/boot.bin $(BUILD)/release/moka.elf $(BUILD)/rom/moka.rom $(BUILD)/libc/lib/libc.so
test-program-files: $(program_files) $(program_musl_files) $(program_libraries)
test-programs: programs test-program-files hooks-linux
	$(Q)tests/run-programs.sh $(BUILD)
test-build: programs jdk java-programs
	$(Q)tests/run-build.sh $(BUILD) $(or $(ACCEL),kvm)
test-debian: programs
	$(Q)tests/run-debian.sh $(BUILD)
test-debian-full: programs
	$(Q)tests/run-debian.sh --full $(BUILD)
