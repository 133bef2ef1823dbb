//! Shrunk covariance of few, long vectors, kept as eigenvectors and a floor.

use nalgebra::{DMatrix, DVector};

use crate::error::{HostError, Result};

/// Eigenvalues below this share of the mean variance are taken for rounding.
const RANK_TOLERANCE: f64 = 1e-10;
/// Smallest floor as a share of the mean variance; keeps the inverse finite where nothing was shrunk.
const MIN_FLOOR: f64 = 1e-6;

/// `Sigma = (1 - shrinkage) S + shrinkage * mean_variance * I` (Ledoit & Wolf 2004), as
/// `Sigma = floor * I + U diag(excess) U^T` with orthonormal columns U.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// Intensity, 0 to 1.
    pub shrinkage: f64,
    /// `trace(S) / p`.
    pub mean_variance: f64,
    /// Variance of every direction outside U.
    pub floor: f64,
    /// Variance beyond the floor along each column of U, in falling order.
    pub excess: Vec<f64>,
    /// p x r.
    pub vectors: DMatrix<f64>,
}

impl Shrunk {
    /// Of the rows of `x` (n x p), which must be centred already: `S = x^T x / n`.
    ///
    /// The intensity is that of Ledoit & Wolf, "A well-conditioned estimator for large-dimensional covariance matrices"
    /// (2004), as scikit-learn's `ledoit_wolf` computes it: with `delta = (|S|_F^2 - p mu^2) / p` and
    /// `beta = (sum_k |x_k|^4 / n - |S|_F^2) / (n p)`, it is `min(beta, delta) / delta`.
    ///
    /// # Errors
    /// [`HostError::Calibration`] where there are fewer than two rows or all of them are zero.
    pub fn ledoit_wolf(x: &DMatrix<f64>) -> Result<Self> {
        let (n, p) = x.shape();
        if n < 2 || p == 0 {
            return Err(HostError::Calibration(format!("{n} pictures have no covariance; at least 2 are needed")));
        }
        let count = n as f64;
        // S and the Gram matrix share their non-zero eigenvalues; the smaller one is decomposed.
        let wide = n <= p;
        let gram = if wide { x * x.transpose() } else { x.transpose() * x } / count;
        let trace = gram.trace();
        let mean_variance = trace / p as f64;
        if !(mean_variance.is_finite() && mean_variance > 0.0) {
            return Err(HostError::Calibration(format!(
                "the mean variance is {mean_variance}; the pictures of a domain must differ from each other"
            )));
        }
        let squared_norm = gram.norm_squared();
        let fourth: f64 = x.row_iter().map(|row| row.norm_squared().powi(2)).sum();
        let delta = (squared_norm - p as f64 * mean_variance * mean_variance) / p as f64;
        let beta = ((fourth / count - squared_norm) / (count * p as f64)).min(delta);
        let shrinkage = if beta > 0.0 && delta > 0.0 { beta / delta } else { 0.0 };
        let eigen = gram.symmetric_eigen();
        let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        order.retain(|&i| eigen.eigenvalues[i] > RANK_TOLERANCE * mean_variance);
        let small = DMatrix::from_columns(&order.iter().map(|&i| eigen.eigenvectors.column(i)).collect::<Vec<_>>());
        let vectors = if wide {
            let mut vectors = x.transpose() * small;
            vectors.column_iter_mut().for_each(|mut column| column /= column.norm());
            vectors
        } else {
            small
        };
        let excess = order.iter().map(|&i| (1.0 - shrinkage) * eigen.eigenvalues[i]).collect();
        let floor = (shrinkage * mean_variance).max(MIN_FLOOR * mean_variance);
        Ok(Self { shrinkage, mean_variance, floor, excess, vectors })
    }

    /// `Sigma^-1 v`.
    #[must_use]
    pub fn solve(&self, v: &DVector<f64>) -> DVector<f64> {
        let mut coefficients = self.vectors.tr_mul(v);
        for (c, excess) in coefficients.iter_mut().zip(&self.excess) {
            *c *= 1.0 / (self.floor + excess) - 1.0 / self.floor;
        }
        v / self.floor + &self.vectors * coefficients
    }

