//! Comparing a backend or a precision with tract in f32, picture by picture.

use ushydra_bundle::{Bundle, Golden, Parity, Preprocessor, Task};
use ushydra_core::{FrameView, Moments, Quality, Router};

use crate::error::EngineError;
use crate::models::Models;

/// Sums over the compared pictures; [`ParityMeter::finish`] makes [`Parity`] of them.
#[derive(Clone, Debug)]
pub struct ParityMeter {
    task: Task,
    labels: usize,
    pictures: u64,
    answers: u64,
    agreement: f64,
    max_difference: f64,
    difference: f64,
    values: u64,
    routed_alike: u64,
    sigma_shift: f64,
}

impl ParityMeter {
    /// A meter for decoders that answer `task` about `labels` labels.
    #[must_use]
    pub fn new(task: Task, labels: usize) -> Self {
        Self {
            task,
            labels,
            pictures: 0,
            answers: 0,
            agreement: 0.0,
            max_difference: 0.0,
            difference: 0.0,
            values: 0,
            routed_alike: 0,
            sigma_shift: 0.0,
        }
    }

    /// Counts one picture: whether both encoders' features route alike, and the standard deviation of the features.
    pub fn picture(&mut self, routed_alike: bool, expected_sigma: f64, found_sigma: f64) {
        self.pictures += 1;
        self.routed_alike += u64::from(routed_alike);
        let shift = (found_sigma - expected_sigma).abs() / expected_sigma.abs().max(f64::MIN_POSITIVE);
        // A shift that is no number must not be lost in a maximum.
        let lost = shift.is_nan() || self.sigma_shift.is_nan();
        self.sigma_shift = if lost { f64::NAN } else { self.sigma_shift.max(shift) };
    }

    /// Counts the logits that two decoders gave for the same picture.
    pub fn answer(&mut self, expected: &[f32], found: &[f32]) {
        self.answers += 1;
        match self.task {
            Task::Classify => {
                self.agreement += f64::from(u8::from(argmax(expected) == argmax(found)));
                self.probabilities(softmax(expected).zip(softmax(found)));
            }
            Task::Segment => {
                let plane = expected.len() / self.labels.max(1);
                let dice = expected.chunks(plane.max(1)).zip(found.chunks(plane.max(1))).map(|(e, f)| dice(e, f));
                self.agreement += dice.sum::<f64>() / self.labels.max(1) as f64;
                let probability = |logit: &f32| 1.0 / (1.0 + (-f64::from(*logit)).exp());
                self.probabilities(expected.iter().map(probability).zip(found.iter().map(probability)));
            }
        }
    }

    fn probabilities(&mut self, pairs: impl Iterator<Item = (f64, f64)>) {
        for (expected, found) in pairs {
            let difference = (expected - found).abs();
            self.max_difference = self.max_difference.max(difference);
            self.difference += difference;
            self.values += 1;
        }
    }

    /// The figures.
    #[must_use]
    pub fn finish(&self) -> Parity {
        let share = |sum: f64, count: u64| if count == 0 { f64::NAN } else { sum / count as f64 };
        Parity {
            pictures: self.pictures,
            agreement: share(self.agreement, self.answers),
            max_difference: self.max_difference,
            mean_difference: share(self.difference, self.values),
            routing_agreement: share(self.routed_alike as f64, self.pictures),
            sigma_shift: self.sigma_shift,
        }
    }
}

/// Compares the models of one bundle on two backends: preprocessing once, encoder and every decoder on both.
pub struct Comparison<'a> {
    reference: &'a mut Models,
    candidate: &'a mut Models,
    preprocessor: Preprocessor,
    router: Router<Box<[f32]>>,
    image: Vec<f32>,
    meter: ParityMeter,
    what: String,
}

impl<'a> Comparison<'a> {
    /// A comparison of `candidate` with `reference`, both loaded from `bundle`.
    ///
    /// # Errors
    /// [`EngineError::Bundle`] for statistics that cannot route, [`EngineError::SelfTestInput`] for an input that cannot be
    /// prepared.
    pub fn new(bundle: &Bundle, reference: &'a mut Models, candidate: &'a mut Models) -> Result<Self, EngineError> {
        let manifest = bundle.manifest();
        let input = &manifest.input;
        let what = bundle.id();
        let preprocessor = Preprocessor::new(input)
            .map_err(|error| EngineError::SelfTestInput { bundle: what.clone(), reason: error.to_string() })?;
        Ok(Self {
            reference,
            candidate,
            preprocessor,
            router: bundle.router(manifest.routing.mode.into())?,
            image: vec![0.0; input.values()],
            meter: ParityMeter::new(manifest.task, manifest.labels.len()),
            what,
        })
    }

    /// Compares both on one picture.
    ///
    /// # Errors
    /// [`EngineError::SelfTestInput`] for a picture that cannot be prepared; otherwise see [`Models::encode`].
    pub fn add(&mut self, frame: FrameView<'_>) -> Result<(), EngineError> {
        let unusable = |reason: String| EngineError::SelfTestInput { bundle: self.what.clone(), reason };
        let preprocessed =
            self.preprocessor.run(frame, &mut self.image).map_err(|error| unusable(error.to_string()))?;
        let judge = |models: &mut Models| {
            let features = models.encode(&self.image)?;
            let moments = Moments::of(features).map_err(|error| unusable(error.to_string()))?;
            let quality =
                Quality::new(preprocessed.channels(), moments).map_err(|error| unusable(error.to_string()))?;
            let decision = self.router.route(&quality, features).map_err(|error| unusable(error.to_string()))?;
            Ok::<_, EngineError>((decision.decoder, moments.std))
        };
        let (expected, expected_sigma) = judge(self.reference)?;
        let (found, found_sigma) = judge(self.candidate)?;
        self.meter.picture(expected == found, expected_sigma, found_sigma);
        for index in 0..self.reference.decoder_count() {
            let expected = self.reference.decode(index)?;
            self.meter.answer(expected, self.candidate.decode(index)?);
        }
        Ok(())
    }

