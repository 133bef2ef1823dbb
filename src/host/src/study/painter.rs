//! From a picture to masks in its own pixels, compared with the true one: the device's way, file for file.

use ushydra_bundle::InputSpec;
use ushydra_core::Moments;
use ushydra_measure::{Mask, Spacing};

use super::degrade::Degradation;
use super::record::Answer;
use crate::error::{HostError, Result};
use crate::evaluate::metrics::masks;
use crate::features::View;
use crate::masks::{LoadedSample, MaskSample};
use crate::rng::Rng;
use crate::segment::canvas::{Canvas, Placed, truth};
use crate::unet::FEATURES;
use crate::wired::{ModelFiles, Wired};

/// A picture on its way.
struct Current {
    placed: Placed,
    truth: Mask,
    spacing: Option<Spacing>,
}

/// Prepares pictures for a network and turns its logits into answers.
pub(super) struct Painter {
    canvas: Canvas,
    current: Option<Current>,
}

impl Painter {
    /// For networks that are fed `input`.
    ///
    /// # Errors
    /// [`HostError::Dataset`] for an input that cannot be prepared.
    pub(super) fn new(input: &InputSpec) -> Result<Self> {
        Ok(Self { canvas: Canvas::new(input).map_err(HostError::Dataset)?, current: None })
    }

    /// Takes a picture, degraded where `degradation` says so, and returns its pixel moments.
    ///
    /// # Errors
    /// Those of [`MaskSample::load`], [`HostError::Picture`].
    pub(super) fn take(&mut self, sample: &MaskSample, degradation: Option<Degradation>) -> Result<Moments> {
        let loaded = degraded(sample, degradation)?;
        let placed = self.canvas.prepare(&sample.image, &loaded)?;
        let spacing = sample.pixel_mm.map(|[x_mm, y_mm]| Spacing { x_mm, y_mm });
        self.current = Some(Current { placed, truth: truth(&sample.image, &loaded)?, spacing });
        Ok(placed.pixel)
    }

    /// The prepared picture that was taken last.
    #[must_use]
    pub(super) fn tensor(&self) -> &[f32] {
        self.canvas.tensor()
    }

    /// Compares the mask that `logits` draw of the picture that was taken last.
    ///
    /// # Errors
    /// [`HostError::Dataset`] for logits of another size.
    pub(super) fn answer(&mut self, logits: &[f32]) -> Result<Answer> {
        let Current { placed, truth, spacing } = current(self.current.as_ref())?;
        let mask = self.canvas.draw(placed, logits)?;
        let found = masks::compare(&mask, truth, *spacing)
            .ok_or_else(|| HostError::Dataset("a mask has another size than its picture".to_owned()))?;
        Ok(Answer::Mask { dice: found.dice, iou: found.iou, hd95_px: found.hd95_px, hd95_mm: found.hd95_mm })
    }

    /// The mask that `logits` draw of the picture that was taken last, and the true one.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub(super) fn masks(&mut self, logits: &[f32]) -> Result<[Mask; 2]> {
        let Current { placed, truth, .. } = current(self.current.as_ref())?;
        Ok([self.canvas.draw(placed, logits)?, truth.clone()])
    }
}

fn current(taken: Option<&Current>) -> Result<&Current> {
    taken.ok_or_else(|| HostError::Dataset("an answer came before its picture".to_owned()))
}

/// A picture with its mask; every system sees the same degradation of it.
///
/// # Errors
/// Those of [`MaskSample::load`].
pub(super) fn degraded(sample: &MaskSample, degradation: Option<Degradation>) -> Result<LoadedSample> {
    let mut loaded = sample.load()?;
    if let Some(degradation) = degradation {
        let mut rng = Rng::labelled(0, &["degraded", &sample.name]);
        degradation.apply(&mut loaded.image, loaded.width as usize, 1, &mut rng);
    }
    Ok(loaded)
}

/// An encoder with decoders, and the painter for their masks.
pub(super) struct Drawing {
    painter: Painter,
    models: Wired,
}

impl Drawing {
    /// Loads `files`.
    ///
    /// # Errors
    /// [`HostError::Engine`], [`HostError::Dataset`].
    pub(super) fn new(files: &ModelFiles, input: &InputSpec) -> Result<Self> {
        // One thread per engine: pictures are worked on side by side.
        Ok(Self { painter: Painter::new(input)?, models: Wired::load(files, 1)? })
    }

    /// What the router sees of a picture.
    ///
    /// # Errors
    /// Those of [`Painter::take`], [`HostError::Engine`].
    pub(super) fn see(&mut self, sample: &MaskSample, degradation: Option<Degradation>) -> Result<View> {
        let pixel = self.painter.take(sample, degradation)?;
        self.models.encode(self.painter.tensor())?;
        Ok(View { pixel, features: self.models.output(FEATURES)?.to_vec() })
    }

    /// The answer of every decoder to the picture seen last.
    ///
    /// # Errors
    /// [`HostError::Engine`], those of [`Painter::answer`].
    pub(super) fn answers(&mut self) -> Result<Vec<Answer>> {
        (0..self.models.decoders()).map(|decoder| self.painter.answer(self.models.decode(decoder)?)).collect()
    }

    /// The mask of one decoder for the picture seen last, and the true one.
    ///
    /// # Errors
    /// [`HostError::Dataset`] for a decoder that there is not, as [`Self::answers`].
    pub(super) fn masks(&mut self, decoder: usize) -> Result<[Mask; 2]> {
        if decoder >= self.models.decoders() {
            let count = self.models.decoders();
            return Err(HostError::Dataset(format!("decoder {decoder} answered, but the training kept {count}")));
        }
        self.painter.masks(self.models.decode(decoder)?)
    }
}
