#!/bin/bash
# System updates with RAUC as far as a machine without a Jetson can show them: bundles are built, inspected and refused, hooks and
# backend do what they should, and one update is installed into slots on loop devices.
# Needs rauc, squashfs-tools, openssl, e2fsprogs; for the installation also root, loop devices and dbus-daemon. What cannot be run
# here is said at the end.
# `fail` ends the script, and stand-ins expand their own variables.
# shellcheck disable=SC2015,SC2016
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
rauc_dir=$here/board/rauc
work=$(mktemp -d)
loops=()
children=()
cleanup() {
    for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
    for loop in "${loops[@]}"; do losetup -d "$loop" 2>/dev/null || true; done
    rm -rf "$work"
}
trap cleanup EXIT
passed=0
skipped=()
pass() { passed=$((passed + 1)); echo "ok   $1"; }
fail() { echo "FAIL $1" >&2; exit 1; }
# refuses TEXT WORDS COMMAND...: the command fails and says WORDS.
refuses() {
    local text=$1 words=$2 said
    shift 2
    if said=$("$@" 2>&1); then fail "$text: was not refused"; fi
    grep -qF -- "$words" <<<"$said" || fail "$text: no '$words' in: $said"
    pass "$text"
}
for tool in rauc mksquashfs openssl mkfs.ext4; do
    command -v "$tool" >/dev/null || { echo "no $tool; apt-get install rauc squashfs-tools openssl e2fsprogs" >&2; exit 2; }
done

