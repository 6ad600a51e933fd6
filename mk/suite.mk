# SPDX-License-Identifier: MIT
#
# make suite    our own benchmark suite: build/suite/suite.jar, and Debian's jars that it works with in lib/
#
# java -jar build/suite/suite.jar --list

suite_root := $(BUILD)/suite
suite_java := $(wildcard benchmarks/suite/java/suite/*.java benchmarks/suite/java/suite/work/*.java)
suite_lib := derby jl

$(suite_root)/root.stamp: jvm-support/jdk/fetch.sh benchmarks/suite/packages.txt
	@mkdir -p $(@D)
	$(Q)jvm-support/jdk/fetch.sh $(suite_root)/root benchmarks/suite/packages.txt
	$(Q)rm -rf $(@D)/lib && mkdir $(@D)/lib
	$(Q)cp -L $(patsubst %,$(@D)/root/usr/share/java/%.jar,$(suite_lib)) $(@D)/lib
	$(Q)touch $@

$(suite_root)/suite.jar: $(suite_java) $(suite_root)/root.stamp $(java_home).stamp mk/suite.mk
	@echo "  JAR   $@"
	$(Q)rm -rf $(@D)/classes && mkdir -p $(@D)/classes
	$(Q)$(JAVAC) -Xlint:all,-path -Werror -cp $(subst $() $(),:,$(patsubst %,$(@D)/lib/%.jar,$(suite_lib))) -d $(@D)/classes $(suite_java)
	$(Q)printf 'Class-Path:%s\n' '$(patsubst %, lib/%.jar,$(suite_lib))' >$(@D)/manifest
	$(Q)$(JAR) --create --file $@ --manifest $(@D)/manifest --main-class suite.Main -C $(@D)/classes .

.PHONY: suite
suite: $(suite_root)/suite.jar
