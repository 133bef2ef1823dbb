//! NVIDIA TensorRT for Rust: TensorRT 8.5 to 11 and TensorRT for RTX, chosen at run time.
//!
//! A program with this crate links neither TensorRT nor CUDA nor a C++ runtime, and starts where there is none of them. [`TensorRt::open`]
//! loads the library that the machine has; between it and Rust stands a C++ shim that was compiled once for every major version. A
//! version that the crate does not know is refused by name, before anything but its version was asked.
//!
//! [`TensorRt::build`] turns an ONNX model into a plan, [`TensorRt::deserialize`] a plan into an [`Engine`], [`Engine::context`] gives it
//! a state, and [`Context::enqueue`] starts it on a [`cuda::Stream`]. Handles are cheap clones that keep alive what they need, so that they
//! may be dropped in any order.
//!
//! `unsafe` stands in the modules that call the shim or the driver; their safe functions keep the rules that NVIDIA's documentation states.
//!
//! ```no_run
//! use std::ops::ControlFlow;
//! use tensorrt_rs::cuda::{Cuda, Graph, Memory, Stream};
//! use tensorrt_rs::{BuildOptions, Locations, Precision, TensorRt};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tensorrt = TensorRt::open(&Locations::default())?;
//! let options = BuildOptions { precision: Precision::Fp16, ..Default::default() };
//! let built = tensorrt.build(&options, &std::fs::read("model.onnx")?, &mut |_| ControlFlow::Continue(()))?;
//!
//! let engine = tensorrt.deserialize(&built.plan, None)?;
//! let cuda = Cuda::open()?;
//! let stream = Stream::new(&cuda)?;
//! let mut context = engine.context()?;
//! let (input, output) = (Memory::new(&cuda, 4 * 224 * 224)?, Memory::new(&cuda, 4 * 3)?);
//! context.bind("image", &input)?;
//! context.bind("logits", &output)?;
//! context.enqueue(&stream)?;
//!
//! let mut graph = Graph::capture(&stream, |stream| {
//!     input.upload(stream)?;
//!     context.enqueue(stream)?;
//!     output.download(stream)
//! })?;
//! input.with_host_mut(|pixels: &mut [f32]| pixels.fill(0.5))?;
//! graph.launch(&stream)?;
//! let mut logits = [0.0_f32; 3];
//! output.read(&mut logits)?; // waits for the GPU
//! # Ok(())
//! # }
//! ```

#[cfg(not(target_pointer_width = "64"))]
compile_error!("addresses of the GPU have 64 bits");

mod builder;
mod complaint;
mod context;
pub mod cuda;
mod engine;
mod error;
mod ffi;
mod library;
mod locations;
mod messages;
mod progress;
mod tensor;
mod version;

pub use builder::{BuildOptions, Built, Dla, Precision};
pub use complaint::{LogLines, ParserError};
pub use context::Context;
pub use engine::Engine;
pub use error::TensorRtError;
pub use ffi::SHIM_ABI;
pub use library::TensorRt;
pub use locations::{LIBRARY_VARIABLE, Locations};
pub use progress::Progress;
pub use tensor::{DataType, Direction, Shape, TensorDesc};
pub use version::{Flavour, Version};