# --- scripts ---
if command -v shellcheck >/dev/null; then
    shellcheck "$rauc_dir"/*.sh && pass "shellcheck"
else
    skipped+=("shellcheck is not installed")
fi

# --- the hook, on a tree in place of the device ---
tree=$work/device
mkdir -p "$tree"/{etc/ushydra/keys,etc/ssh,var/lib/ushydra,sys/class/power_supply/{BAT0,usb}}
echo 0123456789abcdef0123456789abcdef >"$tree/etc/machine-id"
echo key >"$tree/etc/ushydra/keys/clinic.pub"
echo secret >"$tree/etc/ssh/ssh_host_ed25519_key"
hook() { env USHYDRA_SYSROOT="$tree" RAUC_SYSTEM_COMPATIBLE=ushydra-orin-nano "$@"; }
check() { hook RAUC_MF_COMPATIBLE="$1" RAUC_MF_VERSION="$2" "$rauc_dir/hook.sh" install-check; }
check ushydra-orin-nano 1.0 || fail "a fitting update"
pass "hook: a fitting update passes"
refuses "hook: another board" "this device is ushydra-orin-nano" check ushydra-agx-orin 1.0
echo 1.10 >"$tree/var/lib/ushydra/system-version"
check ushydra-orin-nano 1.10 && check ushydra-orin-nano 1.11 && pass "hook: the same and a newer version pass"
refuses "hook: an older version" "has 1.10" check ushydra-orin-nano 1.9
touch "$tree/var/lib/ushydra/allow-older-system"
check ushydra-orin-nano 1.9 && pass "hook: an older one on purpose"
echo Battery >"$tree/sys/class/power_supply/BAT0/type"
echo Discharging >"$tree/sys/class/power_supply/BAT0/status"
echo 12 >"$tree/sys/class/power_supply/BAT0/capacity"
echo USB >"$tree/sys/class/power_supply/usb/type"
echo 0 >"$tree/sys/class/power_supply/usb/online"
refuses "hook: an empty battery" "plug the charger in" check ushydra-orin-nano 2.0
echo 1 >"$tree/sys/class/power_supply/usb/online"
check ushydra-orin-nano 2.0 && pass "hook: an empty battery on mains"
echo 0 >"$tree/sys/class/power_supply/usb/online"
echo junk >"$tree/sys/class/power_supply/BAT0/capacity"
check ushydra-orin-nano 2.0 && pass "hook: a battery that tells nonsense"
rm -r "$tree/sys"
refuses "hook: an unknown hook" "unknown hook" hook "$rauc_dir/hook.sh" slot-install
mkdir -p "$work/slot/etc/ushydra"
echo example >"$work/slot/etc/ushydra/ushydra.toml"
hook RAUC_SLOT_MOUNT_POINT="$work/slot" "$rauc_dir/hook.sh" slot-post-install
cmp "$tree/etc/machine-id" "$work/slot/etc/machine-id"
cmp "$tree/etc/ushydra/keys/clinic.pub" "$work/slot/etc/ushydra/keys/clinic.pub"
cmp "$tree/etc/ssh/ssh_host_ed25519_key" "$work/slot/etc/ssh/ssh_host_ed25519_key"
[ "$(cat "$work/slot/etc/ushydra/ushydra.toml")" = example ] || fail "the new system's own files stay"
[ "$(cat "$tree/var/lib/ushydra/update-pending")" = 2.0 ] && [ ! -e "$tree/var/lib/ushydra/allow-older-system" ] \
    || fail "the update is noted"
pass "hook: keys, machine-id and host keys are carried over"

# --- mark-good and backend, with stand-ins for the programs that they call ---
bin=$work/bin
mkdir "$bin"
for name in rauc systemctl nvbootctrl; do
    cat >"$bin/$name" <<STUB
#!/bin/sh
echo "$name \$*" >>"$work/calls"
if [ -x "$work/answer-$name" ]; then exec "$work/answer-$name" "\$@"; fi
STUB
    chmod +x "$bin/$name"
done
answer() { printf '#!/bin/sh\n%s\n' "$2" >"$work/answer-$1"; chmod +x "$work/answer-$1"; }
mark_good() { : >"$work/calls"; env PATH="$bin:$PATH" USHYDRA_SYSROOT="$tree" USHYDRA_PATIENCE=1 USHYDRA_SETTLE=1 "$rauc_dir/mark-good.sh"; }
called() { grep -qxF "$1" "$work/calls"; }
mark_good 2>/dev/null && called "rauc status mark-good" || fail "a good slot is marked"
[ "$(cat "$tree/var/lib/ushydra/system-version")" = 2.0 ] && [ ! -e "$tree/var/lib/ushydra/update-pending" ] || fail "the version is kept"
pass "mark-good: a system that works is marked, its version kept"
answer systemctl 'if [ "$1" = is-active ]; then exit 3; fi'
if mark_good 2>/dev/null; then fail "no service"; fi
if called "systemctl reboot" || called "rauc status mark-bad"; then fail "without an update nothing is restarted"; fi
pass "mark-good: a failure without an update changes nothing"
echo 3.0 >"$tree/var/lib/ushydra/update-pending"
if mark_good 2>/dev/null; then fail "no service"; fi
called "rauc status mark-bad" && called "systemctl reboot" && [ ! -e "$tree/var/lib/ushydra/update-pending" ] || fail "back to the other slot"
pass "mark-good: an update that fails goes back, once"
answer systemctl 'if [ "$1" = is-active ]; then if [ -e '"$work/seen"' ]; then exit 3; fi; touch '"$work/seen"'; fi'
if mark_good 2>/dev/null; then fail "a service that ends"; fi
if called "rauc status mark-good"; then fail "a service that ends is not good"; fi
pass "mark-good: a service that comes up and ends is a failure"

backend() { env PATH="$bin:$PATH" "$rauc_dir/nvbootctrl.sh" "$@"; }
answer nvbootctrl 'case "$3" in
get-current-slot) echo 0 ;;
dump-slots-info) printf "Current version: 36.4.0\nActive bootloader slot: B\nnum_slots: 2\n" ;;
is-slot-bootable) [ "$4" = 0 ] ;;
esac'
[ "$(backend get-current)" = A ] && [ "$(backend get-primary)" = B ] || fail "current and primary"
[ "$(backend get-state A)" = good ] && [ "$(backend get-state B)" = bad ] || fail "states"
: >"$work/calls"
backend set-primary B && backend set-state A good && backend set-state B bad && backend set-state B good
called "nvbootctrl -t rootfs set-active-boot-slot 1" && called "nvbootctrl -t rootfs mark-boot-successful" \
    && called "nvbootctrl -t rootfs set-slot-as-unbootable 1" || fail "calls: $(cat "$work/calls")"
[ "$(grep -c mark-boot-successful "$work/calls")" = 1 ] || fail "the other slot cannot be marked"
pass "backend: slots A and B are 0 and 1 of nvbootctrl"
refuses "backend: an unknown slot" "unknown slot C" backend set-primary C
refuses "backend: an unknown command" "unknown command" backend reboot

# --- bundles ---
cd "$work"
authority() { # NAME: a self-signed key for tests
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.pem" -days 2 -subj "/CN=$1" 2>/dev/null
}
authority clinic
authority stranger
truncate -s 16M rootfs.ext4
mkdir -p content/etc/ushydra content/var/lib
echo new >content/etc/system-name
mkfs.ext4 -q -F -d content rootfs.ext4
make_bundle() { SOURCE_DATE_EPOCH=1700000000 "$rauc_dir/bundle.sh" "$@"; }
make_bundle rootfs.ext4 orin-nano 1.2.0 clinic.pem clinic.key good.raucb >/dev/null 2>&1
info=$(rauc info --keyring=clinic.pem good.raucb 2>&1)
for words in "ushydra-orin-nano" "1.2.0" "Bundle Format: " "verity" "install-check" "post-install"; do
    grep -qF "$words" <<<"$info" || fail "no '$words' in $info"
done
pass "bundle: built in verity format and read back"
refuses "bundle: a stranger's signature" "signature" rauc info --keyring=stranger.pem good.raucb
cp good.raucb cut.raucb && truncate -s -100 cut.raucb
refuses "bundle: cut" "" rauc info --keyring=clinic.pem cut.raucb
echo nothing >nothing.raucb
refuses "bundle: no bundle at all" "" rauc info --keyring=clinic.pem nothing.raucb
refuses "bundle: for an unknown board" "toaster is no board" make_bundle rootfs.ext4 toaster 1 clinic.pem clinic.key x.raucb
refuses "bundle: with a version that is none" "are possible" make_bundle rootfs.ext4 orin-nano '1/2' clinic.pem clinic.key x.raucb

# --- installation into slots on loop devices ---
install_test() {
    [ "$(id -u)" = 0 ] || { skipped+=("installation: needs root"); return; }
    command -v dbus-daemon >/dev/null || { skipped+=("installation: no dbus-daemon"); return; }
    truncate -s 24M slot-a.img slot-b.img
    mkfs.ext4 -q -F -d content slot-a.img
    local a b
    a=$(losetup --find --show slot-a.img 2>/dev/null) && loops+=("$a") || { skipped+=("installation: no loop devices"); return; }
    b=$(losetup --find --show slot-b.img) && loops+=("$b")
    format=verity
    if ! grep -qs device-mapper /proc/devices; then
        format=plain
        skipped+=("installation in verity format: this kernel has no device-mapper; the plain format was installed instead")
    fi
    # The shipped configuration but for devices, paths and, where it must be, the format.
    mkdir -p data mnt
    sed -e "s#/dev/disk/by-partlabel/APP_b#$b#; s#/dev/disk/by-partlabel/APP\$#$a#; s#/data/rauc#$work/data#; s#/run/rauc#$work/mnt#" \
        -e "s#/etc/rauc/keyring.pem#$work/clinic.pem#; s#/usr/lib/ushydra/rauc/nvbootctrl.sh#$work/backend#" \
        "$rauc_dir/system.conf" >system.conf
    if [ "$format" = plain ]; then sed -i 's/^bundle-formats=-plain/bundle-formats=plain/' system.conf; fi
    printf '#!/bin/sh\nexec env PATH="%s:$PATH" "%s" "$@"\n' "$bin" "$rauc_dir/nvbootctrl.sh" >backend
    chmod +x backend
    # Slot A runs and is the one that starts next; B can be started.
    answer nvbootctrl "case \"\$3\" in
get-current-slot) echo 0 ;;
dump-slots-info) if [ -e $work/primary ]; then echo \"Active bootloader slot: B\"; else echo \"Active bootloader slot: A\"; fi ;;
set-active-boot-slot) [ \"\$4\" = 1 ] && touch $work/primary ;;
esac"
    rm -f "$work/primary"
    export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$work/bus
    cat >bus.conf <<BUS
<busconfig><type>system</type><listen>unix:path=$work/bus</listen>
<policy context="default"><allow own="*"/><allow send_destination="*"/><allow eavesdrop="true"/></policy></busconfig>
BUS
    dbus-daemon --config-file=bus.conf --nofork >bus.log 2>&1 & children+=($!)
    sleep 1
    env USHYDRA_SYSROOT="$tree" /usr/bin/rauc --conf=system.conf --override-boot-slot=A service >service.log 2>&1 & children+=($!)
    sleep 2
    FORMAT=$format make_bundle rootfs.ext4 orin-nano 3.0.0 clinic.pem clinic.key install.raucb >/dev/null 2>&1
    FORMAT=$format make_bundle rootfs.ext4 agx-orin 3.0.0 clinic.pem clinic.key other.raucb >/dev/null 2>&1
    FORMAT=$format make_bundle rootfs.ext4 orin-nano 1.0.0 clinic.pem clinic.key older.raucb >/dev/null 2>&1
    FORMAT=$format make_bundle rootfs.ext4 orin-nano 3.0.0 stranger.pem stranger.key foreign.raucb >/dev/null 2>&1
    local before after
    before=$(sha256sum slot-b.img)
    refuses "install: another board's update" "this device is ushydra-orin-nano" rauc install "$work/other.raucb"
    refuses "install: an older update" "has 2.0" rauc install "$work/older.raucb"
    refuses "install: a stranger's update" "signature" rauc install "$work/foreign.raucb"
    if [ "$format" = verity ]; then
        FORMAT=plain make_bundle rootfs.ext4 orin-nano 3.0.0 clinic.pem clinic.key plain.raucb >/dev/null 2>&1
        refuses "install: the plain format" "format" rauc install "$work/plain.raucb"
    fi
    sync
    after=$(sha256sum slot-b.img)
    [ "$before" = "$after" ] && [ ! -e "$work/primary" ] || fail "a refused update has changed something"
    pass "install: refused updates change nothing"
    rauc install "$work/install.raucb" >install.log 2>&1 || fail "installation: $(tail -n 5 install.log) $(tail -n 20 service.log)"
    mkdir -p look
    mount -o ro "$b" look
    local sound=yes
    [ "$(cat look/etc/system-name)" = new ] || sound="the system"
    cmp -s look/etc/machine-id "$tree/etc/machine-id" || sound="machine-id"
    cmp -s look/etc/ushydra/keys/clinic.pub "$tree/etc/ushydra/keys/clinic.pub" || sound="keys"
    umount look
    [ "$sound" = yes ] || fail "slot B lacks $sound"
    [ -e "$work/primary" ] || fail "slot B is not the next to start"
    [ "$(cat "$tree/var/lib/ushydra/update-pending")" = 3.0.0 ] || fail "the pending version is '$(cat "$tree/var/lib/ushydra/update-pending")'"
    pass "install: slot B holds the new system with this device's keys and starts next"
}
install_test

echo "$passed checks passed"
for what in "${skipped[@]}"; do echo "not run: $what"; done
echo "not run: anything on a board (UEFI, nvbootctrl, a start from slot B)"
