#!/usr/bin/env bash
# Everything that build.sh needs to build for aarch64-unknown-linux-gnu, in one folder. Nothing outside it changes, except that
# rustup, where it is used, keeps the target beside its own toolchain.
#
#   cross/setup.sh [DIR]        DIR: default ${XDG_CACHE_HOME:-~/.cache}/ushydra/cross
#
# 1. `zig` as the C compiler and linker, and `cargo-zigbuild`, from PyPI. Zig carries the stubs of every glibc, so that a
#    binary built here starts on the glibc 2.31 of JetPack 5.
# 2. The standard library for aarch64: by `rustup target add`; where rustup is missing or cannot reach its servers, by Debian's
#    rustc with both standard libraries, from the Debian mirror that this machine already uses.
#
# USHYDRA_CROSS_RUST=rustup|debian insists on one of the two. Writes DIR/env, which build.sh reads; a second run does nothing.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$(realpath -m "${1:-${XDG_CACHE_HOME:-$HOME/.cache}/ushydra/cross}")

target=aarch64-unknown-linux-gnu
suite=trixie-backports
zig_version=0.15.2
zigbuild_version=0.24.1
rustup_limit=180 # seconds; the download has 30 MB

say() { echo "cross: $*"; }

# The workspace's lowest rustc, and whether VERSION reaches it.
needed=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' "$here/../Cargo.toml")
new_enough() { [[ $(printf '%s\n' "$needed" "$1" | sort -V | head -n 1) == "$needed" ]]; }

install_zig() {
    if ! "$dir/zig/bin/cargo-zigbuild" --version 2>/dev/null | grep -qF "$zigbuild_version" ||
        [[ $("$dir/zig/ziglang/zig" version 2>/dev/null) != "$zig_version" ]]; then
        say "zig $zig_version and cargo-zigbuild $zigbuild_version from PyPI"
        rm -rf "$dir/zig"
        python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target "$dir/zig" \
            "ziglang==$zig_version" "cargo-zigbuild==$zigbuild_version"
    fi
}

# Prints nothing and fails where rustup cannot provide the target.
rustup_target() {
    command -v rustup >/dev/null || return 1
    (cd "$here" && rustup target list --installed 2>/dev/null | grep -qxF "$target") && return 0
    say "rustup target add $target"
    (cd "$here" && timeout "$rustup_limit" rustup --quiet target add "$target") >"$dir/rustup.log" 2>&1
}

# Debian's rustc runs on older releases too: the wrapper starts it with the loader and libraries that came with it.
debian_rustc() {
    local version release machine loader libraries
    local -a dependencies
    # shellcheck source=debian.sh
    source "$here/debian.sh"
    debian_open "$dir/apt" "$(dpkg --print-architecture),arm64" "${suite%-backports}" "$suite"
    version=$(debian_version rustc)
    new_enough "$version" || { say "Debian $suite has rustc $version, the workspace needs $needed"; return 1; }
    if [[ $(cat "$dir/debian/version" 2>/dev/null) != "$version" ]]; then
        say "rustc $version from Debian $suite"
        release=$(cut -d. -f1,2 <<<"$version")
        # What the compiler itself links to (LLVM and its libraries); rustc's own dependencies would add a whole gcc.
        mapfile -t dependencies < <(apt-get "${debian_options[@]}" -q=0 install --simulate --no-install-recommends \
            --target-release "$suite" "libstd-rust-$release=$version" |
            sed -n '/^Inst libstd-rust/d; s/^Inst \([^ ]*\) .*/\1/p')
        rm -rf "$dir/debian"
        debian_unpack "$dir/debian" --target-release "$suite" "${dependencies[@]}" "rustc=$version" \
            "libstd-rust-$release=$version" "libstd-rust-dev=$version" "libstd-rust-dev:arm64=$version"
        machine=$(uname -m)
        loader=$(find "$dir/debian/usr/lib64" "$dir/debian/usr/lib" -maxdepth 2 -name 'ld-linux-*.so.*' 2>/dev/null | head -n 1)
        libraries=$dir/debian/usr/lib/$machine-linux-gnu
        cat >"$dir/debian/rustc" <<WRAPPER
#!/bin/sh
exec "$loader" --library-path "$libraries" --argv0 "$dir/debian/usr/bin/rustc" \\
    "$dir/debian/usr/bin/rustc" --sysroot "$dir/debian/usr" "\$@"
WRAPPER
        chmod +x "$dir/debian/rustc"
        "$dir/debian/rustc" --version
        echo "$version" >"$dir/debian/version"
    fi
}

command -v cargo >/dev/null || { say "cargo is missing: install rustup or Debian's package cargo"; exit 1; }
mkdir -p "$dir"
install_zig
rustc=
case ${USHYDRA_CROSS_RUST:-auto} in
    rustup) rustup_target || { cat "$dir/rustup.log"; exit 1; } ;;
    debian) debian_rustc && rustc=$dir/debian/rustc ;;
    auto)
        if ! rustup_target; then
            say "rustup cannot provide $target here; taking Debian's compiler"
            debian_rustc
            rustc=$dir/debian/rustc
        fi
        ;;
    *) say "USHYDRA_CROSS_RUST=$USHYDRA_CROSS_RUST is not one of rustup, debian"; exit 2 ;;
esac

{
    echo "export PATH=\"$dir/zig/bin:\$PATH\""
    echo "export CARGO_ZIGBUILD_ZIG_PATH=\"$dir/zig/ziglang/zig\""
    [[ -z $rustc ]] || echo "export RUSTC=\"$rustc\""
} >"$dir/env"
