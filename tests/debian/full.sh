# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034,SC2016
#
# What takes minutes (sourced by tests/run-debian.sh --full): 500 MB packed and
# unpacked, a million rows, the other programs, Python's and Perl's own tests.
# On TCG the sizes are a tenth, and of Python's tests only some are run.

# round_trip_share SUFFIX PACK UNPACK: by files of a folder of the host.
round_trip_share() {
    rm -f "$work"/big*
    ln "$data" "$work/big"
    # shellcheck disable=SC2086 # words
    run $2 big || return
    rm -f "$work/big"
    # shellcheck disable=SC2086 # words
    run $3 "big.$1" || return
    cmp "$data" "$work/big" && cksum <"$work/big"
    rm -f "$work"/big*
}

openssl_programs() {
    place=share
    for digest in md5 sha1 sha512 sha3-512 blake2b512 ripemd160; do
        same "openssl $digest" from "$data" /usr/bin/openssl dgst -$digest -r
    done
    for cipher in aes-256-cbc aes-128-ctr chacha20 camellia-256-cbc; do
        same "openssl $cipher" cipher $cipher
    done
    same 'openssl RSA key' openssl_key
    same 'openssl EC key, signature' openssl_sign
    same 'openssl certificate' openssl_certificate
    same 'openssl prime' run /usr/bin/openssl prime 170141183460469231731687303715884105727
    same 'openssl rand' rand
}
# The same key and salt: the same bytes; and back.
cipher() {
    set -- "-$1" -pbkdf2 -pass pass:moka -S 0011223344556677
    from "$data" /usr/bin/openssl enc "$@" >"$scratch/packed"
    cksum <"$scratch/packed"
    from "$scratch/packed" /usr/bin/openssl enc -d "$@" | cksum
}
openssl_sign() {
    run /usr/bin/openssl ecparam -name prime256v1 -genkey -noout -out ec.pem
    run /usr/bin/openssl ec -in ec.pem -pubout -out ec.pub 2>/dev/null
    run /usr/bin/openssl dgst -sha256 -sign ec.pem -out signature lines
    run /usr/bin/openssl dgst -sha256 -verify ec.pub -signature signature lines
}
openssl_certificate() {
    run /usr/bin/openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.pem -out ca.crt -days 2 \
        -subj /CN=moka -config /dev/null -addext basicConstraints=CA:TRUE 2>/dev/null
    run /usr/bin/openssl verify -CAfile ca.crt ca.crt
    run /usr/bin/openssl x509 -in ca.crt -noout -subject -ext basicConstraints
}
rand() {
    run /usr/bin/openssl rand 100000 | wc -c
}

# What people would try, one line each.
more_programs() {
    place=share
    same 'file' run /usr/bin/file -b lines json copy.gz tree
    same 'bc' from "$work/pi.bc" /usr/bin/bc -lq
    same 'dc' run /usr/bin/dc -e '2 1000 ^ p 7 3 | 1 1 1 / p'
    same 'tcl' from "$work/test.tcl" /usr/bin/tclsh8.6
    same 'ruby' run /usr/bin/ruby3.1 test.rb
    same 'ripgrep' ripgrep
    same 'fd' run /usr/bin/fdfind --threads 2 . tree
    same 'busybox (static)' run /usr/bin/busybox sha1sum lines
    same 'pigz' round_trip '/usr/bin/pigz -p 2 -c' '/usr/bin/pigz -dc'
    same 'lbzip2' round_trip '/usr/bin/lbzip2 -n 2 -c' '/usr/bin/lbzip2 -dc'
    same '7zz, two threads' seven_zip
    same 'stockfish' matching 'Nodes searched  : [0-9]+' /usr/games/stockfish bench 16 1 8
    same 'gcc: cc1, as, ld' compile
    same 'diff' run /usr/bin/diff json lines
    same 'sha512sum -c' check_sums
    same 'split, cat' split_files
    same 'bash, a file' run /usr/bin/bash -c 'exec 3<lines; read -u 3 a; echo $a; [[ -e json ]] && echo there'
}
# These only have to run to their end: threads that the program starts itself.
load_programs() {
    place=tmp
    same 'sysbench cpu' matching 'total number of events: +100$' \
        /usr/bin/sysbench --threads=2 --events=100 --time=60 cpu run
    same 'sysbench threads' matching 'total number of events: +200$' \
        /usr/bin/sysbench --threads=4 --events=200 --time=60 threads run
    same 'sysbench mutex' matching 'total number of events: +4$' \
        /usr/bin/sysbench --threads=4 --time=60 mutex --mutex-num=64 --mutex-locks=5000 run
    same 'sysbench memory' matching 'Total operations: 10240 ' \
        /usr/bin/sysbench --threads=2 --time=60 memory --memory-block-size=1M --memory-total-size=10G run
    same 'hackbench, threads and pipes' matching '== [0-9]+ tasks' /usr/bin/hackbench -T -p -g 2 -l 100
    same '7zz bench' matching '^Avr:' /usr/bin/7zz b -mmt2 -md18 1
}

