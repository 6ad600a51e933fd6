# SPDX-License-Identifier: MIT
#
# make jdk        Debian's OpenJDK 17, fetched: the image that `moka run` boots from
# make test-java  Java programs on Linux and in Moka, compared
#
# The JDK is a binary package, unpacked and not changed; only the test programs
# are compiled, by the javac that is here.

java_sources := $(wildcard tests/java/*.java)
# Jars are read class by class, and this one has many.
JAVA_MANY := 1500

$(BUILD)/jdk.erofs: jvm-support/jdk/fetch.sh jvm-support/jdk/packages.txt tools/mkimage.sh
	$(Q)jvm-support/jdk/fetch.sh $(BUILD)/jdk
	@echo "  IMAGE $@"
	$(Q)tools/mkimage.sh $(BUILD)/jdk $@

$(BUILD)/java/programs.stamp: $(java_sources) tests/java/many.awk mk/java.mk
	@echo "  JAVAC $(@D)"
	$(Q)rm -rf $(@D)/classes $(@D)/many && mkdir -p $(@D)/classes $(@D)/many/source $(@D)/many/classes
	$(Q)javac --release 17 -nowarn -d $(@D)/classes $(java_sources) >$(@D)/javac.log 2>&1 || \
		{ cat $(@D)/javac.log; exit 1; }
	$(Q)awk -v count=$(JAVA_MANY) -v folder=$(@D)/many/source -f tests/java/many.awk
	$(Q)javac --release 17 -d $(@D)/many/classes $(@D)/many/source/*.java
	$(Q)jar --create --file $(@D)/many.jar --main-class Many -C $(@D)/many/classes .
	$(Q)jar --create --file $(@D)/hello.jar --main-class Hello -C $(@D)/classes Hello.class
	$(Q)touch $@

.PHONY: jdk java-programs test-java
jdk: $(BUILD)/jdk.erofs
java-programs: $(BUILD)/java/programs.stamp
test-java: programs jdk java-programs
	$(Q)tests/run-java.sh $(BUILD)
