//! Writing ONNX graphs from Rust.
//!
//! [`Graph`] is a typed builder: every [`Value`] carries its static shape, every operator checks the shapes of its
//! inputs before it writes a node, and the finished model names its inputs and outputs as the caller chose.
//!
//! ```
//! use ushydra_onnx::{Graph, Storage};
//!
//! let mut graph = Graph::new("decoder").with_storage(Storage::F16);
//! let features = graph.input("features", &[1, 4])?;
//! let weight = graph.weight("fc.weight", &[4, 2], &[0.5; 8])?;
//! let bias = graph.weight("fc.bias", &[2], &[0.0, 1.0])?;
//! let logits = graph.linear(features, weight, Some(bias))?;
//! graph.output("logits", logits)?;
//! let bytes = graph.to_bytes()?;
//! # assert!(!bytes.is_empty());
//! # Ok::<(), ushydra_onnx::OnnxError>(())
//! ```
//!
//! The models use [operator set 17](OPSET) (the newest that both tract 0.23 and TensorRT 8.5 read completely, and the
//! first with `LayerNormalization`) and [IR version 8](IR_VERSION). Shapes are fixed: one frame, one batch. Values and
//! weights are f32; [`Storage::F16`] stores matrices and kernels as f16 initializers followed by a `Cast`, which halves
//! the file while every runtime folds the cast when it loads the model and computes in f32.
//!
//! Quantised models hold int8 and i32 values between their f32 inputs and outputs: [`Graph::quantise`] leads to int8,
//! [`Graph::dequantise`] and [`Graph::to_f32`] back. All scales are constants and every zero point is 0.
//!
//! [`Network`] reads a model of few, simple layers back.

mod error;
mod graph;
mod network;
mod ops;
mod proto;
mod shape;
mod tensor;
pub mod vit;

pub use error::OnnxError;
pub use graph::{Graph, Value};
pub use network::{Layer, Network, Operation, Weights};
pub use ops::{Conv2d, ConvScales, ConvTranspose2d, Pool2d, ResizeMode};
pub use proto::{IR_VERSION, OPSET};
pub use tensor::{Storage, parameters};
