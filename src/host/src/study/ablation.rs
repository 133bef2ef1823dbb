//! What is varied beyond the main comparison, one setting at a time.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use ushydra_core::Metric;

use super::degrade::{Degradation, DegradeConfig};
use super::record::Task;

/// Ablations by task. They are made for the first main split and the first seed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AblationConfigs {
    /// Those of the classification.
    #[serde(default)]
    pub classify: AblationConfig,
    /// Those of the segmentation.
    #[serde(default)]
    pub segment: AblationConfig,
}

/// Ablations of one task; everything left out is not made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AblationConfig {
    /// Routing by every mode, by each decoder alone, and by the true domain.
    #[serde(default)]
    pub routing: bool,
    /// Weights of the standard deviation in Eq. (11).
    #[serde(default)]
    pub std_weights: Vec<f64>,
    /// Pixel statistics alone, feature statistics alone, both.
    #[serde(default)]
    pub quality: bool,
    /// The decoders' int8 forms.
    #[serde(default)]
    pub int8: bool,
    /// Weights of the other domains in the training of a decoder; trains decoders again.
    #[serde(default)]
    pub other_domains: Vec<f64>,
    /// Other divisions into domains, by name: device or domain to new domain, or `{ by = "device" }`; trains decoders again.
    #[serde(default)]
    pub domains: BTreeMap<String, BTreeMap<String, String>>,
    /// One device or country left out at a time, for the systems on the frozen encoder or the UNets; trains again.
    #[serde(default)]
    pub without_devices: Vec<String>,
    /// One domain left out at a time; trains again.
    #[serde(default)]
    pub without_domains: Vec<String>,
    /// Degraded test pictures.
    #[serde(default)]
    pub degrade: DegradeConfig,
}

/// Key and value of a division of the domains by device.
pub const BY: (&str, &str) = ("by", "device");

impl AblationConfigs {
    /// Those of `task`.
    #[must_use]
    pub const fn of(&self, task: Task) -> &AblationConfig {
        match task {
            Task::Classify => &self.classify,
            Task::Segment => &self.segment,
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        for (task, config) in [("classify", &self.classify), ("segment", &self.segment)] {
            for weight in &config.other_domains {
                if !(0.0..=1.0).contains(weight) {
                    return Err(format!("ablations.{task}.other_domains holds {weight}; use 0 to 1"));
                }
            }
            if let Some(weight) = config.std_weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
                return Err(format!("ablations.{task}.std_weights holds {weight}; use numbers of at least 0"));
            }
            config.degrade.check().map_err(|problem| format!("ablations.{task}.degrade: {problem}"))?;
        }
        if !self.segment.domains.is_empty() {
            return Err(
                "ablations.segment.domains: divisions of the domains are made for the classification only".into()
            );
        }
        Ok(())
    }
}

/// How a picture finds its decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Routing {
    /// By a mode of the router.
    Mode(Metric),
    /// Always by one decoder.
    Fixed(String),
    /// By the true domain.
    Oracle,
}

/// Which statistics the router sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Eq. (3) and (4) alone.
    Pixel,
    /// Eq. (5) and (6), or the feature vector, alone.
    Feature,
    /// Both, as in the main comparison.
    Both,
}

/// The setting of one cell. Its text is the variant in the cell's key.
#[derive(Clone, Debug, PartialEq)]
pub enum Variant {
    /// The main comparison.
    Main,
    /// Another way to a decoder.
    Routing(Routing),
    /// Another weight in Eq. (11), mode `paper`.
    Std(f64),
    /// Other evidence.
    Evidence(Evidence, Metric),
    /// int8 decoders.
    Int8,
    /// Another weight of the other domains.
    Others(f64),
    /// Another division into domains.
    Domains(String),
    /// Degraded test pictures.
    Degraded(Degradation),
}

impl Variant {
    /// Whether the cell answers from what its main cell has trained.
    #[must_use]
    pub const fn needs_main(&self) -> bool {
        !matches!(self, Self::Main | Self::Others(_) | Self::Domains(_))
    }
}

/// Name of a mode.
pub(super) const fn mode(metric: Metric) -> &'static str {
    match metric {
        Metric::Vector => "vector",
        Metric::Paper => "paper",
        Metric::Released => "released",
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Main => Ok(()),
            Self::Routing(Routing::Mode(metric)) => write!(f, "routing={}", mode(*metric)),
            Self::Routing(Routing::Fixed(domain)) => write!(f, "routing=fixed:{domain}"),
            Self::Routing(Routing::Oracle) => f.write_str("routing=oracle"),
            Self::Std(weight) => write!(f, "std={weight}"),
            Self::Evidence(evidence, metric) => {
                let name = match evidence {
                    Evidence::Pixel => "pixel",
                    Evidence::Feature => "feature",
                    Evidence::Both => "both",
                };
                write!(f, "quality={name}:{}", mode(*metric))
            }
            Self::Int8 => f.write_str("precision=int8"),
            Self::Others(weight) => write!(f, "others={weight}"),
            Self::Domains(name) => write!(f, "domains={name}"),
            Self::Degraded(degradation) => degradation.fmt(f),
        }
    }
}

impl AblationConfig {
    /// Variants of a routed system whose domains are `domains`.
    #[must_use]
    pub fn routed(&self, domains: &[String]) -> Vec<Variant> {
        let modes = [Metric::Vector, Metric::Paper, Metric::Released];
        let mut variants = Vec::new();
        if self.routing {
            variants.extend(modes.map(|m| Variant::Routing(Routing::Mode(m))));
            variants.extend(domains.iter().map(|d| Variant::Routing(Routing::Fixed(d.clone()))));
            variants.push(Variant::Routing(Routing::Oracle));
        }
        variants.extend(self.std_weights.iter().map(|w| Variant::Std(*w)));
        if self.quality {
            for metric in [Metric::Vector, Metric::Paper] {
                let evidence = [Evidence::Pixel, Evidence::Feature, Evidence::Both];
                variants.extend(evidence.map(|e| Variant::Evidence(e, metric)));
            }
        }
        if self.int8 {
            variants.push(Variant::Int8);
        }
        variants.extend(self.other_domains.iter().map(|w| Variant::Others(*w)));
        variants.extend(self.domains.keys().map(|name| Variant::Domains(name.clone())));
        variants.extend(self.degraded());
        variants
    }

    /// Degraded test pictures, for systems of any kind.
    #[must_use]
    pub fn degraded(&self) -> Vec<Variant> {
        self.degrade.list().into_iter().map(Variant::Degraded).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_have_names_of_their_own() {
        let config = AblationConfig {
            routing: true,
            std_weights: vec![1.0, 5.0],
            quality: true,
            int8: true,
            other_domains: vec![0.0, 0.25],
            domains: BTreeMap::from([("two".to_owned(), BTreeMap::new())]),
            degrade: DegradeConfig { noise: vec![0.1], blur: vec![0.01], gain: vec![0.5] },
            ..AblationConfig::default()
        };
        let names: Vec<String> =
            config.routed(&["low".into(), "high".into()]).iter().map(ToString::to_string).collect();
        for name in
            ["routing=paper", "routing=fixed:high", "routing=oracle", "std=5", "quality=pixel:vector", "others=0.25"]
        {
            assert!(names.iter().any(|n| n == name), "{name} in {names:?}");
        }
        let mut distinct = names.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!((names.len(), distinct.len()), (21, 21));
    }
}
