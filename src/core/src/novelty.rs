//! The second half of "outside the known domains": does the picture look like anything the decoders were trained on?
//!
//! The whitened distance of [`crate::vector`] follows the differences between the domains; a picture of another organ from a
//! familiar scanner differs elsewhere. This test keeps one prototype per domain and class (the mean of their calibration
//! pictures) over a range of the feature vector, and scores an observation by the closest one:
//!
//! ```text
//! t     = (f[start..start+n] - centre) * scale
//! score = min_j  1/n * |t - prototype_j|^2
//! ```

use thiserror::Error;

use crate::simd::vectorised;

/// Most prototypes: eight domains of eight classes.
pub const MAX_PROTOTYPES: usize = 64;

/// Prototypes over a range of the feature vector, and the largest score that still counts as familiar.
#[derive(Clone, Debug)]
pub struct Novelty<S> {
    start: usize,
    centre: S,
    scale: S,
    prototypes: S,
    threshold: f64,
}

impl<S: AsRef<[f32]>> Novelty<S> {
    /// Builds the test over `n = centre.len()` entries from `start` on.
    ///
    /// * `centre`, `scale`: n entries.
    /// * `prototypes`: the n standardised entries of every prototype, one after the other.
    /// * `threshold`: largest familiar score.
    ///
    /// # Errors
    /// [`NoveltyError`] where lengths disagree, there is no prototype or too many, or a value is not finite.
    pub fn new(start: usize, centre: S, scale: S, prototypes: S, threshold: f64) -> Result<Self, NoveltyError> {
        let n = centre.as_ref().len();
        let found = prototypes.as_ref().len();
        if n == 0 {
            return Err(NoveltyError::Length { expected: 1, found: 0 });
        }
        if scale.as_ref().len() != n {
            return Err(NoveltyError::Length { expected: n, found: scale.as_ref().len() });
        }
        if !found.is_multiple_of(n) {
            return Err(NoveltyError::Length { expected: found.next_multiple_of(n), found });
        }
        let count = found / n;
        if count == 0 || count > MAX_PROTOTYPES {
            return Err(NoveltyError::Prototypes { found: count });
        }
        let finite = |values: &[f32]| values.iter().all(|v| v.is_finite());
        let buffers_finite = finite(centre.as_ref()) && finite(scale.as_ref()) && finite(prototypes.as_ref());
        // `>=` is false for NaN; an infinite threshold means "nothing is novel" and is allowed.
        if !(buffers_finite && threshold >= 0.0) {
            return Err(NoveltyError::NotFinite);
        }
        Ok(Self { start, centre, scale, prototypes, threshold })
    }

    /// Largest familiar score.
    #[must_use]
    pub const fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Mean squared standardised distance to the closest prototype.
    ///
    /// # Errors
    /// [`NoveltyError::Length`] where `features` ends before the range, [`NoveltyError::NotFinite`] for a NaN or an
    /// infinity in it.
    pub fn score(&self, features: &[f32]) -> Result<f64, NoveltyError> {
        let n = self.centre.as_ref().len();
        let end = self.start.saturating_add(n);
        let Some(range) = features.get(self.start..end) else {
            return Err(NoveltyError::Length { expected: end, found: features.len() });
        };
        let nearest = vectorised(
            #[inline(always)]
            || self.nearest(range),
        );
        if nearest.is_finite() { Ok(nearest / n as f64) } else { Err(NoveltyError::NotFinite) }
    }

    /// Whether the score of `features` is within the threshold.
    ///
    /// # Errors
    /// As [`Self::score`].
    pub fn is_familiar(&self, features: &[f32]) -> Result<bool, NoveltyError> {
        Ok(self.score(features)? <= self.threshold)
    }

