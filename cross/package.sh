#!/usr/bin/env bash
# Makes the Debian package: program, bundles, service, udev rules, manual pages, completions.
#
#   cross/package.sh [arm64|amd64]        default: arm64; amd64 on an x86-64 machine only
#
#   USHYDRA_DEB_VERSION=VERSION     another version than the workspace's, for tests of upgrades
#   USHYDRA_FEATURES=LIST           features of the program; default: tensorrt (loaded where it is installed, not needed)
#   USHYDRA_MANUAL=PROGRAM          the built example `manual`; default: built here
#
# Prints the path of the package, below ${USHYDRA_CROSS_TARGET:-${XDG_CACHE_HOME:-~/.cache}/ushydra/cross/target}/debian. Needs what
# build.sh needs, gzip and python3; cargo-deb is built once into the folder of the tools. Where lintian is installed, it is run, and
# its errors and warnings fail the build.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case ${1:-arm64} in
    arm64) export ARCH=aarch64 ;;
    amd64) export ARCH=x86_64 ;;
    *) echo "package.sh: $1 is not one of arm64, amd64" >&2; exit 2 ;;
esac
# shellcheck source=common.sh
source "$here/common.sh"
cargo_deb_version=3.8.0
features=${USHYDRA_FEATURES-tensorrt}

say() { echo "package: $*" >&2; }

install_cargo_deb() {
    [[ $("$cross_dir/tools/bin/cargo-deb" --version 2>/dev/null) == *" $cargo_deb_version" ]] && return
    say "cargo-deb $cargo_deb_version, once"
    env -u RUSTC CARGO_TARGET_DIR="$cross_dir/tools/build" \
        cargo install --quiet --locked --force --root "$cross_dir/tools" --version "$cargo_deb_version" cargo-deb
    rm -rf "$cross_dir/tools/build"
}

# Runs on this machine, so it is built for it, with the machine's own compiler and target folder.
manual() {
    local program=${USHYDRA_MANUAL:-}
    if [[ -z $program ]]; then
        (cd "$cross_root" && cargo build --quiet --locked -p ushydra --example manual)
        program=$(cd "$cross_root" && cargo metadata --format-version 1 --no-deps |
            python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/debug/examples/manual
    fi
    "$program" "$1"
}

# The configuration of the service: the example, with a probe as the source and one record per line for the journal.
configuration() {
    local config
    config=$(sed -e 's|^#: source = .*|source = "auto"|' -e 's|^#: json = false|json = true|' \
        -e '1s|.*|# Configuration of ushydra.service; after a change: systemctl restart ushydra|' "$cross_root/board/ushydra.toml")
    [[ $(grep -c '^source = "auto"$\|^json = true$' <<<"$config") == 2 ]] ||
        { say "board/ushydra.toml has no lines for source and json"; return 1; }
    echo "$config"
}

# Before cross_environment: the build machine's own target folder, not the cross build's.
stage=$cross_binaries/package
rm -rf "$stage"
mkdir -p "$stage"
manual "$stage"
gzip -9n "$stage"/man/*.1
configuration >"$stage/ushydra.toml"
gzip -9nc "$cross_root/board/debian/changelog" >"$stage/changelog.gz"

"$here/build.sh" -p ushydra ${features:+--features "$features"} >&2
cross_environment >&2
install_cargo_deb
"$cross_root/board/debian/licences.py" "$cross_target" "$features" | gzip -9n >"$stage/dependencies.txt.gz"

mkdir -p "$CARGO_TARGET_DIR/debian"
cd "$cross_root"
# cargo-deb takes the times of the files inside from this.
SOURCE_DATE_EPOCH=$(date -d "$(sed -n 's/^ -- .*>  //p' board/debian/changelog | head -n 1)" +%s)
export SOURCE_DATE_EPOCH
package=$("$cross_dir/tools/bin/cargo-deb" --quiet --no-build --no-strip --locked -p ushydra --profile "$cross_profile" --target "$cross_target" \
    ${USHYDRA_DEB_VERSION:+--deb-version "$USHYDRA_DEB_VERSION"} --output "$CARGO_TARGET_DIR/debian")
if command -v lintian >/dev/null; then
    lintian --allow-root --fail-on error,warning "$package" >&2
else
    say "lintian is not installed; the package was not looked at"
fi
echo "$package"
