#!/bin/sh
# RAUC's custom bootloader backend for Jetson: the slots of NVIDIA's UEFI, which `nvbootctrl` changes. Slot A is 0, slot B is 1.
#   get-primary | set-primary NAME | get-state NAME | set-state NAME good|bad | get-current
# NOT RUN ON A BOARD: written against NVIDIA's description of nvbootctrl (JetPack 5 and 6), tested with a stand-in.
set -eu

control() {
    nvbootctrl -t rootfs "$@"
}

number() {
    case ${1:-} in
    A) echo 0 ;;
    B) echo 1 ;;
    *)
        echo "unknown slot ${1:-}; there are A and B" >&2
        exit 1
        ;;
    esac
}

name() {
    case $1 in
    0) echo A ;;
    1) echo B ;;
    *)
        echo "nvbootctrl names slot $1; there are 0 and 1" >&2
        exit 1
        ;;
    esac
}

case ${1:-} in
get-current) name "$(control get-current-slot)" ;;
get-primary)
    # The slot that the next start takes: the active one, or what was made active since.
    active=$(control dump-slots-info | sed -n 's/.*[Aa]ctive.*slot[^AB]*\([AB]\).*/\1/p' | head -n 1)
    if [ -n "$active" ]; then echo "$active"; else name "$(control get-current-slot)"; fi
    ;;
set-primary)
    slot=$(number "${2:-}")
    control set-active-boot-slot "$slot"
    ;;
get-state)
    slot=$(number "${2:-}")
    # Its answer is its exit code.
    if control is-slot-bootable "$slot"; then echo good; else echo bad; fi
    ;;
set-state)
    slot=$(number "${2:-}")
    case ${3:-} in
    good)
        # Only the running slot can be marked; the other one is good as soon as it is made active.
        if [ "$(control get-current-slot)" = "$slot" ]; then control mark-boot-successful; fi
        ;;
    bad) control set-slot-as-unbootable "$slot" ;;
    *)
        echo "unknown state ${3:-}; there are good and bad" >&2
        exit 1
        ;;
    esac
    ;;
*)
    echo "unknown command ${1:-}" >&2
    exit 1
    ;;
esac
