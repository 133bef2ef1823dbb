//! Figures of what one system says about the new images.

use serde::{Deserialize, Serialize};
use ushydra_bundle::Statistics;
use ushydra_core::Metric;

use crate::calibrate::quantile;
use crate::evaluate::bootstrap::{self, Estimate};
use crate::evaluate::metrics::{confusion, macro_f1};

/// What one system says about one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Index of the image.
    pub picture: usize,
    /// Chosen decoder.
    pub decoder: usize,
    /// Disparity to its domain.
    pub disparity: f64,
    /// Score of the novelty test, where there is one.
    pub novelty: Option<f64>,
    /// Whether both tests passed.
    pub in_domain: bool,
    /// Label and probability; none of a segmentation.
    pub answer: Option<(usize, f64)>,
}

/// What figures need to know besides the verdicts.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Domains in order.
    pub domains: &'a [String],
    /// Labels in order.
    pub labels: &'a [String],
    /// True label per image; none where it is unknown.
    pub truths: &'a [Option<usize>],
    /// Whether the set carries labels: an image without one then shows none of the planes.
    pub labelled: bool,
    /// Patient per image.
    pub patients: &'a [String],
    /// Smallest probability that is shown.
    pub min_probability: f64,
    /// Routing.
    pub metric: Metric,
    /// Bootstrap resamples.
    pub resamples: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
}

/// A name with a share of the images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Domain or label.
    pub name: String,
    /// 0 to 1.
    pub share: f64,
}

/// How values lie against their threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Median.
    pub median: f64,
    /// 90th percentile.
    pub high: f64,
    /// Largest value.
    pub largest: f64,
    /// The threshold.
    pub threshold: f64,
}

/// Figures of one system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Share of images by the domain that they were routed to.
    pub routed: Vec<Share>,
    /// Share of images that both tests count as known.
    pub in_domain: f64,
    /// Disparities to the closest domain.
    pub disparity: Spread,
    /// Scores of the novelty test.
    pub novelty: Option<Spread>,
    /// Share of images whose answer is withheld: unknown, or not sure enough.
    pub withheld: f64,
    /// Share of images by answered label; empty for a segmentation.
    pub answers: Vec<Share>,
    /// Share of right answers, withheld or not.
    pub accuracy: Option<Estimate>,
    /// Share of right answers among those that are shown.
    pub shown_accuracy: Option<f64>,
    /// Macro F1.
    pub macro_f1: Option<f64>,
    /// Rows are truths; counts over all repetitions.
    pub confusion: Option<Vec<Vec<usize>>>,
    /// Share of images that show none of the planes whose answer is withheld.
    pub unknown_withheld: Option<f64>,
}

impl Figures {
    /// Figures of `verdicts`, of which there must be one.
    #[must_use]
    pub fn of(verdicts: &[Verdict], statistics: &Statistics, context: &Context<'_>) -> Self {
        let known: Vec<&Verdict> =
            verdicts.iter().filter(|v| !context.labelled || context.truths[v.picture].is_some()).collect();
        let unknown: Vec<&Verdict> =
            verdicts.iter().filter(|v| context.labelled && context.truths[v.picture].is_none()).collect();
        let shown = |v: &Verdict| v.in_domain && v.answer.is_none_or(|(_, p)| p >= context.min_probability);
        let share = |count: usize, of: usize| count as f64 / of.max(1) as f64;
        let of = |names: &[String], index: &dyn Fn(&Verdict) -> Option<usize>| {
            let count = |i| share(known.iter().filter(|v| index(v) == Some(i)).count(), known.len());
            names.iter().enumerate().map(|(i, name)| Share { name: name.clone(), share: count(i) }).collect::<Vec<_>>()
        };
        let thresholds = &statistics.thresholds;
        let threshold = match context.metric {
            Metric::Paper => thresholds.paper,
            Metric::Released => thresholds.released,
            Metric::Vector => thresholds.vector,
        };
        let novelty: Option<Vec<f64>> = known.iter().map(|v| v.novelty).collect();
        let judged: Vec<(&Verdict, usize, usize)> =
            known.iter().filter_map(|v| Some((*v, context.truths[v.picture]?, v.answer?.0))).collect();
        let right = |truth: usize, answer: usize| f64::from(u8::from(truth == answer));
        let values: Vec<(&str, f64)> =
            judged.iter().map(|(v, t, a)| (context.patients[v.picture].as_str(), right(*t, *a))).collect();
        let pairs: Vec<(usize, usize)> = judged.iter().map(|(_, truth, answer)| (*truth, *answer)).collect();
        let table = (!pairs.is_empty()).then(|| confusion(&pairs, context.labels.len()));
        let visible: Vec<bool> = judged.iter().filter(|(v, ..)| shown(v)).map(|(_, t, a)| t == a).collect();
        Self {
            routed: of(context.domains, &|v| Some(v.decoder)),
            in_domain: share(known.iter().filter(|v| v.in_domain).count(), known.len()),
            disparity: Spread::of(known.iter().map(|v| v.disparity).collect(), threshold),
            novelty: novelty
                .zip(statistics.novelty.as_ref())
                .filter(|(scores, _)| !scores.is_empty())
                .map(|(scores, test)| Spread::of(scores, test.threshold)),
            withheld: share(known.iter().filter(|v| !shown(v)).count(), known.len()),
            answers: if known.iter().any(|v| v.answer.is_some()) {
                of(context.labels, &|v| v.answer.map(|(label, _)| label))
            } else {
                Vec::new()
            },
            accuracy: (!values.is_empty()).then(|| interval(&values, context)),
            shown_accuracy: (!visible.is_empty()).then(|| share(visible.iter().filter(|r| **r).count(), visible.len())),
            macro_f1: table.as_ref().map(|table| macro_f1(table)),
            confusion: table,
            unknown_withheld: (!unknown.is_empty())
                .then(|| share(unknown.iter().filter(|v| !shown(v)).count(), unknown.len())),
        }
    }

