//! What is known of a kind of board: `board/profiles/<name>.toml`, compiled into the program.
//!
//! Every group of figures says whether it was measured on such a board or estimated, and from what.

use serde::{Deserialize, Serialize};

use crate::error::BoardError;

/// Version of the profiles' form.
const SCHEMA_VERSION: u32 = 1;
/// Temperatures that a limit may have, in degrees Celsius.
const LIMIT_RANGE: (f32, f32) = (30.0, 120.0);
/// The shipped profiles. Recognition tries them in this order.
const SHIPPED: [(&str, &str); 6] = [
    ("orin-nano", include_str!("../../../board/profiles/orin-nano.toml")),
    ("orin-nx", include_str!("../../../board/profiles/orin-nx.toml")),
    ("agx-orin", include_str!("../../../board/profiles/agx-orin.toml")),
    ("xavier-nx", include_str!("../../../board/profiles/xavier-nx.toml")),
    ("generic-aarch64", include_str!("../../../board/profiles/generic-aarch64.toml")),
    ("generic-x86-64", include_str!("../../../board/profiles/generic-x86-64.toml")),
];

/// Where a figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Measured on a board of this kind.
    Measured,
    /// Derived or taken over, never seen on a board of this kind.
    Estimated,
}

/// One kind of board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Version of the form of this file.
    pub schema_version: u32,
    /// Name in commands and configurations.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// How it is recognised.
    pub recognise: Recognise,
    /// Memory.
    pub memory: Memory,
    /// Power modes; none where the board has no `nvpmodel`.
    pub power: Option<Power>,
    /// Clocks; none where boards of this kind differ.
    pub clocks: Option<Clocks>,
    /// GPU and deep learning accelerators.
    pub accelerators: Accelerators,
    /// Temperatures.
    pub thermal: Thermal,
    /// Frame rates under derating.
    pub rates: Rates,
    /// Expected times of whole frames.
    #[serde(default)]
    pub latency: Vec<Latency>,
}

/// How a board is recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recognise {
    /// Architecture, as Rust names it; a profile with neither of the other two is the fallback of its architecture.
    pub architecture: String,
    /// Words of the device tree's `compatible`, whole, or behind a `+` in one of its entries.
    #[serde(default)]
    pub compatible: Vec<String>,
    /// Parts of the device tree's `model`.
    #[serde(default)]
    pub model: Vec<String>,
}

/// Memory of the board and what of it is ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Memory that the system sees; none where boards of this kind differ.
    pub total_mib: Option<u64>,
    /// Most that the service may use: `MemoryMax=` of the unit.
    pub budget_mib: u64,
    /// Less available memory than this is pressure.
    pub reserve_mib: u64,
    /// Measured or estimated.
    pub basis: Basis,
    /// From what.
    pub from: String,
}

/// Modes of `nvpmodel`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Power {
    /// The mode for which the latencies hold. A higher one is as good.
    pub mode: String,
    /// Modes with their watts, from the lowest.
    pub modes: Vec<PowerMode>,
    /// Measured or estimated.
    pub basis: Basis,
    /// From what.
    pub from: String,
}

/// A power mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerMode {
    /// Name in `nvpmodel.conf`.
    pub name: String,
    /// Power budget of the module in watts.
    pub watts: f32,
}

/// Clocks in the mode of [`Power::mode`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clocks {
    /// Cores that are online.
    pub cpu_cores: u32,
    /// Highest clock of a core in MHz.
    pub cpu_mhz: u32,
    /// Highest clock of the GPU in MHz.
    pub gpu_mhz: Option<u32>,
    /// Measured or estimated.
    pub basis: Basis,
    /// From what.
    pub from: String,
}

/// What computes beside the CPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accelerators {
    /// The GPU in words; none where TensorRT is not to be expected.
    pub gpu: Option<String>,
    /// Cores of the deep learning accelerator.
    pub dla_cores: u32,
}

/// Temperatures at which something is given up, in degrees Celsius. The board's own trip points lower them, never raise them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thermal {
    /// From here on the frame rate is reduced.
    pub warm_c: f32,
    /// From here on it is low and the decoders are the cheaper ones.
    pub hot_c: f32,
    /// From here on nothing is judged.
    pub critical_c: f32,
    /// A step is taken back this far below its limit.
    pub hysteresis_c: f32,
    /// Zones that do not count, by the beginning of their names.
    #[serde(default)]
    pub ignored: Vec<String>,
    /// Measured or estimated.
    pub basis: Basis,
    /// From what.
    pub from: String,
}

/// Greatest frame rates under derating, in frames per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// When warm, or when the battery is nearly empty.
    pub reduced_fps: f32,
    /// When hot.
    pub low_fps: f32,
}

