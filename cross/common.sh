# shellcheck shell=bash
# shellcheck disable=SC2034 # read by those who source this
# What the scripts here agree on: where things are, for which processor, with which profile and glibc. Sourced.

cross_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cross_root=$(cd "$cross_here/.." && pwd)
cross_dir=$(realpath -m "${USHYDRA_CROSS:-${XDG_CACHE_HOME:-$HOME/.cache}/ushydra/cross}")
# JetPack 5 has 2.31, JetPack 6 and Debian 12 newer ones.
cross_glibc=2.31
# See [profile.ship] in Cargo.toml.
cross_profile=ship
# The goal for the stripped device program (DESIGN: 25 MB), in bytes.
cross_size_limit=25000000

case ${ARCH:-aarch64} in
    aarch64) cross_debian=arm64 ;;
    x86_64)
        cross_debian=amd64
        [[ $(uname -m) == x86_64 ]] || { echo "cross: ARCH=x86_64 is built on x86-64 machines only, this is $(uname -m)" >&2; exit 2; }
        ;;
    *) echo "cross: ARCH=$ARCH is not one of aarch64, x86_64" >&2; exit 2 ;;
esac
cross_target=${ARCH:-aarch64}-unknown-linux-gnu
cross_binaries=$(realpath -m "${USHYDRA_CROSS_TARGET:-$cross_dir/target}")/$cross_target/$cross_profile

# Tools, compiler and target folder for cargo.
cross_environment() {
    "$cross_here/setup.sh" "$cross_dir"
    # shellcheck source=/dev/null
    source "$cross_dir/env"
    CARGO_TARGET_DIR=$(realpath -m "${USHYDRA_CROSS_TARGET:-$cross_dir/target}")
    export CARGO_TARGET_DIR
}
