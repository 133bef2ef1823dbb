//! The whitened low-rank space of the routing mode `vector`.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};
use ushydra_bundle::{PIXEL_ENTRIES, VectorStatistics};
use ushydra_core::vector::{MAX_COMPONENTS, MAX_FEATURES};

use super::shrinkage::Shrunk;
use crate::error::{HostError, Result};

/// Entries whose standard deviation is below this are constant; they are left out by a scale of 0.
const MIN_STD: f64 = 1e-9;
/// A direction that keeps less than this share of its length after orthogonalisation adds nothing.
const INDEPENDENT: f64 = 1e-6;

/// Fits the space of [`ushydra_core::VectorSpace`].
///
/// Entries are centred on the overall mean and scaled by the pooled within-domain standard deviation; the shared
/// within-domain covariance `Sigma` of the result is shrunk ([`Shrunk`]). The basis joins the discriminating directions
/// `Sigma^-1 (m_d - m_1)` with the leading eigenvectors of `Sigma`, up to `components` in all, and is turned so that
/// `Sigma` is diagonal in it. Because the discriminating directions lie inside, the differences between the squared
/// distances to any two domains are exactly those of the full Mahalanobis distance, whatever the rank.
///
/// * `observations`: one row per picture: the feature vector, then the [`PIXEL_ENTRIES`] pixel moments.
/// * `measured`: the features that count; the others get the scale 0. The pixel moments always count.
/// * `domain_of`: domain index per picture; every domain needs a picture.
///
/// # Errors
/// [`HostError::Calibration`] for a domain without pictures, sizes beyond the limits, or pictures without variance.
pub fn fit(
    observations: &[Vec<f32>],
    measured: Range<usize>,
    domain_of: &[usize],
    domains: usize,
    components: usize,
) -> Result<VectorStatistics> {
    let all = observations.first().map_or(0, Vec::len);
    let features = all.saturating_sub(PIXEL_ENTRIES);
    if features == 0 || all > MAX_FEATURES {
        return Err(HostError::Calibration(format!("{all} entries per picture; 3 to {MAX_FEATURES} are supported")));
    }
    if measured.is_empty() || measured.end > features {
        return Err(HostError::Calibration(format!(
            "features {}..{} of {features} cannot be measured; correct calibration.start and calibration.entries",
            measured.start, measured.end
        )));
    }
    // Where each measured entry lies in the observation.
    let entries: Vec<usize> = measured.chain(features..all).collect();
    let p = entries.len();
    if components < domains || components > MAX_COMPONENTS {
        return Err(HostError::Calibration(format!(
            "{components} components for {domains} domains; use at least as many as domains and at most {MAX_COMPONENTS}"
        )));
    }
    let n = observations.len();
    let x = DMatrix::from_fn(n, p, |row, column| f64::from(observations[row][entries[column]]));
    let means = domain_means(&x, domain_of, domains)?;
    let centre = x.row_mean().transpose();
    let mut residual = x;
    for (row, &domain) in domain_of.iter().enumerate() {
        let mean = means.row(domain).clone_owned();
        let mut target = residual.row_mut(row);
        target -= &mean;
    }
    let scale = residual.map(|v| v * v).row_mean().transpose().map(|v| {
        let std = v.sqrt();
        if std > MIN_STD { 1.0 / std } else { 0.0 }
    });
    for (mut column, scale) in residual.column_iter_mut().zip(scale.iter()) {
        column *= *scale;
    }
    let shrunk = Shrunk::ledoit_wolf(&residual)?;
    // t_d: the domain means in standardised entries, one column each.
    let positions = DMatrix::from_fn(p, domains, |entry, d| (means[(d, entry)] - centre[entry]) * scale[entry]);
    let basis = basis(&shrunk, &positions, components)?;
    let eigen = shrunk.within(&basis).symmetric_eigen();
    let basis = basis * eigen.eigenvectors;
    let variance = eigen.eigenvalues;
    let k = basis.ncols();
    let residual_variance = if p > k {
        ((shrunk.trace() - variance.sum()) / (p - k) as f64).max(f64::from(f32::MIN_POSITIVE))
    } else {
        1.0
    };
    let projection = DMatrix::from_fn(p, k, |entry, i| basis[(entry, i)] / variance[i].sqrt());
    let coordinates = projection.tr_mul(&positions);
    let mut full = VectorStatistics {
        entries: all,
        components: k,
        residual_variance: residual_variance as f32,
        variance: variance.iter().map(|&v| v as f32).collect(),
        centre: Vec::new().into(),
        scale: Vec::new().into(),
        projection: Vec::new().into(),
        domains: coordinates.iter().map(|&v| v as f32).collect::<Vec<f32>>().into(),
    };
    let (mut centres, mut scales, mut rows) = (vec![0.0; all], vec![0.0; all], vec![0.0; all * k]);
    for (column, &entry) in entries.iter().enumerate() {
        centres[entry] = centre[column] as f32;
        scales[entry] = scale[column] as f32;
        for (target, &weight) in rows[entry * k..(entry + 1) * k].iter_mut().zip(projection.row(column).iter()) {
            *target = weight as f32;
        }
    }
    (full.centre, full.scale, full.projection) = (centres.into(), scales.into(), rows.into());
    Ok(full)
}

