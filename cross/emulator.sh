# shellcheck shell=bash
# Programs of another processor on this machine, by qemu-user. Sourced.

# emulator_find MACHINE: sets `emulator` (empty where this machine is one itself).
emulator_find() {
    emulator=
    [[ $1 != "$(uname -m)" ]] || return 0
    emulator=$(command -v "qemu-$1-static" || command -v "qemu-$1") ||
        { echo "qemu-$1-static is missing: install the package qemu-user-static" >&2; return 1; }
}

# emulator_register MACHINE: programs of MACHINE then start by themselves, also behind a chroot (flag F: the emulator is opened
# once, now). Needs root rights the first time.
emulator_register() {
    local formats=/proc/sys/fs/binfmt_misc magic mask
    emulator_find "$1" || return 1
    [[ -n $emulator ]] || return 0
    [[ -e $formats/register ]] || mount -t binfmt_misc binfmt_misc "$formats" ||
        { echo "this kernel has no binfmt_misc, or it may not be mounted here" >&2; return 1; }
    [[ ! -e $formats/qemu-$1 ]] || return 0
    # The first 20 bytes of an ELF file: 64 bits, little endian, program or shared object, machine (183 = AArch64, 62 = x86-64).
    magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    [[ $1 == aarch64 ]] || magic=${magic/xb7/x3e}
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf ':qemu-%s:M::%s:%s:%s:F' "$1" "$magic" "$mask" "$emulator" >"$formats/register"
}
