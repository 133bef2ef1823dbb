//! `ushydra infer`: pictures, folders and cines, frame by frame.

use std::time::{Duration, Instant};

use ushydra_bundle::Task;
use ushydra_probe::{FileSource, Frame, FrameSource, Next, Pace};

use super::{open_bundle, open_pipeline};
use crate::cli::{InferArguments, Settings};
use crate::failure::Failure;
use crate::live::Tally;
use crate::masks::Masks;
use crate::overlay::Overlays;
use crate::pipeline::FrameFault;
use crate::report::{self, Cines, Output, Record, Refusals};
use crate::spacing::Spacing;

/// Files are always ready; the wait only bounds how long a stuck network drive goes unnoticed in the log.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn infer(arguments: &InferArguments, settings: &Settings, output: &mut Output) -> Result<(), Failure> {
    let bundle = open_bundle(settings)?;
    if arguments.masks.is_some() && bundle.manifest().task != Task::Segment {
        return Err(Failure::Usage(format!(
            "--masks needs a segmentation bundle; {} is a classification bundle and gives labels, leave --masks out",
            bundle.id()
        )));
    }
    let spacing = Spacing::new(arguments.spacing, arguments.spacing_csv.as_deref())?;
    let mut overlays = arguments.overlay.as_deref().map(Overlays::new).transpose()?;
    let mut masks = arguments.masks.as_deref().map(Masks::new).transpose()?;
    let mut pipeline = open_pipeline(&bundle, settings, false)?;
    let identity = pipeline.identity().clone();
    let mut source =
        FileSource::open(&arguments.inputs, Pace::AsFastAsPossible, false).map_err(|e| Failure::input(&e))?;
    let begin = Instant::now();
    let mut frame = Frame::new();
    let mut tally = Tally::default();
    let mut refusals = Refusals::default();
    let mut cines = Cines::default();
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
        spacing.apply(&mut frame);
        match pipeline.process(&frame) {
            Ok(result) => {
                tally.record(result, result.age);
                let mask = match (&mut masks, result.answer.mask()) {
                    (Some(masks), Some(mask)) => Some(masks.write(result, mask)?),
                    _ => None,
                };
                if output.is_json() {
                    output.json(&Record::new(&identity, result, mask.as_deref(), None))?;
                } else {
                    if let Some(line) = cines.follow(result) {
                        output.text(line)?;
                    }
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
    if let Some(line) = cines.finish() {
        output.text(line)?;
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
