//! `ushydra selftest`: the bundle, the routing, the preprocessing and the whole frame path on this machine.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use ushydra_bundle::{Bundle, Preprocessor};
use ushydra_core::{FrameGeometry, Metric, Moments, PixelFormat, Quality, channel_moments};
use ushydra_probe::Frame;

use super::bundle::check_bundle;
use crate::cli::Settings;
use crate::failure::Failure;
use crate::locate;
use crate::pipeline::{Answer, Pipeline, PipelineOptions};
use crate::report::{Checks, Output};
use crate::routing::{RoutingChoice, metric_name};

/// Size of the built-in picture, that of a common handheld probe.
const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
/// Frames of the timing check; the first one sizes buffers and is not counted.
const TIMED_FRAMES: usize = 6;
/// Greatest difference between two ways to compute the same moment in f32.
const MOMENT_TOLERANCE: f64 = 1e-4;
/// Greatest difference of a probability, or of the part that a mask covers, between two runs of the same frame.
const REPEAT_TOLERANCE: f64 = 1e-5;
/// Disparity that counts as none.
const NO_DISPARITY: f64 = 1e-9;

#[derive(Serialize)]
struct Subject {
    path: PathBuf,
    bundle: Option<String>,
}

pub(super) fn selftest(settings: &Settings, output: &mut Output) -> Result<(), Failure> {
    let folder = locate::bundle(settings.bundle.as_deref())?;
    let mut checks = Checks::new(output);
    let Some((bundle, models)) = check_bundle(&mut checks, &folder, settings)? else {
        return checks.finish(Subject { path: folder, bundle: None });
    };
    checks.make("routing", || route(&bundle))?;
    checks.make("preprocessing", || preprocessing(&bundle))?;
    // The built-in picture is in no csv, so an oracle would refuse it.
    let routing = settings.routing.clone().filter(|routing| !matches!(routing, RoutingChoice::Oracle(_)));
    let options = PipelineOptions { routing, gate: settings.gate, live: false };
    let built = checks.make("pipeline", || {
        let pipeline = Pipeline::new(&bundle, models, &options)?;
        let mode = pipeline.identity().mode;
        Ok((pipeline, format!("routing {mode}, {} domains", bundle.manifest().domains.len())))
    })?;
    if let Some(mut pipeline) = built {
        checks.make("same frame, same answer", || repetition(&mut pipeline))?;
        let max_age = settings.gate.max_age_ms.unwrap_or(bundle.manifest().gate.max_age_ms);
        checks.make("fast enough for live use", || timing(&mut pipeline, max_age))?;
    }
    checks.finish(Subject { path: folder, bundle: Some(bundle.id()) })
}

/// A fan of speckle on black, the same on every machine.
fn picture(format: PixelFormat) -> Frame {
    // Speckle by a linear congruential generator (Numerical Recipes); only its top byte is used.
    const MULTIPLIER: u32 = 1_664_525;
    const INCREMENT: u32 = 1_013_904_223;
    let mut state = 1_u32;
    let mut frame = Frame::new();
    frame.geometry = FrameGeometry { width: WIDTH, height: HEIGHT, format };
    frame.data.clear();
    frame.source = Arc::from("built-in picture");
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            state = state.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT);
            let inside = x.abs_diff(WIDTH / 2) <= y / 2 + WIDTH / 16;
            let value = if inside { 32 + (state >> 25) as u8 } else { 0 };
            frame.data.extend(std::iter::repeat_n(value, format.channels()));
        }
    }
    frame
}

fn failed(message: impl Into<String>) -> Failure {
    Failure::Internal(message.into())
}

/// A frame with exactly a domain's statistics has no disparity to it and goes to it, ties to the first; a forced decoder is
/// obeyed; every mode of the bundle builds.
fn route(bundle: &Bundle) -> Result<((), String), Failure> {
    let features = vec![0.0; bundle.manifest().encoder.features];
    for metric in [Metric::Paper, Metric::Released] {
        let mut router = bundle.router(metric)?;
        for (index, statistics) in router.table().statistics().to_vec().into_iter().enumerate() {
            let sigma = if metric == Metric::Paper { statistics.std } else { statistics.released_std };
            let pixel = Moments { mean: statistics.mean, std: sigma };
            let quality = Quality { pixel, feature: Moments::default() };
            let decision = router.route(&quality, &features).map_err(|e| failed(e.to_string()))?;
            let disparity = decision.disparity.get(index).copied().unwrap_or(f64::NAN);
            let first = decision.disparity.iter().position(|&d| d <= NO_DISPARITY);
            if disparity.is_nan() || disparity > NO_DISPARITY || first != Some(decision.decoder) {
                return Err(failed(format!(
                    "{}: a frame like domain {index} has disparity {disparity} to it and goes to {}",
                    metric_name(metric),
                    decision.decoder
                )));
            }
            router.force(Some(index)).map_err(|e| failed(e.to_string()))?;
            let forced = router.route(&Quality::default(), &features).map_err(|e| failed(e.to_string()))?.decoder;
            if forced != index {
                return Err(failed(format!("decoder {index} was fixed but {forced} was chosen")));
            }
            router.force(None).map_err(|e| failed(e.to_string()))?;
        }
    }
    let vector = bundle.router(Metric::Vector)?;
    let decision = vector.route(&Quality::default(), &features).map_err(|e| failed(e.to_string()))?;
    Ok(((), format!("{} domains, modes vector, paper and released agree with Eq. 11 and 12", decision.disparity.len())))
}

