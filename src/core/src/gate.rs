//! The last word before a result is shown: abstain, out of domain, stale.

/// What may be said about a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Show it.
    Show,
    /// The frame is outside the known domains: say so, do not guess.
    OutOfDomain,
    /// The decoder is not sure enough.
    Unsure,
    /// The frame is too old to be shown as live.
    Stale,
}

impl Verdict {
    /// Whether the answer is withheld.
    #[must_use]
    pub const fn abstained(self) -> bool {
        !matches!(self, Self::Show)
    }
}

/// Thresholds of the gate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// Smallest probability that is shown (0 to 1).
    pub min_probability: f64,
    /// Greatest age of a frame, capture to result, in milliseconds.
    pub max_age_ms: u64,
}

impl Gate {
    /// Judges one result. Staleness hides everything else: an old answer is wrong about now whatever it says.
    #[must_use]
    pub fn judge(&self, in_domain: bool, probability: f64, age_ms: u64) -> Verdict {
        if age_ms > self.max_age_ms {
            Verdict::Stale
        } else if !in_domain {
            Verdict::OutOfDomain
        } else if probability >= self.min_probability {
            Verdict::Show
        } else {
            // Also for NaN: a probability that is no number is no certainty.
            Verdict::Unsure
        }
    }
}
