//! The way of a frame: preprocessing and pixel moments, encoder, feature moments, router, hysteresis, one decoder, gate. For a
//! segmentation bundle the decoder's logits are smoothed over the cine, brought to the frame's size, cleaned and measured.
//!
//! Everything that a frame needs is allocated when the pipeline is built (the preprocessing's buffers with the first
//! frame of a geometry). After that our own code allocates nothing; what an engine does inside its call is its affair.

mod fault;
mod identity;
mod measurements;
mod result;
mod segmenter;
mod softmax;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ushydra_bundle::{Bundle, Preprocessor, Task};
use ushydra_core::{Decision, Gate, Hysteresis, Moments, Quality, Router, Verdict};
use ushydra_engine::{EngineError, EngineOptions, Models};
use ushydra_measure::Mask;
use ushydra_probe::Frame;

use crate::config::GateConfig;
use crate::failure::Failure;
use crate::routing::{Oracle, RoutingChoice};
use measurements::{Context, Measurer};
use segmenter::Segmenter;

pub use fault::FrameFault;
pub use identity::Identity;
pub use measurements::{Head, MeasurementSet, Measurements, Unit};
pub use result::{Answer, ClassResult, FrameResult, MaskResult, Timing};

/// How a pipeline differs from what its bundle says.
#[derive(Clone, Debug, Default)]
pub struct PipelineOptions {
    /// Routing; none means the bundle's own mode.
    pub routing: Option<RoutingChoice>,
    /// Overrides of the gate.
    pub gate: GateConfig,
    /// Whether frames are live: then a result that comes too late is withheld as stale.
    pub live: bool,
}

/// One bundle, ready to judge frames.
pub struct Pipeline {
    identity: Identity,
    preprocessor: Preprocessor,
    models: Models,
    router: Router<Box<[f32]>>,
    oracle: Option<Oracle>,
    hysteresis: Hysteresis,
    gate: Gate,
    live: bool,
    /// The encoder's input.
    image: Box<[f32]>,
    segmenter: Segmenter,
    measurer: Measurer,
    result: FrameResult,
}

impl Pipeline {
    /// Joins a bundle with its loaded models.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a fixed domain that the bundle does not have, [`Failure::Input`] for an oracle that cannot
    /// be read, [`Failure::BundleUnfit`] for models that do not fit together.
    pub fn new(bundle: &Bundle, models: Models, options: &PipelineOptions) -> Result<Self, Failure> {
        let manifest = bundle.manifest();
        let unfit = |message: String| Failure::BundleUnfit { name: bundle.id(), message };
        let metric = match options.routing {
            Some(RoutingChoice::Metric(metric)) => metric,
            _ => manifest.routing.mode.into(),
        };
        let mut router = bundle.router(metric)?;
        let oracle = match &options.routing {
            Some(RoutingChoice::Fixed(domain)) => {
                let index = router.table().index_of(domain).ok_or_else(|| {
                    let known = manifest.domains.join(", ");
                    Failure::Usage(format!("--routing fixed:{domain}: {} has the domains {known}", bundle.id()))
                })?;
                router.force(Some(index)).map_err(|e| Failure::Internal(e.to_string()))?;
                None
            }
            Some(RoutingChoice::Oracle(path)) => Some(Oracle::read(path).map_err(|e| Failure::Input {
                source_name: format!("--routing oracle:{}", path.display()),
                message: e.to_string(),
            })?),
            Some(RoutingChoice::Metric(_)) | None => None,
        };
        let mut gate = manifest.gate.gate();
        gate.min_probability = options.gate.min_probability.unwrap_or(gate.min_probability);
        gate.max_age_ms = options.gate.max_age_ms.unwrap_or(gate.max_age_ms);

        let identity = Identity::new(bundle, models.backend(), options.routing.as_ref(), metric);
        Ok(Self {
            preprocessor: Preprocessor::new(&manifest.input).map_err(|e| unfit(e.to_string()))?,
            image: vec![0.0; manifest.input.values()].into_boxed_slice(),
            segmenter: Segmenter::new(&manifest.input),
            measurer: Measurer::new(MeasurementSet::of(manifest)),
            result: blank(manifest.task, manifest.labels.len()),
            // A forced decoder must be followed at once.
            hysteresis: match options.routing {
                Some(RoutingChoice::Fixed(_) | RoutingChoice::Oracle(_)) => Hysteresis::new(1, 1),
                Some(RoutingChoice::Metric(_)) | None => manifest.hysteresis.start(),
            },
            live: options.live,
            identity,
            models,
            router,
            oracle,
            gate,
        })
    }

    /// Names that results refer to.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Loads the decoders' cheaper form, where there is one. The answer says whether.
    ///
    /// # Errors
    /// See [`Models::load_cheaper`]; the pipeline stays usable.
    pub fn load_cheaper(&mut self, bundle: &Bundle, options: &EngineOptions) -> Result<bool, EngineError> {
        self.models.load_cheaper(bundle, options)
    }

