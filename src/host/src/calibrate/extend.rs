//! One domain more in statistics whose calibration pictures are not at hand.
//!
//! The whitened space is frozen: centre, scale, projection, variances and the old domains keep their numbers, so that an
//! old picture's distances to the old domains can only shrink. For a new picture `x` with `t = (x - centre) * scale`,
//! orthonormal directions `U` (the projection without whitening) and the remainder `g = t - U U^T t`:
//!
//! ```text
//! z_new = mean_i P^T t_i                                  exact in the frozen space
//! u_p   = mean_{i not of p} g_i, at unit length           direction of the new domain outside it, patient p left out
//! a     = mean_i u_p(i) . g_i                             how far away it lies, without the bias of having chosen u
//! v     = max(mean_i (u_p(i) . g_i - a)^2, residual variance)
//! P    += u / sqrt(v),   z_new += a / sqrt(v),   z_old += 0
//! ```
//!
//! What stays approximate: the shared covariance knows nothing of the new domain, and the old domains' places along `u` are
//! taken as 0, which is exact for their average weighted by pictures (the centre) and not for each of them.

use std::collections::BTreeMap;

use nalgebra::{DMatrix, DVector};
use ushydra_bundle::{NoveltyStatistics, Statistics, VectorStatistics};
use ushydra_core::{MAX_COMPONENTS, MAX_PROTOTYPES, Quality};

use super::{Observation, quantile, router, scalars};
use crate::calibrate::novelty;
use crate::error::{HostError, Result};
use crate::split::grouped_folds;

/// A remainder shorter than this has no direction.
const MIN_LENGTH: f64 = 1e-6;

/// The domain to add.
#[derive(Clone, Copy, Debug)]
pub struct NewDomain<'a> {
    /// Its name.
    pub name: &'a str,
    /// Which pictures describe it.
    pub provenance: &'a str,
    /// Weight of the standard deviation in Eq. (11).
    pub weight: f64,
    /// Whether the space gets a component for the domain's direction.
    pub component: bool,
}

