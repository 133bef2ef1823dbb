//! `ushydra infer`: pictures, folders and cines, frame by frame.

use std::time::{Duration, Instant};

use ushydra_probe::{FileSource, Frame, FrameSource, Next, Pace};

use super::open_pipeline;
use crate::cli::{InferArguments, Settings};
use crate::failure::Failure;
use crate::live::Tally;
use crate::overlay::Overlays;
use crate::pipeline::FrameFault;
use crate::report::{self, Output, Record, Refusals};

/// Files are always ready; the wait only bounds how long a stuck network drive goes unnoticed in the log.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn infer(arguments: &InferArguments, settings: &Settings, output: &mut Output) -> Result<(), Failure> {
    if arguments.masks.is_some() {
        return Err(Failure::Usage(
            "--masks needs a segmentation bundle; a classification bundle gives labels, leave --masks out".to_owned(),
        ));
    }
    let mut pipeline = open_pipeline(settings, false)?;
    let identity = pipeline.identity().clone();
    let mut overlays = arguments.overlay.as_deref().map(Overlays::new).transpose()?;
    let mut source =
        FileSource::open(&arguments.inputs, Pace::AsFastAsPossible, false).map_err(|e| Failure::input(&e))?;
    let begin = Instant::now();
    let mut frame = Frame::new();
    let mut tally = Tally::default();
    let mut refusals = Refusals::default();
    if !output.is_json() {
        output.text(report::header())?;
    }
    loop {
        match source.next(&mut frame, PATIENCE) {
            Ok(Next::Frame) => {}
            Ok(Next::End) => break,
            Ok(Next::Timeout | Next::Lost) => {
                log::warn!("no frame for {PATIENCE:?} from {}", source.describe());
                continue;
            }
            Err(fault) => {
                refusals.report(output, fault.source_name(), fault.fault())?;
                continue;
            }
        }
        match pipeline.process(&frame) {
            Ok(result) => {
                tally.record(result, result.age);
                if output.is_json() {
                    output.json(&Record::new(&identity, result, None))?;
                } else {
                    output.text(report::row(&identity, result))?;
                }
                if let Some(overlays) = &mut overlays {
                    let view = frame.view().map_err(|e| Failure::Internal(e.to_string()))?;
                    let path = overlays.write(view, &identity, result)?;
                    log::info!("overlay {}", path.display());
                }
            }
            Err(FrameFault::Engine(error)) => return Err(error.into()),
            Err(fault) => refusals.report(output, &frame.source, &fault)?,
        }
    }
    if !output.is_json() {
        let seconds = begin.elapsed().as_secs_f64();
        let rate = tally.judged() as f64 / seconds.max(f64::EPSILON);
        output.text(format_args!(
            "{} frames in {seconds:.1} s ({rate:.1} per second): {}",
            tally.judged(),
            tally.verdicts()
        ))?;
        output.text(format_args!("decoders: {}", tally.shares(&identity)))?;
    }
    refusals.finish(tally.judged())
}
