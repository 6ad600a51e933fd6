# SPDX-License-Identifier: MIT
#
# make jars       Debian's jars that are run as programs, fetched, and our programs for them
# make test-jars  they run on Linux and in Moka, and the two are compared; a part of test-jvm
#
# JARS='--cpus 2 --only h2' and the like are options of tests/run-jars.sh.

jars_folder := $(BUILD)/jars/root/usr/share/java
jars_lucene := $(jars_folder)/lucene-core-8.7.0.jar:$(jars_folder)/lucene-analyzers-common-8.7.0.jar

$(BUILD)/jars/root.stamp: jvm-support/jdk/fetch.sh tests/jars/packages.txt
	@mkdir -p $(@D)
	$(Q)jvm-support/jdk/fetch.sh $(BUILD)/jars/root tests/jars/packages.txt
	$(Q)touch $@

$(BUILD)/jars/math.files: jvm-support/fetch.sh tests/jars/sources.txt
	$(Q)rm -rf $(@D)/math && mkdir -p $(@D)/math
	$(Q)archive=$$(jvm-support/fetch.sh commons-math3 tests/jars/sources.txt) && \
		tar -xf "$$archive" -C $(@D)/math --strip-components=1
	$(Q)find $(abspath $(@D))/math/src/main/java -name '*.java' | LC_ALL=C sort >$@

$(BUILD)/jars/programs.stamp: $(wildcard tests/jars/*) $(BUILD)/jars/root.stamp $(java_home).stamp mk/jars.mk
	@echo "  JAVAC $(@D)"
	$(Q)rm -rf $(@D)/classes $(@D)/scripts && mkdir -p $(@D)/classes $(@D)/scripts
	$(Q)$(JAVAC) -d $(@D)/classes -cp '$(jars_lucene)' tests/jars/*.java
	$(Q)cp tests/jars/script.* tests/jars/program.* tests/jars/build.xml tests/jars/query.xq \
		tests/jars/picture.svg $(@D)/scripts
	$(Q)touch $@

.PHONY: jars test-jars
jars: $(BUILD)/jars/programs.stamp $(BUILD)/jars/math.files
test-jars: programs jdk jars
	$(Q)tests/run-jars.sh $(JARS) $(BUILD)
