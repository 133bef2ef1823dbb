#!/usr/bin/env bash
# Builds the program a second time, from a copy of the tree in another folder with another target folder, and compares bytes.
#
#   cross/reproducible.sh [options of cargo build]        default: -p ushydra --features tensorrt, as in the package
#
# ARCH and the other variables as build.sh has them. The same compiler is part of the recipe: the last lines name it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=common.sh
source "$here/common.sh"
[[ $# -gt 0 ]] || set -- -p ushydra --features tensorrt

"$here/build.sh" "$@"
copy=$(mktemp -d "${TMPDIR:-/tmp}/another-folder-for-the-same-build.XXXXXX")
trap 'rm -rf "$copy"' EXIT
(cd "$cross_root" && git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --ignore-failed-read -cf - 2>/dev/null) |
    tar -C "$copy" -xf -
USHYDRA_CROSS=$cross_dir USHYDRA_CROSS_TARGET=$copy/output "$copy/cross/build.sh" "$@"

compared=0
while IFS= read -r -d '' second; do
    first=$cross_binaries/$(basename "$second")
    sha256sum "$first" "$second"
    cmp "$first" "$second" || exit 1
    compared=$((compared + 1))
done < <(find "$copy/output/$cross_target/$cross_profile" -maxdepth 1 -type f -executable ! -name '*.so' -print0)
[[ $compared -gt 0 ]] || { echo "reproducible.sh: there was nothing to compare" >&2; exit 1; }
cross_environment
"${RUSTC:-rustc}" --version
echo "zig $("$CARGO_ZIGBUILD_ZIG_PATH" version), $("$cross_dir/zig/bin/cargo-zigbuild" --version)"
echo "reproducible: $compared programs have the same bytes in two builds"
