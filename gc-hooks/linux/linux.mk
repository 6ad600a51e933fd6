# SPDX-License-Identifier: MIT
#
# make hooks-linux   the library that has the hooks' functions on Linux
linux_hooks := $(BUILD)/hooks-linux
linux_hooks_sources := $(wildcard gc-hooks/linux/*.c)
linux_hooks_headers := $(wildcard gc-hooks/linux/*.h gc-hooks/include/moka/*.h)
linux_hooks_objects := $(patsubst gc-hooks/linux/%.c,$(linux_hooks)/%.o,$(linux_hooks_sources))
LINUX_HOOKS_CFLAGS := -std=gnu11 -D_GNU_SOURCE -Igc-hooks/include -O2 -g -Wall -Wextra -Wshadow \
	-Wno-unused-parameter -Werror -fPIC -pthread

$(linux_hooks)/%.o: gc-hooks/linux/%.c $(linux_hooks_headers) gc-hooks/linux/linux.mk
	@mkdir -p $(@D)
	@echo "  HOST  $@"
	$(Q)$(CC) $(LINUX_HOOKS_CFLAGS) $(if $(filter preload,$*),,-fvisibility=hidden) -c -o $@ $<

# moka_hooks_get() is in the shared one only: beside Moka's own there can be but one.
$(linux_hooks)/libmoka-linux.a: $(filter-out %/preload.o,$(linux_hooks_objects))
	@echo "  AR    $@"
	$(Q)rm -f $@ && ar rcs $@ $^
$(linux_hooks)/libmoka-linux.so: $(linux_hooks_objects)
	@echo "  HOST  $@"
	$(Q)$(CC) -shared -pthread -Wl,-soname,libmoka-linux.so -o $@ $^

.PHONY: hooks-linux
hooks-linux: $(linux_hooks)/libmoka-linux.a $(linux_hooks)/libmoka-linux.so
