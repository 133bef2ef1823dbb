//! Figures of a system's answers with intervals over patients.

use serde::{Deserialize, Serialize};

use super::record::{Answer, Frame};
use crate::evaluate::bootstrap::{Estimate, Patients, estimate, weighted_mean};
use crate::evaluate::metrics::{Classified, Paired, paired};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Precision, classes weighted by their pictures as the article's are.
    Precision,
    /// Recall, weighted: equals accuracy.
    Recall,
    /// F1, weighted.
    F1,
    /// Share of right answers.
    Accuracy,
    /// Area under the curve, one class against the rest, mean over the classes.
    Auc,
    /// F1, all classes alike.
    MacroF1,
    /// Expected calibration error.
    Calibration,
    /// Dice coefficient.
    Dice,
    /// Intersection over union.
    Iou,
    /// 95th percentile of the surface distances in pixels, of the pictures where both masks are there.
    Hd95,
    /// Share of pictures that went to the decoder of their own domain.
    OwnDecoder,
    /// Share of pictures that the router took for one of its domains.
    InDomain,
}

impl Measure {
    /// As tables head it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Precision => "Precision (%)",
            Self::Recall => "Recall (%)",
            Self::F1 => "F1-score (%)",
            Self::Accuracy => "Accuracy (%)",
            Self::Auc => "AUC (%)",
            Self::MacroF1 => "F1 macro (%)",
            Self::Calibration => "ECE (%)",
            Self::Dice => "Dice (%)",
            Self::Iou => "IoU (%)",
            Self::Hd95 => "HD95 (px)",
            Self::OwnDecoder => "Own decoder (%)",
            Self::InDomain => "In domain (%)",
        }
    }

    /// What a table multiplies the figure by.
    #[must_use]
    pub const fn scale(self) -> f64 {
        match self {
            Self::Hd95 => 1.0,
            _ => 100.0,
        }
    }
}

/// How intervals are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Draws {
    /// Resamples of the patients.
    pub resamples: usize,
    /// Their seed.
    pub seed: u64,
}

/// One measure over `frames`, which may come from several splits and seeds: a patient is drawn with all its answers. None where
/// the measure says nothing about such answers.
#[must_use]
pub fn figure(frames: &[&Frame], labels: usize, measure: Measure, draws: Draws) -> Option<Estimate> {
    let patients = Patients::new(frames.iter().map(|f| f.patient.as_str()));
    let mut statistic = statistic(frames, labels, measure, &patients)?;
    estimate(patients.count, draws.resamples, draws.seed, &mut statistic)
}

/// First system minus second on the same pictures; `pairs` holds both answers to each.
#[must_use]
pub fn difference(pairs: &[(&Frame, &Frame)], labels: usize, measure: Measure, draws: Draws) -> Option<Paired> {
    let (first, second): (Vec<&Frame>, Vec<&Frame>) = pairs.iter().copied().unzip();
    let patients = Patients::new(first.iter().map(|f| f.patient.as_str()));
    let a = statistic(&first, labels, measure, &patients)?;
    let b = statistic(&second, labels, measure, &patients)?;
    paired(patients.count, draws.resamples, draws.seed, a, b)
}

type Statistic = Box<dyn Fn(&[u32]) -> Option<f64>>;

