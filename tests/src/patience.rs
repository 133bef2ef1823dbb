//! How long a test waits for a program before it calls it lost.

use std::time::Duration;

/// Factor of the waits for a program, for machines that are much slower than a desktop: an emulated processor.
const FACTOR: &str = "USHYDRA_TEST_PATIENCE";

/// `seconds`, or as many times that as the variable `USHYDRA_TEST_PATIENCE` says.
///
/// # Panics
/// Where the variable is no whole number from 1 to 1000.
#[must_use]
#[allow(clippy::panic, reason = "a test that cannot wait as asked has failed")]
pub fn patience(seconds: u64) -> Duration {
    let factor = std::env::var(FACTOR).map_or(1, |text| {
        let factor = text.parse().ok().filter(|factor| (1..=1000).contains(factor));
        factor.unwrap_or_else(|| panic!("{FACTOR}={text} is no whole number from 1 to 1000"))
    });
    Duration::from_secs(seconds * factor)
}
