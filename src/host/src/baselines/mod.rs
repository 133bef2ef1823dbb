//! The networks that the article compares USHydra with, and their training: one network for all domains, no routing.
//!
//! All of them learn from the same pictures with the same preprocessing, augmentation, optimiser (AdamW, cosine schedule), budget
//! and choice of the epoch as USHydra's own networks. Their tensors carry torchvision's names, so that its pretrained weights
//! load, and timm's (`family`). A network is tested against PyTorch by `tests/baselines/make_fixtures.py`, files that
//! PyTorch, torchvision and timm wrote by `tests/baselines/make_pretrained.py`.

mod build;
mod classify;
mod config;
mod course;
mod deeplab;
mod densenet;
mod dofe;
mod family;
mod fcn;
mod gradcam;
mod layers;
mod network;
mod picture;
mod resnet;
mod segment;
mod segnet;
#[cfg(test)]
mod tests;
mod vgg;
mod weights;

pub use classify::{Trained, train_classifier};
pub use config::{Architecture, BaselineConfig};
pub use gradcam::{HeatMap, gradcam};
pub use picture::{ClassPicture, MaskPicture};
pub use resnet::Depth;
pub use segment::{TrainedMasks, redraw, train_segmenter};
