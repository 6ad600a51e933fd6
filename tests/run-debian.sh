#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run-debian.sh [--only PATTERN] [--accel kvm|tcg] BUILD-DIR
#
# Debian's own binaries, unmodified, in Moka: the packages below are fetched
# by apt-get, unpacked into one folder below BUILD-DIR, and their programs run
# from there.  Each test compares with what is known, or with the same binary
# on this host.
#
# The packages are kept in the user's cache; without a network and with an
# empty cache the tests are skipped, and that is said.
set -eu
. tests/report.sh

packages='sqlite3 libsqlite3-0 libreadline8 libtinfo6 zlib1g gzip xz-utils liblzma5 zstd libzstd1
    liblz4-1 openssl libssl3 lua5.4 liblua5.4-0 perl-base libcrypt1 python3.11-minimal
    libpython3.11-minimal libpython3.11-stdlib libexpat1 libstdc++6 libgcc-s1 coreutils libacl1
    libattr1 libselinux1 libpcre2-8-0 libgmp10 bzip2 libbz2-1.0 libffi8 mawk grep sed libuuid1'

only='' accel=''
while [ $# -gt 1 ]; do
    case $1 in
    --only) only=$2 && shift ;;
    --accel) accel=$2 && shift ;;
    *) break ;;
    esac
    shift
done
if [ $# != 1 ]; then
    echo 'usage: run-debian.sh [--only PATTERN] [--accel kvm|tcg] BUILD-DIR' >&2
    exit 2
fi
build=$(cd "$1" && pwd)
root=$build/debian
logs=$build/logs/debian
store=${XDG_CACHE_HOME:-$HOME/.cache}/moka/debian
mkdir -p "$logs" "$store" "$build/share"
export MOKA_ROOT="$PWD" MOKA_BUILD="$build"
trap 'exit 130' INT TERM HUP

# Fetches what is not there; what cannot be had is left out, and said.
fetch() {
    for package in $packages; do
        set -- "$store/${package}_"*.deb
        [ ! -e "$1" ] || continue
        (cd "$store" && apt-get -qq download "$package") >/dev/null 2>&1 || echo "not to be had: $package"
    done
}
unpack() {
    rm -rf "$root.part" "$root"
    mkdir -p "$root.part/root" "$root.part/etc"
    for package in $packages; do
        for deb in "$store/${package}_"*.deb; do
            [ ! -e "$deb" ] || dpkg-deb --extract "$deb" "$root.part"
        done
    done
    echo 'root:x:0:0:root:/root:/bin/sh' >"$root.part/etc/passwd"
    echo 'root:x:0:' >"$root.part/etc/group"
    rm -rf "$root.part/usr/share/doc" "$root.part/usr/share/man" "$root.part/usr/share/locale"
    echo "$packages" >"$root.part/etc/packages"
    mv "$root.part" "$root"
}

limit=300
moka() {
    # shellcheck disable=SC2086 # a word or none
    timeout -k 5 "$limit" "$build/tool/moka" exec --quiet --cache "$build/cache" -m 2G \
        ${accel:+--accel $accel} -e LANG=C.UTF-8 "$@"
}

# check NAME WANTED COMMAND...: prints that, and ends with status 0.
check() {
    name=$1 wanted=$2
    shift 2
    [ -z "$only" ] || echo "$name" | grep -Eq -e "$only" || return 0
    begin "debian $name"
    log=$logs/$(echo "$name" | tr -c 'A-Za-z0-9\n' '-').log status=0
    got=$("$@" 2>"$log") || status=$?
    if [ $status != 0 ]; then
        end 0 1 0 "status $status"
    elif [ "$got" != "$wanted" ]; then
        end 0 1 0 'not what was wanted'
        { echo "wanted: $wanted" && echo "got: $got"; } | head -c 2000 >>"$log"
    else
        end 1 0 0 ''
        return
    fi
    tail -n 12 "$log" | sed 's/^/    /'
}

in_pipe() {
    input=$1
    shift
    moka "$@" <"$input"
}

# round_trip NAME PACK UNPACK: what comes back is what went in.
round_trip() {
    # shellcheck disable=SC2086 # words
    moka "$root" $1 <"$logs/data" >"$logs/packed"
    # shellcheck disable=SC2086 # words
    moka "$root" $2 <"$logs/packed" | cksum
}

first_word() {
    "$@" >"$logs/out" || return
    cut -d ' ' -f 1 "$logs/out"
}
copy_on_share() {
    cp "$logs/data" "$build/share/in"
    moka -v "$build/share:/share" "$root" /bin/cp /share/in /share/out
    cksum <"$build/share/out"
}
openssl_key() {
    moka "$root" /usr/bin/openssl genrsa 2048 >"$logs/key"
    in_pipe "$logs/key" "$root" /usr/bin/openssl rsa -check -noout
}

million='create table t(a integer primary key, b text);
begin;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000)
insert into t select i, hex(i * 7919) from n;
commit;
create index b on t(b);
select count(*), sum(a), max(b) from t;
pragma integrity_check;'
sqlite_million() {
    rm -f "$build/share/db"
    echo "$million" | moka "$@"
}

