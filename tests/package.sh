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

deb=${USHYDRA_DEB:-$("$root/cross/package.sh" "$architecture" | tail -n 1)}
next=${USHYDRA_DEB_NEXT:-$(USHYDRA_DEB_VERSION=999.0.0-1 "$root/cross/package.sh" "$architecture" | tail -n 1)}
cp "$deb" "$system/tmp/ushydra_$architecture.deb"
cp "$next" "$system/tmp/ushydra_next.deb"
if [[ -n ${USHYDRA_DEB_FOREIGN:-} ]]; then cp "$USHYDRA_DEB_FOREIGN" "$scratch/foreign.deb"; else foreign "$deb"; fi
mv "$scratch/foreign.deb" "$system/tmp/ushydra_foreign.deb"
echo "package: $(basename "$deb"), $(stat -c %s "$deb") bytes, in Debian $(cat "$system/etc/debian_version") $architecture," \
    "$(in_root dpkg-query -W libc6 | tr '\\t' ' ')"

snapshot >"$scratch/before"
if message=$(apt install /tmp/ushydra_foreign.deb 2>&1); then fail "a package of another architecture is installed"; fi
if message=$(in_root dpkg -i /tmp/ushydra_foreign.deb 2>&1); then fail "a package of another architecture is installed"; fi
grep -q 'does not match system' <<<"$message" || fail "wrong architecture: the refusal says: $message"
in_root dpkg --purge --force-all ushydra >/dev/null 2>&1 || true
snapshot | cmp - "$scratch/before" || fail "a refused package left something"
pass "another architecture is refused: $(grep -m1 'does not match' <<<"$message" | sed 's/^ *//')"

apt install "/tmp/ushydra_$architecture.deb"
# shellcheck disable=SC2016
in_root sh -ec 'dpkg-query -s ushydra | grep -q "^Status: install ok installed"
    getent passwd ushydra >/dev/null
    test "$(stat -c %U:%a /var/lib/ushydra/models)" = root:755
    test -L /etc/systemd/system/multi-user.target.wants/ushydra.service
    test -s /usr/share/man/man1/ushydra-bundle-install.1.gz
    test -s /usr/share/bash-completion/completions/ushydra' || fail "the package is not installed as it should be"
in_root systemd-analyze verify /usr/lib/systemd/system/ushydra.service >"$scratch/verify" 2>&1 || true
if grep -i ushydra "$scratch/verify"; then fail "systemd finds faults in the unit"; fi
pass "installed without a network; user, store, service and manual are there"

in_root sh -ec 'cd / && ushydra bundle list && ushydra --config /etc/ushydra/ushydra.toml doctor >/dev/null' || fail "the program does not start"
for bundle in cardiac-lv fetal-head fetal-planes; do
    in_root sh -c "cd / && ushydra selftest --bundle $bundle" >"$scratch/selftest" || { cat "$scratch/selftest"; fail "selftest of $bundle"; }
done
pass "selftest of every packaged bundle"
in_root sh -ec 'cd / && ushydra infer --json --bundle cardiac-lv /usr/share/ushydra/models/demo/sonosite-a4c.dcm' >"$scratch/infer"
[[ $(wc -l <"$scratch/infer") == 30 && $(grep -c '"label":"lv"' "$scratch/infer") == 30 ]] || fail "infer on the demo cine"
pass "infer: 30 frames of the demo cine"

# State of an operator: a changed configuration, a trusted key, an installed update.
in_root sh -ec 'echo "# changed here" >>/etc/ushydra/ushydra.toml
    cd /tmp && ushydra bundle keygen --out clinic --name Clinic >/dev/null
    ushydra bundle sign /usr/share/ushydra/models/cardiac-lv --key clinic --out stick >/dev/null
    if ushydra bundle install --yes stick 2>/dev/null; then exit 1; fi
    cp clinic.pub /etc/ushydra/keys/
    ushydra bundle install --yes stick >/dev/null
    rm -r clinic clinic.pub stick' || fail "a bundle of an unknown signer is installed, or one of a trusted signer is not"
in_root sh -ec 'cd / && ushydra bundle list' | grep -q /var/lib/ushydra/models/cardiac-lv || fail "the installed bundle is not found"
pass "a signed bundle is installed from a folder, one of an unknown signer is not"

apt install -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold /tmp/ushydra_next.deb
in_root sh -ec 'dpkg-query -s ushydra | grep -q "^Version: 999"
    grep -q "changed here" /etc/ushydra/ushydra.toml && test -s /etc/ushydra/keys/clinic.pub
    test -L /var/lib/ushydra/models/cardiac-lv && cd / && ushydra bundle verify cardiac-lv >/dev/null' || fail "the upgrade lost something"
pass "upgraded; configuration, key and installed bundle are kept"

apt remove ushydra
in_root sh -ec '! command -v ushydra && test ! -e /usr/share/ushydra && grep -q "changed here" /etc/ushydra/ushydra.toml
    test -L /var/lib/ushydra/models/cardiac-lv' || fail "remove took too much or too little"
pass "removed; configuration and installed bundle are kept"

apt purge ushydra
rm -f "$system"/tmp/*.deb
snapshot >"$scratch/after"
diff "$scratch/before" "$scratch/after" || fail "the purge left something"
pass "purged; $(wc -l <"$scratch/after") paths, owners, rights and contents are as before"
echo "package: $steps of 8 steps passed"
