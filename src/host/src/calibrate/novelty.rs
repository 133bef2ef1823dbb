//! Prototypes of the novelty test: the mean picture of every domain and class.

use serde::{Deserialize, Serialize};
use ushydra_bundle::NoveltyStatistics;
use ushydra_core::Novelty;

use super::Observation;
use crate::error::{HostError, Result};
use crate::head::Scaler;

/// Which part of the feature vector is looked at, and how strictly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoveltyConfig {
    /// First entry.
    pub start: usize,
    /// Number of entries.
    pub entries: usize,
    /// Quantile of the held-out pictures' scores that becomes the threshold.
    pub quantile: f64,
}

/// Prototypes over `observations`, with an infinite threshold.
///
/// # Errors
/// [`HostError::Calibration`] for a range beyond the features, or without any labelled picture.
pub fn fit(observations: &[Observation<'_>], config: &NoveltyConfig) -> Result<NoveltyStatistics> {
    let range = config.start..config.start.saturating_add(config.entries);
    let parts = observations.iter().map(|o| o.features.get(range.clone())).collect::<Option<Vec<&[f32]>>>();
    let parts = parts.filter(|_| config.entries > 0).ok_or_else(|| {
        HostError::Calibration(format!(
            "novelty entries {}..{} lie outside the feature vector; correct calibration.novelty",
            range.start, range.end
        ))
    })?;
    let scaler = Scaler::of(parts.iter().copied(), config.entries);
    let mut groups: Vec<(usize, usize)> = observations.iter().filter_map(|o| Some((o.domain, o.label?))).collect();
    groups.sort_unstable();
    groups.dedup();
    let mut prototypes = Vec::new();
    for group in groups {
        let members = observations.iter().zip(&parts).filter(|(o, _)| o.label.is_some_and(|l| (o.domain, l) == group));
        let mean = Scaler::of(members.map(|(_, part)| *part), config.entries).mean;
        let standard = mean.iter().zip(scaler.mean.iter().zip(&scaler.std)).map(|(v, (m, s))| ((v - m) / s) as f32);
        prototypes.extend(standard);
    }
    let statistics = NoveltyStatistics {
        start: config.start,
        entries: config.entries,
        quantile: config.quantile,
        threshold: f64::INFINITY,
        centre: scaler.mean.iter().map(|&m| m as f32).collect::<Vec<f32>>().into(),
        scale: scaler.std.iter().map(|&s| (1.0 / s) as f32).collect::<Vec<f32>>().into(),
        prototypes: prototypes.into(),
    };
    test(&statistics)?;
    Ok(statistics)
}

/// The test over `statistics`.
///
/// # Errors
/// [`HostError::Calibration`] where the device would refuse it.
pub fn test(statistics: &NoveltyStatistics) -> Result<Novelty<&[f32]>> {
    let NoveltyStatistics { start, centre, scale, prototypes, threshold, .. } = statistics;
    Novelty::new(*start, &**centre, &**scale, &**prototypes, *threshold)
        .map_err(|e| HostError::Calibration(e.to_string()))
}
