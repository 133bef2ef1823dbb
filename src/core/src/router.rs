//! Eq. (12): the decoder of the closest domain, with margin and in-domain test.

use heapless::Vec;
use thiserror::Error;

use crate::domain::{DomainTable, MAX_DOMAINS, Metric};
use crate::novelty::{Novelty, NoveltyError};
use crate::quality::Quality;
use crate::vector::{VectorError, VectorSpace};

/// Weight of the standard deviation in Eq. (11).
pub const PAPER_WEIGHT: f64 = 10.0;

/// Where one frame goes and how sure that is.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Index of the chosen decoder in the domain table.
    pub decoder: usize,
    /// `D_d` per domain, in the table's order.
    pub disparity: Vec<f64, MAX_DOMAINS>,
    /// `D(2nd) - D(1st)`; infinite with a single domain. A small margin means "quality uncertain".
    pub margin: f64,
    /// Whether the smallest disparity is within the calibrated threshold, and the novelty test (where there is one) passed.
    pub in_domain: bool,
}

impl Decision {
    /// Eq. (12) on `disparity`: smallest entry, ties to the lowest index.
    fn from_disparity(disparity: Vec<f64, MAX_DOMAINS>, threshold: f64) -> Result<Self, RouteError> {
        let mut best: Option<(usize, f64)> = None;
        let mut second = f64::INFINITY;
        for (index, &value) in disparity.iter().enumerate() {
            if !value.is_finite() {
                return Err(RouteError::NotFinite { domain: index });
            }
            match best {
                Some((_, smallest)) if value >= smallest => second = second.min(value),
                _ => {
                    second = best.map_or(f64::INFINITY, |(_, smallest)| smallest);
                    best = Some((index, value));
                }
            }
        }
        let (decoder, smallest) = best.ok_or(RouteError::NoDomains)?;
        Ok(Self { decoder, margin: second - smallest, in_domain: smallest <= threshold, disparity })
    }
}

/// Domain table, metric and threshold of one bundle.
#[derive(Clone, Debug)]
pub struct Router<S> {
    table: DomainTable,
    metric: Metric,
    weight: f64,
    threshold: f64,
    vector: Option<VectorSpace<S>>,
    novelty: Option<Novelty<S>>,
    forced: Option<usize>,
}

impl<S: AsRef<[f32]>> Router<S> {
    /// A router by Eq. (11) (`Metric::Paper` or `Metric::Released`).
    ///
    /// `threshold` is the largest disparity that still counts as in-domain (99th percentile of the calibration set).
    ///
    /// # Errors
    /// [`RouteError::NoDomains`] for an empty table, [`RouteError::NoVector`] for [`Metric::Vector`],
    /// [`RouteError::Parameter`] for a weight or threshold that is NaN or negative.
    pub fn scalar(table: DomainTable, metric: Metric, weight: f64, threshold: f64) -> Result<Self, RouteError> {
        if metric == Metric::Vector {
            return Err(RouteError::NoVector);
        }
        Self::build(table, metric, weight, threshold, None)
    }

    /// A router by the whitened distance of [`VectorSpace`].
    ///
    /// # Errors
    /// As [`Self::scalar`], and [`RouteError::Domains`] where table and space differ in their number of domains.
    pub fn vector(table: DomainTable, space: VectorSpace<S>, threshold: f64) -> Result<Self, RouteError> {
        if space.domains() != table.len() {
            return Err(RouteError::Domains { table: table.len(), space: space.domains() });
        }
        Self::build(table, Metric::Vector, PAPER_WEIGHT, threshold, Some(space))
    }

    fn build(
        table: DomainTable,
        metric: Metric,
        weight: f64,
        threshold: f64,
        vector: Option<VectorSpace<S>>,
    ) -> Result<Self, RouteError> {
        if table.is_empty() {
            return Err(RouteError::NoDomains);
        }
        // `>=` is false for NaN; an infinite threshold means "never out of domain" and is allowed.
        if !(weight >= 0.0 && threshold >= 0.0) {
            return Err(RouteError::Parameter { weight, threshold });
        }
        Ok(Self { table, metric, weight, threshold, vector, novelty: None, forced: None })
    }

