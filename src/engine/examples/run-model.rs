//! Runs one ONNX model with tract: the counterpart of onnxruntime in `tests/onnxruntime-parity.sh`.
//!
//! ```text
//! run-model MODEL                       prints the inputs and outputs
//! run-model MODEL INPUT OUTPUT          computes every frame of INPUT
//! run-model MODEL INPUT --bench         after each line on stdin, runs the first frame and prints the milliseconds
//!
//! --threads N                           CPU threads (default: all cores)
//! ```
//!
//! INPUT and OUTPUT hold little-endian f32: for each frame all inputs, or outputs, in the model's order.

use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use ushydra_engine::{Backend, Engine, EngineOptions, TensorInfo, load};

const USAGE: &str = "give MODEL, MODEL INPUT OUTPUT, or MODEL INPUT --bench, and --threads N if wanted";

fn main() -> Result<()> {
    let (mut files, mut bench_mode, mut threads) = (Vec::new(), false, 0);
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--bench") => bench_mode = true,
            Some("--threads") => {
                let count = arguments.next().context("--threads needs a number")?;
                threads = count.to_string_lossy().parse().context("--threads needs a number")?;
            }
            _ => files.push(PathBuf::from(argument)),
        }
    }
    let model = files.first().context(USAGE)?;
    let mut engine = load(model, Backend::Tract, &EngineOptions::with_threads(threads))?;
    match (&files[1..], bench_mode) {
        ([], false) => describe(&*engine),
        ([input, output], false) => compute(&mut *engine, input, output),
        ([input], true) => bench(&mut *engine, input),
        _ => bail!(USAGE),
    }
}

fn describe(engine: &dyn Engine) -> Result<()> {
    let info = engine.info();
    for (side, tensors) in [("input", &info.inputs), ("output", &info.outputs)] {
        for tensor in tensors {
            println!("{side} {tensor}");
        }
    }
    Ok(())
}

fn compute(engine: &mut dyn Engine, input: &Path, output: &Path) -> Result<()> {
    let values = read(input)?;
    let lengths = elements(&engine.info().inputs);
    let frame = lengths.iter().sum::<usize>();
    ensure!(!values.is_empty() && values.len() % frame == 0, "{} must hold frames of {frame} values", input.display());
    let mut results = Vec::new();
    for frame in values.chunks(frame) {
        let mut outputs = buffers(engine);
        run(engine, &split(frame, &lengths), &mut outputs)?;
        results.extend(outputs.iter().flatten().flat_map(|value| value.to_le_bytes()));
    }
    std::fs::write(output, results).with_context(|| format!("cannot write {}", output.display()))
}

fn bench(engine: &mut dyn Engine, input: &Path) -> Result<()> {
    let values = read(input)?;
    let lengths = elements(&engine.info().inputs);
    let inputs = split(&values, &lengths);
    let mut outputs = buffers(engine);
    for line in std::io::stdin().lock().lines() {
        line?;
        let start = Instant::now();
        run(engine, &inputs, &mut outputs)?;
        println!("{:.4}", start.elapsed().as_secs_f64() * 1e3);
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn run(engine: &mut dyn Engine, inputs: &[&[f32]], outputs: &mut [Vec<f32>]) -> Result<()> {
    let mut views = outputs.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>();
    Ok(engine.run(inputs, &mut views)?)
}

fn read(file: &Path) -> Result<Vec<f32>> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let (values, rest) = bytes.as_chunks();
    ensure!(rest.is_empty(), "{} does not hold whole f32 values", file.display());
    Ok(values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

fn elements(tensors: &[TensorInfo]) -> Vec<usize> {
    tensors.iter().map(TensorInfo::elements).collect()
}

fn buffers(engine: &dyn Engine) -> Vec<Vec<f32>> {
    elements(&engine.info().outputs).into_iter().map(|length| vec![0.0; length]).collect()
}

/// The first pieces of `values` of the given lengths.
fn split<'a>(mut values: &'a [f32], lengths: &[usize]) -> Vec<&'a [f32]> {
    let mut pieces = Vec::new();
    for length in lengths {
        let (piece, rest) = values.split_at(values.len().min(*length));
        pieces.push(piece);
        values = rest;
    }
    pieces
}
