#!/usr/bin/env bash
# The packaged service on a booted system: Debian 12 with systemd in QEMU, the package installed, a simulated probe on vhci_hcd.
#
#   tests/service-guest/run.sh
#
#   ARCH=aarch64 (default) | x86_64     and the other variables of tests/usb-guest/run.sh
#   USHYDRA_DEB=FILE                    the package; default: built by cross/package.sh
#   USHYDRA_GUEST_WATCHDOG=S            the watchdog's interval in the guest, longer where an emulated frame takes longer; default 60
#
# Start at boot, confinement, frames of a probe, watchdog answered and not answered, probe pulled, signed update, stop: see scenario.sh.
# Needs what tests/package.sh and tests/usb-guest/run.sh need, and e2fsprogs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
test_name=service-guest
# shellcheck source=../guest.sh
source "$here/../guest.sh"
# shellcheck source=../debian-root.sh
source "$here/../debian-root.sh"

guest_prepare virtio_blk virtio_pci crc32c_generic ext4 vhci_hcd
debian_root_prepare "$debian_arch" bookworm
deb=${USHYDRA_DEB:-$("$root/cross/package.sh" "$debian_arch" | tail -n 1)}
simulator=$(guest_programs ushydra-probe-sim)/ushydra-probe-sim
work=$(mktemp -d "$guest_cache/service.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
debian_root_unpack "$work/system"
cp "$deb" "$work/system/tmp/ushydra.deb"
apt install /tmp/ushydra.deb
rm "$work/system/tmp/ushydra.deb"

mkdir -p "$work/system/test" "$work/system/etc/systemd/system/multi-user.target.wants" "$work/system/etc/systemd/system/ushydra.service.d"
cp "$simulator" "$here/scenario.sh" "$work/system/test/"
chmod +x "$work/system/test/scenario.sh"
printf '[Service]\nWatchdogSec=%s\n' "${USHYDRA_GUEST_WATCHDOG:-60}" >"$work/system/etc/systemd/system/ushydra.service.d/test.conf"
# How fast an emulated processor is, is not the question here.
sed -i 's/^#: max_age_ms = .*/max_age_ms = 600000/' "$work/system/etc/ushydra/ushydra.toml"
grep -q '^max_age_ms' "$work/system/etc/ushydra/ushydra.toml"
cat >"$work/system/etc/systemd/system/scenario.service" <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=simple
ExecStart=/test/scenario.sh
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
UNIT
ln -s ../scenario.service "$work/system/etc/systemd/system/multi-user.target.wants/scenario.service"
# Nobody logs in on the console, and nothing waits for a network.
for unit in getty@tty1 serial-getty@ttyAMA0 serial-getty@ttyS0 systemd-networkd-wait-online apt-daily.timer apt-daily-upgrade.timer; do
    ln -sf /dev/null "$work/system/etc/systemd/system/${unit%.timer}$([[ $unit == *.timer ]] && echo .timer || echo .service)"
done
truncate -s 2G "$work/disk"
PATH=$PATH:/sbin:/usr/sbin mkfs.ext4 -q -d "$work/system" "$work/disk"

mkdir -p "$work/initramfs/"{dev,proc,sys}
cp -a "$system/root/." "$work/initramfs/"
guest_modules "$work/initramfs"
cp "$here/init" "$work/initramfs/init"
python3 "$root/tests/usb-guest/initramfs.py" "$work/initramfs" "$work/initramfs.cpio"
echo "service-guest: $arch, $(cat "$system/version"), $(basename "$deb")"

mapfile -t machine < <(guest_machine)
began=$SECONDS
timeout --foreground "${USHYDRA_GUEST_LIMIT:-3000}" "qemu-system-$arch" "${machine[@]}" -smp 2 -m 1536 \
    -drive "file=$work/disk,format=raw,if=none,id=disk,cache=unsafe" -device virtio-blk-pci,drive=disk -initrd "$work/initramfs.cpio" \
    -append "$(guest_kernel_words) systemd.show_status=0 systemd.log_level=warning" </dev/null |
    sed -u 's/\r//g' | tee "$guest_cache/service.log" || echo "service-guest: the guest was stopped after $((SECONDS - began)) s"
passed=$(grep -c '^PASS ' "$guest_cache/service.log" || true)
steps=$(grep -c '^ *pass "' "$here/scenario.sh")
echo "service-guest: $passed of $steps steps passed in $((SECONDS - began)) s; console in $guest_cache/service.log"
[[ $passed -eq $steps ]]
