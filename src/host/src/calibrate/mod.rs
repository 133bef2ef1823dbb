//! Domain statistics for the three routing modes, and the in-domain thresholds.

pub mod extend;
pub mod novelty;
pub mod shrinkage;
pub mod space;

use serde::{Deserialize, Serialize};
use ushydra_bundle::{Digest, DomainStatistics, SCHEMA_VERSION, Statistics, Thresholds, VectorStatistics};
use ushydra_core::{Metric, Moments, Quality, Router};

pub use novelty::NoveltyConfig;

use crate::error::{HostError, Result};
use crate::split::grouped_folds;

/// Settings of the calibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationConfig {
    /// First entry of the feature vector that the vector space measures.
    pub start: usize,
    /// Number of entries that it measures; the pixel moments join them. Class tokens tell the domains apart best: patch
    /// means follow what the picture shows.
    pub entries: usize,
    /// Components of the vector space, at most 64.
    pub components: usize,
    /// Quantile of the held-out pictures' smallest disparity that becomes the in-domain threshold.
    pub quantile: f64,
    /// Patient-grouped folds that the held-out disparities come from.
    pub folds: usize,
    /// The novelty test of the mode `vector`, none to let the disparity alone decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub novelty: Option<NoveltyConfig>,
}

/// What calibration knows of one picture (unaugmented).
#[derive(Clone, Debug)]
pub struct Observation<'a> {
    /// Quality statistics.
    pub quality: Quality,
    /// Feature vector.
    pub features: &'a [f32],
    /// Domain index.
    pub domain: usize,
    /// Label index, none for an unknown label.
    pub label: Option<usize>,
    /// Patient.
    pub patient: &'a str,
}

impl<'a> Observation<'a> {
    /// Joins channel-averaged pixel moments with the moments of the features.
    ///
    /// # Errors
    /// [`HostError::Calibration`] for features that are not finite.
    pub fn new(
        pixel: Moments,
        features: &'a [f32],
        domain: usize,
        label: Option<usize>,
        patient: &'a str,
    ) -> Result<Self> {
        let feature = Moments::of(features).map_err(|e| HostError::Calibration(e.to_string()))?;
        Ok(Self { quality: Quality { pixel, feature }, features, domain, label, patient })
    }

    /// The vector that [`Router::route`] measures: features, pixel mean, pixel standard deviation.
    pub(crate) fn vector(&self) -> Vec<f32> {
        let mut vector = self.features.to_vec();
        vector.extend([self.quality.pixel.mean as f32, self.quality.pixel.std as f32]);
        vector
    }
}

/// Names and provenance that the statistics carry.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Bundle name.
    pub bundle: String,
    /// SHA-256 of the encoder.
    pub encoder_sha256: Digest,
    /// Fingerprint of the preprocessing.
    pub preprocessing: String,
    /// Domain names in order.
    pub domains: Vec<String>,
    /// Where the calibration pictures of each domain come from.
    pub provenance: Vec<String>,
    /// Weight of the standard deviation in Eq. (11).
    pub weight: f64,
}