fn statistic(frames: &[&Frame], labels: usize, measure: Measure, patients: &Patients) -> Option<Statistic> {
    let of = |value: fn(&Frame) -> Option<f64>| -> Option<Statistic> {
        let values: Vec<Option<f64>> = frames.iter().map(|f| value(f)).collect();
        values
            .iter()
            .any(Option::is_some)
            .then(|| -> Statistic { Box::new(weighted_mean(patients, values.into_iter())) })
    };
    match measure {
        Measure::Dice => of(|f| masked(f, |m| Some(m.0))),
        Measure::Iou => of(|f| masked(f, |m| Some(m.1))),
        Measure::Hd95 => of(|f| masked(f, |m| m.2)),
        Measure::OwnDecoder => of(|f| Some(f64::from(u8::from(f.decoder? == f.domain)))),
        Measure::InDomain => of(|f| Some(f64::from(u8::from(f.in_domain?)))),
        _ => {
            let answers = frames.iter().map(|f| match &f.answer {
                Answer::Class { label, probabilities } => (*label, probabilities.as_slice()),
                Answer::Mask { .. } => (None, &[][..]),
            });
            let classified = Classified::new(labels, patients, answers);
            if classified.is_empty() {
                return None;
            }
            Some(Box::new(move |weights| match measure {
                Measure::Precision => classified.scores(weights).map(|s| s.weighted.precision),
                Measure::Recall => classified.scores(weights).map(|s| s.weighted.recall),
                Measure::F1 => classified.scores(weights).map(|s| s.weighted.f1),
                Measure::Accuracy => classified.accuracy(weights),
                Measure::Auc => classified.macro_area(weights),
                Measure::MacroF1 => classified.macro_f1(weights),
                _ => classified.calibration_error(weights),
            }))
        }
    }
}

fn masked(frame: &Frame, value: fn((f64, f64, Option<f64>)) -> Option<f64>) -> Option<f64> {
    match &frame.answer {
        Answer::Mask { dice, iou, hd95_px, .. } => value((*dice, *iou, *hd95_px)),
        Answer::Class { .. } => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn frame(patient: usize, answer: Answer, decoder: Option<usize>) -> Frame {
        Frame {
            name: patient.to_string(),
            patient: format!("p{patient}"),
            domain: 0,
            device: String::new(),
            decoder,
            in_domain: decoder.map(|_| true),
            position: None,
            answer,
        }
    }

    #[test]
    fn measures_of_classes_and_masks() {
        let draws = Draws { resamples: 200, seed: 1 };
        let class = |i: usize, right: bool| {
            let p = if right == i.is_multiple_of(2) { 0.8 } else { 0.3 };
            let answer = Answer::Class { label: Some(i % 2), probabilities: vec![p, 1.0 - p] };
            frame(i, answer, Some(i % 4 / 2))
        };
        let frames: Vec<Frame> = (0..20).map(|i| class(i, i >= 5)).collect();
        let frames: Vec<&Frame> = frames.iter().collect();
        let value = |measure| figure(&frames, 2, measure, draws).map(|e| e.mean);
        assert_eq!(value(Measure::Accuracy), Some(0.75));
        assert_eq!(value(Measure::Recall), Some(0.75));
        assert_eq!(value(Measure::OwnDecoder), Some(0.5));
        assert_eq!(value(Measure::Dice), None);
        let interval = figure(&frames, 2, Measure::Accuracy, draws).unwrap();
        assert!(interval.low < 0.75 && interval.high > 0.75);
        let mask = |i: usize, dice: f64, hd95_px| {
            frame(i, Answer::Mask { dice, iou: dice / (2.0 - dice), hd95_px, hd95_mm: None }, None)
        };
        let masks = [mask(0, 0.9, Some(2.0)), mask(1, 0.5, None)];
        let masks: Vec<&Frame> = masks.iter().collect();
        assert_eq!(figure(&masks, 1, Measure::Dice, draws).unwrap().mean, 0.7);
        assert_eq!(figure(&masks, 1, Measure::Hd95, draws).unwrap().mean, 2.0);
        assert!(figure(&masks, 1, Measure::Accuracy, draws).is_none());
        assert!(figure(&masks, 1, Measure::OwnDecoder, draws).is_none());
        let better: Vec<Frame> = (0..20).map(|i| class(i, true)).collect();
        let pairs: Vec<(&Frame, &Frame)> = better.iter().zip(frames.iter().copied()).collect();
        let found = difference(&pairs, 2, Measure::Accuracy, draws).unwrap();
        assert!((found.difference.mean - 0.25).abs() < 1e-12 && found.p < 0.1);
    }
}
