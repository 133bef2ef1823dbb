//! What one cell of a study leaves behind: who was judged and what was answered. Tables and reports read nothing else.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a cell answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Which plane a picture shows.
    Classify,
    /// Where the organ is.
    Segment,
}

impl Task {
    /// As configurations name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classify => "classify",
            Self::Segment => "segment",
        }
    }
}

/// Which cell: system x split x seed, and the variant of an ablation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CellKey {
    /// System, for example `ushydra-vit` or `resnet18`.
    pub system: String,
    /// Split, for example `split-0` or `without-egypt`.
    pub split: String,
    /// Seed of weights, order and views.
    pub seed: u64,
    /// Setting of an ablation, for example `routing=paper`; empty for the main comparison.
    #[serde(default)]
    pub variant: String,
}

impl CellKey {
    /// Name of the cell's folder and of `--cell`: `system.split.seed`, then `.variant` where there is one. Characters that a
    /// shell or a file system could mistake become `-`.
    #[must_use]
    pub fn slug(&self) -> String {
        let mut slug = format!("{}.{}.{}", safe(&self.system), safe(&self.split), self.seed);
        if !self.variant.is_empty() {
            slug.push('.');
            slug.push_str(&safe(&self.variant));
        }
        slug
    }
}

impl fmt::Display for CellKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.slug())
    }
}

/// Dots within a part become `_`, so that the parts of two keys never run together to one slug.
fn safe(part: &str) -> String {
    let keep = |c: char| {
        if c.is_ascii_alphanumeric() || "=+-_".contains(c) {
            c
        } else if c == '.' {
            '_'
        } else {
            '-'
        }
    };
    part.chars().map(keep).collect()
}

/// One training epoch of a network that learns by epochs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Mean training loss.
    pub training_loss: f64,
    /// Validation loss.
    pub validation_loss: f64,
    /// Accuracy or Dice on the validation part.
    pub validation_score: f64,
}

/// The answer to one test frame, next to the truth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Answer {
    /// A plane.
    Class {
        /// True label, an index of [`CellRecord::labels`]; none for a picture of no standard plane.
        label: Option<usize>,
        /// Probabilities in the order of [`CellRecord::labels`].
        probabilities: Vec<f64>,
    },
    /// A mask, already compared with the true one in the picture's own pixels.
    Mask {
        /// Dice coefficient, 0 to 1.
        dice: f64,
        /// Intersection over union, 0 to 1.
        iou: f64,
        /// 95th percentile of the symmetric surface distances, pixels; none where a mask is empty.
        hd95_px: Option<f64>,
        /// The same in millimetres where the spacing is known.
        hd95_mm: Option<f64>,
    },
}

/// One judged frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Picture as the data set lists it.
    pub name: String,
    /// Patient: the unit of every bootstrap.
    pub patient: String,
    /// True quality domain, an index of [`CellRecord::domains`].
    pub domain: usize,
    /// Scanner, site or country; may be empty.
    #[serde(default)]
    pub device: String,
    /// Decoder that answered, an index of [`CellRecord::domains`]; none for systems without routing.
    #[serde(default)]
    pub decoder: Option<usize>,
    /// Whether the router took the frame for one of its domains.
    #[serde(default)]
    pub in_domain: Option<bool>,
    /// Place of the frame in the plane of the domain map.
    #[serde(default)]
    pub position: Option<[f64; 2]>,
    /// The answer.
    pub answer: Answer,
}

/// Everything one finished cell leaves: `cells/<folder>/cell.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellRecord {
    /// Which cell.
    pub key: CellKey,
    /// What it answers.
    pub task: Task,
    /// Labels in the order of the probabilities (for masks, the organ).
    pub labels: Vec<String>,
    /// Domains in order.
    pub domains: Vec<String>,
    /// Trained and frozen parameters together.
    pub parameters: usize,
    /// Pictures that trained, that chose the epoch or the weights, and that are judged.
    pub pictures: [usize; 3],
    /// Patients of the same three parts.
    pub patients: [usize; 3],
    /// Seconds of training, of this process alone, summed over resumptions.
    pub training_seconds: f64,
    /// Versions of the program and its numeric libraries.
    pub versions: BTreeMap<String, String>,
    /// Epochs in order; empty for systems that are not trained by epochs.
    #[serde(default)]
    pub epochs: Vec<Epoch>,
    /// Centre of every domain in the plane of the domain map.
    #[serde(default)]
    pub domain_positions: Vec<[f64; 2]>,
    /// Every frame of the test part.
    pub frames: Vec<Frame>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs() {
        let key = |variant: &str| CellKey {
            system: "ushydra-vit".into(),
            split: "without Voluson S10".into(),
            seed: 2,
            variant: variant.into(),
        };
        assert_eq!(key("").slug(), "ushydra-vit.without-Voluson-S10.2");
        assert_eq!(key("noise=0.1").slug(), "ushydra-vit.without-Voluson-S10.2.noise=0_1");
        assert_eq!(key("routing=fixed:low").to_string(), "ushydra-vit.without-Voluson-S10.2.routing=fixed-low");
    }
}
