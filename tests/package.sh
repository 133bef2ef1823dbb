#!/usr/bin/env bash
# The Debian package in a clean Debian root, from the first installation to the purge, without a network.
#
#   tests/package.sh [arm64|amd64] [SUITE]      default: arm64 bookworm; bullseye has the boards' glibc 2.31 (JetPack 5)
#
#   USHYDRA_DEB=FILE                       the package; default: built by cross/package.sh
#   USHYDRA_DEB_NEXT=FILE                  one with a higher version; default: the same, with version 999.0.0
#   USHYDRA_TEST_BUNDLES="cardiac-lv ..."  bundles that test themselves; default: all three, of which fetal-planes takes most of the time
#
# Needs root rights, mmdebstrap, and for the other architecture qemu-user-static and binfmt_misc (Debian packages mmdebstrap,
# qemu-user-static). Where these or a Debian mirror are missing, one line that begins with SKIPPED is printed. Roots stay in
# ${XDG_CACHE_HOME:-~/.cache}/ushydra/package-test.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/.." && pwd)
test_name=package
steps=0

skip() { echo "SKIPPED package: $*"; exit 0; }
pass() { steps=$((steps + 1)); echo "PASS $*"; }
fail() { echo "FAIL $*" >&2; exit 1; }

# shellcheck source=debian-root.sh
source "$here/debian-root.sh"
architecture=${1:-arm64}
suite=${2:-bookworm}

# Every path with kind, owner, rights and, for files, content. What apt and dpkg write about any package is left out.
snapshot() {
    local -a left_out=(
        ./proc ./dev ./run ./tmp ./var/lib/dpkg ./var/log ./var/cache/apt ./var/cache/debconf ./var/lib/apt ./var/cache/ldconfig
        ./etc/ld.so.cache './etc/*-' ./etc/.pwd.lock
    )
    local -a prune=(-false)
    local path
    for path in "${left_out[@]}"; do prune+=(-o -path "$path"); done
    (
        cd "$debian_root"
        find . -xdev \( "${prune[@]}" \) -prune -o -printf '%p %y %u %g %m %l\n'
        find . -xdev \( "${prune[@]}" \) -prune -o -type f -print0 | xargs -0 sha256sum
    ) | LC_ALL=C sort
}

# repack DEB FIELD VALUE OUT: the same package with another value in its control file; not compressed, because it is read once.
repack() {
    local work=$scratch/repack
    dpkg-deb --raw-extract "$1" "$work"
    sed -i "s/^$2: .*/$2: $3/" "$work/DEBIAN/control"
    dpkg-deb --root-owner-group -Znone --build "$work" "$4" >/dev/null
    rm -r "$work"
}

debian_root_prepare "$architecture" "$suite"
scratch=$(mktemp -d "$debian_root_cache/run.XXXXXX")
trap 'rm -rf --one-file-system "$scratch"' EXIT
debian_root_unpack "$scratch/root"

deb=${USHYDRA_DEB:-$("$root/cross/package.sh" "$architecture" | tail -n 1)}
cp "$deb" "$debian_root/tmp/ushydra_$architecture.deb"
if [[ -n ${USHYDRA_DEB_NEXT:-} ]]; then
    cp "$USHYDRA_DEB_NEXT" "$debian_root/tmp/ushydra_next.deb"
else
    repack "$deb" Version 999.0.0 "$debian_root/tmp/ushydra_next.deb"
fi
foreign=amd64
[[ $architecture != amd64 ]] || foreign=arm64
repack "$deb" Architecture "$foreign" "$debian_root/tmp/ushydra_foreign.deb"
echo "package: $(basename "$deb"), $(stat -c %s "$deb") bytes, in Debian $(cat "$debian_root/etc/debian_version") $architecture," \
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
    for unit in ushydra ushydra-first-boot ushydra-mark-good; do
        test -L /etc/systemd/system/multi-user.target.wants/$unit.service
    done
    test -x /usr/lib/ushydra/rauc/mark-good.sh -a -x /usr/lib/ushydra/rauc/nvbootctrl.sh
    test -s /usr/share/man/man1/ushydra-bundle-install.1.gz
    test -s /usr/share/bash-completion/completions/ushydra' || fail "the package is not installed as it should be"
in_root sh -c 'systemd-analyze verify --man=no /usr/lib/systemd/system/ushydra*.service' >"$scratch/verify" 2>&1 || true
if grep -i ushydra "$scratch/verify" >&2; then fail "systemd finds faults in the unit"; fi
pass "installed without a network; user, store, service and manual are there"

in_root sh -ec 'cd / && ushydra bundle list >/dev/null && ushydra --config /etc/ushydra/ushydra.toml doctor >/dev/null' || fail "the program does not start"
# How fast an emulated processor is, is not the question here.
printf '[gate]\nmax_age_ms = 600000\n' >"$debian_root/tmp/patient.toml"
for bundle in ${USHYDRA_TEST_BUNDLES:-cardiac-lv fetal-head fetal-planes}; do
    in_root sh -c "cd / && ushydra --config /tmp/patient.toml selftest --bundle $bundle" >"$scratch/selftest" || { cat "$scratch/selftest"; fail "selftest of $bundle"; }
done
pass "selftest of ${USHYDRA_TEST_BUNDLES:-every packaged bundle}"
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
in_root sh -ec 'cd / && ushydra bundle list' >"$scratch/list"
grep -A1 "^/var/lib/ushydra/models: 1 bundle" "$scratch/list" | grep -q " cardiac-lv@" || { cat "$scratch/list"; fail "the installed bundle is not found"; }
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
rm -f "$debian_root"/tmp/*.deb
snapshot >"$scratch/after"
diff "$scratch/before" "$scratch/after" || fail "the purge left something"
pass "purged; $(wc -l <"$scratch/after") paths, owners, rights and contents are as before"
echo "package: $steps of 8 steps passed"
