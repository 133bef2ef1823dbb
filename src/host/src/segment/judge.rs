//! Every decoder's mask of one picture, compared in the picture's own pixels: the device's way, file for file.

use ushydra_bundle::{Bundle, InputSpec, Statistics};
use ushydra_core::Router;
use ushydra_measure::fetal::{HC18_OUTLINE_PX, HeadBiometry};
use ushydra_measure::{Mask, Spacing};

use super::canvas::{Canvas, truth};
use crate::calibrate::{self, Observation};
use crate::error::{HostError, Result};
use crate::evaluate::{MODES, Route};
use crate::masks::MaskSample;
use crate::unet::FEATURES;
use crate::wired::{ModelFiles, Wired};

/// How one decoder's mask compares with the truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// Dice coefficient; 1 where both are empty.
    pub dice: f64,
    /// Measured minus published head circumference in mm, where the set publishes one.
    pub hc_mm: Option<f64>,
}

/// Everything known about one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Picture as listed.
    pub name: String,
    /// Patient.
    pub patient: String,
    /// Domain index.
    pub domain: usize,
    /// Decisions of [`MODES`].
    pub routes: Vec<Route>,
    /// By decoder.
    pub decoders: Vec<Compared>,
    /// By the single-decoder control, where there is one.
    pub control: Option<Compared>,
}

/// A routed system, and optionally its control, ready to judge.
pub struct Judge {
    models: Wired,
    control: Option<Wired>,
    routers: Vec<Router<Box<[f32]>>>,
    canvas: Canvas,
}

impl Judge {
    /// The system in `files` with its statistics.
    ///
    /// # Errors
    /// [`HostError::Engine`], [`HostError::Bundle`].
    pub fn new(
        files: &ModelFiles,
        control: Option<&ModelFiles>,
        input: &InputSpec,
        statistics: &Statistics,
        weight: f64,
        threads: usize,
    ) -> Result<Self> {
        let routers =
            MODES.iter().map(|(_, metric)| calibrate::router(statistics, *metric, weight)).collect::<Result<_>>()?;
        Self::with_routers(files, control, input, routers, threads)
    }

    /// A finished bundle.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_bundle(bundle: &Bundle, threads: usize) -> Result<Self> {
        let files = ModelFiles { encoder: bundle.encoder_path().to_owned(), decoders: bundle.decoder_paths().to_vec() };
        let routers = MODES.iter().map(|(_, metric)| Ok(bundle.router(*metric)?)).collect::<Result<_>>()?;
        Self::with_routers(&files, None, &bundle.manifest().input, routers, threads)
    }

    fn with_routers(
        files: &ModelFiles,
        control: Option<&ModelFiles>,
        input: &InputSpec,
        routers: Vec<Router<Box<[f32]>>>,
        threads: usize,
    ) -> Result<Self> {
        Ok(Self {
            models: Wired::load(files, threads)?,
            control: control.map(|files| Wired::load(files, threads)).transpose()?,
            routers,
            canvas: Canvas::new(input).map_err(HostError::Dataset)?,
        })
    }

    /// Judges one picture of domain `domain`.
    ///
    /// # Errors
    /// Those of [`MaskSample::load`], [`HostError::Picture`], [`HostError::Engine`].
    pub fn judge(&mut self, sample: &MaskSample, domain: usize) -> Result<Judged> {
        let loaded = sample.load()?;
        let placed = self.canvas.prepare(&sample.image, &loaded)?;
        self.models.encode(self.canvas.tensor())?;
        let observation = Observation::new(placed.pixel, self.models.output(FEATURES)?, domain, None, "")?;
        let routes = self.routers.iter().map(|router| {
            let decision = router.route(&observation.quality, observation.features)?;
            Ok(Route { decoder: decision.decoder, in_domain: decision.in_domain })
        });
        let routes = routes.collect::<Result<_>>()?;
        let wanted = truth(&sample.image, &loaded)?;
        let compare = |canvas: &mut Canvas, logits: &[f32]| compared(&canvas.draw(&placed, logits)?, &wanted, sample);
        let mut decoders = Vec::with_capacity(self.models.decoders());
        for decoder in 0..self.models.decoders() {
            decoders.push(compare(&mut self.canvas, self.models.decode(decoder)?)?);
        }
        let control = match &mut self.control {
            Some(models) => {
                models.encode(self.canvas.tensor())?;
                Some(compare(&mut self.canvas, models.decode(0)?)?)
            }
            None => None,
        };
        Ok(Judged { name: sample.name.clone(), patient: sample.patient.clone(), domain, routes, decoders, control })
    }
}

fn compared(mask: &Mask, wanted: &Mask, sample: &MaskSample) -> Result<Compared> {
    let hc_mm = match (sample.pixel_mm, sample.head_circumference_mm) {
        (Some([x_mm, y_mm]), Some(published)) => {
            let head = HeadBiometry::of_mask(mask, Spacing { x_mm, y_mm }, HC18_OUTLINE_PX)
                .map_err(|e| HostError::Picture { path: sample.image.clone(), problem: e.to_string() })?;
            // No ellipse is a head of no size.
            Some(head.map_or(0.0, |h| h.hc_mm) - published)
        }
        _ => None,
    };
    Ok(Compared { dice: mask.dice(wanted).unwrap_or(1.0), hc_mm })
}
