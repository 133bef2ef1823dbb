#!/usr/bin/env bash
# Power cuts during updates: a guest with a disk installs one signed bundle after the other; QEMU is killed at a random moment of an
# installation, the guest is switched on again, and the active bundle must work.
#
#   tests/power-cuts/run.sh [CUTS]      default: 50
#
#   ARCH=aarch64 (default) | x86_64     and the other variables of tests/usb-guest/run.sh: USHYDRA_GUEST_KVM, _BIN, _SUITE
#   USHYDRA_CUTS_SEED=N                 the moments, and what the disk forgets
#   USHYDRA_CUTS_BUNDLE=DIR             the bundle; default: models/cardiac-lv. A small one, as `cargo run -p ushydra-tests --example
#                                       miniature -- OUT` writes it (OUT/models/miniature), makes each round many times shorter
#
# A kill takes the memory of the guest with it, so that everything its kernel had not written is lost. The disk itself is of two
# kinds in turn: one keeps all that it was given (odd cuts), the other has a cache that forgets any part of what came
# after the last flush, in any order, also half a write (even cuts; see forget.py). After a cut the active bundle must pass
# hashes and golden self-test (`bundle verify`), without the other slot stepping in, and be the one whose installation was
# confirmed last or the one that was being installed. At the end e2fsck looks at the disk.
#
# Needs e2fsprogs and python3 beside what tests/usb-guest/run.sh needs. Everything stays in ${XDG_CACHE_HOME:-~/.cache}/ushydra/usb-guest.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
test_name=power-cuts
# shellcheck source=../guest.sh
source "$here/../guest.sh"
cuts=${1:-50}
seed=${USHYDRA_CUTS_SEED:-20261128}
bundle=${USHYDRA_CUTS_BUNDLE:-$root/models/cardiac-lv}
name=$(basename "$bundle")
# Seconds for a boot with its check, and for a confirmed installation, before the guest counts as hung.
patience=300
RANDOM=$((seed % 32768))
qemu=

# boot JOB [LOG]: in the background, its console in $work/console; with LOG every write of the guest is recorded there.
boot() {
    local -a machine disk
    mapfile -t machine < <(guest_machine)
    if [[ -n ${2:-} ]]; then
        rm -f "$2"
        truncate -s 4G "$2"
        # shellcheck disable=SC2054 # commas are QEMU's
        disk=(
            -blockdev "driver=file,node-name=image,filename=$work/disk" -blockdev "driver=file,node-name=record,filename=$2"
            -blockdev driver=raw,node-name=raw,file=image
            -blockdev driver=blklogwrites,node-name=disk,file=raw,log=record,log-sector-size=512,log-super-update-interval=1
        )
    else
        # shellcheck disable=SC2054
        disk=(-blockdev "driver=file,node-name=image,filename=$work/disk" -blockdev driver=raw,node-name=disk,file=image)
    fi
    : >"$work/console"
    "qemu-system-$arch" "${machine[@]}" -smp 1 -m 512 "${disk[@]}" -device virtio-blk-pci,drive=disk -initrd "$work/initramfs" \
        -append "$(guest_kernel_words) power-cuts=$1 bundle=$name" </dev/null >"$work/console" 2>"$work/qemu" &
    qemu=$!
}

# seen PATTERN [AFTER-LINE]: waits until a line of the console matches; prints its number.
seen() {
    local deadline=$((SECONDS + patience)) line last_look=
    while ((SECONDS < deadline)); do
        line=$(tr -d '\r' <"$work/console" | grep -nE "$1" | cut -d: -f1 | awk -v after="${2:-0}" '$1 > after { print; exit }') || true
        [[ -z $line ]] || { echo "$line"; return; }
        kill -0 "$qemu" 2>/dev/null || { sleep 0.2; [[ -z $last_look ]] || break; last_look=yes; }
        sleep 0.02
    done
    echo "power-cuts: no line $1 from the guest; its last ones:" >&2
    tail -n 25 "$work/console" "$work/qemu" >&2
    return 1
}

# lasting PATTERN AFTER-LINE: milliseconds until the line is there. A busy machine makes them vary; the last figure counts.
lasting() {
    local from
    from=$(date +%s%3N)
    seen "$1" "$2" >/dev/null
    echo $(($(date +%s%3N) - from))
}

pull_plug() { kill -KILL "$qemu"; wait "$qemu" 2>/dev/null || true; qemu=; }
said() { tr -d '\r' <"$work/console" | sed -n "s/^$1 //p" | tail -n 1; }

