//! The parity gate: how far a backend or a precision may differ from tract's f32 before it is refused.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::manifest::Task;

/// How the answers of one backend and precision compare with those of tract in f32 on the same pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parity {
    /// Pictures that were compared.
    pub pictures: u64,
    /// Classification: share of pictures with the same most probable label. Segmentation: mean Dice coefficient of the two
    /// masks; of two empty masks it is 1.
    pub agreement: f64,
    /// Largest difference of a probability: of a label, or of a mask's element.
    pub max_difference: f64,
    /// Mean absolute difference of the probabilities.
    pub mean_difference: f64,
    /// Share of pictures that were routed to the same decoder.
    pub routing_agreement: f64,
    /// Largest relative difference of the features' standard deviation, the sigma of Eq. (6).
    pub sigma_shift: f64,
}

/// What a backend must keep to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParityLimits {
    /// Smallest share of equal labels.
    pub labels: f64,
    /// Smallest mean Dice coefficient.
    pub dice: f64,
    /// Largest mean difference of the probabilities.
    pub mean_difference: f64,
    /// Smallest share of equal routing decisions.
    pub routing: f64,
    /// Largest relative shift of sigma.
    pub sigma_shift: f64,
}

impl Default for ParityLimits {
    /// The product's gate. Rounding moves single pixels and close calls; more than this is a fault of the backend.
    fn default() -> Self {
        Self { labels: 0.98, dice: 0.98, mean_difference: 0.02, routing: 0.995, sigma_shift: 0.02 }
    }
}

/// A figure beyond its limit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{what} is {found:.4} on {pictures} pictures, {limit} is the limit")]
pub struct Breach {
    /// Which figure.
    pub what: &'static str,
    /// Its value.
    pub found: f64,
    /// Its limit.
    pub limit: f64,
    /// Pictures that were compared.
    pub pictures: u64,
}

impl From<Breach> for String {
    fn from(breach: Breach) -> Self {
        breach.to_string()
    }
}

impl Parity {
    /// Whether every figure keeps to its limit. A figure that is no number does not.
    ///
    /// # Errors
    /// The first [`Breach`]; no pictures at all are one, too.
    pub fn check(&self, task: Task, limits: &ParityLimits) -> Result<(), Breach> {
        let (agreement, smallest) = match task {
            Task::Classify => ("the share of equal labels", limits.labels),
            Task::Segment => ("the Dice coefficient of the masks", limits.dice),
        };
        let at_least = [
            ("the number of pictures", self.pictures as f64, 1.0),
            (agreement, self.agreement, smallest),
            ("the share of equal routing decisions", self.routing_agreement, limits.routing),
        ];
        let at_most = [
            ("the mean difference of the probabilities", self.mean_difference, limits.mean_difference),
            ("the relative shift of the features' deviation", self.sigma_shift, limits.sigma_shift),
        ];
        let low = at_least.into_iter().find(|(_, found, limit)| found.is_nan() || found < limit);
        let high = || at_most.into_iter().find(|(_, found, limit)| found.is_nan() || found > limit);
        match low.or_else(high) {
            Some((what, found, limit)) => Err(Breach { what, found, limit, pictures: self.pictures }),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Parity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pictures, agreement, max_difference, mean_difference, routing_agreement, sigma_shift } = self;
        write!(
            formatter,
            "{pictures} pictures: agreement {agreement:.4}, probabilities differ by {mean_difference:.1e} on average and \
             {max_difference:.1e} at most, routing agrees in {:.2} %, sigma shifts by {sigma_shift:.1e}",
            100.0 * routing_agreement
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EQUAL: Parity = Parity {
        pictures: 40,
        agreement: 1.0,
        max_difference: 0.0,
        mean_difference: 0.0,
        routing_agreement: 1.0,
        sigma_shift: 0.0,
    };

    #[test]
    fn every_figure_has_its_limit() {
        struct Case {
            parity: Parity,
            task: Task,
            breach: Option<&'static str>,
        }
        let cases = [
            Case { parity: EQUAL, task: Task::Classify, breach: None },
            Case { parity: Parity { max_difference: 0.9, ..EQUAL }, task: Task::Classify, breach: None },
            Case { parity: Parity { agreement: 0.97, ..EQUAL }, task: Task::Classify, breach: Some("labels") },
            Case { parity: Parity { agreement: 0.97, ..EQUAL }, task: Task::Segment, breach: Some("Dice") },
            Case { parity: Parity { agreement: f64::NAN, ..EQUAL }, task: Task::Segment, breach: Some("Dice") },
            Case {
                parity: Parity { mean_difference: 0.1, ..EQUAL },
                task: Task::Segment,
                breach: Some("mean difference"),
            },
            Case { parity: Parity { routing_agreement: 0.99, ..EQUAL }, task: Task::Segment, breach: Some("routing") },
            Case { parity: Parity { sigma_shift: f64::NAN, ..EQUAL }, task: Task::Classify, breach: Some("deviation") },
            Case { parity: Parity { pictures: 0, ..EQUAL }, task: Task::Classify, breach: Some("number of pictures") },
        ];
        for Case { parity, task, breach } in cases {
            let found = parity.check(task, &ParityLimits::default()).err().map(|breach| breach.to_string());
            assert_eq!(found.is_some(), breach.is_some(), "{parity:?}: {found:?}");
            let named = found.as_deref().zip(breach).is_none_or(|(text, part)| text.contains(part));
            assert!(named, "{parity:?}: {found:?}, expected {breach:?}");
        }
    }
}
