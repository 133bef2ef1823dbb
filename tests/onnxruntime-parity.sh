#!/bin/sh
# Compares tract with onnxruntime on ONNX models, and with --bench their speed.
#
#   tests/onnxruntime-parity.sh [--bench] [MODEL.onnx ...]
#
# Default: every .onnx under models/. Checks each with onnx.checker, runs it in both on random inputs and on the inputs of
# golden files beside it, and demands the same largest output and differences of at most 1e-4 (relative to the larger of 1
# and the value); int8 decoders, where a value between two steps may round either way, are held to their mean difference. onnxruntime, onnx and numpy come from PyPI into a virtual environment in the cache folder
# ($XDG_CACHE_HOME or ~/.cache)/ushydra/onnxruntime; without PyPI the test says so and is skipped. USHYDRA_PROFILE=dev
# compares with the development build, which is built sooner.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ushydra/onnxruntime
python=$cache/bin/python

if ! "$python" -c 'import numpy, onnx, onnxruntime' 2>/dev/null; then
    python3 -m venv "$cache"
    log=$cache/install.log
    if ! "$python" -m pip install --disable-pip-version-check --retries 1 numpy onnx onnxruntime >"$log" 2>&1; then
        if grep -qiE 'NewConnectionError|connection (broken|refused|timed)|ConnectTimeout|name resolution' "$log"; then
            echo "skipped: numpy, onnx and onnxruntime are not installed and PyPI cannot be reached"
            exit 0
        fi
        cat "$log" >&2
        exit 1
    fi
fi

# The whole workspace is named so that the features, and with them the compiled tract, are those of `cargo test --workspace`. Values
# do not depend on the profile; times do.
case " $* " in
*" --bench "*) profile=release folder=release ;;
*) profile=dev folder=debug ;;
esac
cargo build --quiet --manifest-path "$root/Cargo.toml" --workspace --profile "$profile" \
    --example run-model --example golden-input
examples=${CARGO_TARGET_DIR:-$root/target}/$folder/examples
exec "$python" "$root/tests/onnxruntime_parity.py" \
    --runner "$examples/run-model" --golden "$examples/golden-input" --root "$root" "$@"
