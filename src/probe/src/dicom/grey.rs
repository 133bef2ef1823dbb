//! Grey values: stored bits, rescale, window, inversion, all in one table.

use super::FORMAT;
use super::header::Attributes;
use crate::error::Fault;

/// Full scale of the result.
const WHITE: f64 = 255.0;
/// Slope of the sigmoid in its middle (PS3.3 C.11.2.1.3.1).
const SIGMOID_SLOPE: f64 = 4.0;

/// The 8-bit grey value of every possible sample.
#[derive(Debug)]
pub(super) struct Grey {
    /// 256 or 65,536 entries.
    table: Vec<u8>,
    /// The table changes nothing.
    identity: bool,
}

/// Stored bits within a sample.
#[derive(Clone, Copy, Debug)]
struct Bits {
    stored: u32,
    shift: u32,
    signed: bool,
}

/// A window function of PS3.3 C.11.2.1.2 and C.11.2.1.3.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Window {
    Linear {
        centre: f64,
        width: f64,
    },
    LinearExact {
        centre: f64,
        width: f64,
    },
    Sigmoid {
        centre: f64,
        width: f64,
    },
    /// No window: from the smallest to the greatest value that the stored bits can express.
    Full {
        low: f64,
        high: f64,
    },
}

impl Grey {
    /// Table for samples of `allocated` bits (8 or 16). Without a window the range of the stored bits becomes black to
    /// white, so that all frames and files of a device are treated alike whatever they show.
    pub(super) fn new(attributes: &Attributes, allocated: u16, inverted: bool) -> Result<Self, Fault> {
        let bits = Bits::new(attributes, allocated)?;
        let slope = attributes.slope.filter(|slope| *slope != 0.0).unwrap_or(1.0);
        let intercept = attributes.intercept.unwrap_or(0.0);
        let rescale = |value: f64| slope * value + intercept;
        let window = Window::new(attributes, bits.range().map(rescale));
        let table: Vec<u8> = (0..1_u32 << allocated)
            .map(|sample| {
                let grey = window.apply(rescale(bits.value(sample)));
                // `as` saturates.
                let grey = (grey * WHITE).round() as u8;
                if inverted { u8::MAX - grey } else { grey }
            })
            .collect();
        let identity = allocated == 8 && table.iter().zip(0..=u8::MAX).all(|(&entry, index)| entry == index);
        Ok(Self { table, identity })
    }

    /// Maps samples of 1 or 2 bytes (little endian).
    pub(super) fn apply(&self, samples: &[u8], sample_bytes: usize, out: &mut [u8]) {
        if sample_bytes == 1 && self.identity {
            out.copy_from_slice(samples);
        } else if sample_bytes == 1 {
            for (from, to) in samples.iter().zip(out) {
                *to = self.entry(usize::from(*from));
            }
        } else {
            for (from, to) in samples.as_chunks().0.iter().zip(out) {
                *to = self.entry(usize::from(u16::from_le_bytes(*from)));
            }
        }
    }

    pub(super) fn apply_in_place(&self, samples: &mut [u8]) {
        if !self.identity {
            for sample in samples {
                *sample = self.entry(usize::from(*sample));
            }
        }
    }

    /// 16-bit samples of an 8-bit table (a JPEG wider than announced) are white.
    fn entry(&self, sample: usize) -> u8 {
        self.table.get(sample).copied().unwrap_or(u8::MAX)
    }
}

impl Bits {
    fn new(attributes: &Attributes, allocated: u16) -> Result<Self, Fault> {
        let stored = attributes.stored.unwrap_or(allocated);
        let high = attributes.high_bit.unwrap_or(stored.saturating_sub(1));
        if stored == 0 || stored > allocated || high >= allocated || high + 1 < stored {
            let detail = format!("{stored} bits up to bit {high} do not fit {allocated} bits");
            return Err(Fault::damaged(FORMAT, detail));
        }
        Ok(Self { stored: stored.into(), shift: u32::from(high + 1 - stored), signed: attributes.signed })
    }

    /// The value that a sample stores.
    fn value(self, sample: u32) -> f64 {
        let value = (sample >> self.shift) & ((1 << self.stored) - 1);
        let half = 1 << (self.stored - 1);
        if self.signed && value >= half { f64::from(value) - f64::from(1_u32 << self.stored) } else { value.into() }
    }

    /// Smallest and greatest value.
    fn range(self) -> [f64; 2] {
        let count = f64::from(1_u32 << self.stored);
        if self.signed { [-count / 2.0, count / 2.0 - 1.0] } else { [0.0, count - 1.0] }
    }
}

impl Window {
    fn new(attributes: &Attributes, [low, high]: [f64; 2]) -> Self {
        let full = Self::Full { low, high };
        let (Some(centre), Some(width)) = (attributes.window_centre, attributes.window_width) else { return full };
        match attributes.window_function.as_str() {
            "LINEAR_EXACT" if width > 0.0 => Self::LinearExact { centre, width },
            "SIGMOID" if width > 0.0 => Self::Sigmoid { centre, width },
            "" | "LINEAR" if width >= 1.0 => Self::Linear { centre, width },
            function => {
                log::warn!("DICOM window ignored: function `{function}` with width {width}");
                full
            }
        }
    }

    /// Grey value from 0 to 1, not yet clamped.
    fn apply(self, value: f64) -> f64 {
        match self {
            // A width of 1 is a threshold; the formula would divide by 0.
            Self::Linear { centre, width: 1.0 } => f64::from(u8::from(value > centre - 0.5)),
            Self::Linear { centre, width } => (value - (centre - 0.5)) / (width - 1.0) + 0.5,
            Self::LinearExact { centre, width } => (value - centre) / width + 0.5,
            Self::Sigmoid { centre, width } => 1.0 / (1.0 + (-SIGMOID_SLOPE * (value - centre) / width).exp()),
            Self::Full { low, high } if low == high => 0.0,
            Self::Full { low, high } => (value - low) / (high - low),
        }
    }
}
