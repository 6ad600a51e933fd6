#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/deps.sh, with an apt-get that is a stand-in: it knows a package only
# after "update", if $dir/lists is not there, and "installs" by making the
# program appear.
set -eu
cd "$(dirname "$0")/.."
. tests/tap.sh

if ! [ -e /etc/debian_version ]; then
    echo 'ok 1 - installs packages # SKIP this is not Debian'
    echo '1..1'
    exit 0
fi

bin=$dir/bin
start() {
    rm -rf "${dir:?}"/*
    mkdir "$bin"
    for program in sh cat ln mktemp rm tail touch; do
        ln -s "$(command -v $program)" "$bin/$program"
    done
    printf '#!/bin/sh\necho %s\n' "$1" >"$bin/id"
    cat >"$bin/apt-get" <<END
#!/bin/sh
echo "apt-get \$*" >>"$dir/calls"
case "\$*" in
*update*) touch "$dir/lists" ;;
*install*)
    [ -e "$dir/lists" ] || exit 100
    [ ! -e "$dir/broken" ] || { echo 'E: disk full'; exit 100; }
    ln -s /bin/true "$bin/qemu-system-x86_64"
    ln -s /bin/true "$bin/mkfs.erofs"
    ln -s /bin/true "$bin/gdb" ;;
esac
END
    chmod +x "$bin/id" "$bin/apt-get"
}

# run STATUS OPTION...: the script ends so; its output is in $dir/out.
run() {
    expected=$1
    shift
    status=0
    PATH=$bin sh tools/deps.sh "$@" >"$dir/out" 2>&1 || status=$?
    [ $status = "$expected" ]
}
says() {
    grep -Fqx -e "$1" "$dir/out"
}
calls_are() {
    [ "$(cat "$dir/calls" 2>/dev/null)" = "$1" ]
}

install='apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 install qemu-system-x86 erofs-utils gdb'

start 0
touch "$dir/lists"
check 'root: installs' run 0 run gdb
check 'says what it installs' says 'installing: qemu-system-x86 erofs-utils gdb'
check 'in one call' calls_are "$install"
check 'the second time' run 0 run gdb
check 'says nothing' [ ! -s "$dir/out" ]
check 'and calls nothing' calls_are "$install"

start 0
check 'root, no lists of packages: installs' run 0 run gdb
check 'after fetching them' calls_are "$install
apt-get -qq update
$install"

start 0
touch "$dir/lists" "$dir/broken"
check 'root: fails with apt-get' run 2 run gdb
check 'and shows why' says 'E: disk full'

start 1000
check 'a user: fails' run 1 run gdb
check 'installs nothing' calls_are ''
check 'names the programs' says 'missing: qemu-system-x86_64 mkfs.erofs gdb; to install:'
check 'prints one command' [ "$(grep -c 'sudo .*apt-get install -y --no-install-recommends qemu-system-x86 erofs-utils gdb$' "$dir/out")" = 1 ]

start 0
check '--check fails' run 1 --check run
check '--check installs nothing, even as root' calls_are ''
rm "$bin/apt-get"
check 'no apt-get: fails' run 1 run
check 'and names the programs' says 'missing programs: qemu-system-x86_64 mkfs.erofs'
check 'an unknown group' run 2 games

finish
