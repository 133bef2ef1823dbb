//! Every sensor at one moment.

use serde::Serialize;

use crate::battery::{self, Battery};
use crate::clocks::{self, Cpu, Gpu};
use crate::memory::{self, Memory};
use crate::power::{self, Fan, Mode, Rail};
use crate::root::Root;
use crate::thermal::{self, Zone};

/// What the board's sensors say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Readings {
    /// Thermal zones.
    pub zones: Vec<Zone>,
    /// Mode of `nvpmodel`.
    pub mode: Option<Mode>,
    /// Modes that it could have.
    pub modes: Vec<Mode>,
    /// The processor's clocks.
    pub cpu: Cpu,
    /// The GPU's clock.
    pub gpu: Option<Gpu>,
    /// Memory.
    pub memory: Memory,
    /// Power rails.
    pub rails: Vec<Rail>,
    /// Fans.
    pub fans: Vec<Fan>,
    /// The battery.
    pub battery: Option<Battery>,
    /// Whether the mains feed the machine.
    pub on_mains: Option<bool>,
}

impl Readings {
    /// Asks every sensor.
    #[must_use]
    pub fn take(root: &Root) -> Self {
        Self {
            zones: thermal::zones(root),
            mode: power::mode(root),
            modes: power::modes(root),
            cpu: clocks::cpu(root),
            gpu: clocks::gpu(root),
            memory: memory::memory(root),
            rails: power::rails(root),
            fans: power::fans(root),
            battery: battery::battery(root),
            on_mains: battery::on_mains(root),
        }
    }
}
