//! The whitened low-rank distance against a dense Mahalanobis distance that is built here.

use proptest::prelude::*;
use ushydra_core::{
    DomainTable, MAX_COMPONENTS, Metric, Moments, Quality, RouteError, Router, ScalarStatistics, VectorError,
    VectorSpace,
};

/// A covariance `U diag(variance) U^T + residual (I - U U^T)`, dense, with domain means inside the span of `U`.
#[derive(Debug)]
struct Dense {
    directions: Vec<Vec<f64>>,
    variance: Vec<f64>,
    residual: f64,
    positions: Vec<Vec<f64>>,
}

impl Dense {
    fn entries(&self) -> usize {
        self.directions[0].len()
    }

    /// `sqrt((t - m_d)^T covariance^-1 (t - m_d))` by solving the dense system.
    fn distance(&self, t: &[f64], domain: usize) -> f64 {
        let d = self.entries();
        let mut covariance = vec![vec![0.0; d]; d];
        let mut offset = t.to_vec();
        for (row, entries) in covariance.iter_mut().enumerate() {
            entries[row] = self.residual;
        }
        for ((u, variance), z) in self.directions.iter().zip(&self.variance).zip(&self.positions[domain]) {
            for i in 0..d {
                offset[i] -= u[i] * variance.sqrt() * z;
                for j in 0..d {
                    covariance[i][j] += (variance - self.residual) * u[i] * u[j];
                }
            }
        }
        let solved = solve(covariance, offset.clone());
        offset.iter().zip(solved).map(|(a, b)| a * b).sum::<f64>().sqrt()
    }

    /// The same as the product stores it: `P = diag(variance)^-1/2 U^T`, centre 0, scale 1.
    fn space(&self) -> VectorSpace<Vec<f32>> {
        let (d, k) = (self.entries(), self.directions.len());
        let projection = (0..d)
            .flat_map(|i| (0..k).map(move |c| (self.directions[c][i] / self.variance[c].sqrt()) as f32))
            .collect();
        let variance: Vec<f32> = self.variance.iter().map(|&v| v as f32).collect();
        let positions: Vec<f32> = self.positions.iter().flatten().map(|&z| z as f32).collect();
        VectorSpace::new(vec![0.0; d], vec![1.0; d], projection, &variance, self.residual as f32, &positions).unwrap()
    }
}

/// Gaussian elimination with partial pivoting.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for column in 0..n {
        let pivot = (column..n).max_by(|&i, &j| a[i][column].abs().total_cmp(&a[j][column].abs())).unwrap();
        a.swap(column, pivot);
        b.swap(column, pivot);
        for row in column + 1..n {
            let factor = a[row][column] / a[column][column];
            let pivot_row = a[column].clone();
            for (entry, pivot) in a[row].iter_mut().zip(&pivot_row).skip(column) {
                *entry -= factor * pivot;
            }
            b[row] -= factor * b[column];
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|at| a[row][at] * b[at]).sum();
        b[row] = (b[row] - known) / a[row][row];
    }
    b
}

/// Gram-Schmidt; directions that are almost dependent are dropped.
fn orthonormal(directions: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for mut direction in directions {
        for known in &basis {
            let along = dot(&direction, known);
            direction.iter_mut().zip(known).for_each(|(x, y)| *x -= along * y);
        }
        let length = dot(&direction, &direction).sqrt();
        if length > 0.1 {
            basis.push(direction.iter().map(|x| x / length).collect());
        }
    }
    basis
}

fn vectors(count: impl Into<prop::collection::SizeRange>, length: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
    prop::collection::vec(prop::collection::vec(-1.0_f64..1.0, length), count)
}

fn problem() -> impl Strategy<Value = (Dense, Vec<f64>)> {
    (6_usize..90).prop_flat_map(|d| {
        let k = 40.min(d - 2);
        (
            vectors(1..=k, d),
            prop::collection::vec(0.2_f64..4.0, k),
            0.2_f64..2.0,
            vectors(1..=8, k),
            prop::collection::vec(-3.0_f64..3.0, d),
        )
            .prop_map(|(directions, variance, residual, positions, t)| {
                let directions = orthonormal(directions);
                let k = directions.len();
                let cut = |values: &[f64]| values[..k].to_vec();
                let positions = positions.iter().map(|z| cut(z).iter().map(|v| 3.0 * v).collect()).collect();
                (Dense { variance: cut(&variance), directions, residual, positions }, t)
            })
            .prop_filter("at least one direction", |(dense, _)| !dense.directions.is_empty())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn equals_a_dense_mahalanobis_distance((dense, t) in problem(), cut in any::<prop::sample::Index>()) {
        let observed: Vec<f32> = t.iter().map(|&v| v as f32).collect();
        let exact: Vec<f64> = observed.iter().map(|&v| f64::from(v)).collect();
        let (first, second) = observed.split_at(cut.index(observed.len()));
        let found = dense.space().distances(&[first, second]).unwrap();
        prop_assert_eq!(found.len(), dense.positions.len());
        for (domain, distance) in found.iter().enumerate() {
            let expected = dense.distance(&exact, domain);
            prop_assert!((distance - expected).abs() <= 1e-4 * expected.max(1.0), "{} against {}", distance, expected);
        }
    }

    #[test]
    fn features_that_are_not_finite_are_refused(
        at in 0_usize..200,
        bad in prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY]),
    ) {
        let space = VectorSpace::new(vec![0.0; 200], vec![1.0; 200], vec![0.5; 400], &[1.0, 2.0], 1.0, &[0.0; 4]).unwrap();
        let mut observed = vec![0.25_f32; 200];
        observed[at] = bad;
        prop_assert_eq!(space.distances(&[&observed]), Err(VectorError::NotFinite { what: "the feature vector" }));
    }
}

