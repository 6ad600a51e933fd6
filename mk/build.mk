# SPDX-License-Identifier: MIT
# How images are built.  A variant is a set of compiler flags; an image is a
# list of sources linked with the kernel.
#
#   release  what users run           test   debug checks and the guest tests
#   ubsan    test with UBSan          bench  release and the benchmarks

CC := gcc
CFLAGS_COMMON := -std=gnu11 -O2 -g -Wall -Wextra -Wshadow -Wmissing-prototypes \
	-Wstrict-prototypes -Wno-unused-parameter -Werror -ffreestanding -fno-pic -fno-pie \
	-mcmodel=small -fno-strict-aliasing -fno-omit-frame-pointer -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns \
	-ffunction-sections -fdata-sections

# The kernel: no vector registers, no red zone, small frames, canaries.  Structs of up to
# 256 bytes are cleared by plain stores: REP STOSQ takes ten nanoseconds to begin.
CFLAGS_KERNEL := $(CFLAGS_COMMON) -mno-red-zone -mgeneral-regs-only -Wframe-larger-than=1024 \
	-fstack-protector-strong -mstack-protector-guard=global \
	-mmemset-strategy=unrolled_loop:256:noalign,rep_8byte:-1:noalign

# Application code inside an image (tests, benchmarks): as a compiler makes it.
CFLAGS_APP := $(CFLAGS_COMMON) -fno-stack-protector

INCLUDES := -Ikernel/include -Idrivers/include -Inet/include -Ihugepages/include -Igc-hooks/include
INCLUDES_IMAGE := $(INCLUDES) -Iimages -Itests/guest -Ibenchmarks/micro

flags_release := -DMOKA_DEBUG=0
flags_bench := -DMOKA_DEBUG=0
flags_test := -DMOKA_DEBUG=2
# Alignment is left out: x86 loads are not aligned, and entry code reads packed tables.  For size,
# as the text has one large page.
flags_ubsan := -Os -DMOKA_DEBUG=2 -DMOKA_UBSAN -fsanitize=undefined -fno-sanitize=alignment \
	-Wframe-larger-than=4096 -DMOKA_KSTACK_SHIFT=15

base_sources := $(kernel_sources) $(drivers_sources) $(net_sources) $(hugepages_sources) $(gc_hooks_sources) $(images_common)

# lwIP is unpacked from Debian's source, and compiled with the kernel's flags but for size: it
# serves the network card, and its inner loops are ours (net/lwip).  It has warnings of its own.
LWIP := $(BUILD)/lwip
lwip_sources := $(addprefix core/,def.c inet_chksum.c init.c ip.c mem.c memp.c netif.c pbuf.c raw.c tcp.c tcp_in.c \
	tcp_out.c udp.c) $(addprefix core/ipv4/,dhcp.c etharp.c icmp.c ip4.c ip4_addr.c ip4_frag.c) netif/ethernet.c
# It includes headers of a libc for memcpy() and the like, which the kernel has.
INCLUDES_LWIP := -isystem $(LWIP)/src/include -isystem $(LWIP)/libc -Inet/lwip
$(LWIP)/stamp: net/lwip/sources.txt
	@mkdir -p $(LWIP)
	@echo "  LWIP  $(LWIP)"
	$(Q)rm -rf $(LWIP)/src && archive=$$(jvm-support/fetch.sh lwip net/lwip/sources.txt) && \
		tar -xf "$$archive" -C $(LWIP) --strip-components=1
	$(Q)mkdir -p $(LWIP)/libc && for header in string stdlib stdio; do \
		echo '#include <kernel/string.h>' >$(LWIP)/libc/$$header.h || exit 1; done && touch $@
$(addprefix $(LWIP)/src/,$(lwip_sources)): $(LWIP)/stamp ;

