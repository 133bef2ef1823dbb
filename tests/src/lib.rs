//! What the tests and benchmarks that cross rooms share: a miniature bundle that is made in milliseconds, pictures for it,
//! and the places of the shipped bundle, the demo cine and the real data.

pub mod data;
pub mod miniature;
pub mod pictures;

/// Anything that may go wrong while a fixture is made.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;