fn small() -> VectorSpace<Vec<f32>> {
    // Two entries, one component along the first: z = (x - 1) * 2 / 2, variance 4.
    VectorSpace::new(vec![1.0, 0.0], vec![2.0, 1.0], vec![0.5, 0.0], &[4.0], 0.25, &[0.0, 3.0]).unwrap()
}

#[test]
fn by_hand() {
    let distances = small().distances(&[&[2.0], &[0.5]]).unwrap();
    // t = (2, 0.5), z = 1, residual energy 4.25 - 4 = 0.25.
    assert_eq!(distances.as_slice(), [2.0_f64.sqrt(), 5.0_f64.sqrt()]);
    assert_eq!((small().len(), small().domains(), small().is_empty()), (2, 2, false));
}

#[test]
fn buffers_that_do_not_fit_together() {
    let build = |centre: usize, scale: usize, projection: usize, variance: &[f32], domains: usize| {
        VectorSpace::new(vec![0.0; centre], vec![1.0; scale], vec![0.1; projection], variance, 1.0, &vec![0.0; domains])
            .err()
            .unwrap()
    };
    let limit = |what, found, limit| VectorError::Limit { what, found, limit };
    let length = |what, expected, found| VectorError::Length { what, expected, found };
    struct Case {
        found: VectorError,
        expected: VectorError,
    }
    let many = vec![1.0; MAX_COMPONENTS + 1];
    let cases = [
        Case { found: build(0, 0, 0, &[1.0], 1), expected: limit("entries", 0, 4096) },
        Case { found: build(4097, 4097, 4097, &[1.0], 1), expected: limit("entries", 4097, 4096) },
        Case { found: build(2, 2, 0, &[], 1), expected: limit("components", 0, 64) },
        Case { found: build(2, 2, 130, &many, 65), expected: limit("components", 65, 64) },
        Case { found: build(2, 3, 2, &[1.0], 1), expected: length("scale", 2, 3) },
        Case { found: build(2, 2, 3, &[1.0], 1), expected: length("projection", 2, 3) },
        Case { found: build(2, 2, 4, &[1.0; 2], 3), expected: length("domain coordinates", 2, 3) },
        Case { found: build(2, 2, 2, &[1.0], 0), expected: limit("domains", 0, 8) },
        Case { found: build(2, 2, 2, &[1.0], 9), expected: limit("domains", 9, 8) },
        Case {
            found: build(2, 2, 2, &[0.0], 1),
            expected: VectorError::NotFinite { what: "a variance (it must be positive)" },
        },
        Case { found: small().distances(&[&[1.0; 3]]).unwrap_err(), expected: length("observed vector", 2, 3) },
    ];
    for case in cases {
        assert_eq!(case.found, case.expected);
    }
}

#[test]
fn routes_by_features_and_pixel_moments() {
    let mut table = DomainTable::new();
    table.push("low", ScalarStatistics::default()).unwrap();
    table.push("high", ScalarStatistics::default()).unwrap();
    // One feature and the two pixel moments; only the pixel mean is looked at.
    let space =
        || VectorSpace::new(vec![0.0; 3], vec![1.0; 3], vec![0.0, 1.0, 0.0], &[1.0], 1e6, &[-1.0, 1.0]).unwrap();
    let router = Router::vector(table.clone(), space(), 1.0).unwrap();
    for (mean, decoder, in_domain) in [(-1.0, 0, true), (0.0, 0, true), (0.5, 1, true), (4.0, 1, false)] {
        let quality = Quality { pixel: Moments { mean, std: 0.0 }, feature: Moments::default() };
        let decision = router.route(&quality, &[0.0]).unwrap();
        assert_eq!((decision.decoder, decision.in_domain), (decoder, in_domain), "pixel mean {mean}");
    }
    let quality = Quality::default();
    assert_eq!(
        router.route(&quality, &[f32::NAN]),
        Err(RouteError::Vector(VectorError::NotFinite { what: "the feature vector" }))
    );
    assert!(matches!(router.route(&quality, &[]), Err(RouteError::Vector(VectorError::Length { .. }))));
    assert_eq!(router.metric(), Metric::Vector);
    table.push("third", ScalarStatistics::default()).unwrap();
    assert_eq!(Router::vector(table, space(), 1.0).err(), Some(RouteError::Domains { table: 3, space: 2 }));
}
