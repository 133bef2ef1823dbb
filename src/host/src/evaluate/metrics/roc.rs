//! Receiver operating characteristic: one class against the rest.

use serde::{Deserialize, Serialize};

/// Scores in descending order with the groups of equals, ready to be asked for many weightings.
#[derive(Clone, Debug)]
pub struct Ranking {
    /// (member of `scores`, whether it is a positive), by falling score.
    order: Vec<(u32, bool)>,
    /// Where a group of equal scores ends, an index into `order`.
    ends: Vec<usize>,
    /// Score of every group.
    thresholds: Vec<f64>,
}

/// One point of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// `FP / (FP + TN)`.
    pub false_positive_rate: f64,
    /// `TP / (TP + FN)`.
    pub true_positive_rate: f64,
    /// Smallest score that counts as positive here; infinite at the origin.
    pub threshold: f64,
}

impl Ranking {
    /// Ranks `scores`; `positive` says which belong to the class.
    #[must_use]
    pub fn new(scores: &[f64], positive: impl Fn(usize) -> bool) -> Self {
        let mut order: Vec<(u32, bool)> = (0..scores.len()).map(|i| (i as u32, positive(i))).collect();
        order.sort_by(|a, b| scores[b.0 as usize].total_cmp(&scores[a.0 as usize]));
        let score = |at: usize| scores[order[at].0 as usize];
        let ends: Vec<usize> =
            (1..=order.len()).filter(|&end| end == order.len() || score(end) != score(end - 1)).collect();
        let thresholds = ends.iter().map(|&end| score(end - 1)).collect();
        Self { order, ends, thresholds }
    }

    /// Area under the curve: the probability that a random positive scores above a random negative, ties counting half
    /// (Mann & Whitney 1947). `weight` says how often a member counts. None where a side is empty. O(n).
    #[must_use]
    pub fn area(&self, weight: impl Fn(usize) -> f64) -> Option<f64> {
        let (mut positives, mut negatives, mut area) = (0.0, 0.0, 0.0);
        let mut start = 0;
        for &end in &self.ends {
            let (mut up, mut right) = (0.0, 0.0);
            for &(index, positive) in &self.order[start..end] {
                let weight = weight(index as usize);
                *(if positive { &mut up } else { &mut right }) += weight;
            }
            area += right * (positives + 0.5 * up);
            positives += up;
            negatives += right;
            start = end;
        }
        (positives > 0.0 && negatives > 0.0).then(|| area / (positives * negatives))
    }

    /// The curve from (0, 0) to (1, 1), one point per different score; empty where a side is empty.
    #[must_use]
    pub fn points(&self) -> Vec<Point> {
        let positives = self.order.iter().filter(|(_, positive)| *positive).count();
        let negatives = self.order.len() - positives;
        if positives == 0 || negatives == 0 {
            return Vec::new();
        }
        let mut points = vec![Point { false_positive_rate: 0.0, true_positive_rate: 0.0, threshold: f64::INFINITY }];
        let (mut up, mut start) = (0, 0);
        for (&end, &threshold) in self.ends.iter().zip(&self.thresholds) {
            up += self.order[start..end].iter().filter(|(_, positive)| *positive).count();
            start = end;
            points.push(Point {
                false_positive_rate: (end - up) as f64 / negatives as f64,
                true_positive_rate: up as f64 / positives as f64,
                threshold,
            });
        }
        points
    }
}

/// Areas of every class against the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Areas {
    /// By class; none for a class that does not occur, or alone does.
    pub classes: Vec<Option<f64>>,
    /// Mean over the classes that have an area.
    #[serde(rename = "macro")]
    pub macro_average: f64,
    /// The same weighted by the classes' pictures.
    pub weighted: f64,
}

/// Averages of areas that are there; none where no class has one.
///
/// `support`: how many pictures show the class.
#[must_use]
pub fn averages(classes: Vec<Option<f64>>, support: &[f64]) -> Option<Areas> {
    let (mut sum, mut count, mut weighted, mut weights) = (0.0, 0.0, 0.0, 0.0);
    for (area, support) in classes.iter().zip(support) {
        if let Some(area) = area {
            sum += area;
            count += 1.0;
            weighted += area * support;
            weights += support;
        }
    }
    (count > 0.0).then(|| Areas { classes, macro_average: sum / count, weighted: weighted / weights })
}

/// Probability that a random member of `positive` scores above one of `negative` (ties count half): the area under
/// the receiver operating characteristic. None where a side is empty.
#[must_use]
pub fn area_under_curve(positive: &[f64], negative: &[f64]) -> Option<f64> {
    let scores: Vec<f64> = positive.iter().chain(negative).copied().collect();
    Ranking::new(&scores, |index| index < positive.len()).area(|_| 1.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(area_under_curve(&[0.9, 0.5], &[0.5, 0.1]), Some(0.875));
        assert_eq!(area_under_curve(&[0.5, 0.5], &[0.5]), Some(0.5));
        assert_eq!(area_under_curve(&[], &[0.5]), None);
        let points = Ranking::new(&[0.9, 0.5, 0.5, 0.1], |i| i < 2).points();
        let at = |p: &Point| (p.false_positive_rate, p.true_positive_rate);
        assert_eq!(points.iter().map(at).collect::<Vec<_>>(), [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]);
        assert!(Ranking::new(&[0.3], |_| true).points().is_empty());
    }

    #[test]
    fn a_class_without_pictures_is_left_out_of_the_averages() {
        let areas = averages(vec![Some(0.8), None, Some(0.6)], &[30.0, 0.0, 10.0]).unwrap();
        assert!((areas.macro_average - 0.7).abs() < 1e-12 && (areas.weighted - 0.75).abs() < 1e-12);
        assert!(averages(vec![None], &[0.0]).is_none());
    }

    proptest! {
        #[test]
        fn counts_pairs(scores in prop::collection::vec((0_u8..6, any::<bool>(), 0_u32..3), 1..40)) {
            let values: Vec<f64> = scores.iter().map(|s| f64::from(s.0)).collect();
            let (mut wins, mut pairs) = (0.0, 0.0);
            for p in scores.iter().filter(|s| s.1) {
                for n in scores.iter().filter(|s| !s.1) {
                    let weight = f64::from(p.2 * n.2);
                    pairs += weight;
                    wins += weight * if p.0 > n.0 { 1.0 } else { 0.5 * f64::from(u8::from(p.0 == n.0)) };
                }
            }
            let ranking = Ranking::new(&values, |i| scores[i].1);
            let found = ranking.area(|i| f64::from(scores[i].2));
            prop_assert_eq!(found.is_some(), pairs > 0.0);
            if let Some(area) = found {
                prop_assert!((area - wins / pairs).abs() < 1e-12);
            }
            // The trapezoids under the points are the same area.
            let points = ranking.points();
            let trapezoids: f64 = points.windows(2)
                .map(|w| (w[1].false_positive_rate - w[0].false_positive_rate) * (w[1].true_positive_rate + w[0].true_positive_rate) / 2.0)
                .sum();
            if let Some(area) = ranking.area(|_| 1.0) {
                prop_assert!((area - trapezoids).abs() < 1e-12);
            }
        }
    }
}
