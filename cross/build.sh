#!/usr/bin/env bash
# Builds the binaries that are shipped: glibc 2.31 (JetPack 5) and newer, small, the same bytes from every folder.
#
#   cross/build.sh [-p PACKAGE ...] [other options of cargo build]        default: -p ushydra
#
#   ARCH=aarch64 (default) | x86_64     x86_64 on an x86-64 machine only
#
# Sets up what it needs on the first run (see setup.sh). Binaries come to
# ${USHYDRA_CROSS_TARGET:-${XDG_CACHE_HOME:-~/.cache}/ushydra/cross/target}/$ARCH-unknown-linux-gnu/ship; the last lines of
# output name all that are there. USHYDRA_CROSS=DIR puts tools and binaries somewhere else.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=common.sh
source "$here/common.sh"

cross_environment
cd "$cross_root"
[[ $# -gt 0 ]] || set -- -p ushydra

# No path of this machine in the binary: for the people who read its messages, and for whoever builds it again and compares.
sysroot=$("${RUSTC:-rustc}" --print sysroot)
remap=(
    "--remap-path-prefix=$cross_root=ushydra" "--remap-path-prefix=$CARGO_TARGET_DIR=target"
    "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo" "--remap-path-prefix=$sysroot=rust"
)
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; echo "${remap[*]}")
map="-ffile-prefix-map=$cross_root=ushydra -ffile-prefix-map=$CARGO_TARGET_DIR=target"
map+=" -ffile-prefix-map=${CARGO_HOME:-$HOME/.cargo}=cargo"
export CARGO_ENCODED_RUSTFLAGS CFLAGS="$map" CXXFLAGS="$map" SOURCE_DATE_EPOCH=0

cargo zigbuild --locked --profile "$cross_profile" --target "$cross_target.$cross_glibc" "$@"

mapfile -d '' binaries < <(find "$cross_binaries" -maxdepth 1 -type f -executable ! -name '*.so' -print0)
"$here/check.sh" "${binaries[@]}"