ripgrep() {
    run /usr/bin/rg --threads 2 --sort path -c '9$' lines json
}
seven_zip() {
    rm -f "$work/a.7z"
    run /usr/bin/7zz a -mmt2 -mx1 -bd a.7z lines json | grep 'Everything is Ok'
    run /usr/bin/7zz x -so a.7z | cksum
}
compile() {
    parts=/usr/lib/gcc/x86_64-linux-gnu/12
    printf 'int f(int n) { return n < 2 ? n : f(n - 1) + f(n - 2); }\nint _start(void) { return f(20); }\n' \
        >"$work/f.i"
    run $parts/cc1 -quiet -fpreprocessed -O2 f.i -o f.s &&
        run /usr/bin/x86_64-linux-gnu-as -o f.o f.s &&
        run /usr/bin/x86_64-linux-gnu-ld -o f f.o &&
        cat "$work/f.s" && cksum <"$work/f"
}
check_sums() {
    run /usr/bin/sha512sum lines json >"$scratch/sums"
    from "$scratch/sums" /usr/bin/sha512sum -c
}
split_files() {
    run /usr/bin/split -l 7000 lines part.
    (cd "$work" && cksum part.*)
    run /usr/bin/cat part.aa part.ab part.ac part.ad part.ae | cksum
    rm -f "$work"/part.*
}

# Inputs for the above.
full_data() {
    make_tree
    echo 'scale=300; 4*a(1); e(1); sqrt(2)' >"$work/pi.bc"
    echo 'puts [expr {2**200}]; puts [clock format 86400 -gmt 1]; set l [lsort -integer {3 1 2}]; puts $l
        puts [regexp -inline {(\d+)-(\d+)} a12-34b]; puts [file exists json]; exit 3' >"$work/test.tcl"
    echo 'require "json"; require "digest"; q = Queue.new
        t = 4.times.map { |i| Thread.new { q << i * i } }; t.each(&:join)
        p q.size, JSON.generate(a: [1, 2.5, nil]), Digest::SHA256.hexdigest("moka"), (1..20).inject(:*)
        begin; Integer("x"); rescue => e; p e.message; end
        p File.read("json").size; GC.start; exit 4' >"$work/test.rb"
    gzip -cn "$work/json" >"$work/copy.gz"
}

full_programs() {
    limit=600 megabytes=500 rows=1000000
    [ "$how" = kvm ] || megabytes=50 rows=100000
    full_data
    openssl_programs
    more_programs
    load_programs
    sqlite_tests $rows
    make_data $megabytes
    place=tmp
    same "gzip, $megabytes MB" round_trip '/usr/bin/gzip -1c' '/usr/bin/gzip -dc'
    place=share
    same "xz -T2, $megabytes MB, a share" round_trip_share xz '/usr/bin/xz -f -0 -T2' '/usr/bin/xz -d'
    same "zstd -T2, $megabytes MB, a share" round_trip_share zst '/usr/bin/zstd -q -f -T2 --rm' '/usr/bin/zstd -q -d --rm'
    python_all
}