/// Expected time of one frame, capture to result without waiting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// Name of the bundle.
    pub bundle: String,
    /// `tensorrt` or `tract`.
    pub backend: String,
    /// `f32`, `f16` or `int8`.
    pub precision: String,
    /// Milliseconds.
    pub frame_ms: f32,
    /// Measured or estimated.
    pub basis: Basis,
    /// From what.
    pub from: String,
}

/// Names of the shipped profiles.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}

/// The shipped profiles, in the order of recognition.
///
/// # Errors
/// As [`Profile::parse`]; a test parses them all.
pub fn profiles() -> Result<Vec<Profile>, BoardError> {
    SHIPPED.iter().map(|(name, text)| Profile::parse(name, text)).collect()
}

impl Profile {
    /// The shipped profile `name`.
    ///
    /// # Errors
    /// [`BoardError::Unknown`] with every known name.
    pub fn named(name: &str) -> Result<Self, BoardError> {
        let Some((name, text)) = SHIPPED.iter().find(|(known, _)| *known == name) else {
            return Err(BoardError::Unknown { name: name.to_owned(), known: names().collect::<Vec<_>>().join(", ") });
        };
        Self::parse(name, text)
    }

    /// Reads and checks the profile `text`; `name` stands in messages.
    ///
    /// # Errors
    /// [`BoardError::Malformed`] for anything but TOML of this form, [`BoardError::Implausible`] for values that contradict each other.
    pub fn parse(name: &str, text: &str) -> Result<Self, BoardError> {
        let malformed = |message: String| BoardError::Malformed { profile: name.to_owned(), message };
        let profile: Self = toml::from_str(text).map_err(|e| malformed(e.to_string().trim_end().to_owned()))?;
        profile.check(name)?;
        Ok(profile)
    }

    fn check(&self, name: &str) -> Result<(), BoardError> {
        let require = |holds: bool, key: &str, found: String, expected| match holds {
            true => Ok(()),
            false => Err(BoardError::Implausible { profile: name.to_owned(), key: key.to_owned(), found, expected }),
        };
        let version = self.schema_version;
        require(version == SCHEMA_VERSION, "schema_version", version.to_string(), "this program reads version 1")?;
        require(!self.name.is_empty(), "name", "empty".to_owned(), "a profile has a name")?;
        let Thermal { warm_c, hot_c, critical_c, hysteresis_c, .. } = self.thermal;
        for (key, value) in [("warm_c", warm_c), ("hot_c", hot_c), ("critical_c", critical_c)] {
            let inside = (LIMIT_RANGE.0..=LIMIT_RANGE.1).contains(&value);
            require(inside, &format!("thermal.{key}"), value.to_string(), "limits lie between 30 and 120")?;
        }
        let rising = format!("{warm_c}, {hot_c}, {critical_c}");
        require(warm_c < hot_c && hot_c < critical_c, "thermal", rising, "warm_c < hot_c < critical_c")?;
        let sensible = hysteresis_c > 0.0 && hysteresis_c <= 20.0;
        require(sensible, "thermal.hysteresis_c", hysteresis_c.to_string(), "it lies above 0 and is at most 20")?;
        let Rates { reduced_fps, low_fps } = self.rates;
        let falling = low_fps > 0.0 && low_fps <= reduced_fps && reduced_fps <= 1000.0;
        require(falling, "rates", format!("{reduced_fps}, {low_fps}"), "0 < low_fps <= reduced_fps <= 1000")?;
        let Memory { total_mib, budget_mib, reserve_mib, .. } = self.memory;
        let fits = budget_mib > 0 && total_mib.is_none_or(|total| budget_mib.saturating_add(reserve_mib) <= total);
        require(fits, "memory.budget_mib", budget_mib.to_string(), "budget and reserve fit into total_mib")?;
        if let Some(power) = &self.power {
            let known = power.modes.iter().any(|mode| mode.name == power.mode);
            require(known, "power.mode", power.mode.clone(), "it is one of power.modes")?;
            let sound = power.modes.iter().all(|mode| mode.watts > 0.0 && mode.watts <= 1000.0)
                && power.modes.is_sorted_by(|a, b| a.watts <= b.watts);
            require(sound, "power.modes", "out of order".to_owned(), "watts are above 0 and rise")?;
        }
        for latency in &self.latency {
            let sound = latency.frame_ms > 0.0 && latency.frame_ms < 60_000.0;
            require(sound, "latency.frame_ms", latency.frame_ms.to_string(), "it lies above 0 and below 60000")?;
        }
        Ok(())
    }

    /// Watts of the power mode `name`, where the profile knows it.
    #[must_use]
    pub fn watts(&self, name: &str) -> Option<f32> {
        self.power.as_ref()?.modes.iter().find(|mode| mode.name == name).map(|mode| mode.watts)
    }
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
