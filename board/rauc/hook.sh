#!/bin/sh
# Hook of a system update, inside the bundle. RAUC calls it with the name of the hook.
#   install-check       refuses a bundle for another board, an older one, and any on a battery that may not last
#   slot-post-install   carries over what belongs to this device and not to the system
# Exit code 10 and the last line of standard error are RAUC's way to refuse with a reason.
set -eu

# Tests put another tree here.
root=${USHYDRA_SYSROOT:-}
state=$root/var/lib/ushydra
# What belongs to the device: its name, its keys, its settings.
own="etc/machine-id etc/hostname etc/localtime etc/ushydra etc/rauc/keyring.pem etc/ssh/ssh_host_*_key etc/ssh/ssh_host_*_key.pub"
# Least charge in percent for an update without mains.
least_charge=30

refuse() {
    echo "$1" >&2
    exit 10
}

# The word of a file, or nothing.
word() {
    if [ -r "$1" ]; then head -n 1 "$1"; fi
}

check_compatible() {
    if [ "$RAUC_MF_COMPATIBLE" != "$RAUC_SYSTEM_COMPATIBLE" ]; then
        refuse "this update is for $RAUC_MF_COMPATIBLE and this device is $RAUC_SYSTEM_COMPATIBLE; take the one made for it"
    fi
}

# Versions rise. Whoever must go back creates the file, and it is used up by the next update.
check_version() {
    now=$(word "$state/system-version")
    if [ -z "$now" ] || [ -e "$state/allow-older-system" ]; then return; fi
    newest=$(printf '%s\n%s\n' "$now" "$RAUC_MF_VERSION" | sort -V | tail -n 1)
    if [ "$newest" != "$RAUC_MF_VERSION" ]; then
        refuse "this update is version $RAUC_MF_VERSION and the device has $now; to go back all the same: touch /var/lib/ushydra/allow-older-system"
    fi
}

check_battery() {
    mains=
    left=
    for supply in "$root"/sys/class/power_supply/*; do
        case $(word "$supply/type") in
        Mains | USB) if [ "$(word "$supply/online")" = 1 ]; then mains=yes; fi ;;
        Battery) if [ "$(word "$supply/status")" = Discharging ]; then left=$(word "$supply/capacity"); fi ;;
        esac
    done
    case $left in
    '' | *[!0-9]*) return ;;
    esac
    if [ -z "$mains" ] && [ "$left" -lt "$least_charge" ]; then
        refuse "the battery is at $left % and an update must not end in the middle; plug the charger in"
    fi
}

# RAUC tells the hooks of a slot no version, so it is noted here.
note_version() {
    mkdir -p "$state"
    printf '%s\n' "$RAUC_MF_VERSION" >"$state/update-version"
    sync "$state/update-version"
}

carry_over() {
    slot=${RAUC_SLOT_MOUNT_POINT:?RAUC did not mount the slot}
    # The list is words and patterns on purpose.
    # shellcheck disable=SC2086
    (cd "$root/" && for path in $own; do
        if [ ! -e "$path" ] && [ ! -L "$path" ]; then continue; fi
        mkdir -p "$slot/$(dirname "$path")"
        # The new system brings its own example settings; the device's go over them, file by file.
        cp -a "$path" "$slot/$(dirname "$path")/"
    done)
    mv "$state/update-version" "$state/update-pending"
    rm -f "$state/allow-older-system"
    sync
}

case ${1:-} in
install-check)
    check_compatible
    check_version
    check_battery
    note_version
    ;;
slot-post-install) carry_over ;;
*) refuse "unknown hook ${1:-}" ;;
esac
