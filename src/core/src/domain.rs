//! The fixed table of quality domains and their scalar statistics.

use heapless::{String, Vec};
use thiserror::Error;

use crate::quality::Quality;

/// Most quality domains of a bundle.
pub const MAX_DOMAINS: usize = 8;
/// Name of a domain, at most 32 bytes.
pub type DomainName = String<32>;

/// How the disparity between a frame and a domain is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Eq. (11) on the per-image scalars.
    Paper,
    /// Eq. (11) as the released program computes it (feature term of sigma is 0).
    Released,
    /// Whitened distance on the feature vector and the pixel moments.
    Vector,
}

/// `mu_d` and `sigma_d` of one domain: averages over its training set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScalarStatistics {
    /// `mu_d`.
    pub mean: f64,
    /// `sigma_d` in mode `paper`.
    pub std: f64,
    /// `sigma_d` in mode `released`.
    pub released_std: f64,
}

impl ScalarStatistics {
    /// Eq. (11): `|mu - mu_d| + weight * |sigma - sigma_d|`. [`Metric::Vector`] has no scalar form and reads as `Paper`.
    #[must_use]
    pub fn disparity(&self, quality: &Quality, metric: Metric, weight: f64) -> f64 {
        let (sigma, sigma_d) = match metric {
            Metric::Released => (quality.released_std(), self.released_std),
            Metric::Paper | Metric::Vector => (quality.std(), self.std),
        };
        (quality.mean() - self.mean).abs() + weight * (sigma - sigma_d).abs()
    }
}

/// Domains in the bundle's order; the order decides ties.
#[derive(Clone, Debug, Default)]
pub struct DomainTable {
    names: Vec<DomainName, MAX_DOMAINS>,
    statistics: Vec<ScalarStatistics, MAX_DOMAINS>,
}

impl DomainTable {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { names: Vec::new(), statistics: Vec::new() }
    }

    /// Appends a domain.
    ///
    /// # Errors
    /// [`DomainError`] when the table is full, the name is empty, too long or taken, or a statistic is not finite.
    pub fn push(&mut self, name: &str, statistics: ScalarStatistics) -> Result<(), DomainError> {
        let index = self.names.len();
        if self.index_of(name).is_some() {
            return Err(DomainError::Duplicate { index });
        }
        if ![statistics.mean, statistics.std, statistics.released_std].iter().all(|v| v.is_finite()) {
            return Err(DomainError::NotFinite { index });
        }
        if name.is_empty() {
            return Err(DomainError::Name { index });
        }
        let name = DomainName::try_from(name).map_err(|_| DomainError::Name { index })?;
        self.names.push(name).map_err(|_| DomainError::Full)?;
        self.statistics.push(statistics).map_err(|_| DomainError::Full)
    }

    /// Number of domains.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether no domain was added yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Names in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Name of domain `index`.
    #[must_use]
    pub fn name(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(String::as_str)
    }

    /// Position of `name`.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n == name)
    }

    /// Scalar statistics in order.
    #[must_use]
    pub fn statistics(&self) -> &[ScalarStatistics] {
        &self.statistics
    }
}

/// A domain that the table refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DomainError {
    /// Already [`MAX_DOMAINS`] domains.
    #[error("more than {MAX_DOMAINS} domains; merge some before calibration")]
    Full,
    /// Name used twice.
    #[error("domain {index} has the name of an earlier domain; names must differ")]
    Duplicate {
        /// Position of the second one.
        index: usize,
    },
    /// Name empty or over 32 bytes.
    #[error("domain {index} needs a name of 1 to 32 bytes")]
    Name {
        /// Position of the domain.
        index: usize,
    },
    /// NaN or infinite statistics.
    #[error("domain {index} has a mean or standard deviation that is not finite; calibrate again")]
    NotFinite {
        /// Position of the domain.
        index: usize,
    },
}
