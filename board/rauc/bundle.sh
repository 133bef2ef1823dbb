#!/bin/sh
# Makes a system update of a root file system: board/rauc/bundle.sh ROOTFS.ext4 BOARD VERSION CERT.pem KEY.pem OUT.raucb
# BOARD is a name of board/profiles. FORMAT=plain makes a bundle that devices refuse; it is for tests on kernels without dm-verity.
set -eu

if [ $# -ne 6 ]; then
    sed -n '2,3s/^# //p' "$0" >&2
    exit 2
fi
rootfs=$1 board=$2 version=$3 cert=$4 key=$5 out=$6
here=$(cd "$(dirname "$0")" && pwd)
if [ ! -f "$here/../profiles/$board.toml" ]; then
    echo "$board is no board; see $here/../profiles" >&2
    exit 2
fi
case $version in
'' | *[!0-9A-Za-z.~+-]*)
    echo "the version is '$version'; letters, digits and . ~ + - are possible" >&2
    exit 2
    ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/content"
cp --sparse=always "$rootfs" "$work/content/rootfs.ext4"
install -m 755 "$here/hook.sh" "$work/content/hook.sh"
# SOURCE_DATE_EPOCH makes two builds of one system alike.
build=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%Y%m%d%H%M%S)
sed -e "s/@COMPATIBLE@/ushydra-$board/; s/@VERSION@/$version/; s/@BUILD@/$build/; s/@FORMAT@/${FORMAT:-verity}/" \
    "$here/manifest.raucm.in" >"$work/content/manifest.raucm"
rauc bundle --cert="$cert" --key="$key" "$work/content" "$out"
