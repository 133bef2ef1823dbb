#!/usr/bin/env bash
# Checks binaries that are to be shipped: processor, newest glibc that they ask for, libraries, size.
#
#   cross/check.sh BINARY...          honours ARCH as build.sh does
#
# Fails where a binary is for another processor, asks for a newer glibc than the boards have (it would start here and fail there),
# needs a library beyond glibc, or, for `ushydra`, is larger than the goal.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=common.sh
source "$here/common.sh"
[[ $# -gt 0 ]] || { echo "check.sh: name a binary" >&2; exit 2; }

readelf=$(command -v readelf || command -v llvm-readelf || true)
failed=
fault() { echo "$*" >&2; failed=yes; }

# The versions of glibc's symbols: from the version table; without readelf from the names in the file, which are the same.
versions() {
    if [[ -n $readelf ]]; then
        "$readelf" -V -W "$1" | grep -oE 'Name: GLIBC_2\.[0-9.]+' | sed 's/.*GLIBC_//' | sort -uV
    else
        grep -aoE 'GLIBC_2\.[0-9]+(\.[0-9]+)?' "$1" | sed 's/GLIBC_//' | sort -uV
    fi
}

# Bytes 18 and 19 of an ELF file: 183 is AArch64, 62 is x86-64.
machine() { od -An -tu2 -j18 -N2 "$1" | tr -d ' '; }

case $cross_debian in arm64) wanted=183 ;; amd64) wanted=62 ;; esac
for binary; do
    name=$(basename "$binary")
    size=$(stat -c %s "$binary")
    newest=$(versions "$binary" | tail -n 1)
    libraries=
    [[ -z $readelf ]] || libraries=$("$readelf" -d -W "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | paste -sd' ')
    echo "$binary  $size bytes  glibc ${newest:-none}  ${libraries:+needs $libraries}"
    [[ $(machine "$binary") == "$wanted" ]] || fault "$name is not a program for $cross_debian"
    [[ $(printf '%s\n' "${newest:-0}" "$cross_glibc" | sort -V | tail -n 1) == "$cross_glibc" ]] ||
        fault "$name needs glibc $newest, newer than the boards' $cross_glibc"
    for library in $libraries; do
        case $library in
            libc.so.6 | libm.so.6 | libpthread.so.0 | libdl.so.2 | librt.so.1 | ld-linux-*) ;;
            *) fault "$name needs $library, which the boards do not promise" ;;
        esac
    done
    if [[ $name == ushydra ]] && ((size > cross_size_limit)); then
        fault "$name has $size bytes, more than $cross_size_limit"
    fi
done
[[ -z $failed ]]
