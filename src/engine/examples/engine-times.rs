//! Times ONNX models on a backend and compares their values with tract in f32:
//!
//! ```text
//! cargo run --release -p ushydra-engine --features tensorrt --example engine-times -- tensorrt f16 models/*/encoder.onnx
//! ```
//!
//! One JSON line per model, for TensorRT with a CUDA graph and call by call: median and 95th percentile of the whole call, median of the
//! GPU's own time, largest difference to tract in f32.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ushydra_engine::{Backend, Engine, EngineOptions, Precision, load};

/// Runs before the measured ones: clocks and caches settle.
const WARM_UP: usize = 20;
const RUNS: usize = 200;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let usage = "name backend (tensorrt or tract), precision (f32, f16, int8) and models";
    let backend: Backend = words.next().context(usage)?.parse()?;
    let precision: Precision = words.next().context(usage)?.parse()?;
    let models = words.map(PathBuf::from).collect::<Vec<_>>();
    anyhow::ensure!(!models.is_empty(), usage);
    for model in &models {
        for single_calls in [false, true] {
            if !single_calls || backend == Backend::Tensorrt {
                measure(model, backend, precision, single_calls)?;
            }
        }
    }
    Ok(())
}

fn measure(model: &Path, backend: Backend, precision: Precision, single_calls: bool) -> Result<()> {
    let options =
        EngineOptions { precision: Some(precision), single_calls, device_times: true, ..EngineOptions::default() };
    let mut engine = load(model, backend, &options)?;
    let mut reference = load(model, Backend::Tract, &EngineOptions::default())?;
    let inputs = engine.info().inputs.iter().map(|tensor| wave(tensor.elements())).collect::<Vec<_>>();
    let expected = run(&mut *reference, &inputs)?;
    let found = run(&mut *engine, &inputs)?;
    let pairs = expected.iter().flatten().zip(found.iter().flatten());
    let difference = pairs.map(|(expected, found)| (expected - found).abs() / expected.abs().max(1.0));
    let difference = difference.fold(0.0, f32::max);

    let (mut calls, mut device) = (Vec::new(), Vec::new());
    for turn in 0..WARM_UP + RUNS {
        let begin = Instant::now();
        run(&mut *engine, &inputs)?;
        if turn >= WARM_UP {
            calls.push(begin.elapsed());
            device.extend(engine.device_time());
        }
    }
    println!(
        "{{\"model\":{:?},\"backend\":\"{backend}\",\"precision\":\"{precision}\",\"cuda_graph\":{},\"runs\":{RUNS},\"call_us\":{:.1},\"call_p95_us\":{:.1},\"device_us\":{},\"largest_difference\":{difference:e}}}",
        model.display().to_string(),
        backend == Backend::Tensorrt && !single_calls,
        microseconds(&mut calls, 50),
        microseconds(&mut calls, 95),
        if device.is_empty() { "null".to_owned() } else { format!("{:.1}", microseconds(&mut device, 50)) },
    );
    Ok(())
}

/// Values like those of a normalised picture.
fn wave(elements: usize) -> Vec<f32> {
    (0..elements).map(|index| 2.0 * (index as f32 * 0.37).sin()).collect()
}

fn run(engine: &mut dyn Engine, inputs: &[Vec<f32>]) -> Result<Vec<Vec<f32>>> {
    let mut outputs = engine.info().outputs.iter().map(|output| vec![0.0; output.elements()]).collect::<Vec<_>>();
    let inputs = inputs.iter().map(Vec::as_slice).collect::<Vec<_>>();
    let mut views = outputs.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>();
    engine.run(&inputs, &mut views)?;
    Ok(outputs)
}

/// Nearest-rank percentile of at least one value.
fn microseconds(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let rank = (times.len() * percent).div_ceil(100).max(1);
    times.get(rank - 1).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}
