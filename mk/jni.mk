# SPDX-License-Identifier: MIT
#
# make jni       moka.jar, with its native library in it, and its examples
# make javadoc   its documentation, below build/jni/javadoc
#
# The native library is compiled by the host's compiler: it is for glibc, which
# Moka's C library stands in for.

jni_root := $(BUILD)/jni
jni_jar := $(jni_root)/moka.jar
jni_c := $(wildcard jni-ext/native/*.c)
jni_java := jni-ext/java/module-info.java $(wildcard jni-ext/java/moka/*.java)

# What it does on Linux is linked into it, for nobody else to see.
$(jni_root)/libmoka_jni.so: $(jni_c) jni-ext/native/jni_priv.h $(wildcard gc-hooks/include/moka/*.h) \
		$(linux_hooks)/libmoka-linux.a $(jni_header) mk/jni.mk
	@mkdir -p $(@D)
	@echo "  JNI   $@"
	$(Q)$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Wshadow -Wno-unused-parameter -Werror \
		$(jni_flags) -shared -fPIC -fvisibility=hidden -pthread -Wl,--exclude-libs,ALL -o $@ $(jni_c) \
		$(linux_hooks)/libmoka-linux.a

# With all that doclint knows, as `make javadoc` has it: what is public is documented.
$(jni_jar): $(jni_java) $(jni_root)/libmoka_jni.so $(java_home).stamp mk/jni.mk
	@echo "  JAR   $@"
	$(Q)rm -rf $(@D)/classes && mkdir -p $(@D)/classes/moka
	$(Q)$(JAVAC) -Xlint:all -Werror -d $(@D)/classes $(jni_java)
	$(Q)objcopy --strip-debug $(@D)/libmoka_jni.so $(@D)/classes/moka/libmoka_jni.so
	$(Q)$(JAR) --create --file $@ -C $(@D)/classes .

# Each is a class of one file, and all are in one jar, which names moka.jar beside it.
$(jni_root)/examples.jar: $(wildcard jni-ext/examples/*.java) $(jni_jar)
	@echo "  JAR   $@"
	$(Q)rm -rf $(@D)/examples && mkdir -p $(@D)/examples
	$(Q)$(JAVAC) -Xlint:all -Werror -cp $(jni_jar) -d $(@D)/examples jni-ext/examples/*.java
	$(Q)printf 'Class-Path: moka.jar\nMain-Class: Examples\n' >$(@D)/examples.manifest
	$(Q)$(JAR) --create --file $@ --manifest $(@D)/examples.manifest -C $(@D)/examples .

$(jni_root)/tests.stamp: $(wildcard tests/java/hooks/*.java) $(jni_jar)
	@echo "  JAVAC $(@D)/tests"
	$(Q)rm -rf $(@D)/tests
	$(Q)$(JAVAC) -Xlint:all -Werror -cp $(jni_jar) -d $(@D)/tests tests/java/hooks/*.java
	$(Q)touch $@

.PHONY: jni javadoc
jni: $(jni_jar) $(jni_root)/examples.jar $(jni_root)/tests.stamp

javadoc: $(java_home).stamp
	$(Q)rm -rf $(jni_root)/javadoc && mkdir -p $(jni_root)/javadoc
	$(Q)$(JAVA) -m jdk.javadoc/jdk.javadoc.internal.tool.Main -quiet -Xdoclint:all -Werror --release 17 \
		-encoding UTF-8 -notimestamp -d $(jni_root)/javadoc $(jni_java)
	@echo "$(jni_root)/javadoc/index.html"

# make bench-jni   what the Java API adds to the hooks, in Moka and on Linux
#
# BENCH_JNI_MS=N   for each call, in C and in Java (default 500)
BENCH_JNI_MS ?= 500
bench_jni := $(BUILD)/bench/jni

$(bench_jni)/libmoka_bench.so: benchmarks/hooks/jni.c $(wildcard gc-hooks/include/moka/*.h) \
		$(linux_hooks)/libmoka-linux.a $(jni_header) mk/jni.mk
	@mkdir -p $(@D)
	@echo "  JNI   $@"
	$(Q)$(CC) $(filter-out -Wmissing-prototypes,$(CFLAGS_BENCH_HOST)) -Wno-unused-parameter $(jni_flags) -shared -fPIC -pthread \
		-Wl,--exclude-libs,ALL -o $@ $< $(linux_hooks)/libmoka-linux.a
$(bench_jni)/Jni.class: benchmarks/hooks/Jni.java $(jni_jar) mk/jni.mk
	@mkdir -p $(@D)
	@echo "  JAVAC $(@D)"
	$(Q)$(JAVAC) -Xlint:all -Werror -cp $(jni_jar) -d $(@D) $<

bench_jni_java := -XX:+UseSerialGC -Djava.library.path=$(abspath $(bench_jni)) -cp $(jni_jar):$(bench_jni) Jni $(BENCH_JNI_MS)
.PHONY: bench-jni
bench-jni: deps-run programs jdk $(bench_jni)/libmoka_bench.so $(bench_jni)/Jni.class
	$(Q)MOKA_BUILD=$(abspath $(BUILD)) ./moka java $(bench_jni_java)
	$(Q)$(java_home)/bin/java $(bench_jni_java)
