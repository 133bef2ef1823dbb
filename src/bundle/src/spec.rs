//! `[input]`: what the encoder is fed, and the fingerprint that ties statistics to it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{crop, fan, resample};

/// Longest side of a model input in pixels.
pub const MAX_INPUT_SIDE: u32 = 2048;
/// Colour channels of a model input.
pub const MAX_INPUT_CHANNELS: usize = 3;

/// How the frame's colours are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Luma (BT.601); with three channels the same plane is given three times, each normalised by its own mean and std.
    Grey,
    /// Red, green and blue planes; a grey frame gives three equal planes.
    Rgb,
}

/// Which part of the frame is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Crop {
    /// The whole frame.
    None,
    /// The ultrasound sector by the rule of [`crate::crop`].
    Sector,
    /// The ultrasound sector on a scanner's screen by the rule of [`crate::fan`].
    Fan,
}

/// How the crop meets the input's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Both axes are scaled to fill the input.
    Stretch,
    /// One scale for both axes, centred, the rest is black.
    Letterbox,
}

/// Resampling kernel, widened by the reduction factor (as Pillow and PyTorch's `antialias=True` do).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// Mean of the covered pixels.
    Box,
    /// Triangle.
    Bilinear,
    /// Keys cubic with a = -0.5 (Catmull-Rom).
    Bicubic,
    /// Lanczos with three lobes.
    Lanczos3,
}

/// Input of the encoder: planar f32 of shape `[channels, height, width]`, `(value / 255 - mean[c]) / std[c]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Planes: 1 or 3.
    pub channels: usize,
    /// How colours are read.
    pub colour: Colour,
    /// Which part of the frame is used.
    pub crop: Crop,
    /// How it is brought to the input's shape.
    pub resize: Fit,
    /// Resampling kernel.
    pub filter: Filter,
    /// Per-channel mean on value / 255.
    pub mean: Vec<f32>,
    /// Per-channel standard deviation on value / 255.
    pub std: Vec<f32>,
}

impl InputSpec {
    /// Values of the input tensor.
    #[must_use]
    pub fn values(&self) -> usize {
        self.channels * self.pixels()
    }

    /// Pixels of one plane.
    #[must_use]
    pub fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }

    /// Every setting and the versions of the rules behind them. Statistics store it: two inputs with the same fingerprint
    /// produce the same tensor from the same frame.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let name = |value: &dyn fmt::Debug| format!("{value:?}").to_lowercase();
        let list = |values: &[f32]| values.iter().map(f32::to_string).collect::<Vec<_>>().join(",");
        let crop = match self.crop {
            Crop::None => "none".to_owned(),
            Crop::Sector => format!("sector/{}", crop::RULE_VERSION),
            Crop::Fan => format!("fan/{}", fan::RULE_VERSION),
        };
        format!(
            "{}x{}x{} colour={} crop={crop} resize={} filter={}/{} mean={} std={}",
            self.channels,
            self.height,
            self.width,
            name(&self.colour),
            name(&self.resize),
            name(&self.filter),
            resample::RULE_VERSION,
            list(&self.mean),
            list(&self.std),
        )
    }

    /// The first setting that no preprocessing can follow, as (field, problem).
    pub(crate) fn fault(&self) -> Option<(&'static str, String)> {
        let side = |value: u32| {
            (value == 0 || value > MAX_INPUT_SIDE).then(|| format!("{value} is outside 1 to {MAX_INPUT_SIDE}"))
        };
        if let Some(problem) = side(self.width) {
            return Some(("width", problem));
        }
        if let Some(problem) = side(self.height) {
            return Some(("height", problem));
        }
        match (self.colour, self.channels) {
            (Colour::Grey, 1 | MAX_INPUT_CHANNELS) | (Colour::Rgb, MAX_INPUT_CHANNELS) => {}
            (Colour::Grey, found) => {
                return Some(("channels", format!("{found} channels of grey; 1 or 3 are possible")));
            }
            (Colour::Rgb, found) => return Some(("channels", format!("{found} channels of rgb; 3 are needed"))),
        }
        for (field, values) in [("mean", &self.mean), ("std", &self.std)] {
            if values.len() != self.channels {
                return Some((field, format!("{} values for {} channels", values.len(), self.channels)));
            }
        }
        if let Some(bad) = self.mean.iter().find(|value| !value.is_finite()) {
            return Some(("mean", format!("{bad} is not a finite number")));
        }
        if let Some(bad) = self.std.iter().find(|value| !value.is_normal() || **value < 0.0) {
            return Some(("std", format!("{bad} is not a positive number")));
        }
        None
    }
}
