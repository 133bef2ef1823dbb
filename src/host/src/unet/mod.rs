//! The UNet of USHydra-UNet: one encoder, one closed decoder per quality domain, in burn and as ONNX.
//!
//! A decoder owns its up-convolutions, so that it is a file of its own that takes nothing but the encoder's outputs.

mod export;
mod network;
mod weights;

use serde::{Deserialize, Serialize};

pub use export::{decoder_graph, encoder_graph};
pub use network::{Decoder, DoubleConv, Encoder, Network};

/// Name of the encoder's output that the router reads.
pub const FEATURES: &str = "features";
/// Name of a decoder's output.
pub const LOGITS: &str = "logits";
/// Name of the encoder's input.
pub const IMAGE: &str = "image";

/// Shape of the network. The article's is width 64 and depth 4: 64-128-256-512, bottleneck 1024.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnetConfig {
    /// Channels of the first level; every level below has twice as many.
    pub width: usize,
    /// Levels above the bottleneck, each of which halves the picture.
    pub depth: usize,
}

impl UnetConfig {
    /// Largest depth: beyond it nothing of a picture is left.
    pub const MAX_DEPTH: usize = 6;
    /// Largest width, the article's.
    pub const MAX_WIDTH: usize = 64;

    /// Channels of every level, the bottleneck last.
    #[must_use]
    pub fn channels(&self) -> Vec<usize> {
        (0..=self.depth).map(|level| self.width << level).collect()
    }

    /// Length of the feature vector: mean and standard deviation of every channel of every level.
    #[must_use]
    pub fn features(&self) -> usize {
        2 * self.channels().iter().sum::<usize>()
    }

    /// Factor by which the bottleneck is smaller than the picture.
    #[must_use]
    pub fn reduction(&self) -> usize {
        1 << self.depth
    }

    /// The first value that cannot work, for pictures of `width` x `height`.
    ///
    /// # Errors
    /// Cause and remedy.
    pub fn check(&self, width: u32, height: u32) -> Result<(), String> {
        if self.width == 0 || self.width > Self::MAX_WIDTH {
            return Err(format!("network.width = {}; use 1 to {}", self.width, Self::MAX_WIDTH));
        }
        if self.depth == 0 || self.depth > Self::MAX_DEPTH {
            return Err(format!("network.depth = {}; use 1 to {}", self.depth, Self::MAX_DEPTH));
        }
        let step = self.reduction() as u32;
        for (side, value) in [("width", width), ("height", height)] {
            if value == 0 || value % step != 0 {
                return Err(format!(
                    "input.{side} = {value} cannot be halved {} times; use a multiple of {step}",
                    self.depth
                ));
            }
        }
        Ok(())
    }

    /// Name of the encoder's output of `level`; the bottleneck is the level `depth`.
    #[must_use]
    pub fn map_name(&self, level: usize) -> String {
        if level == self.depth { "bottleneck".to_owned() } else { format!("skip{level}") }
    }
}
