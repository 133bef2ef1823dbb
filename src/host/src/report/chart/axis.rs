//! Axes: range, ticks and their words.

/// One axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Name with unit.
    pub label: String,
    /// From, to.
    pub range: [f64; 2],
    /// Places and words, in order.
    pub ticks: Vec<(f64, String)>,
    /// Whether lines cross the chart at the ticks.
    pub grid: bool,
}

/// Ticks that are wanted along an axis.
const WANTED: f64 = 5.0;

impl Axis {
    /// An axis over `values` with round ticks; both ends lie on ticks. Infinite and missing values do not count.
    #[must_use]
    pub fn over(label: &str, values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values
            .filter(|v| v.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        let (low, high) = if high - low < f64::EPSILON * high.abs().max(1.0) {
            (low - 0.5 * low.abs().max(1.0), high + 0.5 * high.abs().max(1.0))
        } else {
            (low, high)
        };
        Self::between(label, low, high)
    }

    /// Shares from 0 to 1.
    #[must_use]
    pub fn share(label: &str) -> Self {
        Self::between(label, 0.0, 1.0)
    }

    /// An axis that covers `low` to `high` with round ticks.
    #[must_use]
    pub fn between(label: &str, low: f64, high: f64) -> Self {
        let (ticks, digits) = nice_ticks(low, high);
        let range = [ticks.first().copied().unwrap_or(low), ticks.last().copied().unwrap_or(high)];
        let ticks = ticks.into_iter().map(|t| (t, number(t, digits))).collect();
        Self { label: label.to_owned(), range, ticks, grid: true }
    }

    /// Names at 0, 1, 2, ...
    #[must_use]
    pub fn names(label: &str, names: &[String]) -> Self {
        let ticks = names.iter().enumerate().map(|(i, name)| (i as f64, name.clone())).collect();
        Self { label: label.to_owned(), range: [-0.5, names.len().max(1) as f64 - 0.5], ticks, grid: false }
    }

    /// The same from top to bottom (or right to left).
    #[must_use]
    pub fn reversed(mut self) -> Self {
        self.range.reverse();
        self
    }

    /// Widest word of a tick, in characters.
    #[must_use]
    pub fn widest(&self) -> usize {
        self.ticks.iter().map(|(_, word)| word.chars().count()).max().unwrap_or(0)
    }
}

fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    // -0.0 is 0.
    if text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.') {
        text.trim_start_matches('-').to_owned()
    } else {
        text
    }
}

/// Round numbers (1, 2 or 5 times a power of ten apart) from at or below `low` to at or above `high`, and the decimals that
/// write them.
#[must_use]
pub fn nice_ticks(low: f64, high: f64) -> (Vec<f64>, usize) {
    let span = high - low;
    if !(span.is_finite() && span > 0.0) {
        return (vec![low], 2);
    }
    let rough = span / WANTED;
    let power = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= rough * 0.99).unwrap_or(10.0 * power);
    // A hair of tolerance keeps 0.30000000000000004 from asking for one more tick.
    let first = (low / step + 1e-9).floor();
    let last = (high / step - 1e-9).ceil();
    let digits = (-step.log10().floor()).max(0.0) as usize;
    // No axis has more than a few ticks; the bound is for steps that vanish beside their values.
    let count = ((last - first) as usize).min(50);
    ((0..=count).map(|i| (first + i as f64) * step).collect(), digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_ticks() {
        let words = |low, high| Axis::between("", low, high).ticks.into_iter().map(|t| t.1).collect::<Vec<_>>();
        assert_eq!(words(0.0, 1.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(words(0.81, 0.97), ["0.80", "0.85", "0.90", "0.95", "1.00"]);
        assert_eq!(words(-3.0, 40.0), ["-10", "0", "10", "20", "30", "40"]);
        assert_eq!(Axis::over("", [0.5].into_iter()).range, [0.0, 1.0]);
        assert_eq!(Axis::over("", [f64::NAN].into_iter()).range, [0.0, 1.0]);
        assert_eq!(Axis::names("", &["a".into(), "b".into()]).range, [-0.5, 1.5]);
    }

    proptest! {
        #[test]
        fn ticks_cover_and_are_few(low in -1e6_f64..1e6, span in 1e-6_f64..1e6) {
            let (ticks, _) = nice_ticks(low, low + span);
            prop_assert!(ticks.len() >= 2 && ticks.len() <= 13, "{:?}", ticks);
            prop_assert!(ticks[0] <= low + 1e-6 * span && ticks[ticks.len() - 1] >= low + span * (1.0 - 1e-6));
            prop_assert!(ticks.windows(2).all(|w| w[1] > w[0]));
        }
    }
}
