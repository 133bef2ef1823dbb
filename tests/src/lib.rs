//! What the tests and benchmarks that cross rooms share: a miniature bundle that is made in milliseconds, pictures for it,
//! and the places of the shipped bundle, the demo cine and the real data, and how long they wait for a program.

pub mod data;
pub mod miniature;
mod patience;
pub mod pictures;

pub use patience::patience;

/// Anything that may go wrong while a fixture is made.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;
