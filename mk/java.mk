# SPDX-License-Identifier: MIT
#
# make run        builds all that a jar needs, and runs one in Moka
# make jdk        Debian's OpenJDK 17, fetched: the image that `moka run` boots from
# make test-java  Java programs on Linux and in Moka, compared
# make test-jvm   the same, Debian's jars (jars.mk), and the tool's disks
#
# JVM='--only traps --accel kvm' and the like are options of tests/run-java.sh,
# for test-java.
#
# The JDK is a binary package, unpacked and not changed.  Our programs are
# compiled by the compiler that is in it, so that no JDK has to be installed;
# it runs here, on Linux, as it does when the tests compare the two.

java_home := $(BUILD)/java/jdk
JAVA := $(java_home)/bin/java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
JAVAC := $(JAVA) -m jdk.compiler/com.sun.tools.javac.Main --release 17 -encoding UTF-8
JAR := $(JAVA) -m jdk.jartool/sun.tools.jar.Main

$(BUILD)/jdk.erofs: $(wildcard jvm-support/jdk/*) tools/mkimage.sh
	$(Q)jvm-support/jdk/fetch.sh $(BUILD)/jdk
	@echo "  IMAGE $@"
	$(Q)tools/mkimage.sh $(BUILD)/jdk $@

# To run on Linux: a copy whose links into /etc lead to where that was unpacked.
$(java_home).stamp: $(BUILD)/jdk.erofs mk/java.mk
	$(Q)rm -rf $(java_home) && mkdir -p $(@D)
	$(Q)cp -al $(BUILD)/jdk/usr/lib/jvm/java-17-openjdk-amd64 $(java_home)
	$(Q)find $(java_home) -type l | while read -r link; do \
		target=$$(readlink "$$link"); \
		case $$target in /etc/*) ln -sf "$(abspath $(BUILD))/jdk$$target" "$$link" ;; esac; \
	done
	$(Q)touch $@

# jni.h is that of an installed JDK, or comes with a package that is fetched as the
# JDK is: a JRE has none.
jni_javac := $(realpath $(shell command -v javac))
jni_installed := $(if $(jni_javac),$(wildcard $(abspath $(dir $(jni_javac))../include)/jni.h))
jni_header := $(or $(jni_installed),$(BUILD)/jdk-headers/usr/lib/jvm/java-17-openjdk-amd64/include/jni.h)
jni_folder := $(patsubst %/,%,$(dir $(jni_header)))
jni_flags := -D_GNU_SOURCE -Igc-hooks/include -isystem $(jni_folder) -isystem $(jni_folder)/linux

ifeq ($(jni_installed),)
$(jni_header): jvm-support/jdk/headers.txt
	$(Q)jvm-support/jdk/fetch.sh $(BUILD)/jdk-headers $<
	$(Q)touch $@
endif

# ---- What `make run` runs ---------------------------------------------------------------

# It is compiled with the sources of moka.jar, so that it needs that to run only: which is found
# beside it, or is not there if there was no way to fetch jni.h.
$(BUILD)/java/welcome.jar: $(wildcard images/demo/*.java jni-ext/java/moka/*.java) $(java_home).stamp mk/java.mk
	@echo "  JAR   $@"
	$(Q)rm -rf $(@D)/welcome
	$(Q)$(JAVAC) -Xlint:all -Werror -XDstringConcat=inline -d $(@D)/welcome images/demo/*.java \
		jni-ext/java/moka/*.java
	$(Q)rm -rf $(@D)/welcome/moka && printf 'Class-Path: ../jni/moka.jar\n' >$(@D)/welcome.manifest
	$(Q)$(JAR) --create --file $@ --manifest $(@D)/welcome.manifest --main-class Welcome \
		-C $(@D)/welcome .

.PHONY: run moka-jar-if-fetched
# Behind all that both makes would make.
moka-jar-if-fetched: deps-run programs jdk $(BUILD)/java/welcome.jar
	$(Q)! $(java_make) $(jni_header) || $(java_make) $(BUILD)/jni/moka.jar
run: deps-run programs jdk $(BUILD)/java/welcome.jar moka-jar-if-fetched
	$(Q)MOKA_BUILD=$(abspath $(BUILD)) ./moka run $(if $(ACCEL),--accel $(ACCEL)) \
		$(if $(MACHINE),--machine $(MACHINE)) $(if $(MEM),-m $(MEM)) $(if $(CPUS),-c $(CPUS)) \
		$(BUILD)/java/welcome.jar

# ---- Programs of the tests --------------------------------------------------------------

java_sources := $(wildcard tests/java/*.java)
comma := ,
java_modules := $(subst $() $(),$(comma),$(notdir $(wildcard tests/java/modules/*)))
# Jars are read class by class, and this one has many.
JAVA_MANY := 1500

$(BUILD)/java/programs.stamp: $(java_sources) $(shell find tests/java/modules -type f) \
		tests/java/many.awk $(java_home).stamp mk/java.mk
	@echo "  JAVAC $(@D)"
	$(Q)rm -rf $(@D)/classes $(@D)/many $(@D)/modules
	$(Q)mkdir -p $(@D)/many/source $(@D)/modules
	$(Q)$(JAVAC) -XDignore.symbol.file -nowarn -d $(@D)/classes $(java_sources) >$(@D)/javac.log 2>&1 || \
		{ cat $(@D)/javac.log; exit 1; }
	$(Q)awk -v count=$(JAVA_MANY) -v folder=$(@D)/many/source -f tests/java/many.awk
	$(Q)$(JAVAC) -d $(@D)/many/classes $(@D)/many/source/*.java
	$(Q)$(JAR) --create --file $(@D)/many.jar --main-class Many -C $(@D)/many/classes .
	$(Q)$(JAR) --create --file $(@D)/hello.jar --main-class Hello -C $(@D)/classes Hello.class
	$(Q)$(JAR) --create --file $(@D)/web.jar --main-class Web -C $(@D)/classes Web.class
	$(Q)printf 'Premain-Class: Agent\nCan-Retransform-Classes: true\n' >$(@D)/agent.manifest
	$(Q)$(JAR) --create --file $(@D)/agent.jar --manifest $(@D)/agent.manifest \
		-C $(@D)/classes Agent.class -C $(@D)/classes 'Agent$$Replacer.class'
	$(Q)$(JAVAC) -d $(@D)/modules --module-source-path tests/java/modules --module $(java_modules)
	$(Q)touch $@

# Where there is no C++ compiler the test that needs it says so.
$(BUILD)/java/libmoka_native.so: tests/java/native.cc $(jni_header) mk/java.mk
	@mkdir -p $(@D)
	@echo "  JNI   $@"
	$(Q)$(CXX) $(PROGRAM_CXXFLAGS) -shared -fPIC $(jni_flags) -o $@ $<
$(BUILD)/java/libroles.so: tests/java/roles.c gc-hooks/include/moka/hooks.h gc-hooks/include/moka/role.h mk/java.mk
	@mkdir -p $(@D)
	@echo "  AGENT $@"
	$(Q)$(CC) $(PROGRAM_CFLAGS) -Igc-hooks/include -shared -fPIC -o $@ $< -ldl
java_native := $(if $(shell command -v $(CXX)),$(BUILD)/java/libmoka_native.so)

.PHONY: jdk java-classes java-natives java-programs java-if-fetched test-java test-jvm
jdk: $(BUILD)/jdk.erofs
java-classes: $(BUILD)/java/programs.stamp $(BUILD)/java/welcome.jar
java-natives: $(java_native) $(BUILD)/java/libroles.so jni
java-programs: java-classes java-natives
# For `make test`: the Java programs are skipped where there is no way to fetch a JDK, and those with
# native parts where there is none to fetch jni.h.
java_make = MAKEFLAGS= $(MAKE) -s BUILD=$(BUILD) --no-print-directory
java-if-fetched:
	$(Q)! jvm-support/jdk/fetch.sh $(BUILD)/jdk || { $(java_make) java-classes && \
		{ ! $(java_make) $(jni_header) || $(java_make) java-natives; }; }
test-java: programs jdk java-programs
	$(Q)tests/run-java.sh $(JVM) $(BUILD)
test-jvm: programs jdk java-programs jars
	$(Q)tests/run-jvm.sh $(BUILD)
