"""The part of onnxruntime-parity.sh that knows onnxruntime."""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import time
import tomllib

import numpy
import onnx
import onnxruntime

TOLERANCE = 1e-4
# An int8 model rounds between its layers, where a value at the edge between two steps falls to either side by the last bit of a
# float. What has to agree is the mean, and all but a few of the values.
INT8_FORMS = (".qdq.onnx", ".qop.onnx")
INT8_MEAN = 0.03
INT8_OUTLIER = 0.25
INT8_OUTLIERS = 0.01
# int8 models: a value between two steps may round either way, and the step carries on. The mean difference stays small against the
# spread of the output; the largest label of a golden picture stays the same.
INT8_TOLERANCE = 0.02
RANDOM_FRAMES = 3
THREADS = 2
ROUNDS = 60
# onnxruntime's threads spin for a while after a run; tract must not be timed against them, nor the other way round.
PAUSE_SECONDS = 0.03


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runner", required=True, help="the example run-model of ushydra-engine")
    parser.add_argument("--golden", required=True, help="the example golden-input of ushydra-engine")
    parser.add_argument("--root", type=pathlib.Path, required=True, help="the project")
    parser.add_argument("--bench", action="store_true", help="compare the speed too")
    parser.add_argument("models", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    models = arguments.models or sorted((arguments.root / "models").rglob("*.onnx"))
    if not models:
        print("no .onnx file given and none under models/", file=sys.stderr)
        return 1
    failures = 0
    for model in models:
        onnx.checker.check_model(str(model), full_check=True)
        session = start(model)
        failures += not compare(arguments.runner, model, session, golden(arguments.golden, model, session))
        if arguments.bench:
            bench(arguments.runner, model, session)
    print(f"{len(models) - failures} of {len(models)} models agree")
    return 1 if failures else 0


def start(model: pathlib.Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def shapes(session: onnxruntime.InferenceSession) -> dict[str, list[int]]:
    """Shapes of the inputs; a symbolic batch is one frame."""
    return {
        value.name: [size if isinstance(size, int) else 1 for size in value.shape] for value in session.get_inputs()
    }


def frames(session: onnxruntime.InferenceSession) -> list[dict[str, numpy.ndarray]]:
    """Normalised pictures or features: zero mean and unit variance, a smooth one, zeros."""
    random = numpy.random.default_rng(7)

    def frame(kind: int, shape: list[int]) -> numpy.ndarray:
        match kind:
            case 0:
                return numpy.zeros(shape)
            case 1:
                return 2 * numpy.sin(numpy.linspace(0, 40, int(numpy.prod(shape)))).reshape(shape)
            case _:
                return random.standard_normal(shape)

    return [
        {name: frame(kind, shape).astype(numpy.float32) for name, shape in shapes(session).items()}
        for kind in range(2 + RANDOM_FRAMES)
    ]


def golden(tool: str, model: pathlib.Path, session: onnxruntime.InferenceSession) -> list[dict[str, numpy.ndarray]]:
    """The golden picture of the bundle that the model belongs to, through the encoder where the model is a decoder."""
    bundle = next((folder for folder in model.parents if (folder / "bundle.toml").is_file()), None)
    if bundle is None:
        return []
    manifest = tomllib.loads((bundle / "bundle.toml").read_text())
    encoder = bundle / manifest["encoder"]["file"]
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder, "golden.f32")
        subprocess.run([tool, bundle, output], check=True)
        values = numpy.frombuffer(output.read_bytes(), numpy.float32)
    if model.samefile(encoder):
        ((name, shape),) = shapes(session).items()
        return [{name: values.reshape(shape)}]
    source = start(encoder)
    ((name, shape),) = shapes(source).items()
    outputs = dict(zip([output.name for output in source.get_outputs()], source.run(None, {name: values.reshape(shape)})))
    return [{name: outputs[name] for name in shapes(session)}]


def compare(
    runner: str, model: pathlib.Path, session: onnxruntime.InferenceSession, more: list[dict[str, numpy.ndarray]]
) -> bool:
    inputs = frames(session) + more
    expected = [session.run(None, frame) for frame in inputs]
    int8 = model.name.endswith((".qdq.onnx", ".qop.onnx"))
    found = numpy.frombuffer(tract(runner, model, inputs), numpy.float32)
    if model.name.endswith(INT8_FORMS):
        return compare_int8(model, expected, found)
    worst, same_label = 0.0, True
    for index, outputs in enumerate(expected):
        is_golden = index >= len(inputs) - len(more)
        for output in outputs:
            part, found = found[: output.size], found[output.size :]
            difference = numpy.abs(part - output.ravel())
            if int8:
                worst = max(worst, float(difference.mean() / max(output.std(), 1e-6)))
            else:
                worst = max(worst, float((difference / numpy.maximum(1, numpy.abs(output.ravel()))).max()))
            # A map of logits has no label, and in a flat one the largest value is anywhere.
            judged = output.ndim <= 2 and (is_golden or not int8)
            same_label &= not judged or int(part.argmax()) == int(output.argmax())
    agrees = worst <= (INT8_TOLERANCE if int8 else TOLERANCE) and same_label and not found.size
    label = "same" if same_label else "different"
    measure = "mean difference of a frame against the spread" if int8 else "largest difference"
    print(f"{'ok  ' if agrees else 'FAIL'} {model}: {measure} {worst:.1e}, {label} largest output")
    return agrees


def compare_int8(model: pathlib.Path, expected: list[list[numpy.ndarray]], found: numpy.ndarray) -> bool:
    """Mean difference and share of outliers over all frames, in units of the outputs' standard deviation."""
    wanted = numpy.concatenate([output.ravel() for outputs in expected for output in outputs])
    if wanted.size != found.size:
        print(f"FAIL {model}: {found.size} values instead of {wanted.size}")
        return False
    difference = numpy.abs(found - wanted) / wanted.std()
    mean, outliers = float(difference.mean()), float((difference > INT8_OUTLIER).mean())
    agrees = mean <= INT8_MEAN and outliers <= INT8_OUTLIERS
    print(
        f"{'ok  ' if agrees else 'FAIL'} {model}: int8, mean difference {mean:.1e} of the deviation, "
        f"{100 * outliers:.2f} % beyond {INT8_OUTLIER} of it"
    )
    return agrees


def tract(runner: str, model: pathlib.Path, inputs: list[dict[str, numpy.ndarray]]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "input.f32"), pathlib.Path(folder, "output.f32")
        source.write_bytes(b"".join(value.tobytes() for frame in inputs for value in frame.values()))
        subprocess.run([runner, model, source, target, "--threads", str(THREADS)], check=True)
        return target.read_bytes()


def bench(runner: str, model: pathlib.Path, session: onnxruntime.InferenceSession) -> None:
    frame = frames(session)[-1]
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "input.f32")
        source.write_bytes(b"".join(value.tobytes() for value in frame.values()))
        command = [runner, model, source, "--bench", "--threads", str(THREADS)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

            def run_tract() -> float:
                process.stdin.write("run\n")
                process.stdin.flush()
                return float(process.stdout.readline())

            def run_onnxruntime() -> float:
                begin = time.perf_counter()
                session.run(None, frame)
                return (time.perf_counter() - begin) * 1e3

            times = {"tract": [], "onnxruntime": []}
            for _ in range(ROUNDS):
                for name, run in (("tract", run_tract), ("onnxruntime", run_onnxruntime)):
                    run()
                    times[name].append(run())
                    time.sleep(PAUSE_SECONDS)
            process.stdin.close()
    for name, values in times.items():
        low, median, high = numpy.percentile(values, [25, 50, 75])
        print(f"     {name:12} {median:8.3f} ms  (quartiles {low:.3f} to {high:.3f}, fastest {min(values):.3f})")
    ratios = [a / b for a, b in zip(times["tract"], times["onnxruntime"])]
    low, median, high = numpy.percentile(ratios, [25, 50, 75])
    fastest = min(times["tract"]) / min(times["onnxruntime"])
    print(f"     ratio        {median:8.3f}     (quartiles {low:.3f} to {high:.3f}, of the fastest {fastest:.3f})")


if __name__ == "__main__":
    sys.exit(main())
