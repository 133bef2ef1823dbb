//! `ushydra engine list|build|clean`: what runs models here, and what was built for this machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use ushydra_bundle::Parity;
use ushydra_engine::{Backend, Comparison, DecoderTimes, EngineCache, EngineError, Precision, Prepared};
use ushydra_probe::{FileSource, Frame, FrameSource, Next, Pace};

use super::open_bundle;
use crate::cli::{EngineCommand, Settings};
use crate::failure::Failure;
use crate::locate;
use crate::report::Output;

/// Longest wait for a frame of a file.
const PATIENCE: Duration = Duration::from_secs(5);

/// One backend.
#[derive(Serialize)]
pub(super) struct Listed {
    #[serde(skip)]
    pub(super) backend: Backend,
    /// Its name on the command line.
    #[serde(rename = "backend")]
    pub(super) name: &'static str,
    /// Whether it can run a model here.
    pub(super) usable: bool,
    /// What it is, or why it cannot be used and what to do.
    pub(super) detail: String,
}

pub(super) fn engine(command: &EngineCommand, settings: &Settings, output: &mut Output) -> Result<(), Failure> {
    match command {
        EngineCommand::List => list(settings, output),
        EngineCommand::Build { calibration } => build(calibration, settings, output),
        EngineCommand::Clean => clean(output),
    }
}

fn list(settings: &Settings, output: &mut Output) -> Result<(), Failure> {
    for listed in backends(settings) {
        if output.is_json() {
            output.json(&listed)?;
            continue;
        }
        let state = if listed.usable { "usable" } else { "not usable" };
        output.text(format_args!("{:<10} {state}: {}", listed.name, listed.detail))?;
    }
    let cache = EngineCache::default();
    for entry in cache.entries().map_err(|cause| unreadable(&cache, cause))? {
        let Some(plan) = entry.plan else { continue };
        let key = &plan.key;
        if output.is_json() {
            output.json(&Plan {
                plan: &entry.path,
                source: &plan.source,
                bytes: plan.bytes,
                seconds: plan.seconds,
                key,
            })?;
            continue;
        }
        output.text(format_args!(
            "plan       {} in {} for {} (compute capability {}, {}): {} bytes, built in {:.0} s",
            plan.source, key.precision, key.gpu, key.compute_capability, key.library, plan.bytes, plan.seconds
        ))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Plan<'a> {
    plan: &'a Path,
    source: &'a str,
    bytes: u64,
    seconds: f64,
    key: &'a ushydra_engine::PlanKey,
}

/// Every backend of the command line.
pub(super) fn backends(settings: &Settings) -> Vec<Listed> {
    let options = settings.engine();
    [(Backend::Tensorrt, "tensorrt", "NVIDIA GPU"), (Backend::Tract, "tract", "CPU, built in")]
        .into_iter()
        .map(|(backend, name, what)| {
            let (usable, detail) = match backend.available(&options) {
                Ok(()) => (true, what.to_owned()),
                Err(error) => (false, error.to_string()),
            };
            Listed { backend, name, usable, detail }
        })
        .collect()
}

#[derive(Serialize)]
struct Built<'a> {
    bundle: &'a str,
    backend: &'static str,
    precision: &'a str,
    seconds: f64,
    /// Against the CPU engine in f32; null where that is all that was prepared.
    parity: Option<&'a Parity>,
    /// Times of the decoders that have an int8 form, on the CPU.
    decoders: Vec<Times<'a>>,
}

#[derive(Serialize)]
struct Times<'a> {
    #[serde(flatten)]
    times: &'a DecoderTimes,
    chosen: Precision,
}

