# SPDX-License-Identifier: MIT
#
# make test         checks, host tests, guest tests on every platform, programs
# make test-quick   host tests and one boot
# make test-host, make test-guest [ONLY=PATTERN]
# make test-net     the network: drivers of cards, and machines as they are seen from outside
# make stress       ten minutes of mixed load in the guest (SECONDS=600)

include tests/tests.mk

guest_images := $(BUILD)/release/moka.elf $(BUILD)/test/moka-test.elf $(BUILD)/rom/moka.rom

.PHONY: test test-quick test-host test-guest test-net stress
test: check $(host_programs) $(guest_images) $(BUILD)/ubsan/moka-test.elf programs test-program-files hooks-linux libc-linux java-if-fetched
	$(Q)tests/run-all.sh $(BUILD) full

test-quick: layering $(host_programs) $(guest_images)
	$(Q)tests/run-all.sh $(BUILD) quick

test-host: layering $(host_programs)
	$(Q)tests/run-host.sh $(BUILD)

test-guest: layering $(guest_images) $(BUILD)/ubsan/moka-test.elf
	$(Q)tests/run-guest.sh $(if $(ONLY),--only '$(ONLY)') $(BUILD)

test-net: layering $(guest_images) programs test-program-files jdk java-classes
	$(Q)tests/run-guest.sh --only netdev $(BUILD)
	$(Q)tests/run-programs.sh --only network $(BUILD)

SECONDS ?= 600
stress: layering $(guest_images)
	$(Q)tests/run-guest.sh --set stress --seconds $(SECONDS) $(BUILD)