    /// Adds the novelty test: a frame is then in-domain only if it also passes this.
    #[must_use]
    pub fn with_novelty(mut self, novelty: Novelty<S>) -> Self {
        self.novelty = Some(novelty);
        self
    }

    /// Always chooses `decoder`; disparity, margin and in-domain test stay those of the metric.
    ///
    /// # Errors
    /// [`RouteError::Unknown`] for an index outside the table.
    pub fn force(&mut self, decoder: Option<usize>) -> Result<(), RouteError> {
        if let Some(index) = decoder
            && index >= self.table.len()
        {
            return Err(RouteError::Unknown { index, domains: self.table.len() });
        }
        self.forced = decoder;
        Ok(())
    }

    /// The domains in order.
    #[must_use]
    pub const fn table(&self) -> &DomainTable {
        &self.table
    }

    /// The metric in use.
    #[must_use]
    pub const fn metric(&self) -> Metric {
        self.metric
    }

    /// Largest disparity that counts as in-domain.
    #[must_use]
    pub const fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The decoder of [`Self::force`].
    #[must_use]
    pub const fn forced(&self) -> Option<usize> {
        self.forced
    }

    /// Routes one frame. `features` is the encoder's feature vector of this frame; scalar metrics do not read it.
    ///
    /// # Errors
    /// [`RouteError::NotFinite`] or [`RouteError::Vector`] for damaged statistics or features.
    pub fn route(&self, quality: &Quality, features: &[f32]) -> Result<Decision, RouteError> {
        let disparity = match &self.vector {
            Some(space) => {
                let pixel = [quality.pixel.mean as f32, quality.pixel.std as f32];
                space.distances(&[features, &pixel])?
            }
            None => self.table.statistics().iter().map(|s| s.disparity(quality, self.metric, self.weight)).collect(),
        };
        let mut decision = Decision::from_disparity(disparity, self.threshold)?;
        if let Some(novelty) = &self.novelty {
            decision.in_domain &= novelty.is_familiar(features)?;
        }
        if let Some(forced) = self.forced {
            decision.decoder = forced;
        }
        Ok(decision)
    }
}

/// A frame that cannot be routed, or a router that cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum RouteError {
    /// Empty domain table.
    #[error("the domain table is empty; calibrate the bundle")]
    NoDomains,
    /// Vector metric without vector statistics.
    #[error("routing mode `vector` needs vector statistics; calibrate the bundle, or choose `paper` or `released`")]
    NoVector,
    /// Negative or NaN parameters.
    #[error("weight {weight} and threshold {threshold} must be numbers of at least 0")]
    Parameter {
        /// Weight of the standard deviation.
        weight: f64,
        /// In-domain threshold.
        threshold: f64,
    },
    /// Table and vector space disagree.
    #[error("{table} domains in the table but {space} in the vector statistics; calibrate again")]
    Domains {
        /// Domains in the table.
        table: usize,
        /// Domains in the vector space.
        space: usize,
    },
    /// Forced decoder outside the table.
    #[error("decoder {index} does not exist; the bundle has {domains}")]
    Unknown {
        /// Index asked for.
        index: usize,
        /// Decoders present.
        domains: usize,
    },
    /// A disparity that is NaN or infinite.
    #[error("the disparity to domain {domain} is not finite; the frame's statistics are damaged")]
    NotFinite {
        /// Domain index.
        domain: usize,
    },
    /// The vector metric refused the features.
    #[error(transparent)]
    Vector(#[from] VectorError),
    /// The novelty test refused the features.
    #[error(transparent)]
    Novelty(#[from] NoveltyError),
}