/// One row of means per domain.
fn domain_means(x: &DMatrix<f64>, domain_of: &[usize], domains: usize) -> Result<DMatrix<f64>> {
    let mut means = DMatrix::zeros(domains, x.ncols());
    for domain in 0..domains {
        let rows: Vec<usize> = (0..x.nrows()).filter(|&row| domain_of[row] == domain).collect();
        if rows.is_empty() {
            return Err(HostError::Calibration(format!(
                "domain {domain} (counted from 0) has no picture; add some or remove the domain from the recipe"
            )));
        }
        means.set_row(domain, &x.select_rows(&rows).row_mean());
    }
    Ok(means)
}

/// Orthonormal columns: discriminating directions first, then eigenvectors, at most `components`.
fn basis(shrunk: &Shrunk, positions: &DMatrix<f64>, components: usize) -> Result<DMatrix<f64>> {
    let discriminating = (1..positions.ncols()).map(|d| shrunk.solve(&(positions.column(d) - positions.column(0))));
    let leading = shrunk.vectors.column_iter().map(|column| column.clone_owned());
    let mut columns: Vec<DVector<f64>> = Vec::new();
    for mut candidate in discriminating.chain(leading) {
        if columns.len() == components {
            break;
        }
        let length = candidate.norm();
        // Twice: one pass of Gram-Schmidt loses orthogonality for nearly dependent directions.
        for _ in 0..2 {
            for column in &columns {
                let along = column.dot(&candidate);
                candidate.axpy(-along, column, 1.0);
            }
        }
        let remaining = candidate.norm();
        if length > 0.0 && remaining > INDEPENDENT * length {
            columns.push(candidate / remaining);
        }
    }
    if columns.is_empty() {
        return Err(HostError::Calibration("the pictures span no direction; they are all equal".to_owned()));
    }
    Ok(DMatrix::from_columns(&columns))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use ushydra_core::VectorSpace;

    use super::*;
    use crate::rng::Rng;

    fn pictures(n: usize, p: usize) -> (Vec<Vec<f32>>, Vec<usize>) {
        let mut rng = Rng::new(11);
        let mixing: Vec<f64> = (0..p * p).map(|_| rng.normal()).collect();
        let mut observations = Vec::new();
        let mut domain_of = Vec::new();
        for i in 0..n {
            let domain = i % 3;
            let source: Vec<f64> = (0..p).map(|_| rng.normal()).collect();
            let row = (0..p).map(|e| {
                let mixed: f64 = (0..p).map(|j| mixing[e * p + j] * source[j]).sum();
                (mixed * 0.3 + if e % 3 == domain { 2.0 } else { 0.0 }) as f32
            });
            observations.push(row.collect());
            domain_of.push(domain);
        }
        (observations, domain_of)
    }

    fn space(statistics: &VectorStatistics) -> VectorSpace<&[f32]> {
        VectorSpace::new(
            &*statistics.centre,
            &*statistics.scale,
            &*statistics.projection,
            &statistics.variance,
            statistics.residual_variance,
            &statistics.domains,
        )
        .unwrap()
    }

    /// Squared Mahalanobis distances by the dense shrunk covariance.
    fn dense(observations: &[Vec<f32>], domain_of: &[usize], statistics: &VectorStatistics, x: &[f32]) -> Vec<f64> {
        let p = x.len();
        let standard =
            |row: &[f32]| DVector::from_fn(p, |e, _| f64::from((row[e] - statistics.centre[e]) * statistics.scale[e]));
        let rows: Vec<DVector<f64>> = observations.iter().map(|o| standard(o)).collect();
        let mean = |domain: usize| {
            let own: Vec<&DVector<f64>> =
                rows.iter().zip(domain_of).filter(|(_, d)| **d == domain).map(|(r, _)| r).collect();
            own.iter().fold(DVector::zeros(p), |sum, r| sum + *r) / own.len() as f64
        };
        let means = [mean(0), mean(1), mean(2)];
        let residual = DMatrix::from_fn(rows.len(), p, |r, e| rows[r][e] - means[domain_of[r]][e]);
        let shrunk = Shrunk::ledoit_wolf(&residual).unwrap();
        means
            .iter()
            .map(|m| {
                let difference = standard(x) - m;
                difference.dot(&shrunk.solve(&difference))
            })
            .collect()
    }

    #[test]
    fn equals_dense_mahalanobis() {
        for (n, p, components) in [(60, 8, 8), (60, 8, 3), (20, 40, 5), (20, 40, 40)] {
            let (observations, domain_of) = pictures(n, p);
            let statistics = fit(&observations, 0..p - PIXEL_ENTRIES, &domain_of, 3, components).unwrap();
            assert_eq!(statistics.components, components.min(statistics.components));
            let space = space(&statistics);
            for x in &observations {
                let expected = dense(&observations, &domain_of, &statistics, x);
                let found: Vec<f64> = space.distances(&[x]).unwrap().iter().map(|d| d * d).collect();
                for d in 1..3 {
                    let (a, b) = (expected[d] - expected[0], found[d] - found[0]);
                    assert!((a - b).abs() < 1e-2 * (1.0 + a.abs()), "{n}x{p} k={components}: {expected:?} {found:?}");
                }
                if components >= p && n > p {
                    assert!((expected[0] - found[0]).abs() < 1e-2 * (1.0 + expected[0]), "{expected:?} {found:?}");
                }
            }
        }
    }

    #[test]
    fn refusals() {
        let (observations, domain_of) = pictures(12, 4);
        assert!(fit(&observations, 0..2, &domain_of, 4, 4).unwrap_err().to_string().contains("domain 3"));
        assert!(fit(&observations, 0..2, &domain_of, 3, 2).is_err());
        assert!(fit(&observations, 0..3, &domain_of, 3, 4).unwrap_err().to_string().contains("features 0..3 of 2"));
        assert!(fit(&[], 0..1, &[], 3, 3).is_err());
        assert!(fit(&vec![vec![1.0, 2.0, 3.0]; 6], 0..1, &[0, 1, 0, 1, 0, 1], 2, 2).is_err());
    }

    #[test]
    fn unmeasured_features_do_not_count() {
        let (mut observations, domain_of) = pictures(60, 8);
        let before = fit(&observations, 2..5, &domain_of, 3, 4).unwrap();
        let x = observations[7].clone();
        let distances = space(&before).distances(&[&x]).unwrap();
        observations.iter_mut().for_each(|o| (o[0], o[5]) = (o[0] * 3.0, -o[5]));
        let mut other = x;
        (other[1], other[5]) = (99.0, -99.0);
        let after = fit(&observations, 2..5, &domain_of, 3, 4).unwrap();
        let again = space(&after).distances(&[&other]).unwrap();
        assert!(distances.iter().zip(&again).all(|(a, b)| (a - b).abs() < 1e-9));
    }
}