    /// Smallest squared distance; NaN or infinite features make every distance so.
    #[inline(always)]
    fn nearest(&self, range: &[f32]) -> f64 {
        /// Independent sums, so that the additions do not wait for each other.
        const LANES: usize = 8;
        let (centre, scale) = (self.centre.as_ref(), self.scale.as_ref());
        let distances = self.prototypes.as_ref().chunks_exact(centre.len()).map(|prototype| {
            let mut sums = [0.0_f32; LANES];
            let mut total = 0.0_f64;
            let chunks = range.chunks(LANES).zip(centre.chunks(LANES));
            for ((x, c), (s, p)) in chunks.zip(scale.chunks(LANES).zip(prototype.chunks(LANES))) {
                for (sum, ((x, c), (s, p))) in sums.iter_mut().zip(x.iter().zip(c).zip(s.iter().zip(p))) {
                    let difference = (x - c) * s - p;
                    *sum += difference * difference;
                }
            }
            for sum in sums {
                total += f64::from(sum);
            }
            total
        });
        // `f64::min` would drop a NaN; every distance shares the same damaged entry, so the first one tells.
        distances.reduce(|a, b| if b < a { b } else { a }).unwrap_or(f64::NAN)
    }
}

/// A novelty test or an observation that does not fit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoveltyError {
    /// Lengths that disagree.
    #[error(
        "the novelty test covers {expected} entries but {found} were given; bundle and calibration do not belong together"
    )]
    Length {
        /// Entries expected.
        expected: usize,
        /// Entries found.
        found: usize,
    },
    /// No prototype, or too many.
    #[error("{found} prototypes; 1 to {MAX_PROTOTYPES} are possible, so merge domains or classes before calibration")]
    Prototypes {
        /// Prototypes found.
        found: usize,
    },
    /// NaN or infinity.
    #[error("the novelty test met a value that is not finite; the frame, the encoder or the calibration is damaged")]
    NotFinite,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a failed test stops")]

    use super::*;

    const CENTRE: [f32; 3] = [1.0, 2.0, 3.0];
    const SCALE: [f32; 3] = [1.0, 0.5, 2.0];
    const PROTOTYPES: [f32; 6] = [0.0, 0.0, 0.0, 3.0, 0.0, 0.0];

    fn novelty(threshold: f64) -> Result<Novelty<&'static [f32]>, NoveltyError> {
        Novelty::new(1, &CENTRE[..], &SCALE[..], &PROTOTYPES[..], threshold)
    }

    #[test]
    fn scores_the_closest_prototype() {
        struct Case {
            features: [f32; 5],
            score: f64,
            familiar: bool,
        }
        let cases = [
            Case { features: [9.0, 1.0, 2.0, 3.0, 9.0], score: 0.0, familiar: true },
            Case { features: [9.0, 4.0, 2.0, 3.0, 9.0], score: 0.0, familiar: true },
            Case { features: [9.0, 2.0, 2.0, 3.0, 9.0], score: 1.0 / 3.0, familiar: true },
            Case { features: [9.0, 1.0, 6.0, 5.0, 9.0], score: (4.0 + 16.0) / 3.0, familiar: false },
        ];
        for case in cases {
            let novelty = novelty(1.0).expect("valid");
            assert!((novelty.score(&case.features).expect("finite") - case.score).abs() < 1e-12);
            assert_eq!(novelty.is_familiar(&case.features), Ok(case.familiar));
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let test = novelty(1.0).expect("valid");
        assert_eq!(test.score(&[0.0; 3]), Err(NoveltyError::Length { expected: 4, found: 3 }));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(test.score(&[0.0, bad, 0.0, 0.0]), Err(NoveltyError::NotFinite));
            assert_eq!(test.score(&[0.0, 0.0, 0.0, bad]), Err(NoveltyError::NotFinite));
        }
        assert_eq!(novelty(f64::NAN).err(), Some(NoveltyError::NotFinite));
        let none = Novelty::new(0, &CENTRE[..], &SCALE[..], &[][..], 1.0);
        assert_eq!(none.err(), Some(NoveltyError::Prototypes { found: 0 }));
        let short = Novelty::new(0, &CENTRE[..], &SCALE[..2], &PROTOTYPES[..], 1.0);
        assert_eq!(short.err(), Some(NoveltyError::Length { expected: 3, found: 2 }));
        let ragged = Novelty::new(0, &CENTRE[..], &SCALE[..], &PROTOTYPES[..4], 1.0);
        assert_eq!(ragged.err(), Some(NoveltyError::Length { expected: 6, found: 4 }));
        let empty = Novelty::new(0, &[][..], &[][..], &PROTOTYPES[..], 1.0);
        assert_eq!(empty.err(), Some(NoveltyError::Length { expected: 1, found: 0 }));
    }
}
