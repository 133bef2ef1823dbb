#!/usr/bin/env bash
# The USB path on a real kernel: boots a small Linux guest in QEMU, plugs simulated probes and cameras into its virtual USB host
# controller, and runs the real `ushydra` against them.
#
#   tests/usb-guest/run.sh [SCENARIO ...]      default: all of guest/scenarios; a name is the file's, with or without its number
#
#   ARCH=aarch64 (default) | x86_64    the guest's processor
#   USHYDRA_GUEST_KVM=1                do not emulate it; not the default, as a /dev/kvm inside a virtual machine may be there and fail
#   USHYDRA_GUEST_BIN=DIR              the folder with `ushydra` and `ushydra-probe-sim`; default: built here
#   USHYDRA_GUEST_SUITE=trixie         the Debian release whose kernel and glibc run in the guest
#   USHYDRA_GUEST_LIMIT=300            seconds after which the guest is stopped
#
# Exit code 0: every scenario printed PASS, or the test was skipped because QEMU or the Debian packages cannot be had here (one
# line that begins with SKIPPED). Kernel and packages stay in ${XDG_CACHE_HOME:-~/.cache}/ushydra/usb-guest.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
arch=${ARCH:-aarch64}
suite=${USHYDRA_GUEST_SUITE:-trixie}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ushydra/usb-guest
modules=(vhci_hcd uvcvideo)

case $arch in
    aarch64) debian_arch=arm64 qemu_package=qemu-system-arm console=ttyAMA0 ;;
    x86_64) debian_arch=amd64 qemu_package=qemu-system-x86 console=ttyS0 ;;
    *) echo "usb-guest: ARCH=$arch is not one of aarch64, x86_64" >&2; exit 2 ;;
esac
system=$cache/$suite-$debian_arch

skip() { echo "SKIPPED usb-guest: $*"; exit 0; }

install_qemu() {
    command -v "qemu-system-$arch" >/dev/null && return
    echo "usb-guest: installing $qemu_package"
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends "$qemu_package"; } >"$cache/qemu.log" 2>&1 ||
        skip "qemu-system-$arch is missing and $qemu_package cannot be installed ($cache/qemu.log)"
}

# kernel, modules and the C library of the guest, once: $system/{vmlinuz,version,modules/,root/}
fetch_system() {
    [[ -f $system/version ]] && return
    local work version kernel
    # shellcheck source=../../cross/debian.sh
    source "$root/cross/debian.sh"
    debian_open "$cache/apt-$suite-$debian_arch" "$(host_and_guest)" "$suite" || skip "no Debian packages: no mirror of $suite"
    version=$(debian_version "linux-image-$debian_arch:$debian_arch")
    kernel=$(apt-cache "${debian_options[@]}" show "linux-image-$debian_arch:$debian_arch=$version" |
        sed -n 's/^Depends:.*\(linux-image-[0-9][^ ,]*\).*/\1/p' | head -n 1)
    [[ -n $kernel ]] || skip "Debian $suite offers no kernel for $debian_arch"
    echo "usb-guest: $kernel $version, busybox and libc from Debian $suite"
    rm -rf "$system"
    mkdir -p "$system"
    work=$(mktemp -d "$cache/unpack.XXXXXX")
    debian_unpack "$work" "$kernel:$debian_arch" "busybox-static:$debian_arch" "libc6:$debian_arch" "libgcc-s1:$debian_arch" ||
        { rm -r "$work"; skip "the packages of Debian $suite cannot be downloaded"; }
    cp "$work"/boot/vmlinuz-* "$system/vmlinuz"
    python3 "$here/modules.py" "$work" "$system/modules" "${modules[@]}"
    copy_libraries "$work" "$system/root"
    rm -r "$work"
    echo "$kernel $version" >"$system/version"
}

host_and_guest() { printf '%s\n' "$(dpkg --print-architecture)" "$debian_arch" | sort -u | paste -sd,; }

# Releases before and after the merge of / and /usr keep these files in different places; the guest has one.
copy_libraries() {
    local from=$1 to=$2 library loader
    mkdir -p "$to/bin" "$to/lib/$arch-linux-gnu" "$to/lib64"
    find "$from" -path '*bin/busybox' -exec cp {} "$to/bin/busybox" \;
    for library in libc.so.6 libm.so.6 libgcc_s.so.1 libpthread.so.0 libdl.so.2 librt.so.1; do
        cp -L "$(find "$from" -name "$library" | head -n 1)" "$to/lib/$arch-linux-gnu/"
    done
    loader=$(find "$from" -name 'ld-linux-*.so.*' -type f | head -n 1)
    cp "$loader" "$to/lib/"
    [[ $arch != x86_64 ]] || ln -s "../lib/$(basename "$loader")" "$to/lib64/"
}

