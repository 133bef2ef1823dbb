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
test_name=usb-guest
# shellcheck source=../guest.sh
source "$here/../guest.sh"
cache=$guest_cache

# stage FOLDER PROGRAMS SCENARIO...: everything that the guest sees.
stage() {
    local to=$1 programs=$2 wanted script found
    shift 2
    cp -a "$system/root/." "$to/"
    mkdir -p "$to"/{dev,proc,sys,tmp,guest/scenarios,models,calibration}
    cp "$programs/ushydra" "$programs/ushydra-probe-sim" "$to/bin/"
    cp -r "$root/models/cardiac-lv" "$to/models/"
    cp "$root"/calibration/cardiac-lv*.toml "$to/calibration/"
    guest_modules "$to"
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
    mapfile -t machine < <(guest_machine)
    timeout --foreground "${USHYDRA_GUEST_LIMIT:-300}" "qemu-system-$arch" "${machine[@]}" -smp 2 -m 1024 \
        -initrd "$1" -append "$(guest_kernel_words)" </dev/null
}

guest_prepare vhci_hcd uvcvideo
programs=$(guest_programs ushydra ushydra-probe-sim)
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
