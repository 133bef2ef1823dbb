#!/usr/bin/env bash
# The Debian package in a clean Debian root, from the first installation to the purge, without a network.
#
#   tests/package.sh [arm64|amd64] [SUITE]      default: arm64 bookworm; bullseye has the boards' glibc 2.31 (JetPack 5)
#
#   USHYDRA_DEB=FILE          the package; default: built by cross/package.sh
#   USHYDRA_DEB_NEXT=FILE     the same with a higher version; default: packed by cross/package.sh from the same binary
#   USHYDRA_DEB_FOREIGN=FILE  a package of another architecture; default: the first with that word changed, packed here
#
# Needs root rights, mmdebstrap, and for the other architecture qemu-user-static and binfmt_misc (Debian packages mmdebstrap,
# qemu-user-static). Where these or a Debian mirror are missing, one line that begins with SKIPPED is printed. Roots stay in
# ${XDG_CACHE_HOME:-~/.cache}/ushydra/package-test.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/.." && pwd)
architecture=${1:-arm64}
suite=${2:-bookworm}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ushydra/package-test
base=$cache/$suite-$architecture.tar
steps=0

skip() { echo "SKIPPED package: $*"; exit 0; }
pass() { steps=$((steps + 1)); echo "PASS $*"; }
fail() { echo "FAIL $*" >&2; exit 1; }

case $architecture in
    arm64) machine=aarch64 ;;
    amd64) machine=x86_64 ;;
    *) echo "package: $architecture is not one of arm64, amd64" >&2; exit 2 ;;
esac
[[ $(id -u) == 0 ]] || skip "needs root rights"
command -v mmdebstrap >/dev/null || skip "mmdebstrap is not installed"

# Programs of the other architecture run by themselves, also behind a chroot (flag F: the emulator is opened now).
register_emulator() {
    [[ $machine != "$(uname -m)" ]] || return 0
    local formats=/proc/sys/fs/binfmt_misc emulator magic mask
    emulator=$(command -v "qemu-$machine-static") || skip "qemu-user-static is not installed"
    [[ -e $formats/register ]] || mount -t binfmt_misc binfmt_misc "$formats" || skip "this kernel has no binfmt_misc"
    [[ ! -e $formats/qemu-$machine ]] || return 0
    # The first 20 bytes of an ELF file: class, byte order, type, machine (183 = AArch64, 62 = x86-64).
    magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    [[ $machine == aarch64 ]] || magic=${magic/xb7/x3e}
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf ':qemu-%s:M::%s:%s:%s:F' "$machine" "$magic" "$mask" "$emulator" >"$formats/register"
}

# A minimal Debian with systemd and udev as every device has, once per suite.
make_base() {
    [[ ! -f $base ]] || return 0
    # shellcheck source=../cross/debian.sh
    source "$root/cross/debian.sh"
    local mirror
    mirror=$(debian_mirror)
    [[ -n $mirror ]] || skip "no Debian mirror among this machine's apt sources"
    echo "package: a root of Debian $suite for $architecture"
    mmdebstrap --quiet --variant=minbase --architectures="$architecture" --include=systemd,udev,passwd \
        --aptopt='APT::Sandbox::User "root"' "$suite" "$base.new" \
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" || skip "no root of $suite"
    mv "$base.new" "$base"
}

# in_root COMMAND...: in the root, with its own processes and without a network.
in_root() {
    # shellcheck disable=SC2016 # the inner shell expands these
    unshare --mount --pid --net --fork --kill-child sh -c '
        mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && mount -t tmpfs tmpfs "$1/run" && root=$1 && shift &&
        exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8 \
            DEBIAN_FRONTEND=noninteractive "$@"' sh "$system" "$@"
}

apt() { in_root apt-get -qq -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 "$@"; }

# Every path with kind, owner, rights and, for files, content. What apt and dpkg write about any package is left out.
snapshot() {
    (cd "$system" && find . -xdev \
        \( -path ./proc -o -path ./dev -o -path ./run -o -path ./tmp -o -path ./var/lib/dpkg -o -path ./var/log \
        -o -path ./var/cache/apt -o -path ./var/cache/debconf -o -path ./var/lib/apt -o -path ./var/cache/ldconfig \
        -o -path ./etc/ld.so.cache -o -path './etc/*-' -o -path ./etc/.pwd.lock \) -prune -o \
        \( -type f -printf '%p f %u %g %m ' -exec sh -c 'sha256sum <"$1" | cut -c1-16' sh {} \; \) -o -printf '%p %y %u %g %m %l\n') |
        sort
}

# foreign DEB: the same package for another processor.
foreign() {
    local work=$scratch/foreign
    dpkg-deb --raw-extract "$1" "$work"
    case $architecture in
        arm64) sed -i 's/^Architecture: .*/Architecture: amd64/' "$work/DEBIAN/control" ;;
        amd64) sed -i 's/^Architecture: .*/Architecture: arm64/' "$work/DEBIAN/control" ;;
    esac
    dpkg-deb --root-owner-group -Znone --build "$work" "$scratch/foreign.deb" >/dev/null
    rm -r "$work"
}

mkdir -p "$cache"
register_emulator
make_base
scratch=$(mktemp -d "$cache/run.XXXXXX")
trap 'rm -rf --one-file-system "$scratch"' EXIT
system=$scratch/root
mkdir "$system"
tar -C "$system" --exclude='./dev/*' -xpf "$base"

