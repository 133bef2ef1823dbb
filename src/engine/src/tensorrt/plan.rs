//! From an ONNX file to an engine: out of the cache, or built.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::Message as _;
use tensorrt_rs::{BuildOptions, Dla, Progress, SHIM_ABI, TensorRtError};
use ushydra_bundle::Digest;

use super::engine::TensorRtEngine;
use super::{Gpu, half, prepare_error};
use crate::cache::{EngineCache, PlanKey, TIMING, name_of};
use crate::error::EngineError;
use crate::model::{Model, read_bytes};
use crate::options::EngineOptions;
use crate::precision::Precision;

/// Messages about builds, which a program should show without being asked: they are why nothing else happens for minutes.
const TARGET: &str = "ushydra_engine::build";
/// Time between two messages about the same build.
const NEWS: Duration = Duration::from_secs(10);
/// What an operator is told before the first build of a model.
const UNKNOWN_TIME: &str = "usually one to ten minutes on a Jetson, once";

/// Loads and builds the models of one bundle.
pub(super) struct Planner<'a> {
    gpu: &'a Arc<Gpu>,
    options: &'a EngineOptions,
}

/// A model that is ready to run.
pub(super) struct Planned {
    pub(super) engine: TensorRtEngine,
    pub(super) key: PlanKey,
}

impl<'a> Planner<'a> {
    pub(super) fn new(gpu: &'a Arc<Gpu>, options: &'a EngineOptions) -> Self {
        Self { gpu, options }
    }

    /// The engine of `file`, which messages call `source`.
    pub(super) fn plan(&self, file: &Path, source: &str, precision: Precision) -> Result<Planned, EngineError> {
        let bytes = read_bytes(file)?;
        let model = Model::parse(file, &bytes)?;
        let key = self.key(&bytes, precision);
        let kept = self.options.cache.plan(&key).and_then(|plan| {
            match self.gpu.library.deserialize(&plan, self.options.dla) {
                Ok(engine) => Some(engine),
                Err(error) => {
                    log::warn!("the kept plan of {source} does not load, it is built again: {error}");
                    self.options.cache.forget_plan(&key);
                    None
                }
            }
        });
        let engine = match kept {
            Some(engine) => engine,
            None => self.build(&model, &bytes, file, source, &key)?,
        };
        Ok(Planned { engine: TensorRtEngine::new(self.gpu, &engine, &model, file, self.options)?, key })
    }

    fn key(&self, model: &[u8], precision: Precision) -> PlanKey {
        let (library, device) = (&self.gpu.library, self.gpu.cuda.device());
        let (major, minor) = device.compute_capability;
        PlanKey {
            model: Digest::of(model),
            precision,
            // Every model of a bundle has fixed shapes.
            profile: "static".to_owned(),
            dla: self.options.dla,
            shim_abi: SHIM_ABI,
            library: format!("{} {}", library.flavour(), library.version()),
            gpu: device.name.clone(),
            compute_capability: format!("{major}.{minor}"),
        }
    }

    fn build(
        &self,
        model: &Model,
        bytes: &[u8],
        file: &Path,
        source: &str,
        key: &PlanKey,
    ) -> Result<tensorrt_rs::Engine, EngineError> {
        let library = &self.gpu.library;
        let refuse = |error: TensorRtError| prepare_error(file, error);
        let typed = library.strongly_typed() && key.precision == Precision::F16;
        let onnx = typed.then(|| half::narrow(&model.proto).encode_to_vec());
        // Measurements of one model help the next, on the same GPU and version.
        let timing = name_of(&format!("{} {} {}", key.library, key.gpu, key.compute_capability));
        let options = BuildOptions {
            precision: match key.precision {
                Precision::F32 => tensorrt_rs::Precision::Fp32,
                Precision::F16 => tensorrt_rs::Precision::Fp16,
                Precision::Int8 => tensorrt_rs::Precision::Int8,
            },
            timing_cache: self.options.cache.bytes(&timing, TIMING).unwrap_or_default(),
            dla: self.options.dla.map(|core| Dla { core, gpu_fallback: true }),
            ..BuildOptions::default()
        };
        let mut news = News::begin(source, key, &self.options.cache);
        let built = library
            .build(&options, onnx.as_deref().unwrap_or(bytes), &mut |progress| news.hear(progress))
            .map_err(refuse)?;
        let engine = library.deserialize(&built.plan, self.options.dla).map_err(refuse)?;
        let time = news.end();
        self.options.cache.store_plan(key, source, &built.plan, time);
        if !built.timing_cache.is_empty() {
            self.options.cache.write(&timing, TIMING, &built.timing_cache);
        }
        Ok(engine)
    }
}

/// Tells the operator how far a build is.
struct News<'a> {
    source: &'a str,
    begin: Instant,
    told: Instant,
    /// The outermost phase, how many steps it has and how many are done.
    phase: Option<(String, u32, u32)>,
}

impl<'a> News<'a> {
    fn begin(source: &'a str, key: &PlanKey, cache: &EngineCache) -> Self {
        let records = cache.entries().unwrap_or_default().into_iter().filter_map(|entry| entry.plan);
        let before = records.filter(|plan| plan.source == source && plan.key.gpu == key.gpu).map(|plan| plan.seconds);
        let estimate = before
            .reduce(f64::max)
            .map_or_else(|| UNKNOWN_TIME.to_owned(), |seconds| format!("it took {seconds:.0} s before"));
        log::info!(target: TARGET, "building {source} in {} for {}: {estimate}", key.precision, key.gpu);
        let now = Instant::now();
        Self { source, begin: now, told: now, phase: None }
    }

    fn hear(&mut self, progress: &Progress) -> ControlFlow<()> {
        match progress {
            Progress::Started { phase, parent: None, steps } => self.phase = Some((phase.clone(), *steps, 0)),
            Progress::Step { phase, step } => {
                if let Some((outermost, _, done)) = &mut self.phase
                    && outermost == phase
                {
                    *done = step.saturating_add(1);
                }
            }
            Progress::Started { .. } | Progress::Finished { .. } => {}
        }
        if self.told.elapsed() >= NEWS {
            self.told = Instant::now();
            self.tell();
        }
        ControlFlow::Continue(())
    }

    fn tell(&self) {
        let elapsed = self.begin.elapsed().as_secs_f64();
        let Some((phase, steps, done)) = &self.phase else {
            log::info!(target: TARGET, "building {}: {elapsed:.0} s", self.source);
            return;
        };
        let share = f64::from(*done) / f64::from((*steps).max(1));
        let rest = if share > 0.0 {
            format!(", about {:.0} s more", elapsed * (1.0 - share).max(0.0) / share)
        } else {
            String::new()
        };
        log::info!(target: TARGET, "building {}: {phase} {:.0} %, {elapsed:.0} s{rest}", self.source, 100.0 * share);
    }

    fn end(&self) -> Duration {
        let time = self.begin.elapsed();
        log::info!(target: TARGET, "built {} in {:.1} s", self.source, time.as_secs_f64());
        time
    }
}
