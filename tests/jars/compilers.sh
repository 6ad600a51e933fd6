# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
#
# Compilers and what is made of sources: class files are compared byte by byte.
# The sources are those of Apache Commons Math, 990 files; the full number is for
# two processors; others get 224 of them and what these need.

sources() {
    if [ "$(many 5)" = 5 ]; then
        cat "$build/jars/math.files"
    else
        grep -E '/(linear|util|complex|fraction|optim)/' "$build/jars/math.files"
    fi >"$work/files"
}

# The JRE has javac as a module.
javac() {
    sources
    java -m jdk.compiler/com.sun.tools.javac.Main -nowarn -encoding UTF-8 \
        -sourcepath "$build/jars/math/src/main/java" -d "$work/out" @files && files_of out
}

ecj() {
    sources
    java -cp "$(path eclipse-jdt-core)" org.eclipse.jdt.internal.compiler.batch.Main -17 -nowarn \
        -proc:none -encoding UTF-8 -sourcepath "$build/jars/math/src/main/java" -d "$work/out" \
        @files && files_of out
}

# The program is compiled, and run.
scala() {
    libraries=$(path scala-library scala-reflect scala-xml_2.11 scala-parser-combinators_2.11)
    mkdir "$work/out"
    java -cp "$(path scala-compiler):$libraries" scala.tools.nsc.Main -usejavacp -d "$work/out" \
        "$build/jars/scripts/program.scala" && files_of out &&
        java -cp "$work/out:$libraries" Program
}

# It says how long it took.
ant() {
    java -cp "$(path ant ant-launcher)" org.apache.tools.ant.Main -q -emacs \
        "-Dsources=$build/jars/math/src/main/java" "-Dout=$work" \
        -f "$build/jars/scripts/build.xml" >"$logs/ant" && grep -v '^Total time:' "$logs/ant" &&
        files_of classes
}

compilers() {
    same javac javac
    same ecj ecj
    same 'scalac, and its program' scala
    same ant ant
}
