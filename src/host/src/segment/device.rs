//! What the networks are computed on.

use burn::tensor::Device;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A burn backend that this build holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ComputeDevice {
    /// burn's own CPU backend.
    #[cfg_attr(not(feature = "tch"), default)]
    Flex,
    /// libtorch on the CPU.
    #[cfg(feature = "tch")]
    #[cfg_attr(feature = "tch", default)]
    Tch,
    /// The first NVIDIA GPU, through CUDA.
    #[cfg(feature = "cuda")]
    Cuda,
    /// The GPU that the Vulkan driver prefers.
    #[cfg(feature = "vulkan")]
    Vulkan,
}

impl ComputeDevice {
    /// The device for training.
    #[must_use]
    pub fn training(self) -> Device {
        match self {
            Self::Flex => Device::flex().autodiff(),
            #[cfg(feature = "tch")]
            #[expect(deprecated, reason = "no other CPU backend of burn 0.22 trains as fast")]
            Self::Tch => Device::libtorch().autodiff(),
            #[cfg(feature = "cuda")]
            Self::Cuda => Device::cuda(0).autodiff(),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => Device::vulkan(burn::tensor::DeviceKind::default()).autodiff(),
        }
    }
}
