//! USHydra on the device: quality-routed AI for handheld ultrasound.
//!
//! The crate is the program `ushydra` and the library behind it. A frame goes from a source through the newest-frame
//! slot ([`live`]) into the [`pipeline`], whose result is printed ([`report`]), drawn ([`overlay`]) or written as a mask
//! ([`masks`]). [`commands`] hold one file per subcommand, [`cli`] the arguments, [`failure`] every exit code.
//!
//! USHydra is research software and not a medical device.

mod by_file;
pub mod cli;
pub mod commands;
pub mod config;
pub mod failure;
mod gallery;
pub mod live;
pub mod locate;
pub mod machine;
pub mod masks;
pub mod overlay;
pub mod pipeline;
pub mod report;
pub mod routing;
pub mod service;
pub mod spacing;