fn build(calibration: &[PathBuf], settings: &Settings, output: &mut Output) -> Result<(), Failure> {
    let bundle = open_bundle(settings)?;
    let backends = match settings.backend {
        Backend::Auto if Backend::Tensorrt.available(&settings.engine()).is_ok() => {
            vec![Backend::Tensorrt, Backend::Tract]
        }
        Backend::Auto => vec![Backend::Tract],
        asked => vec![asked],
    };
    // Where the demo cine is not installed, the golden picture has to do.
    let pictures = locate::demo_cine(Some(bundle.root())).into_iter().chain(calibration.iter().cloned());
    let pictures = pictures.collect::<Vec<_>>();
    let mut failed = None;
    for backend in backends {
        let mut unreadable = None;
        let prepared = ushydra_engine::prepare(&bundle, backend, &settings.engine(), &mut |comparison| {
            unreadable = compare(&pictures, comparison)?;
            Ok(())
        });
        match prepared {
            Ok(prepared) => tell(&bundle.id(), &prepared, output)?,
            // The other backend may still be of use.
            Err(error) if settings.backend == Backend::Auto && backend == Backend::Tensorrt => {
                log::error!("{error}");
                failed = Some(error);
            }
            Err(error) => return Err(error.into()),
        }
        if let Some(failure) = unreadable {
            return Err(failure);
        }
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}

/// Compares on every frame of `inputs`. An input that cannot be read is the second result, after all the others were used.
fn compare(inputs: &[PathBuf], comparison: &mut Comparison<'_>) -> Result<Option<Failure>, EngineError> {
    let mut failure = None;
    if inputs.is_empty() {
        return Ok(failure);
    }
    let Ok(mut source) = FileSource::open(inputs, Pace::AsFastAsPossible, false)
        .inspect_err(|error| failure = Some(Failure::input(error)))
    else {
        return Ok(failure);
    };
    let mut frame = Frame::new();
    loop {
        match source.next(&mut frame, PATIENCE) {
            Ok(Next::Frame) => match frame.view() {
                Ok(view) => comparison.add(view)?,
                Err(error) => log::warn!("{}: {error}", frame.source),
            },
            Ok(Next::End) => return Ok(failure),
            Ok(Next::Timeout | Next::Lost) => log::warn!("no frame for {PATIENCE:?} from {}", source.describe()),
            Err(fault) => {
                log::error!("{}: {}", fault.source_name(), fault.fault());
                failure = Some(Failure::Input {
                    source_name: fault.source_name().to_owned(),
                    message: fault.fault().to_string(),
                });
            }
        }
    }
}

fn tell(bundle: &str, prepared: &Prepared, output: &mut Output) -> Result<(), Failure> {
    let decoders = prepared.choice.iter().flat_map(|choice| &choice.decoders);
    let decoders = decoders.map(|times| Times { times, chosen: times.faster() }).collect::<Vec<_>>();
    if output.is_json() {
        return output.json(&Built {
            bundle,
            backend: prepared.backend,
            precision: &prepared.precisions,
            seconds: prepared.time.as_secs_f64(),
            parity: prepared.parity.as_ref(),
            decoders,
        });
    }
    let seconds = prepared.time.as_secs_f64();
    output.text(format_args!(
        "{bundle} on {} in {}: ready after {seconds:.1} s",
        prepared.backend, prepared.precisions
    ))?;
    if let Some(parity) = &prepared.parity {
        output.text(format_args!("  against the CPU engine in f32, {parity}"))?;
    }
    for Times { times: DecoderTimes { domain, f32_us, int8_us }, chosen } in decoders {
        let (f32_ms, int8_ms) = (f32_us / 1e3, int8_us / 1e3);
        output
            .text(format_args!("  decoder {domain:<10} f32 {f32_ms:.2} ms, int8 {int8_ms:.2} ms: {chosen} is used"))?;
    }
    Ok(())
}

/// Where plans and measurements lie and how many there are.
pub(super) fn cache() -> String {
    let cache = EngineCache::default();
    let Some(folder) = cache.folder() else {
        return "none: neither USHYDRA_CACHE nor HOME is set, engines are built at every start".to_owned();
    };
    match cache.entries() {
        Ok(entries) => {
            let plans = entries.iter().filter(|entry| entry.plan.is_some()).count();
            let bytes = entries.iter().map(|entry| entry.bytes).sum::<u64>();
            format!("{}: {plans} TensorRT plans, {} files, {bytes} bytes", folder.display(), entries.len())
        }
        Err(cause) => unreadable(&cache, cause).to_string(),
    }
}

fn clean(output: &mut Output) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Cleaned {
        files: usize,
        bytes: u64,
    }
    let cache = EngineCache::default();
    let (files, bytes) = cache.clean().map_err(|cause| unreadable(&cache, cause))?;
    if output.is_json() {
        return output.json(&Cleaned { files, bytes });
    }
    let folder = cache.folder().map_or_else(|| "no folder".to_owned(), |folder| folder.display().to_string());
    output.text(format_args!("{files} files with {bytes} bytes removed from {folder}"))
}

fn unreadable(cache: &EngineCache, cause: std::io::Error) -> Failure {
    let folder = cache.folder().map(|folder| folder.display().to_string()).unwrap_or_default();
    Failure::Machine(format!(
        "the engine cache {folder}: {cause}; check its permissions, or set USHYDRA_CACHE to another folder"
    ))
}