    /// Whether the decoders have a cheaper form, see [`Models::load_cheaper`].
    #[must_use]
    pub fn has_cheaper(&self) -> bool {
        self.models.has_cheaper()
    }

    /// Decodes with the cheaper forms from the next frame on, or no longer.
    pub fn use_cheaper(&mut self, cheaper: bool) {
        self.models.use_cheaper(cheaper);
    }

    /// Judges one frame. The result belongs to the pipeline until the next call.
    ///
    /// Hysteresis, smoothing and the measurements over a cine start anew with every source, so that pictures do not influence
    /// each other.
    ///
    /// # Errors
    /// [`FrameFault`]; the pipeline stays usable.
    pub fn process(&mut self, frame: &Frame) -> Result<&FrameResult, FrameFault> {
        let begin = Instant::now();
        // A repeated cine begins anew even where its first frame was dropped.
        let begins = frame.index == 0 || frame.index < self.result.index;
        if begins || *frame.source != *self.result.source {
            self.hysteresis.reset();
            self.segmenter.reset();
            self.measurer.reset();
        } else if self.is_late(frame.captured.saturating_duration_since(self.result.captured)) {
            // The live picture before was of another moment.
            self.segmenter.reset();
        }
        let preprocessed = self.preprocessor.run(frame.view()?, &mut self.image)?;
        let preprocess = begin.elapsed();

        let at = Instant::now();
        let features = self.models.encode(&self.image)?;
        let encode = at.elapsed();

        let at = Instant::now();
        let quality = Quality::new(preprocessed.channels(), Moments::of(features)?)?;
        if let Some(oracle) = &self.oracle {
            let decoder = oracle.decoder(&frame.source, &self.identity.domains)?;
            self.router.force(Some(decoder))?;
        }
        let decision = self.router.route(&quality, features)?;
        let decoder = self.hysteresis.update(decision.decoder);
        let route = at.elapsed();

        let at = Instant::now();
        let logits = self.models.decode(decoder)?;
        let mut decode = at.elapsed();
        let at = Instant::now();
        let answer = &mut self.result.answer;
        match answer {
            Answer::Class(class) => class.label = softmax::softmax(logits, &mut class.probabilities)?,
            Answer::Mask(mask) => self.segmenter.segment(logits, frame.geometry, preprocessed.mapping(), mask)?,
        }
        let age = frame.captured.elapsed();
        let judged_age = if self.live { u64::try_from(age.as_millis()).unwrap_or(u64::MAX) } else { 0 };
        let mut verdict = self.gate.judge(decision.in_domain, answer.probability(), judged_age);
        let mut measure = Duration::ZERO;
        match answer {
            Answer::Class(_) => decode += at.elapsed(),
            Answer::Mask(mask) => {
                // Nothing was found, however little certainty the gate asks for.
                if mask.area_px == 0 && verdict == Verdict::Show {
                    verdict = Verdict::Unsure;
                }
                let context = Context {
                    crop: preprocessed.crop(),
                    in_domain: decision.in_domain,
                    unsure: verdict == Verdict::Unsure,
                    live: self.live,
                };
                (mask.measurements, self.result.cine) = self.measurer.measure(&mask.mask, frame, context);
                measure = at.elapsed();
            }
        }

        let result = &mut self.result;
        result.sequence = frame.sequence;
        result.captured = frame.captured;
        result.source = Arc::clone(&frame.source);
        result.index = frame.index;
        result.quality = quality;
        result.decision = decision;
        result.decoder = decoder;
        result.verdict = verdict;
        result.crop = preprocessed.crop();
        result.age = age;
        let total = frame.decode + begin.elapsed();
        result.timing = Timing { decode_input: frame.decode, preprocess, encode, route, decode, measure, total };
        Ok(result)
    }

    /// Whether a live frame of this age is stale.
    fn is_late(&self, age: Duration) -> bool {
        self.live && age > Duration::from_millis(self.gate.max_age_ms)
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// The result before the first frame.
fn blank(task: Task, labels: usize) -> FrameResult {
    FrameResult {
        sequence: 0,
        captured: Instant::now(),
        source: Arc::from(""),
        index: 0,
        quality: Quality::default(),
        decision: Decision { decoder: 0, disparity: Default::default(), margin: 0.0, in_domain: false },
        decoder: 0,
        answer: match task {
            Task::Classify => {
                Answer::Class(ClassResult { label: 0, probabilities: vec![0.0; labels].into_boxed_slice() })
            }
            Task::Segment => Answer::Mask(MaskResult {
                label: 0,
                mask: Mask::default(),
                area_px: 0,
                fraction: 0.0,
                ellipse: None,
                probability: 0.0,
                measurements: Measurements::None,
            }),
        },
        cine: None,
        verdict: Verdict::Stale,
        crop: Default::default(),
        age: Duration::ZERO,
        timing: Timing::default(),
    }
}
