//! TensorRT and CUDA for tests, without a GPU: real shared libraries, built from NVIDIA's own headers, that
//! `tensorrt-rs` loads like NVIDIA's.
//!
//! They parse nothing and compute nothing themselves: a [`Host`] that the test installs says what inputs and outputs a model has and
//! computes its values. Around it they behave as the real libraries were seen to: versions are checked, plans of another version or GPU
//! are refused, streams work only when somebody waits for them, work on freed memory fails, and every object is counted.
//!
//! The libraries exist once in a process, so a test takes them for itself with [`Session::begin`], which also puts everything back as it
//! was:
//!
//! ```
//! use tensorrt_fake::{Description, Host, Library, Refusal, Session};
//!
//! /// Doubles its input.
//! struct Doubler;
//!
//! impl Host for Doubler {
//!     fn describe(&self, _onnx: &[u8]) -> Result<Description, Refusal> {
//!         let shape = vec![1, 4];
//!         Ok(Description { inputs: vec![("x".into(), shape.clone())], outputs: vec![("y".into(), shape)] })
//!     }
//!
//!     fn run(&self, _onnx: &[u8], inputs: &[(&str, &[f32])], outputs: &mut [(&str, &mut [f32])]) -> Result<(), String> {
//!         for (y, x) in outputs[0].1.iter_mut().zip(inputs[0].1) {
//!             *y = 2.0 * x;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let session = Session::begin();
//! session.install(Box::new(Doubler));
//! session.set_version(Library::TensorRt10, [10, 3, 0, 30]);
//! let paths = (Library::TensorRt10.path(), Library::TensorRt10.parser_path(), tensorrt_fake::cuda_path());
//! assert!(paths.0.exists() && paths.1.exists() && paths.2.exists());
//! assert!(session.live().is_empty());
//! ```
//!
//! Programs under test find the libraries by the variables of `tensorrt-rs`: `USHYDRA_TENSORRT_LIB` with [`Library::path`] and
//! `USHYDRA_CUDA_LIB` with [`cuda_path`]; without a host in their process they see every model refused.

mod control;
mod hooks;
mod host;
mod library;
mod model;
mod plan;
mod session;

pub use host::{Description, Host, Refusal, install};
pub use library::{Library, cuda_path};
pub use plan::{PlanInfo, plan_info};
pub use session::{Counts, Live, Session};
