//! `ushydra bench`: time of every stage on this machine.

use std::time::{Duration, Instant};

use serde::Serialize;
use ushydra_probe::{Frame, Next, Pace};

use super::{load_models, open_bundle};
use crate::cli::{BenchArguments, Settings};
use crate::failure::Failure;
use crate::live::SourceChoice;
use crate::locate;
use crate::machine::{self, Machine};
use crate::pipeline::{Pipeline, PipelineOptions, Timing};
use crate::report::Output;

/// Frames before the measured ones: buffers, caches and clocks settle.
const WARM_UP: u64 = 3;
/// Longest wait for a frame of a file.
const PATIENCE: Duration = Duration::from_secs(5);

/// A stage's name and how to read it from a frame's timing.
type Stage = (&'static str, fn(&Timing) -> Duration);

const STAGES: [Stage; 8] = [
    ("decode_input", |t| t.decode_input),
    ("preprocess", |t| t.preprocess),
    ("encode", |t| t.encode),
    ("route", |t| t.route),
    ("decode", |t| t.decode),
    // Nothing for a classifier.
    ("measure", |t| t.measure),
    // What is ours on the frame path: everything but input and engine calls.
    ("own_code", |t| t.total.saturating_sub(t.decode_input + t.encode + t.decode)),
    ("total", |t| t.total),
];

#[derive(Serialize)]
struct Report {
    version: &'static str,
    optimised: bool,
    machine: Machine,
    threads: usize,
    bundle: String,
    backend: &'static str,
    precision: String,
    routing: &'static str,
    source: String,
    width: u32,
    height: u32,
    frames: u64,
    startup_ms: Startup,
    stages_us: std::collections::BTreeMap<&'static str, Spread>,
    peak_memory_mib: Option<u64>,
}

#[derive(Serialize)]
struct Startup {
    verify_bundle: f64,
    load_models_and_self_test: f64,
}

#[derive(Clone, Copy, Serialize)]
struct Spread {
    median: f64,
    p95: f64,
}

impl Spread {
    /// Nearest-rank percentiles of at least one value.
    fn of(mut values: Vec<Duration>) -> Self {
        values.sort_unstable();
        let at = |percent: usize| {
            let rank = (values.len() * percent).div_ceil(100).max(1);
            values.get(rank - 1).map_or(0.0, |d| d.as_secs_f64() * 1e6)
        };
        Self { median: at(50), p95: at(95) }
    }
}

pub(super) fn bench(arguments: &BenchArguments, settings: &Settings, output: &mut Output) -> Result<(), Failure> {
    if let Some(live) = arguments.source.as_ref().filter(|source| source.is_live()) {
        let message = format!(
            "bench waits for no device, and {live} is one; name file:PATH or phantom:VIEW, or see `probe test`"
        );
        return Err(Failure::Usage(message));
    }
    let begin = Instant::now();
    let bundle = open_bundle(settings)?;
    let verify_bundle = milliseconds(begin.elapsed());
    let chosen = match &arguments.source {
        Some(chosen) => chosen.clone(),
        None => SourceChoice::File(locate::demo_cine(Some(bundle.root()))?),
    };
    let begin = Instant::now();
    let models = load_models(&bundle, settings)?;
    let load_models_and_self_test = milliseconds(begin.elapsed());
    let precision = models.precisions();
    let options = PipelineOptions { routing: settings.routing.clone(), gate: settings.gate, live: false };
    let mut pipeline = Pipeline::new(&bundle, models, &options)?;
    let mut source = chosen.open(Pace::AsFastAsPossible, true)?;
    let mut frame = Frame::new();
    let mut timings = Vec::with_capacity(arguments.frames as usize);
    while (timings.len() as u64) < arguments.frames {
        match source.next(&mut frame, PATIENCE).map_err(|e| Failure::input(&e))? {
            Next::Frame => {}
            Next::Timeout | Next::Lost => continue,
            Next::End => {
                return Err(Failure::Input {
                    source_name: chosen.to_string(),
                    message: "it has no frame to measure on; name another file with --source file:PATH".to_owned(),
                });
            }
        }
        let result = pipeline
            .process(&frame)
            .map_err(|fault| Failure::Input { source_name: frame.source.to_string(), message: fault.to_string() })?;
        if frame.sequence >= WARM_UP {
            timings.push(result.timing);
        }
    }
    let identity = pipeline.identity();
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        optimised: !cfg!(debug_assertions),
        machine: Machine::describe(),
        threads: settings.threads,
        bundle: identity.bundle.clone(),
        backend: identity.backend,
        precision,
        routing: identity.mode,
        source: chosen.to_string(),
        width: frame.geometry.width,
        height: frame.geometry.height,
        frames: arguments.frames,
        startup_ms: Startup { verify_bundle, load_models_and_self_test },
        stages_us: STAGES.map(|(name, read)| (name, Spread::of(timings.iter().map(read).collect()))).into(),
        peak_memory_mib: machine::peak_memory_mib(),
    };
    if output.is_json() { output.json(&report) } else { print(&report, output) }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn print(report: &Report, output: &mut Output) -> Result<(), Failure> {
    let machine = &report.machine;
    output.text(format_args!(
        "ushydra {} ({}), {} {}, {} cores, {} engine threads",
        report.version,
        if report.optimised { "optimised" } else { "NOT OPTIMISED: measure with a release build" },
        machine.processor,
        machine.architecture,
        machine.cores,
        report.threads
    ))?;
    output.text(format_args!(
        "{} on {} in {}, routing {}, {} frames of {} ({}x{})",
        report.bundle,
        report.backend,
        report.precision,
        report.routing,
        report.frames,
        report.source,
        report.width,
        report.height
    ))?;
    output.text(format_args!(
        "start: bundle verified in {:.0} ms, models loaded and tested in {:.0} ms",
        report.startup_ms.verify_bundle, report.startup_ms.load_models_and_self_test
    ))?;
    output.text(format_args!("{:<14} {:>12} {:>12}", "stage", "median", "p95"))?;
    for (name, _) in STAGES {
        if let Some(spread) = report.stages_us.get(name) {
            output.text(format_args!("{name:<14} {:>9.3} ms {:>9.3} ms", spread.median / 1e3, spread.p95 / 1e3))?;
        }
    }
    if let Some(peak) = report.peak_memory_mib {
        output.text(format_args!("peak memory {peak} MiB"))?;
    }
    Ok(())
}
