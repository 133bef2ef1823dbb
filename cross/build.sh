#!/usr/bin/env bash
# Builds release binaries for the boards: aarch64, glibc 2.31 (JetPack 5) and newer.
#
#   cross/build.sh [-p PACKAGE ...] [other options of cargo build]        default: -p ushydra
#
# Sets up what it needs on the first run (see setup.sh). Binaries come to
# ${USHYDRA_CROSS_TARGET:-${XDG_CACHE_HOME:-~/.cache}/ushydra/cross/target}/aarch64-unknown-linux-gnu/release; the last lines of
# output name all that are there. USHYDRA_CROSS=DIR puts tools and binaries somewhere else.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$(realpath -m "${USHYDRA_CROSS:-${XDG_CACHE_HOME:-$HOME/.cache}/ushydra/cross}")
glibc=2.31
target=aarch64-unknown-linux-gnu

"$here/setup.sh" "$dir"
# shellcheck source=/dev/null
source "$dir/env"
export CARGO_TARGET_DIR=${USHYDRA_CROSS_TARGET:-$dir/target}
cd "$here/.."
[[ $# -gt 0 ]] || set -- -p ushydra

cargo zigbuild --locked --release --target "$target.$glibc" "$@"

# A binary that asks for a newer glibc would only fail on the board.
newest=0
while IFS= read -r -d '' binary; do
    needs=$(grep -aoE 'GLIBC_2\.[0-9]+' "$binary" | sed 's/GLIBC_//' | sort -uV | tail -n 1)
    printf '%s  %s bytes  needs glibc %s\n' "$binary" "$(stat -c %s "$binary")" "${needs:-none}"
    newest=$(printf '%s\n' "$newest" "${needs:-0}" | sort -V | tail -n 1)
done < <(find "$CARGO_TARGET_DIR/$target/release" -maxdepth 1 -type f -executable ! -name '*.so' -print0)
if [[ $(printf '%s\n' "$newest" "$glibc" | sort -V | tail -n 1) != "$glibc" ]]; then
    echo "a binary needs glibc $newest, newer than the boards' $glibc" >&2
    exit 1
fi