/// `old` with one domain more, described by `observations` (their domain index does not matter); the thresholds stay.
/// Labelled observations also add one prototype per class to the novelty test.
///
/// # Errors
/// [`HostError::Calibration`] without observations, for vectors of another length than the space, or for more prototypes
/// than the device's table holds.
pub fn statistics(old: &Statistics, observations: &[Observation<'_>], new: &NewDomain<'_>) -> Result<Statistics> {
    if observations.is_empty() {
        return Err(HostError::Calibration(format!("domain `{}` has no picture; add some", new.name)));
    }
    let qualities: Vec<&Quality> = observations.iter().map(|o| &o.quality).collect();
    let mut full = old.clone();
    full.domains.push(scalars(new.name, &qualities, new.provenance.to_owned()));
    full.vector = vector(&old.vector, observations, new.component)?;
    if let Some(novelty) = &mut full.novelty {
        prototypes(novelty, observations)?;
    }
    Ok(full)
}

/// As [`statistics`], with thresholds: where the held-out new pictures' quantile lies above an old threshold, it takes its
/// place. A threshold never falls, because the old pictures that set it are not at hand. With pictures of one patient there
/// is nothing to hold out, and the thresholds stay.
///
/// # Errors
/// As [`statistics`].
pub fn calibrate(
    old: &Statistics,
    observations: &[Observation<'_>],
    new: &NewDomain<'_>,
    folds: usize,
    seed: u64,
) -> Result<Statistics> {
    let mut full = statistics(old, observations, new)?;
    let patients: Vec<&str> = observations.iter().map(|o| o.patient).collect();
    let folds = folds.min(distinct(&patients));
    if folds < 2 {
        return Ok(full);
    }
    let fold_of = grouped_folds(&vec![0; patients.len()], &patients, folds, seed)?;
    let metrics = [ushydra_core::Metric::Paper, ushydra_core::Metric::Released, ushydra_core::Metric::Vector];
    let mut smallest = [const { Vec::new() }; 3];
    let mut scores = Vec::new();
    for fold in 0..folds {
        let part = |held_out: bool| {
            let chosen = observations.iter().zip(&fold_of).filter(move |(_, f)| (**f == fold) == held_out);
            chosen.map(|(o, _)| o.clone()).collect::<Vec<_>>()
        };
        let fitted = statistics(old, &part(false), new)?;
        let held_out = part(true);
        for (metric, smallest) in metrics.into_iter().zip(&mut smallest) {
            let router = router(&fitted, metric, new.weight)?;
            for observation in &held_out {
                let decision = router.route(&observation.quality, observation.features)?;
                smallest.push(decision.disparity.iter().copied().fold(f64::INFINITY, f64::min));
            }
        }
        if let Some(fitted) = &fitted.novelty {
            let test = novelty::test(fitted)?;
            for observation in &held_out {
                scores.push(test.score(observation.features).map_err(|e| HostError::Calibration(e.to_string()))?);
            }
        }
    }
    let [paper, released, vector] = smallest.map(|values| quantile(values, old.thresholds.quantile));
    let thresholds = &mut full.thresholds;
    thresholds.paper = thresholds.paper.max(paper);
    thresholds.released = thresholds.released.max(released);
    thresholds.vector = thresholds.vector.max(vector);
    if let Some(novelty) = &mut full.novelty {
        novelty.threshold = novelty.threshold.max(quantile(scores, novelty.quantile));
    }
    Ok(full)
}

/// Different patients.
fn distinct(patients: &[&str]) -> usize {
    patients.iter().collect::<std::collections::BTreeSet<_>>().len()
}

/// The space with the place of one domain more.
fn vector(old: &VectorStatistics, observations: &[Observation<'_>], component: bool) -> Result<VectorStatistics> {
    let (d, k) = (old.entries, old.components);
    if k == 0 || old.variance.len() != k || old.projection.len() != d * k || !old.domains.len().is_multiple_of(k) {
        return Err(HostError::Calibration("the bundle's vector space is damaged; get the bundle again".to_owned()));
    }
    let vectors: Vec<Vec<f32>> = observations.iter().map(Observation::vector).collect();
    if let Some(vector) = vectors.iter().find(|v| v.len() != d) {
        return Err(HostError::Calibration(format!("{} entries per picture, the space has {d}", vector.len())));
    }
    let n = vectors.len();
    let t =
        DMatrix::from_fn(n, d, |i, e| (f64::from(vectors[i][e]) - f64::from(old.centre[e])) * f64::from(old.scale[e]));
    let projection = DMatrix::from_row_slice(d, k, &old.projection).map(f64::from);
    let z = &t * &projection;
    let mut place: Vec<f32> = z.row_mean().iter().map(|&v| v as f32).collect();
    let mut new = old.clone();
    let mut domains: Vec<Vec<f32>> = old.domains.chunks_exact(k).map(<[f32]>::to_vec).collect();
    let variance = DVector::from_iterator(k, old.variance.iter().map(|&v| f64::from(v)));
    // g = t - U U^T t with U = P sqrt(variance): P scaled by the variance gives both factors at once.
    let back = DMatrix::from_fn(k, d, |i, e| projection[(e, i)] * variance[i]);
    let remainder = &t - &z * back;
    let direction = if component && k < MAX_COMPONENTS { direction(&remainder, observations) } else { None };
    if let Some((u, along, spread)) = direction {
        let spread = spread.max(f64::from(old.residual_variance));
        let mut rows = Vec::with_capacity(d * (k + 1));
        for e in 0..d {
            rows.extend_from_slice(&old.projection[e * k..(e + 1) * k]);
            rows.push((u[e] / spread.sqrt()) as f32);
        }
        domains.iter_mut().for_each(|domain| domain.push(0.0));
        place.push((along / spread.sqrt()) as f32);
        new.projection = rows.into();
        new.variance.push(spread as f32);
        new.components = k + 1;
    }
    domains.push(place);
    new.domains = domains.concat().into();
    Ok(new)
}

/// Direction of the mean remainder, how far along it the domain lies and how widely its pictures spread there, both judged on
/// patients that the direction was not taken from; none for a single patient or where there is no such direction.
fn direction(remainder: &DMatrix<f64>, observations: &[Observation<'_>]) -> Option<(DVector<f64>, f64, f64)> {
    let (n, d) = remainder.shape();
    let mut sums: BTreeMap<&str, (DVector<f64>, usize)> = BTreeMap::new();
    for (row, observation) in remainder.row_iter().zip(observations) {
        let (sum, count) = sums.entry(observation.patient).or_insert_with(|| (DVector::zeros(d), 0));
        *sum += row.transpose();
        *count += 1;
    }
    if sums.len() < 2 {
        return None;
    }
    let total = sums.values().fold(DVector::zeros(d), |total, (sum, _)| total + sum);
    let mut values = Vec::with_capacity(n);
    for (row, observation) in remainder.row_iter().zip(observations) {
        let (own, _) = sums.get(observation.patient)?;
        let others = &total - own;
        let length = others.norm();
        values.push(if length > MIN_LENGTH { row.transpose().dot(&others) / length } else { 0.0 });
    }
    let along = values.iter().sum::<f64>() / n as f64;
    let spread = values.iter().map(|v| (v - along) * (v - along)).sum::<f64>() / n as f64;
    let length = total.norm();
    // A direction that other patients do not share tells nothing.
    (along > 0.0 && length > MIN_LENGTH).then(|| (total / length, along, spread))
}

/// One prototype per class of the new domain, standardised like the old ones.
fn prototypes(novelty: &mut NoveltyStatistics, observations: &[Observation<'_>]) -> Result<()> {
    let range = novelty.start..novelty.start.saturating_add(novelty.entries);
    let mut classes: BTreeMap<usize, (Vec<f64>, usize)> = BTreeMap::new();
    for observation in observations {
        let Some(label) = observation.label else { continue };
        let part = observation.features.get(range.clone()).ok_or_else(|| {
            HostError::Calibration("the novelty test looks beyond the feature vector; get the bundle again".to_owned())
        })?;
        let (sum, count) = classes.entry(label).or_insert_with(|| (vec![0.0; part.len()], 0));
        sum.iter_mut().zip(part).for_each(|(s, &v)| *s += f64::from(v));
        *count += 1;
    }
    let mut all = novelty.prototypes.to_vec();
    let held = all.len() / novelty.entries.max(1);
    if held + classes.len() > MAX_PROTOTYPES {
        return Err(HostError::Calibration(format!(
            "the novelty test holds {held} prototypes and {} more are needed, but the device has room for {MAX_PROTOTYPES}; \
             remove a domain from the bundle by training it anew",
            classes.len()
        )));
    }
    for (sum, count) in classes.values() {
        let moments = novelty.centre.iter().zip(novelty.scale.iter());
        let standard = sum.iter().zip(moments);
        all.extend(standard.map(|(s, (&m, &f))| ((s / *count as f64 - f64::from(m)) * f64::from(f)) as f32));
    }
    novelty.prototypes = all.into();
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use ushydra_bundle::Digest;
    use ushydra_core::{Metric, Moments};

    use super::*;
    use crate::calibrate::{self, CalibrationConfig, Identity, NoveltyConfig};
    use crate::rng::Rng;

    const ENTRIES: usize = 16;

    /// Pictures of three domains; the third differs along an entry that the first two know nothing of.
    fn world(rng: &mut Rng, n: usize, domain: usize) -> Vec<Vec<f32>> {
        let shift = |e: usize| match (domain, e) {
            (0, 0) => -3.0,
            (1, 0) => 3.0,
            (2, 9) => 4.0,
            _ => 0.0,
        };
        (0..n).map(|_| (0..ENTRIES).map(|e| (rng.normal() + shift(e)) as f32).collect()).collect()
    }

    fn observe<'a>(features: &'a [Vec<f32>], patients: &'a [String], domain: usize) -> Vec<Observation<'a>> {
        let one = |(i, f): (usize, &'a Vec<f32>)| {
            let pixel = Moments { mean: 0.01 * i as f64, std: 1.0 };
            Observation::new(pixel, f, domain, Some(i % 2), &patients[i]).unwrap()
        };
        features.iter().enumerate().map(one).collect()
    }

    fn old(low: &[Observation<'_>], high: &[Observation<'_>]) -> Statistics {
        let identity = Identity {
            bundle: "test".into(),
            encoder_sha256: Digest::of(b""),
            preprocessing: String::new(),
            domains: vec!["low".into(), "high".into()],
            provenance: vec![],
            weight: 10.0,
        };
        let novelty = Some(NoveltyConfig { start: 0, entries: ENTRIES, quantile: 0.98 });
        let config = CalibrationConfig { start: 0, entries: ENTRIES, components: 4, quantile: 0.99, folds: 3, novelty };
        calibrate::calibrate(&[low, high].concat(), &identity, &config, 1).unwrap()
    }

    #[test]
    fn new_domain_is_found_and_old_ones_stay() {
        let mut rng = Rng::new(3);
        let patients: Vec<String> = (0..60).map(|i| format!("p{}", i / 2)).collect();
        let pictures: Vec<Vec<Vec<f32>>> = (0..3).map(|d| world(&mut rng, 60, d)).collect();
        let observations: Vec<_> = pictures.iter().enumerate().map(|(d, p)| observe(p, &patients, d)).collect();
        let old = old(&observations[0], &observations[1]);
        let mut found = Vec::new();
        for component in [false, true] {
            let new = NewDomain { name: "new", provenance: "", weight: 10.0, component };
            let full = calibrate(&old, &observations[2][..40], &new, 5, 1).unwrap();
            assert_eq!(full.vector.components, old.vector.components + usize::from(component));
            assert_eq!(full.domains.len(), 3);
            assert_eq!(full.domains[2].count, 40);
            assert!(full.thresholds.vector >= old.thresholds.vector);
            let (before, after) =
                (router(&old, Metric::Vector, 10.0).unwrap(), router(&full, Metric::Vector, 10.0).unwrap());
            let share = |of: &[Observation<'_>], domain: usize| {
                let right = of.iter().filter(|o| after.route(&o.quality, o.features).unwrap().decoder == domain);
                right.count() as f64 / of.len() as f64
            };
            found.push(share(&observations[2][40..], 2));
            for (domain, own) in observations.iter().enumerate().take(2) {
                assert!(share(own, domain) > 0.85, "domain {domain}, component {component}");
                for o in own {
                    let (a, b) =
                        (before.route(&o.quality, o.features).unwrap(), after.route(&o.quality, o.features).unwrap());
                    assert!(b.in_domain >= a.in_domain);
                    assert!(a.disparity.iter().zip(&b.disparity).all(|(a, b)| *b <= a + 1e-3), "{a:?} {b:?}");
                }
            }
        }
        assert!(found[1] > 0.9 && found[1] >= found[0], "{found:?}");
    }

    #[test]
    fn one_patient_keeps_the_thresholds_and_a_full_table_is_refused() {
        let mut rng = Rng::new(5);
        let patients: Vec<String> = (0..60).map(|i| format!("p{i}")).collect();
        let one = vec!["p".to_owned(); 60];
        let pictures: Vec<Vec<Vec<f32>>> = (0..3).map(|d| world(&mut rng, 60, d)).collect();
        let mut old = old(&observe(&pictures[0], &patients, 0), &observe(&pictures[1], &patients, 1));
        let new = NewDomain { name: "new", provenance: "", weight: 10.0, component: true };
        let own = observe(&pictures[2], &one, 2);
        let full = calibrate(&old, &own, &new, 5, 1).unwrap();
        assert_eq!((full.thresholds, full.vector.components), (old.thresholds.clone(), old.vector.components));
        assert!(statistics(&old, &[], &new).is_err());
        let novelty = old.novelty.as_mut().unwrap();
        let prototype = novelty.prototypes[..ENTRIES].to_vec();
        novelty.prototypes = prototype.repeat(MAX_PROTOTYPES - 1).into();
        let error = statistics(&old, &own, &new).unwrap_err().to_string();
        assert!(error.contains("63 prototypes and 2 more"), "{error}");
    }
}