/// Pixel moments equal those of the tensor, and a grey picture equals its RGB copy.
fn preprocessing(bundle: &Bundle) -> Result<((), String), Failure> {
    let spec = &bundle.manifest().input;
    let mut preprocessor = Preprocessor::new(spec).map_err(|e| failed(e.to_string()))?;
    let mut tensors = [vec![0.0; spec.values()], vec![0.0; spec.values()]];
    let mut crops = Vec::new();
    for (tensor, format) in tensors.iter_mut().zip([PixelFormat::Grey8, PixelFormat::Rgb8]) {
        let frame = picture(format);
        let view = frame.view().map_err(|e| failed(e.to_string()))?;
        let done = preprocessor.run(view, tensor).map_err(|e| failed(e.to_string()))?;
        let mut expected = vec![Moments::default(); spec.channels];
        channel_moments(tensor, &mut expected).map_err(|e| failed(e.to_string()))?;
        for (found, expected) in done.channels().iter().zip(&expected) {
            let difference = (found.mean - expected.mean).abs().max((found.std - expected.std).abs());
            if difference > MOMENT_TOLERANCE {
                return Err(failed(format!("pixel moments {found:?} differ from the tensor's {expected:?}")));
            }
        }
        crops.push(done.crop());
    }
    let [grey, rgb] = &tensors;
    if grey != rgb || crops[0] != crops[1] {
        return Err(failed("a grey picture and its RGB copy give different tensors"));
    }
    let crop = crops[0];
    Ok(((), format!("moments exact, grey equals RGB, crop {}x{} at {},{}", crop.width, crop.height, crop.x, crop.y)))
}

fn repetition(pipeline: &mut Pipeline) -> Result<((), String), Failure> {
    let frame = picture(PixelFormat::Grey8);
    let first = pipeline.process(&frame).map_err(|e| failed(e.to_string()))?.clone();
    let second = pipeline.process(&frame).map_err(|e| failed(e.to_string()))?;
    let difference = difference(&first.answer, &second.answer);
    if first.decoder != second.decoder || difference > REPEAT_TOLERANCE {
        return Err(failed(format!("two runs of one frame differ by {difference} in probability")));
    }
    Ok(((), format!("greatest difference of a probability {difference:e}")))
}

/// Greatest difference of a label's probability; for masks, of the confidence and of the part covered.
fn difference(a: &Answer, b: &Answer) -> f64 {
    match (a, b) {
        (Answer::Class(a), Answer::Class(b)) => {
            let pairs = a.probabilities.iter().zip(&b.probabilities);
            pairs.map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
        }
        (Answer::Mask(a), Answer::Mask(b)) => {
            (a.probability - b.probability).abs().max((a.fraction - b.fraction).abs())
        }
        _ => f64::INFINITY,
    }
}

fn timing(pipeline: &mut Pipeline, max_age_ms: u64) -> Result<((), String), Failure> {
    let mut frame = picture(PixelFormat::Grey8);
    let mut totals = Vec::new();
    for index in 0..TIMED_FRAMES {
        frame.index = index as u32;
        let timing = pipeline.process(&frame).map_err(|e| failed(e.to_string()))?.timing;
        if timing.preprocess + timing.encode + timing.route + timing.decode + timing.measure > timing.total {
            return Err(failed(format!("the stages of a frame take longer than the frame: {timing:?}")));
        }
        totals.push(timing.total);
    }
    let mut totals = totals.split_off(1);
    totals.sort_unstable();
    let median = totals.get(totals.len() / 2).copied().unwrap_or_default();
    let detail = format!("{:.1} ms per frame, the gate allows {max_age_ms} ms", median.as_secs_f64() * 1e3);
    if median > Duration::from_millis(max_age_ms) {
        return Err(Failure::Machine(format!(
            "{detail}: every live result would be stale on this machine; files can be judged, for live frames take \
             `--precision int8`, a smaller bundle or a faster machine, and close other programs"
        )));
    }
    Ok(((), detail))
}