# $(call image,VARIANT,NAME,SOURCES of its own,APP SOURCES)
define image
$(1)_$(2)_objects := $$(patsubst %,$(BUILD)/$(1)/%.o,$(base_sources) $(3)) $$(addprefix $(BUILD)/$(1)/lwip/,$$(addsuffix .o,$$(lwip_sources)))
$(1)_$(2)_app := $$(patsubst %,$(BUILD)/$(1)/%.o,$(4))
$$($(1)_$(2)_app): FLAGS := $(CFLAGS_APP) $(filter-out -fsanitize% -fno-sanitize%,$(flags_$(1)))
$(BUILD)/$(1)/$(2).elf: $$($(1)_$(2)_objects) $$($(1)_$(2)_app) images/kernel.ld kernel/include/kernel/image_place.h tools/link.sh tools/symbols.sh
	@echo "  LINK  $$@"
	$$(Q)tools/link.sh "$(CC)" $$@ images/kernel.ld $$($(1)_$(2)_objects) $$($(1)_$(2)_app)
-include $$(patsubst %.o,%.d,$$($(1)_$(2)_objects) $$($(1)_$(2)_app))
endef

define variant
$(BUILD)/$(1)/lwip/%.c.o: $(LWIP)/src/%.c net/lwip/lwipopts.h net/lwip/arch/cc.h mk/build.mk
	@mkdir -p $$(@D)
	@echo "  CC    $$@"
	$$(Q)$$(CC) $$(filter-out -fsanitize% -W%,$$(FLAGS)) -Os -w $(INCLUDES) $(INCLUDES_LWIP) -MMD -MP -c -o $$@ $$<
$(patsubst %,$(BUILD)/$(1)/%.o,$(filter net/%,$(net_sources))): $(LWIP)/stamp
$(patsubst %,$(BUILD)/$(1)/%.o,$(filter net/%,$(net_sources))): INCLUDES += $(INCLUDES_LWIP)
$(BUILD)/$(1)/%.c.o: %.c mk/build.mk
	@mkdir -p $$(@D)
	@echo "  CC    $$@"
	$$(Q)$$(CC) $$(FLAGS) $$(if $$(filter images/% tests/% benchmarks/%,$$<),$$(INCLUDES_IMAGE),$$(INCLUDES)) -MMD -MP -c -o $$@ $$<
$(BUILD)/$(1)/%.S.o: %.S mk/build.mk
	@mkdir -p $$(@D)
	@echo "  AS    $$@"
	$$(Q)$$(CC) -g -D__ASSEMBLY__ $$(flags_$(1)) $$(INCLUDES) -MMD -MP -c -o $$@ $$<
$(BUILD)/$(1)/%.o: FLAGS = $$(CFLAGS_KERNEL) $$(flags_$(1))
endef

$(foreach v,release bench test ubsan,$(eval $(call variant,$(v))))

$(eval $(call image,release,moka,$(images_release)))
$(eval $(call image,bench,moka-bench,$(images_bench),$(images_bench_app)))
$(eval $(call image,test,moka-test,$(images_test),$(images_test_app)))
$(eval $(call image,ubsan,moka-test,$(images_test),$(images_test_app)))

# The functions that set up the canary, or run before it is there.
$(BUILD)/%/kernel/lib/random.c.o $(BUILD)/%/images/main.c.o: CFLAGS_KERNEL += -fno-stack-protector

.PHONY: test-image ubsan-image bench-image rom
test-image: layering $(BUILD)/test/moka-test.elf
ubsan-image: $(BUILD)/ubsan/moka-test.elf
bench-image: $(BUILD)/bench/moka-bench.elf
rom: $(BUILD)/rom/moka.rom

$(BUILD)/rom/moka.rom: images/rom/rom.S images/rom/rom.ld mk/build.mk
	@mkdir -p $(@D)
	@echo "  ROM   $@"
	$(Q)$(CC) -m32 -c -o $(@D)/rom.o images/rom/rom.S
	$(Q)ld -m elf_i386 -T images/rom/rom.ld -o $(@D)/rom.elf $(@D)/rom.o
	$(Q)objcopy -O binary $(@D)/rom.elf $@

# 33 is how a kernel that is content ends QEMU: kernel/include/kernel/panic.h.
.PHONY: boot
boot: deps-run all
	$(Q)tools/qemu.sh $(if $(ACCEL),--accel $(ACCEL)) $(if $(MACHINE),--machine $(MACHINE)) \
		$(if $(MEM),-m $(MEM)) $(if $(CPUS),-c $(CPUS)) --append "$(APPEND)" $(BUILD)/release/moka.elf \
		|| [ $$? = 33 ]