/// Statistics of `observations` with infinite thresholds: everything counts as in-domain.
///
/// `mu_d` and `sigma_d` (Eq. 3 to 10) are averages over the domain's pictures.
///
/// # Errors
/// [`HostError::Calibration`] for a domain without pictures or pictures without variance.
pub fn statistics(
    observations: &[Observation<'_>],
    identity: &Identity,
    config: &CalibrationConfig,
) -> Result<Statistics> {
    let mut domains = Vec::new();
    for (index, name) in identity.domains.iter().enumerate() {
        let own: Vec<&Quality> = observations.iter().filter(|o| o.domain == index).map(|o| &o.quality).collect();
        if own.is_empty() {
            return Err(HostError::Calibration(format!(
                "domain `{name}` has no picture; add some or remove the domain from the recipe"
            )));
        }
        domains.push(scalars(name, &own, identity.provenance.get(index).cloned().unwrap_or_default()));
    }
    Ok(Statistics {
        schema_version: SCHEMA_VERSION,
        bundle: identity.bundle.clone(),
        encoder_sha256: identity.encoder_sha256,
        preprocessing: identity.preprocessing.clone(),
        thresholds: Thresholds {
            quantile: config.quantile,
            paper: f64::INFINITY,
            released: f64::INFINITY,
            vector: f64::INFINITY,
        },
        domains,
        vector: vector_statistics(observations, identity.domains.len(), config)?,
        novelty: config.novelty.as_ref().map(|novelty| novelty::fit(observations, novelty)).transpose()?,
    })
}

/// `mu_d` and `sigma_d` of one domain: averages over its pictures, of which there must be one.
pub(crate) fn scalars(name: &str, own: &[&Quality], provenance: String) -> DomainStatistics {
    let average = |value: fn(&Quality) -> f64| own.iter().map(|q| value(q)).sum::<f64>() / own.len() as f64;
    DomainStatistics {
        name: name.to_owned(),
        mean: average(Quality::mean),
        std: average(Quality::std),
        released_std: average(Quality::released_std),
        count: own.len() as u64,
        provenance,
    }
}

fn vector_statistics(
    observations: &[Observation<'_>],
    domains: usize,
    config: &CalibrationConfig,
) -> Result<VectorStatistics> {
    let vectors: Vec<Vec<f32>> = observations.iter().map(Observation::vector).collect();
    let domain_of: Vec<usize> = observations.iter().map(|o| o.domain).collect();
    let measured = config.start..config.start.saturating_add(config.entries);
    space::fit(&vectors, measured, &domain_of, domains, config.components)
}

/// Full statistics of a bundle. The thresholds are the `quantile` of the smallest disparity of pictures whose patients
/// were held out: a space fitted to few pictures lies closer to its own than to new ones of the same domain.
///
/// # Errors
/// As [`statistics`], and those of [`grouped_folds`].
pub fn calibrate(
    observations: &[Observation<'_>],
    identity: &Identity,
    config: &CalibrationConfig,
    seed: u64,
) -> Result<Statistics> {
    let mut full = statistics(observations, identity, config)?;
    let strata: Vec<usize> = observations.iter().map(|o| o.domain).collect();
    let patients: Vec<&str> = observations.iter().map(|o| o.patient).collect();
    let folds = grouped_folds(&strata, &patients, config.folds, seed)?;
    let metrics = [Metric::Paper, Metric::Released, Metric::Vector];
    let mut smallest = [const { Vec::new() }; 3];
    let mut scores = Vec::new();
    for fold in 0..config.folds {
        let part = |held_out: bool| {
            let chosen = observations.iter().zip(&folds).filter(move |(_, f)| (**f == fold) == held_out);
            chosen.map(|(o, _)| o.clone()).collect::<Vec<_>>()
        };
        let fitted = statistics(&part(false), identity, config)?;
        for (metric, smallest) in metrics.into_iter().zip(&mut smallest) {
            let router = router(&fitted, metric, identity.weight)?;
            for observation in part(true) {
                let decision = router.route(&observation.quality, observation.features)?;
                smallest.push(decision.disparity.iter().copied().fold(f64::INFINITY, f64::min));
            }
        }
        if let Some(fitted) = &fitted.novelty {
            let test = novelty::test(fitted)?;
            for observation in part(true) {
                scores.push(test.score(observation.features).map_err(|e| HostError::Calibration(e.to_string()))?);
            }
        }
    }
    let [paper, released, vector] = smallest.map(|values| quantile(values, config.quantile));
    full.thresholds = Thresholds { quantile: config.quantile, paper, released, vector };
    if let Some(novelty) = &mut full.novelty {
        novelty.threshold = quantile(scores, novelty.quantile);
    }
    Ok(full)
}

/// The router of `metric` over statistics in memory.
///
/// # Errors
/// [`HostError::Bundle`] for statistics that the router refuses.
pub fn router(statistics: &Statistics, metric: Metric, weight: f64) -> Result<Router<Box<[f32]>>> {
    Ok(statistics.router(metric, weight, std::path::Path::new("calibration"))?)
}

/// Quantile with linear interpolation between neighbours (Hyndman & Fan's type 7); infinite for no values.
#[must_use]
pub fn quantile(mut values: Vec<f64>, q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return f64::INFINITY };
    let position = q.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    values[below] + (values[above] - values[below]) * (position - below as f64)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn quantiles() {
        assert!((quantile(vec![4.0, 1.0, 3.0, 2.0], 0.5) - 2.5).abs() < 1e-12);
        assert!((quantile(vec![1.0, 2.0], 0.99) - 1.99).abs() < 1e-12);
        assert!(quantile(vec![], 0.5).is_infinite());
    }

    #[test]
    fn routes_domains_and_flags_strangers() {
        let mut rng = Rng::new(4);
        let mut sample = |shift: f32| (0..12).map(|i| rng.normal() as f32 + if i < 3 { shift } else { 0.0 }).collect();
        let features: Vec<Vec<f32>> = (0..90).map(|i| sample([-4.0, 0.0, 4.0][i % 3])).collect();
        let patients: Vec<String> = (0..90).map(|i| format!("p{}", i / 2)).collect();
        let pixel = |i: usize| Moments { mean: i as f64 * 0.01, std: 1.0 };
        let observations: Vec<Observation<'_>> = (0..90)
            .map(|i| Observation::new(pixel(i), &features[i], i % 3, Some(i % 2), &patients[i]).unwrap())
            .collect();
        let identity = Identity {
            bundle: "test".into(),
            encoder_sha256: Digest::of(b""),
            preprocessing: String::new(),
            domains: vec!["low".into(), "medium".into(), "high".into()],
            provenance: vec![],
            weight: 10.0,
        };
        let novelty = Some(NoveltyConfig { start: 0, entries: 12, quantile: 0.99 });
        let config = CalibrationConfig { start: 0, entries: 12, components: 6, quantile: 0.99, folds: 5, novelty };
        let statistics = calibrate(&observations, &identity, &config, 1).unwrap();
        assert_eq!(statistics.domains.iter().map(|d| d.count).sum::<u64>(), 90);
        let router = router(&statistics, Metric::Vector, 10.0).unwrap();
        let decisions: Vec<_> = observations.iter().map(|o| router.route(&o.quality, o.features).unwrap()).collect();
        assert!(decisions.iter().enumerate().all(|(i, d)| d.decoder == i % 3));
        assert!(decisions.iter().filter(|d| d.in_domain).count() >= 86);
        let far = Observation::new(pixel(0), &[30.0; 12], 0, None, "x").unwrap();
        assert!(!router.route(&far.quality, far.features).unwrap().in_domain);
    }
}
