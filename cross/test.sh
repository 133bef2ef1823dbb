#!/usr/bin/env bash
# Runs what was built for the boards on an x86-64 machine, processor and system calls emulated by qemu-user.
#
#   cross/test.sh answers     the program's answers on both processors: same labels, numbers within 1e-3 (default)
#   cross/test.sh tests [OPTIONS OF CARGO TEST]     the workspace's tests but the host's, compiled for aarch64
#
#   USHYDRA_TEST_CPUS="cortex-a57 max"     processors to emulate: the first has neither dotprod nor fp16, the last has all
#   USHYDRA_TEST_BUNDLES="cardiac-lv ..."  shipped bundles to run. Default for answers: all three, of which fetal-planes takes most of
#                                          the time; for tests: cardiac-lv
#   USHYDRA_TEST_PATIENCE=60               factor of the tests' waits for a program
#   USHYDRA_TEST_BIN=PROGRAM               the program for aarch64; default: cross/build.sh
#   USHYDRA_TEST_REFERENCE=PROGRAM         the program for this machine; default: cargo build --release
#
# A program that used an instruction which its processor lacks would end here with SIGILL. Needs qemu-aarch64-static and, for the
# tests, binfmt_misc, because they start the program themselves (Debian package qemu-user-static; root rights to register it).
# glibc for aarch64 comes from the Debian mirror of this machine.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export ARCH=aarch64
# shellcheck source=common.sh
source "$here/common.sh"
# shellcheck source=debian.sh
source "$here/debian.sh"
# shellcheck source=emulator.sh
source "$here/emulator.sh"
read -ra cpus <<<"${USHYDRA_TEST_CPUS:-cortex-a57 max}"
libc=$cross_dir/qemu-libc

emulator_find aarch64
if [[ ! -e $libc/lib/ld-linux-aarch64.so.1 ]]; then
    # The oldest glibc that is promised: what starts on 2.31 starts on every newer one.
    debian_open "$cross_dir/apt-libc" "$(dpkg --print-architecture),arm64" bullseye
    debian_unpack "$libc" libc6:arm64 libgcc-s1:arm64
fi
export QEMU_LD_PREFIX=$libc

answers() {
    local program=${USHYDRA_TEST_BIN:-} reference=${USHYDRA_TEST_REFERENCE:-} work cpu
    if [[ -z $program ]]; then
        "$here/build.sh" -p ushydra >&2
        program=$cross_binaries/ushydra
    fi
    if [[ -z $reference ]]; then
        (cd "$cross_root" && cargo build --locked --release -p ushydra)
        reference=${CARGO_TARGET_DIR:-$cross_root/target}/release/ushydra
    fi
    work=$(mktemp -d)
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$work'" EXIT
    judge "$reference" >"$work/reference"
    for cpu in "${cpus[@]}"; do
        judge "$emulator" -cpu "$cpu" "$program" >"$work/$cpu"
        printf '%s: ' "$cpu"
        python3 "$here/compare.py" "$work/reference" "$work/$cpu"
    done
}

# judge COMMAND...: records of the demo cine through every bundle and of simulated patients, with f32 and int8 decoders. Few frames of
# the large encoder: emulated, each takes seconds.
judge() {
    local case bundle frames source precision
    cd "$cross_root"
    for case in cardiac-lv=10=file:models/demo/sonosite-a4c.dcm fetal-head=5=file:models/demo/sonosite-a4c.dcm \
        fetal-planes=2=file:models/demo/sonosite-a4c.dcm cardiac-lv=3=phantom:a4c:high:7 cardiac-lv=3=phantom:a4c:low:8 \
        fetal-head=3=phantom:fetal-head:high:9 fetal-head=3=phantom:fetal-head:low:10; do
        IFS='=' read -r bundle frames source <<<"$case"
        [[ " ${USHYDRA_TEST_BUNDLES:-$bundle} " == *" $bundle "* ]] || continue
        for precision in f32 int8; do
            "$@" run --json --backend tract --precision "$precision" --replay fast --frames "$frames" --bundle "models/$bundle" \
                --source "$source" 2>>"$work/messages" ||
                { tail -n 3 "$work/messages" >&2; echo "test.sh: $bundle on $source failed" >&2; return 1; }
        done
    done
}

tests() {
    emulator_register aarch64
    cross_environment
    cd "$cross_root"
    for cpu in "${cpus[@]}"; do
        echo "tests on $cpu"
        QEMU_CPU=$cpu USHYDRA_TEST_PATIENCE=${USHYDRA_TEST_PATIENCE:-60} USHYDRA_TEST_BUNDLES=${USHYDRA_TEST_BUNDLES:-cardiac-lv} \
            cargo-zigbuild test --locked --workspace --exclude ushydra-host --target "$cross_target.$cross_glibc" "$@"
    done
}

case ${1:-answers} in
    answers) answers ;;
    tests) shift; tests "$@" ;;
    *) echo "test.sh: $1 is not one of answers, tests" >&2; exit 2 ;;
esac