# judge CUT SLOT: what a boot said about the cut before it.
judge() {
    case $2 in
        "ok "*)
            if [[ " $allowed " == *" ${2#ok } "* ]]; then
                whole=$((whole + 1))
                return
            fi
            ;;
        other:*) fallbacks=$((fallbacks + 1)) ;;
    esac
    echo "power-cuts: cut $1: FAIL: ${2:-$(said FAULT)}; one of these should be active: $allowed"
}

guest_prepare virtio_blk virtio_pci crc32c_generic ext4
programs=$(guest_programs ushydra)
work=$(mktemp -d "$guest_cache/cuts.XXXXXX")
trap '[[ -z $qemu ]] || kill -KILL "$qemu" || true; rm -rf "$work"' EXIT
mkdir "$work/root"
cp -a "$system/root/." "$work/root/"
mkdir -p "$work/root"/{dev,proc,sys,tmp,models,calibration}
cp "$programs/ushydra" "$work/root/bin/"
cp -r "$bundle" "$work/root/models/$name"
cp "$bundle/../../calibration/$name"*.toml "$work/root/calibration/" 2>/dev/null || true
guest_modules "$work/root"
cp "$here/init" "$work/root/init"
python3 "$root/tests/usb-guest/initramfs.py" "$work/root" "$work/initramfs"
truncate -s 256M "$work/disk"
PATH=$PATH:/sbin:/usr/sbin mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$work/disk"

began=$SECONDS
boot prepare
line=$(seen '^BEGIN 1.2.0')
took=$(lasting '^(DONE|FAULT)' "$line")
seen '^PREPARED' >/dev/null
wait "$qemu" || true
qemu=
allowed=1.2.0
echo "power-cuts: $arch, $(cat "$system/version"); $name, $(du -sh "$bundle" | cut -f1); an installation takes $took ms; prepared in $((SECONDS - began)) s"

whole=0 during=0 torn=0 fallbacks=0
for ((number = 1; number <= cuts; number++)); do
    log=
    kind="disk keeps"
    if ((number % 2 == 0)); then
        log=$work/log
        cp --sparse=always --reflink=auto "$work/disk" "$work/before"
    fi
    boot updates "$log"
    line=$(seen '^(SLOT|FAULT)')
    slot=$(said SLOT)
    # The check that belongs to the cut before this one.
    judge $((number - 1)) "$slot"
    if tr -d '\r' <"$work/console" | grep -q '^TORN'; then torn=$((torn + 1)); fi
    line=$(seen '^BEGIN' "$line")
    if [[ -n $log ]]; then
        # The whole installation is on record; forget.py chooses the write at which it is cut.
        earlier=$(python3 "$here/forget.py" "$log") || earlier=0
        took=$(lasting '^(DONE|FAULT)' "$line")
    else
        # Anywhere in the installation, its last moment and the first of the next one included.
        sleep "$(awk -v part="$RANDOM" -v took="$took" 'BEGIN { printf "%.3f", part / 32767 * took / 1000 * 1.1 }')"
    fi
    pull_plug
    # What may be active now: what was confirmed last, or what was being installed. Where the disk forgets, the cut lies further back.
    target=$(said BEGIN)
    if [[ -n $log ]]; then
        allowed="${slot#ok } $(tr -d '\r' <"$work/console" | sed -n 's/^BEGIN //p' | tr '\n' ' ')"
    else
        allowed="$(said DONE | cut -d' ' -f1) $target"
        [[ $allowed != " $target" ]] || allowed="${slot#ok } $target"
    fi
    if [[ $(tr -d '\r' <"$work/console" | grep -cE '^BEGIN') != $(tr -d '\r' <"$work/console" | grep -cE '^DONE') ]]; then
        during=$((during + 1))
    fi
    if [[ -n $log ]]; then
        if lost=$(python3 "$here/forget.py" "$work/before" "$log" $((seed + number)) "$earlier"); then
            mv "$work/before" "$work/disk"
            kind="disk forgets: $lost"
        fi
    fi
    echo "power-cuts: $number of $cuts, $kind, while installing $target ($((SECONDS - began)) s)"
done

boot look
seen '^(LOOKED|FAULT)' >/dev/null
wait "$qemu" || true
qemu=
judge "$cuts" "$(said SLOT)"
# The first check was that of the preparation.
whole=$((whole - 1))
PATH=$PATH:/sbin:/usr/sbin e2fsck -fn "$work/disk" >"$work/e2fsck" 2>&1 || { cat "$work/e2fsck"; echo "power-cuts: the file system is damaged"; exit 1; }
echo "power-cuts: $whole of $cuts cuts left the active bundle working ($during during an installation, $torn with a torn copy left," \
    "$fallbacks with the other slot) in $((SECONDS - began)) s"
[[ $whole -eq $cuts ]]