    /// The figures so far.
    #[must_use]
    pub fn finish(&self) -> Parity {
        self.meter.finish()
    }
}

/// The golden picture of a bundle, mirrored and at several gains: pictures that every bundle carries.
pub(crate) struct GoldenVariants(Golden);

/// Gains of the golden picture's variants: a dark, an ordinary and a saturated screen.
const GAINS: [f32; 4] = [0.4, 0.7, 1.0, 1.4];

impl GoldenVariants {
    pub(crate) fn of(bundle: &Bundle) -> Result<Self, EngineError> {
        Ok(Self(bundle.golden()?))
    }

    /// Calls `visit` with every variant.
    pub(crate) fn each(
        &self,
        bundle: &Bundle,
        mut visit: impl FnMut(FrameView<'_>) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let Golden { geometry, picture, .. } = &self.0;
        let row = geometry.width as usize * geometry.format.channels();
        for gain in GAINS {
            let mut variant = picture.clone();
            for sample in &mut variant {
                *sample = (f32::from(*sample) * gain).min(f32::from(u8::MAX)) as u8;
            }
            for mirrored in [false, true] {
                if mirrored {
                    variant.chunks_mut(row.max(1)).for_each(|row| mirror(row, geometry.format.channels()));
                }
                let frame = FrameView::new(*geometry, &variant)
                    .map_err(|error| EngineError::SelfTestInput { bundle: bundle.id(), reason: error.to_string() })?;
                visit(frame)?;
            }
        }
        Ok(())
    }
}

/// Turns a row of pixels round.
fn mirror(row: &mut [u8], channels: usize) {
    row.reverse();
    row.chunks_mut(channels.max(1)).for_each(<[u8]>::reverse);
}

fn argmax(logits: &[f32]) -> Option<usize> {
    logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(index, _)| index)
}

fn softmax(logits: &[f32]) -> impl Iterator<Item = f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = move |logit: &f32| f64::from(logit - largest).exp();
    let total: f64 = logits.iter().map(weight).sum();
    logits.iter().map(move |logit| weight(logit) / total)
}

/// Dice coefficient of the masks where each logit is positive; of two empty masks it is 1.
fn dice(expected: &[f32], found: &[f32]) -> f64 {
    let (mut both, mut sum) = (0_u64, 0_u64);
    for (expected, found) in expected.iter().zip(found) {
        let (expected, found) = (*expected > 0.0, *found > 0.0);
        both += u64::from(expected && found);
        sum += u64::from(expected) + u64::from(found);
    }
    if sum == 0 { 1.0 } else { 2.0 * both as f64 / sum as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_compared_by_label_and_probability() {
        let mut meter = ParityMeter::new(Task::Classify, 2);
        meter.picture(true, 2.0, 2.1);
        meter.answer(&[0.0, 0.0], &[0.0, 0.0]);
        meter.picture(false, 2.0, 2.0);
        // Odds of 3 to 1 against odds of 1 to 3.
        meter.answer(&[3_f32.ln(), 0.0], &[0.0, 3_f32.ln()]);
        let parity = meter.finish();
        assert_eq!((parity.pictures, parity.agreement, parity.routing_agreement), (2, 0.5, 0.5));
        assert!((parity.max_difference - 0.5).abs() < 1e-6 && (parity.mean_difference - 0.25).abs() < 1e-6);
        assert!((parity.sigma_shift - 0.05).abs() < 1e-12);
    }

    #[test]
    fn masks_are_compared_by_dice() {
        struct Case {
            expected: [f32; 4],
            found: [f32; 4],
            agreement: f64,
        }
        let cases = [
            Case { expected: [1.0, 1.0, -1.0, -1.0], found: [2.0, 2.0, -2.0, -2.0], agreement: 1.0 },
            Case { expected: [1.0, 1.0, -1.0, -1.0], found: [1.0, -1.0, -1.0, -1.0], agreement: 2.0 / 3.0 },
            Case { expected: [-1.0; 4], found: [-1.0; 4], agreement: 1.0 },
            Case { expected: [-1.0; 4], found: [-1.0, -1.0, -1.0, 1.0], agreement: 0.0 },
        ];
        for case in cases {
            let mut meter = ParityMeter::new(Task::Segment, 1);
            meter.picture(true, 1.0, 1.0);
            meter.answer(&case.expected, &case.found);
            assert!((meter.finish().agreement - case.agreement).abs() < 1e-12, "{:?}", case.found);
        }
    }

    #[test]
    fn figures_that_are_no_numbers_are_not_lost() {
        let mut meter = ParityMeter::new(Task::Segment, 1);
        meter.picture(true, 1.0, f64::NAN);
        meter.picture(true, 1.0, 1.0);
        assert!(meter.finish().sigma_shift.is_nan());
        assert!(ParityMeter::new(Task::Segment, 1).finish().agreement.is_nan());
    }

    #[test]
    fn a_mirrored_row_keeps_its_pixels_whole() {
        let mut row = [1, 2, 3, 4, 5, 6];
        mirror(&mut row, 3);
        assert_eq!(row, [4, 5, 6, 1, 2, 3]);
    }
}