self_test='
import sys, os, json, hashlib, threading, mmap, signal, tempfile, zlib, time
threads, out = [], []
for i in range(20):
    t = threading.Thread(target=lambda i=i: out.append(i * i)); t.start(); threads.append(t)
for t in threads: t.join()
assert sorted(out) == [i * i for i in range(20)]
hit = []
signal.signal(signal.SIGUSR1, lambda s, f: hit.append(s)); os.kill(os.getpid(), signal.SIGUSR1)
assert hit == [signal.SIGUSR1]
with tempfile.TemporaryFile() as f:
    f.write(b"x" * 10000); f.flush()
    m = mmap.mmap(f.fileno(), 0); assert m[9999:] == b"x"; m.close()
assert json.loads(json.dumps({"a": [1, 2.5, None]})) == {"a": [1, 2.5, None]}
assert os.cpu_count() >= 1 and os.path.exists("/proc/self/maps")
print(hashlib.sha256(b"moka").hexdigest(), sys.version_info[:2])'

fetch
if ! ls "$store"/sqlite3_*.deb >/dev/null 2>&1; then
    echo 'NO PACKAGES: Debian binaries were NOT run: apt-get could not download them'
    count 0 0 1
    finish debian "$build/debian.result"
    exit
fi
if ! [ -e "$root/etc/packages" ] || [ "$(cat "$root/etc/packages")" != "$packages" ]; then
    unpack
fi
# Half of it can be packed well.
[ -e "$logs/data" ] || { head -c 20000000 /dev/urandom && cat "$build"/release/moka.elf "$build"/release/moka.elf; } >"$logs/data"
sum=$(cksum <"$logs/data")

check 'echo' 'a  b' moka "$root" /bin/echo 'a  b'
check 'cat of a file' "$(cat "$root/etc/passwd")" moka "$root" /bin/cat /etc/passwd
check 'ls' "$(cd "$root" && LC_ALL=C ls etc)" moka -e LC_ALL=C "$root" /bin/ls /etc
check 'cp on a share' "$sum" copy_on_share
check 'sqlite3 -version' 3.40.1 first_word moka "$root" /usr/bin/sqlite3 -version
check 'sqlite3 select' 2 moka "$root" /usr/bin/sqlite3 :memory: 'select 1 + 1'
answer='1000000|500000500000|393939393935343832
ok'
check 'sqlite3, a million rows, tmpfs' "$answer" sqlite_million "$root" /usr/bin/sqlite3 /root/db
check 'sqlite3, a million rows, 9p' "$answer" sqlite_million -v "$build/share:/share" "$root" \
    /usr/bin/sqlite3 /share/db
check 'gzip' "$sum" round_trip '/bin/gzip -c' '/bin/gzip -dc'
check 'xz -T2' "$sum" round_trip '/usr/bin/xz -1 -T2 -c' '/usr/bin/xz -dc'
check 'zstd -T2' "$sum" round_trip '/usr/bin/zstd -T2 -c' '/usr/bin/zstd -dc'
check 'bzip2' "$sum" round_trip '/bin/bzip2 -c' '/bin/bzip2 -dc'
check 'openssl sha256' "$(sha256sum <"$logs/data" | cut -d ' ' -f 1)" first_word in_pipe \
    "$logs/data" "$root" /usr/bin/openssl dgst -sha256 -r
check 'openssl genrsa' 'RSA key ok' openssl_key
check 'lua' 'hello 6765' moka "$root" /usr/bin/lua5.4 -e \
    'local function f(n) return n < 2 and n or f(n-1) + f(n-2) end print("hello " .. f(20))'
# shellcheck disable=SC2016 # perl's variables
check 'perl' '42 abc' moka "$root" /usr/bin/perl -e \
    'my %h = map { $_ => 1 } 1..42; print scalar(keys %h), " ", join("", sort qw(c a b)), "\n";'
check 'python3 -c' 42 moka "$root" /usr/bin/python3.11 -c 'print(6 * 7)'
check 'python3, threads, signals, mmap' \
    "$(printf moka | sha256sum | cut -d ' ' -f 1) (3, 11)" moka "$root" /usr/bin/python3.11 -c "$self_test"
check 'grep and sed' "$(sed -n 's/root/moka/p' "$root/etc/passwd")" in_pipe "$root/etc/passwd" "$root" \
    /bin/sed -n 's/root/moka/p'
finish debian "$build/debian.result"
