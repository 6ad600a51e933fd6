# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
#
# H2, Derby and Lucene, their files on tmpfs and on a folder of the host.  The
# full number of rows is for two processors; the rest has a fifth of them.

# place WHERE: the folder of the files.  Folders of the host that a command names are shared with
# the machine, but for what that has itself, as /dev/shm.
place() {
    if [ "$1" = 9p ]; then
        echo "$work"
    elif [ "$how" = linux ]; then
        echo "$memory"
    else
        echo /dev/shm
    fi
}

many() {
    if [ "$cpus" = 2 ] && [ "$how" != tcg ] && [ -z "$few" ]; then
        echo "$1"
    else
        echo $(($1 / 5))
    fi
}

h2() {
    java -cp "$(path h2):$build/jars/classes" Database "jdbc:h2:$(place "$1")/h2" "$(many 100000)"
}

# Its log, which has the time in it, is a file beside the database.
derby() {
    java "-Dderby.system.home=$(place "$1")" -cp "$(path derby):$build/jars/classes" Database \
        "jdbc:derby:$(place "$1")/derby;create=true" "$(many 100000)"
}

lucene() {
    java -cp "$(path lucene-core-8.7.0 lucene-analyzers-common-8.7.0):$build/jars/classes" \
        Search "$(place "$1")/index" "$(many 5000)"
}

database_programs() {
    for where in 9p tmpfs; do
        same "h2, $where" h2 $where
        same "derby, $where" derby $where
        same "lucene, $where" lucene $where
    done
}
