# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
#
# Languages that compile scripts to classes as they run, and programs that make
# one document of another.

# Its own C library of calls to functions, by way of libffi.
native=-Djffi.boot.library.path=$build/jars/root/usr/lib/x86_64-linux-gnu/jni

jruby() {
    home=$build/jars/root/usr/share/jruby
    java "$native" "-Djruby.home=$home" --add-opens java.base/sun.nio.ch=ALL-UNNAMED \
        --add-opens java.base/java.io=ALL-UNNAMED -cp "$home/lib/jruby.jar:$(path jline2 jansi1)" \
        org.jruby.Main "$build/jars/scripts/script.rb"
}

jython() {
    java "$native" -Dpython.cachedir.skip=true "-Dpython.home=$build/jars/root/usr/share/jython" \
        -cp "$(path jython antlr3-runtime asm asm-commons asm-util asm-tree asm-analysis guava icu4j \
            jnr-posix jnr-ffi jnr-constants jnr-netdb jffi netty-buffer netty-codec netty-common \
            netty-handler netty-transport netty-resolver commons-compress jline2 xercesImpl)" \
        org.python.util.jython "$build/jars/scripts/script.py"
}

clojure() {
    java -cp "$(path clojure-1.11 spec.alpha core.specs.alpha)" clojure.main \
        "$build/jars/scripts/script.clj"
}

groovy() {
    java -cp "$(path groovy-all)" groovy.ui.GroovyMain "$build/jars/scripts/script.groovy"
}

rhino() {
    java -cp "$(path js)" org.mozilla.javascript.tools.shell.Main "$@" "$build/jars/scripts/script.js"
}

saxon() {
    java -cp "$(path Saxon-HE)" net.sf.saxon.Query "$build/jars/scripts/query.xq" count=3000 && echo
}

# A picture with gradients, filters and curves; without text, which depends on the fonts.
batik() {
    java -Djava.awt.headless=true -cp "$(path batik-all xmlgraphics-commons commons-io \
        commons-logging xml-apis-ext xalan2 serializer xercesImpl)" \
        org.apache.batik.apps.rasterizer.Main -scriptSecurityOff -d "$work/picture.png" \
        "$build/jars/scripts/picture.svg" && sha256sum <"$work/picture.png"
}

languages() {
    same jruby jruby
    same jython jython
    same clojure clojure
    same groovy groovy
    same rhino rhino
    same 'rhino, interpreted' rhino -opt -1
    same saxon saxon
    same batik batik
}

# Those that TCG can do in a minute or two.
quick_programs() {
    same rhino rhino
    same saxon saxon
    same groovy groovy
}
