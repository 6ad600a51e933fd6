# SPDX-License-Identifier: MIT
#
# make             builds the kernel image and the boot ROM
# make run         installs what is missing, builds, and runs a jar in Moka
# make boot        boots the kernel alone
# make test        everything: checks, host tests, guest tests on each platform
# make test-jvm    Java on Linux and in Moka, compared: programs, Debian's jars, disks; half an hour or more
# make javadoc     the documentation of the Java API (jni-ext)
# make check       format, lint, headers, layering
# make stress      ten minutes of mixed load in the guest
# make suite       our own benchmark suite, a jar: build/suite/suite.jar
# make bench-micro, bench-startup, bench-java, bench-hooks, bench-jni: tables beside Linux
# make clean
#
# Variables: BUILD=DIR (default build), V=1 (show commands), ACCEL=kvm|tcg,
# MACHINE=microvm|q35, MEM, CPUS.

BUILD ?= build
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
# As many jobs as there are processors, if -j does not say how many.
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif

Q := $(if $(V),,@)

include kernel/kernel.mk
include drivers/drivers.mk
include hugepages/hugepages.mk
include net/net.mk
include gc-hooks/gc-hooks.mk
include gc-hooks/linux/linux.mk
include images/images.mk
include mk/build.mk
include mk/deps.mk
include mk/check.mk
include mk/test.mk
include mk/bench.mk
include mk/libc.mk
include mk/programs.mk
include mk/java.mk
include mk/jni.mk
include mk/jars.mk
include mk/suite.mk

.PHONY: all clean help
all: layering $(BUILD)/release/moka.elf $(BUILD)/rom/moka.rom

help:
	$(Q)sed -n '3,17s/^# \{0,1\}//p' Makefile

clean:
	rm -rf $(BUILD)
