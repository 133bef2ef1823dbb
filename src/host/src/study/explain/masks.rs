//! The outlines that the segmenters of a study drew.

use ushydra_measure::Mask;

use super::cases::chosen;
use super::ring::rings;
use super::{Case, Detail, below, tested};
use crate::baselines::{Architecture, BaselineConfig, MaskPicture, redraw};
use crate::dataset::Part;
use crate::error::{HostError, Result};
use crate::study::networks;
use crate::study::outlines::Outlines;
use crate::study::painter::{Drawing, Painter};
use crate::study::record::{Answer, CellRecord};
use crate::study::system::System;
use crate::study::work::Work;

/// How far the Dice of a mask that is drawn again may lie from the recorded one: backends round differently.
const AGREEMENT: f64 = 0.02;

/// Outlines by an encoder and its decoders: the one decoder, or the one that the router chose.
///
/// # Errors
/// Those of the finished training and the engine; [`HostError::Dataset`] for a mask that is not the recorded one.
pub(super) fn routed(outlines: &Outlines, work: &Work<'_>, system: System, record: &CellRecord) -> Result<Vec<Case>> {
    let models = outlines.kept(work, system)?;
    let mut drawing = Drawing::new(&models, &outlines.recipe.input)?;
    let pictures = tested(&outlines.items, work, record)?;
    let mut cases = Vec::new();
    for (frame, end) in chosen(record) {
        work.progress.check()?;
        drawing.see(&outlines.samples[pictures[frame]], None)?;
        let decoder = record.frames[frame].decoder.unwrap_or(0);
        let masks = drawing.masks(decoder)?;
        cases.push(case(outlines, work, record, (frame, pictures[frame]), end, &masks)?);
    }
    Ok(cases)
}

/// Outlines by a network for all domains.
///
/// # Errors
/// Those of [`redraw`]; [`HostError::Dataset`] for a mask that is not the recorded one.
pub(super) fn convolutional(
    outlines: &Outlines,
    work: &Work<'_>,
    (architecture, config): (Architecture, BaselineConfig),
    record: &CellRecord,
) -> Result<Vec<Case>> {
    let load = |picture: usize| MaskPicture::load(&outlines.samples[picture], work.sides.domain[picture]);
    let validation = work.sides.of(Part::Validation).into_iter().map(load).collect::<Result<Vec<MaskPicture>>>()?;
    let pictures = tested(&outlines.items, work, record)?;
    let chosen = chosen(record);
    let shown = chosen.iter().map(|(frame, _)| load(pictures[*frame])).collect::<Result<Vec<MaskPicture>>>()?;
    let folder = networks::folder(&work.folder.path);
    let logits = redraw(architecture, &config, &validation, &shown, &folder, work.progress)?;
    let mut painter = Painter::new(&config.input)?;
    let mut cases = Vec::new();
    for ((frame, end), logits) in chosen.into_iter().zip(logits) {
        painter.take(&outlines.samples[pictures[frame]], None)?;
        let masks = painter.masks(&logits)?;
        cases.push(case(outlines, work, record, (frame, pictures[frame]), end, &masks)?);
    }
    Ok(cases)
}

/// The case of a mask and the true one, after a look at whether the mask is the one that was judged.
fn case(
    outlines: &Outlines,
    work: &Work<'_>,
    record: &CellRecord,
    (frame, picture): (usize, usize),
    end: super::End,
    [prediction, reference]: &[Mask; 2],
) -> Result<Case> {
    let (frame, sample) = (&record.frames[frame], &outlines.samples[picture]);
    // Two empty masks agree.
    let found = prediction.dice(reference).unwrap_or(1.0);
    if let Answer::Mask { dice, .. } = &frame.answer
        && (found - dice).abs() > AGREEMENT
    {
        return Err(HostError::Dataset(format!(
            "{}, {}: what the training kept draws a mask of Dice {found:.3}, the record says {dice:.3}; \
             the cell's files do not belong together: delete its folder and run `compare` again",
            record.key, frame.name
        )));
    }
    let size = [reference.width(), reference.height()];
    let detail = Detail::Outlines { reference: rings(reference), prediction: rings(prediction) };
    let file = below(work.root, &sample.image);
    Ok(Case { name: frame.name.clone(), file, frame: sample.frame, size, end, detail })
}
