//! What the tests and benchmarks that cross rooms share: a miniature bundle that is made in milliseconds, pictures for it,
//! the places of the shipped bundles, the demo cine and the real data, and how long a program is waited for.

pub mod data;
pub mod miniature;
mod patience;
pub mod pictures;

pub use patience::patience;

/// Anything that may go wrong while a fixture is made.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;
