//! The conformance suite, run against tract with one and with several threads and with f16 weights.

mod common;

use anyhow::Result;
use common::cases;
use ushydra_engine::conformance;
use ushydra_engine::{Backend, EngineOptions, load};

#[test]
fn tract_meets_every_demand() -> Result<()> {
    let cases = cases::all()?;
    for threads in [1, 2, 3] {
        let folder = tempfile::tempdir()?;
        let options = EngineOptions::with_threads(threads);
        conformance::check(&cases, folder.path(), &|file| load(file, Backend::Tract, &options))?;
    }
    Ok(())
}
