//! One frame's quality: pixel and feature moments joined by Eq. (7) to (10).

use thiserror::Error;

use crate::moments::Moments;

/// Most pixel channels of a frame.
pub const MAX_CHANNELS: usize = 4;

/// Quality statistics of one frame.
///
/// Pixel moments are those of the preprocessed image `x` (after normalisation), averaged over its channels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quality {
    /// Channel average of Eq. (3) and (4).
    pub pixel: Moments,
    /// Eq. (5) and (6) over the entries of the feature vector of this one frame.
    pub feature: Moments,
}

impl Quality {
    /// Joins the per-channel pixel moments with the feature moments.
    ///
    /// # Errors
    /// [`QualityError::Channels`] unless there are 1 to [`MAX_CHANNELS`] channels.
    pub fn new(channels: &[Moments], feature: Moments) -> Result<Self, QualityError> {
        if channels.is_empty() || channels.len() > MAX_CHANNELS {
            return Err(QualityError::Channels { found: channels.len() });
        }
        let n = channels.len() as f64;
        let pixel = Moments {
            mean: channels.iter().map(|m| m.mean).sum::<f64>() / n,
            std: channels.iter().map(|m| m.std).sum::<f64>() / n,
        };
        Ok(Self { pixel, feature })
    }

    /// `mu` of Eq. (9). Averaging `m_c + m_f` (Eq. 7) over c equals adding `m_f` to the average of `m_c`.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.pixel.mean + self.feature.mean
    }

    /// `sigma` of Eq. (10) in the article's per-image reading (mode `paper`).
    #[must_use]
    pub fn std(&self) -> f64 {
        self.pixel.std + self.feature.std
    }

    /// `sigma` as the authors' released program computes it: the standard deviation over a batch of one frame is 0, so
    /// only the pixel term of Eq. (8) remains (mode `released`).
    #[must_use]
    pub fn released_std(&self) -> f64 {
        self.pixel.std
    }
}

/// Pixel moments that cannot form a [`Quality`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum QualityError {
    /// No channel, or too many.
    #[error("{found} pixel channels; a frame has 1 to {MAX_CHANNELS}")]
    Channels {
        /// Channels given.
        found: usize,
    },
}
