//! The board under USHydra: what it is, how it is, and what to give up when it runs hot or empty.
//!
//! [`Profile`] holds what is known of a kind of board (`board/profiles/*.toml`, in the program), [`Identity`] says which board this is,
//! [`Readings`] are its sensors. Everything is read from `/proc`, `/sys` and `/etc` below a [`Root`], which tests replace by a folder;
//! nothing is ever written there and no program is called. [`Derating`] decides in pure state machines what the live loop gives up:
//! frame rate first, then precision, then everything with a message; every step is an event that somebody can be told.
//!
//! Sensors are bytes from outside: what is missing, unreadable or absurd is `None`, never a panic and never a made-up value.

pub mod battery;
pub mod clocks;
pub mod derating;
mod error;
mod identity;
pub mod memory;
pub mod power;
mod profile;
mod readings;
mod root;
pub mod system;
pub mod thermal;

pub use derating::{Change, Conditions, Derating, Limits, Policy, Step};
pub use error::BoardError;
pub use identity::{AUTO, Identity};
pub use profile::{
    Accelerators, Basis, Clocks, Latency, Memory, Power, PowerMode, Profile, Rates, Recognise, Thermal, names, profiles,
};
pub use readings::Readings;
pub use root::{ROOT_VARIABLE, Root};
