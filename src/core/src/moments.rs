//! Mean and population standard deviation, Eq. (3) to (6).

use thiserror::Error;

/// Mean and population standard deviation of one sample set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// Arithmetic mean.
    pub mean: f64,
    /// Population standard deviation (division by n).
    pub std: f64,
}

impl Moments {
    /// Moments of `values` by Welford's update in f64, Eq. (5) and (6) for one image's feature vector.
    ///
    /// # Errors
    /// [`MomentsError::Empty`] without values, [`MomentsError::NotFinite`] at the first NaN or infinity.
    pub fn of(values: &[f32]) -> Result<Self, MomentsError> {
        if values.is_empty() {
            return Err(MomentsError::Empty);
        }
        let mut mean = 0.0_f64;
        let mut squares = 0.0_f64;
        for (index, &value) in values.iter().enumerate() {
            if !value.is_finite() {
                return Err(MomentsError::NotFinite { index });
            }
            let value = f64::from(value);
            let delta = value - mean;
            mean += delta / (index + 1) as f64;
            squares += delta * (value - mean);
        }
        Ok(Self { mean, std: libm::sqrt(squares / values.len() as f64) })
    }

    /// Moments of `scale * x + shift` where `self` are the moments of `x`.
    #[must_use]
    pub fn affine(self, scale: f64, shift: f64) -> Self {
        Self { mean: scale * self.mean + shift, std: scale.abs() * self.std }
    }
}

/// Exact integer sums of 8-bit samples: count, sum and sum of squares.
///
/// The sums of up to 2^48 samples fit, so no frame overflows them, and their order does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PixelSums {
    count: u64,
    sum: u64,
    squares: u64,
}

impl PixelSums {
    /// Samples per block: 255^2 * 2^15 < 2^32, so a block's sums fit 32-bit lanes and vectorise.
    const BLOCK: usize = 1 << 15;

    /// Adds every sample of `samples` (one channel, contiguous).
    pub fn add(&mut self, samples: &[u8]) {
        for block in samples.chunks(Self::BLOCK) {
            let mut sum = 0_u32;
            let mut squares = 0_u32;
            for &sample in block {
                let value = u32::from(sample);
                sum += value;
                squares += value * value;
            }
            self.sum += u64::from(sum);
            self.squares += u64::from(squares);
        }
        self.count += samples.len() as u64;
    }

    /// Samples added so far.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Mean and population standard deviation in grey levels (0 to 255), Eq. (3) and (4).
    ///
    /// # Errors
    /// [`MomentsError::Empty`] before any sample was added.
    pub fn moments(&self) -> Result<Moments, MomentsError> {
        if self.count == 0 {
            return Err(MomentsError::Empty);
        }
        let n = self.count as f64;
        let mean = self.sum as f64 / n;
        // n * squares - sum^2 is an exact integer: no cancellation on constant images.
        let spread = u128::from(self.count) * u128::from(self.squares) - u128::from(self.sum) * u128::from(self.sum);
        Ok(Moments { mean, std: libm::sqrt(spread as f64) / n })
    }
}

/// Moments of every channel of a planar f32 map (`channels` planes of equal size), Eq. (3) and (4).
///
/// # Errors
/// [`MomentsError::Planes`] where `map` does not split into `out.len()` equal, non-empty planes;
/// [`MomentsError::NotFinite`] as for [`Moments::of`].
pub fn channel_moments(map: &[f32], out: &mut [Moments]) -> Result<(), MomentsError> {
    if out.is_empty() || map.is_empty() || map.len() % out.len() != 0 {
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
    #[error("value {index} is NaN or infinite; the frame or the encoder's output is damaged, or the model overflows at this precision")]
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
