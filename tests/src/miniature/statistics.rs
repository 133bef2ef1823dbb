//! Domain statistics of the miniature: the scalars of Eq. (7) to (10), and a vector space of one component, the direction
//! between the two domain means.

use image::GrayImage;
use ushydra_bundle::{Digest, DomainStatistics, InputSpec, SCHEMA_VERSION, Statistics, Thresholds, VectorStatistics};
use ushydra_core::Metric;

use super::{DOMAINS, Encoded, encode, network};
use crate::Fault;

/// Entries of the observed vector.
const ENTRIES: usize = network::FEATURES + ushydra_bundle::PIXEL_ENTRIES;
/// The thresholds lie this much above the largest disparity of the calibration pictures.
const SLACK: f64 = 1.5;

type Observed = [f64; ENTRIES];

fn observed(encoded: &Encoded) -> Observed {
    let pixel = [encoded.quality.pixel.mean, encoded.quality.pixel.std];
    std::array::from_fn(|i| encoded.features.get(i).map_or_else(|| pixel[i - network::FEATURES], |&f| f64::from(f)))
}

fn mean(vectors: &[Observed]) -> Observed {
    std::array::from_fn(|i| vectors.iter().map(|v| v[i]).sum::<f64>() / vectors.len() as f64)
}

fn dot(a: &Observed, b: &Observed) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn minus(a: &Observed, b: &Observed) -> Observed {
    std::array::from_fn(|i| a[i] - b[i])
}

/// Statistics of `sets`, the calibration pictures per domain.
pub(super) fn calibrate(
    name: &str,
    encoder_sha256: Digest,
    input: &InputSpec,
    sets: &[Vec<GrayImage>],
) -> Result<Statistics, Fault> {
    let encode = |set: &Vec<GrayImage>| set.iter().map(|picture| encode(input, picture)).collect();
    let sets = sets.iter().map(encode).collect::<Result<Vec<Vec<Encoded>>, Fault>>()?;
    let domains = sets.iter().zip(DOMAINS).map(|(set, name)| {
        let average = |value: fn(&Encoded) -> f64| set.iter().map(value).sum::<f64>() / set.len() as f64;
        DomainStatistics {
            name: name.to_owned(),
            mean: average(|e| e.quality.mean()),
            std: average(|e| e.quality.std()),
            released_std: average(|e| e.quality.released_std()),
            count: set.len() as u64,
            provenance: "synthetic pictures".to_owned(),
        }
    });
    let mut statistics = Statistics {
        schema_version: SCHEMA_VERSION,
        bundle: name.to_owned(),
        encoder_sha256,
        preprocessing: input.fingerprint(),
        thresholds: Thresholds { quantile: 1.0, paper: 0.0, released: 0.0, vector: 0.0 },
        domains: domains.collect(),
        vector: space(&sets),
        novelty: None,
    };
    let mut largest = [0.0_f64; 3];
    for (largest, metric) in largest.iter_mut().zip([Metric::Paper, Metric::Released, Metric::Vector]) {
        let router = statistics.router(metric, 10.0, "calibration".as_ref())?;
        for encoded in sets.iter().flatten() {
            let decision = router.route(&encoded.quality, &encoded.features)?;
            *largest = decision.disparity.iter().copied().fold(f64::INFINITY, f64::min).max(*largest);
        }
    }
    let [paper, released, vector] = largest.map(|value| value * SLACK);
    statistics.thresholds = Thresholds { quantile: 1.0, paper, released, vector };
    Ok(statistics)
}

fn space(sets: &[Vec<Encoded>]) -> VectorStatistics {
    let sets: Vec<Vec<Observed>> = sets.iter().map(|set| set.iter().map(observed).collect()).collect();
    let means: Vec<Observed> = sets.iter().map(|set| mean(set)).collect();
    let centre = mean(&means);
    let between = minus(&means[1], &means[0]);
    let length = dot(&between, &between).sqrt();
    let direction: Observed = between.map(|v| v / length);
    // Variance within the domains, along the direction and per remaining direction.
    let residuals: Vec<Observed> =
        sets.iter().zip(&means).flat_map(|(set, m)| set.iter().map(move |v| minus(v, m))).collect();
    let count = residuals.len() as f64;
    let along = residuals.iter().map(|r| dot(r, &direction).powi(2)).sum::<f64>() / count;
    let total = residuals.iter().map(|r| dot(r, r)).sum::<f64>() / count;
    let residual = (total - along) / (ENTRIES - 1) as f64;
    let project = |v: &Observed| (dot(&minus(v, &centre), &direction) / along.sqrt()) as f32;
    VectorStatistics {
        entries: ENTRIES,
        components: 1,
        residual_variance: residual as f32,
        variance: vec![along as f32],
        centre: centre.iter().map(|&v| v as f32).collect::<Vec<_>>().into(),
        scale: vec![1.0; ENTRIES].into(),
        projection: direction.iter().map(|&v| (v / along.sqrt()) as f32).collect::<Vec<_>>().into(),
        domains: means.iter().map(project).collect::<Vec<_>>().into(),
    }
}
