#!/bin/sh
# Builds plans of the shipped models with NVIDIA's real TensorRT for RTX, on a machine without a GPU.
#
#   tests/tensorrt-rtx.sh [MODEL.onnx ...]
#
# Default: every encoder and decoder under models/ but the *.qop.onnx, which are tract's; f32 and int8 as they are, the f32 ones also in f16. The library comes from PyPI into the cache
# folder ($XDG_CACHE_HOME or ~/.cache)/ushydra/tensorrt-rtx; without PyPI the test says so and is skipped. TENSORRT_RTX_VERSION takes
# another version than the one below; RTX_CAPABILITY another compute capability to build for than 8.6, the supported one closest to
# Jetson Orin's 8.7. Checks also that a model with an unknown operator, bytes that are no model, bytes that are no plan and a
# cancelled build give the right errors.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
version=${TENSORRT_RTX_VERSION:-1.7.1.116}
capability=${RTX_CAPABILITY:-8.6}
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ushydra/tensorrt-rtx
library=$cache/$version/tensorrt_rtx_libs/libtensorrt_rtx.so.1

if [ "$(uname -m)" != x86_64 ]; then
    echo "skipped: NVIDIA publishes TensorRT for RTX for x86-64 only, this machine is $(uname -m)"
    exit 0
fi
if [ ! -e "$library" ]; then
    mkdir -p "$cache"
    log=$cache/install.log
    wheels=$(mktemp -d "$cache/download.XXXXXX")
    trap 'rm -rf "$wheels"' EXIT
    if ! python3 -m pip download --disable-pip-version-check --retries 1 --no-deps --only-binary=:all: --dest "$wheels" \
        "tensorrt-rtx-cu12-libs==$version" >"$log" 2>&1; then
        if grep -qiE 'NewConnectionError|connection (broken|refused|timed)|ConnectTimeout|name resolution|No module named pip' "$log"; then
            echo "skipped: TensorRT for RTX $version is not in the cache and PyPI cannot be reached"
            exit 0
        fi
        cat "$log" >&2
        exit 1
    fi
    python3 -m zipfile -e "$wheels"/*.whl "$wheels/unpacked"
    rm -rf "${cache:?}/$version"
    mv "$wheels/unpacked" "$cache/$version"
fi

if [ $# -eq 0 ]; then
    for model in "$root"/models/*/encoder.onnx "$root"/models/*/decoders/*.onnx; do
        case $model in
        *.qop.onnx) ;;
        *) [ ! -e "$model" ] || set -- "$@" "$model" ;;
        esac
    done
fi
cd "$root"
# The whole workspace is named so that features, and with them the compiled tract, are those of `cargo test --workspace`.
cargo build --quiet --locked --workspace --example build_all --example narrow-model
examples=${CARGO_TARGET_DIR:-$root/target}/debug/examples

# This library takes the precision from the model, so that f16 is another model; int8 stands in the *.qdq.onnx.
narrow=$(mktemp -d)
trap 'rm -rf "$narrow" ${wheels:+"$wheels"}' EXIT
for model in "$@"; do
    case $model in
    *.qdq.onnx) ;;
    *)
        form=$narrow/$(printf '%s' "${model#"$root"/models/}" | tr / -)
        "$examples/narrow-model" "$model" "${form%.onnx}-f16.onnx"
        ;;
    esac
done
"$examples/build_all" --library "$library" --capability "$capability" "$@" "$narrow"/*.onnx