# The programs under test; prints the folder they are in. Two builds: together they would ask for other features of what both
# use, and compile the engine a second time.
build_programs() {
    if [[ -n ${USHYDRA_GUEST_BIN:-} ]]; then
        echo "$USHYDRA_GUEST_BIN"
    elif [[ $arch == "$(uname -m)" ]]; then
        (cd "$root" && cargo build --locked --release -p ushydra >&2)
        (cd "$root" && cargo build --locked --release -p ushydra-probe-sim --no-default-features >&2)
        echo "${CARGO_TARGET_DIR:-$root/target}/release"
    else
        "$root/cross/build.sh" -p ushydra >&2
        "$root/cross/build.sh" -p ushydra-probe-sim --no-default-features >&2
        echo "${USHYDRA_CROSS_TARGET:-${USHYDRA_CROSS:-${XDG_CACHE_HOME:-$HOME/.cache}/ushydra/cross}/target}/$arch-unknown-linux-gnu/release"
    fi
}

# stage FOLDER PROGRAMS SCENARIO...: everything that the guest sees.
stage() {
    local to=$1 programs=$2 wanted script found
    shift 2
    cp -a "$system/root/." "$to/"
    mkdir -p "$to"/{dev,proc,sys,tmp,guest/scenarios,models,calibration}
    cp "$programs/ushydra" "$programs/ushydra-probe-sim" "$to/bin/"
    cp -r "$root/models/cardiac-lv" "$to/models/"
    cp "$root"/calibration/cardiac-lv*.toml "$to/calibration/"
    cp -r "$system/modules" "$to/"
    cp "$here/guest/init" "$to/init"
    cp "$here/guest/lib.sh" "$to/guest/"
    if [[ $# -eq 0 ]]; then
        cp "$here"/guest/scenarios/*.sh "$to/guest/scenarios/"
        return
    fi
    for wanted; do
        found=
        for script in "$here"/guest/scenarios/*.sh; do
            [[ $(basename "$script" .sh) =~ ^([0-9]+-)?"${wanted#[0-9][0-9]-}"$ ]] && cp "$script" "$to/guest/scenarios/" && found=yes
        done
        [[ -n $found ]] || { echo "usb-guest: there is no scenario $wanted in $here/guest/scenarios" >&2; exit 2; }
    done
}

# boot INITRAMFS: the guest's console on standard output.
boot() {
    local -a machine
    case $arch in
        aarch64) machine=(-M "virt,gic-version=3") ;;
        x86_64) machine=(-M q35) ;;
    esac
    if [[ -n ${USHYDRA_GUEST_KVM:-} ]]; then
        machine+=(-accel kvm -cpu host)
    elif [[ $arch == aarch64 ]]; then
        machine+=(-accel "tcg,thread=multi" -cpu cortex-a72)
    else
        machine+=(-accel "tcg,thread=multi" -cpu max)
    fi
    timeout --foreground "${USHYDRA_GUEST_LIMIT:-300}" "qemu-system-$arch" "${machine[@]}" -smp 2 -m 1024 \
        -nographic -no-reboot -nic none -kernel "$system/vmlinuz" -initrd "$1" \
        -append "console=$console quiet panic=-1 rdinit=/init" </dev/null
}

mkdir -p "$cache"
install_qemu
fetch_system
programs=$(build_programs)
work=$(mktemp -d "$cache/run.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/root"
stage "$work/root" "$programs" "$@"
python3 "$here/initramfs.py" "$work/root" "$work/initramfs"
echo "usb-guest: $arch, $(cat "$system/version"), initramfs $(stat -c %s "$work/initramfs") bytes"

began=$SECONDS
boot "$work/initramfs" | sed -u 's/\r//g' | tee "$cache/console.log" || echo "usb-guest: the guest was stopped after $((SECONDS - began)) s"
scenarios=$(find "$work/root/guest/scenarios" -name '*.sh' | wc -l)
passed=$(grep -c '^PASS ' "$cache/console.log" || true)
echo "usb-guest: $passed of $scenarios scenarios passed in $((SECONDS - began)) s; console in $cache/console.log"
[[ $passed -eq $scenarios ]]
