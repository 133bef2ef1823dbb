#!/bin/sh
# Everything that only a GPU can show: plans, parity, latency of every model and of the whole frame on TensorRT.
#
#   tests/tensorrt-gpu.sh [FILE]
#
# Needs an NVIDIA GPU with TensorRT (a Jetson has both). Writes JSON lines to FILE (default: tensorrt-gpu.jsonl): what `ushydra doctor` says
# of the machine; for every bundle in f32, f16 and int8 the parity against the CPU engine and the times of `ushydra bench`; for every
# model the whole call, the GPU's own time, with a CUDA graph and call by call. USHYDRA_CACHE keeps the plans.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
out=$(realpath -m "${1:-tensorrt-gpu.jsonl}")
cd "$root"
cargo build --quiet --release --locked -p ushydra -p ushydra-engine --features ushydra/tensorrt --bin ushydra --example engine-times
built=${CARGO_TARGET_DIR:-$root/target}/release
ushydra() {
    "$built/ushydra" "$@"
}
model_times() {
    "$built/examples/engine-times" "$@"
}

if ! ushydra engine list --json | grep -q '"backend":"tensorrt","usable":true'; then
    echo "skipped: TensorRT cannot be used on this machine:"
    ushydra engine list
    exit 0
fi
ushydra doctor --json >"$out"
for bundle in models/*/bundle.toml; do
    folder=$(dirname "$bundle")
    for precision in f32 f16 int8; do
        # A bundle without int8 decoders, or a precision that fails the gate, is told on the console and goes without figures.
        if ushydra engine build --json --backend tensorrt --precision "$precision" --bundle "$folder" >>"$out"; then
            ushydra bench --json --backend tensorrt --precision "$precision" --bundle "$folder" >>"$out"
        fi
    done
    ushydra bench --json --backend tract --bundle "$folder" >>"$out"
    for model in "$folder"/encoder.onnx "$folder"/decoders/*.onnx; do
        case $model in
        *.qop.onnx) ;;
        *.qdq.onnx) model_times tensorrt int8 "$model" >>"$out" ;;
        *)
            model_times tensorrt f32 "$model" >>"$out"
            model_times tensorrt f16 "$model" >>"$out"
            ;;
        esac
    done
done
echo "figures in $out"
