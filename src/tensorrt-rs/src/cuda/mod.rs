//! The few functions of the CUDA driver that running an engine needs, from `libcuda.so.1` at run time.
//!
//! Work on a [`Stream`] runs in order and on its own time. What it needs is kept alive until it is done: memory, contexts and graphs
//! remember on which stream they were last used, and wait for it before the host reads, writes or frees them.

mod device;
mod driver;
mod event;
mod graph;
mod memory;
mod stream;

pub use device::{Cuda, DRIVER_VARIABLE, DeviceInfo, MemoryInfo};
pub use event::Event;
pub use graph::Graph;
pub use memory::{Element, Memory, MemoryKind};
pub use stream::Stream;
pub(crate) use stream::{InUse, Usage};