    /// `B^T Sigma B` for a p x k matrix.
    #[must_use]
    pub fn within(&self, b: &DMatrix<f64>) -> DMatrix<f64> {
        let mut projected = self.vectors.tr_mul(b);
        for (mut row, excess) in projected.row_iter_mut().zip(&self.excess) {
            row *= excess.sqrt();
        }
        b.tr_mul(b) * self.floor + projected.tr_mul(&projected)
    }

    /// Sum of all variances of Sigma.
    #[must_use]
    pub fn trace(&self) -> f64 {
        self.floor * self.vectors.nrows() as f64 + self.excess.iter().sum::<f64>()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn equals_scikit_learn() {
        // sklearn.covariance.ledoit_wolf(X, assume_centered=True), scikit-learn 1.9.1.
        let rows = [
            [1.0, 2.0, 0.5],
            [-1.0, 0.3, 0.1],
            [0.7, -0.2, 0.4],
            [-0.7, -0.1, -1.0],
            [0.9, 1.8, 0.7],
            [-1.1, -1.9, -0.2],
            [0.2, 0.1, -0.3],
        ];
        let expected = [
            [0.769_039_853_333_277_2, 0.499_308_595_984_860_6, 0.202_145_457_702_826_05],
            [0.499_308_595_984_860_6, 1.324_241_202_600_025_2, 0.247_791_206_216_367_4],
            [0.202_145_457_702_826_05, 0.247_791_206_216_367_4, 0.489_576_086_923_840_25],
        ];
        let shrunk = Shrunk::ledoit_wolf(&DMatrix::from_row_slice(7, 3, rows.as_flattened())).unwrap();
        assert!((shrunk.shrinkage - 0.347_917_878_377_980_5).abs() < 1e-12, "{}", shrunk.shrinkage);
        let difference = dense(&shrunk) - DMatrix::from_row_slice(3, 3, expected.as_flattened());
        assert!(difference.norm() < 1e-12, "{difference}");
        // Full shrinkage: nothing but the mean variance remains.
        let few = [1.0, 2.0, 0.5, -1.0, 0.3, 0.1, 0.7, -2.2, 0.4, -0.7, -0.1, -1.0];
        let full = Shrunk::ledoit_wolf(&DMatrix::from_row_slice(4, 3, &few)).unwrap();
        assert!((full.shrinkage - 1.0).abs() < 1e-12 && (full.mean_variance - 1.111_666_666_666_666_8).abs() < 1e-12);
    }

    fn dense(shrunk: &Shrunk) -> DMatrix<f64> {
        let p = shrunk.vectors.nrows();
        shrunk.within(&DMatrix::identity(p, p))
    }

    #[test]
    fn both_decompositions_agree_and_solve_inverts() {
        let mut rng = Rng::new(2);
        for (n, p) in [(6, 20), (40, 5)] {
            let x = DMatrix::from_fn(n, p, |_, _| rng.normal());
            let shrunk = Shrunk::ledoit_wolf(&x).unwrap();
            let sample = x.transpose() * &x / n as f64;
            let s = shrunk.shrinkage;
            let expected = sample * (1.0 - s) + DMatrix::identity(p, p) * (s * shrunk.mean_variance);
            assert!((dense(&shrunk) - &expected).norm() < 1e-9, "{n}x{p}");
            assert!((shrunk.trace() - expected.trace()).abs() < 1e-9);
            let v = DVector::from_fn(p, |_, _| rng.normal());
            assert!((expected * shrunk.solve(&v) - v).norm() < 1e-9);
        }
    }

    #[test]
    fn refusals() {
        assert!(Shrunk::ledoit_wolf(&DMatrix::zeros(1, 3)).is_err());
        let error = Shrunk::ledoit_wolf(&DMatrix::zeros(4, 3)).unwrap_err().to_string();
        assert!(error.contains("must differ"), "{error}");
    }
}