    /// Share of images routed to `domain`.
    #[must_use]
    pub fn routed_to(&self, domain: &str) -> f64 {
        self.routed.iter().find(|share| share.name == domain).map_or(0.0, |share| share.share)
    }
}

impl Spread {
    fn of(values: Vec<f64>, threshold: f64) -> Self {
        let at = |q| quantile(values.clone(), q);
        Self { median: at(0.5), high: at(0.9), largest: at(1.0), threshold }
    }
}

/// Right answers of `after` minus those of `before`, in accuracy, paired by image and resampled by patient. Both hold the
/// same images in the same order.
#[must_use]
pub fn gain(before: &[Verdict], after: &[Verdict], context: &Context<'_>) -> Option<Estimate> {
    let right = |v: &Verdict, truth: usize| f64::from(u8::from(v.answer.is_some_and(|(label, _)| label == truth)));
    let pairs = before.iter().zip(after).filter_map(|(before, after)| {
        let truth = context.truths[before.picture]?;
        Some((context.patients[before.picture].as_str(), right(after, truth) - right(before, truth)))
    });
    let pairs: Vec<(&str, f64)> = pairs.collect();
    (!pairs.is_empty()).then(|| interval(&pairs, context))
}

/// Mean with the percentile interval of patients drawn with replacement, widened for few patients: with n of them its ends
/// move away from the mean by `t_{n-1} sqrt(n / (n - 1)) / 1.96` (after Hesterberg, The American Statistician 69:371, 2015).
/// Without this, five patients give intervals of 95 % that hold the truth far less often.
#[must_use]
pub fn interval(values: &[(&str, f64)], context: &Context<'_>) -> Estimate {
    let patients = values.iter().map(|(patient, _)| patient).collect::<std::collections::BTreeSet<_>>().len();
    let Estimate { mean, low, high } = bootstrap::mean(values, context.resamples, context.seed);
    let wider = widening(patients);
    let (least, most) = values.iter().fold((mean, mean), |(a, b), (_, v)| (a.min(*v), b.max(*v)));
    Estimate { mean, low: (mean - (mean - low) * wider).max(least), high: (mean + (high - mean) * wider).min(most) }
}

/// 97.5 % quantile of the normal distribution.
const NORMAL: f64 = 1.959_964;
/// The same of Student's t with 1 to 10 degrees of freedom.
const STUDENT: [f64; 10] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

/// How much wider an interval of `n` patients has to be than the percentiles say; infinite for one.
fn widening(n: usize) -> f64 {
    let Some(freedom) = n.checked_sub(1).filter(|f| *f > 0) else { return f64::INFINITY };
    let f = freedom as f64;
    let student = STUDENT.get(freedom - 1).copied().unwrap_or_else(|| {
        // Abramowitz and Stegun 26.7.5, the first two terms.
        let z = NORMAL;
        z + (z.powi(3) + z) / (4.0 * f) + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * f * f)
    });
    student * (n as f64 / f).sqrt() / NORMAL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_patients_widen_the_interval() {
        for (n, expected) in [(2, 9.168), (6, 1.437), (11, 1.192), (31, 1.059), (1000, 1.002)] {
            assert!((widening(n) - expected).abs() < 2e-3, "{n}: {}", widening(n));
        }
        let context = Context {
            domains: &[],
            labels: &[],
            truths: &[],
            labelled: true,
            patients: &[],
            min_probability: 0.5,
            metric: Metric::Vector,
            resamples: 500,
            seed: 1,
        };
        let values = [("a", 1.0), ("b", 0.0), ("c", 0.0), ("d", 1.0), ("e", 0.0), ("f", 0.0)];
        let (narrow, wide) = (bootstrap::mean(&values, 500, 1), interval(&values, &context));
        assert!(wide.mean == narrow.mean && wide.high > narrow.high, "{narrow:?} {wide:?}");
        assert!(wide.low >= 0.0 && wide.high <= 1.0, "no farther than the values go");
        let one = interval(&[("a", 1.0), ("a", 0.0)], &context);
        assert_eq!((one.low, one.high), (0.0, 1.0));
    }
}
