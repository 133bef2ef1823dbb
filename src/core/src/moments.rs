//! Mean and population standard deviation, Eq. (3) to (6).

use thiserror::Error;

use crate::simd::vectorised;

/// Independent running sums: floating-point addition is not associative, so the order that lets the additions overlap has
/// to be written down. The same order on every machine gives the same bits on every machine.
const LANES: usize = 16;

/// Mean and population standard deviation of one sample set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// Arithmetic mean.
    pub mean: f64,
    /// Population standard deviation (division by n).
    pub std: f64,
}

impl Moments {
    /// Moments of `values` in f64, Eq. (5) and (6) for one image's feature vector.
    ///
    /// Two passes, the second one corrected for the rounding of the mean (Chan, Golub & LeVeque 1983):
    ///
    /// ```text
    /// mean     = sum x / n
    /// variance = (sum (x - mean)^2 - (sum (x - mean))^2 / n) / n
    /// ```
    ///
    /// # Errors
    /// [`MomentsError::Empty`] without values, [`MomentsError::NotFinite`] at the first NaN or infinity.
    pub fn of(values: &[f32]) -> Result<Self, MomentsError> {
        if values.is_empty() {
            return Err(MomentsError::Empty);
        }
        let n = values.len() as f64;
        let [sum] = vectorised(
            #[inline(always)]
            || lane_sums(values, |x| [x]),
        );
        // Finite f32 values cannot overflow an f64 sum, so a sum that is not finite has a value that is not.
        if !sum.is_finite() {
            let index = values.iter().position(|value| !value.is_finite()).unwrap_or_default();
            return Err(MomentsError::NotFinite { index });
        }
        let mean = sum / n;
        let [drift, squares] = vectorised(
            #[inline(always)]
            || {
                lane_sums(values, |x| {
                    let delta = x - mean;
                    [delta, delta * delta]
                })
            },
        );
        let variance = (squares - drift * drift / n) / n;
        Ok(Self { mean, std: libm::sqrt(variance.max(0.0)) })
    }

    /// Moments of `scale * x + shift` where `self` are the moments of `x`.
    #[must_use]
    pub fn affine(self, scale: f64, shift: f64) -> Self {
        Self { mean: scale * self.mean + shift, std: scale.abs() * self.std }
    }
}

/// Sums of the terms that `term` makes of every value.
#[inline(always)]
fn lane_sums<const N: usize>(values: &[f32], term: impl Fn(f64) -> [f64; N]) -> [f64; N] {
    let mut lanes = [[0.0_f64; LANES]; N];
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for (lane, &value) in block.iter().enumerate() {
            for (sums, part) in lanes.iter_mut().zip(term(f64::from(value))) {
                sums[lane] += part;
            }
        }
    }
    for (lane, &value) in rest.iter().enumerate() {
        for (sums, part) in lanes.iter_mut().zip(term(f64::from(value))) {
            sums[lane] += part;
        }
    }
    lanes.map(|sums| sums.iter().sum())
}

/// Moments of every channel of a planar f32 map (`channels` planes of equal size), Eq. (3) and (4).
///
/// # Errors
/// [`MomentsError::Planes`] where `map` does not split into `out.len()` equal, non-empty planes;
/// [`MomentsError::NotFinite`] as for [`Moments::of`].
pub fn channel_moments(map: &[f32], out: &mut [Moments]) -> Result<(), MomentsError> {
    if out.is_empty() || map.is_empty() || !map.len().is_multiple_of(out.len()) {
        return Err(MomentsError::Planes { values: map.len(), channels: out.len() });
    }
    let plane = map.len() / out.len();
    for (channel, (values, slot)) in map.chunks_exact(plane).zip(out.iter_mut()).enumerate() {
        *slot = Moments::of(values).map_err(|error| match error {
            MomentsError::NotFinite { index } => MomentsError::NotFinite { index: channel * plane + index },
            other => other,
        })?;
    }
    Ok(())
}

/// Values that have no moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MomentsError {
    /// No values at all.
    #[error("no values: moments need at least one")]
    Empty,
    /// A NaN or an infinity.
    #[error(
        "value {index} is NaN or infinite; the frame or the encoder's output is damaged, or the model overflows at this precision"
    )]
    NotFinite {
        /// Position of the first such value.
        index: usize,
    },
    /// A map that does not split into planes.
    #[error("{values} values do not split into {channels} equal channels")]
    Planes {
        /// Values in the map.
        values: usize,
        /// Channels asked for.
        channels: usize,
    },
}
