//! The `vector` metric: a shared-covariance distance in a fixed low-rank space.
//!
//! The scalar statistics of Eq. (11) throw the domain away; this metric keeps one entry per feature dimension and the
//! pixel moments. With the shrunk shared covariance of the calibration set (Ledoit & Wolf 2004) its eigenvectors `U`,
//! joined with the directions between the domain means, give a projection `P` whose rows are scaled to unit variance.
//! For an observation `x`:
//!
//! ```text
//! t   = (x - centre) * scale                       d entries
//! z   = P t                                        k entries
//! r   = |t|^2 - sum_i variance_i * z_i^2           energy outside the space, the same for every domain
//! D_d = sqrt(|z - z_d|^2 + r / residual_variance)  Mahalanobis distance to domain d
//! ```

use heapless::Vec;
use thiserror::Error;

use crate::domain::MAX_DOMAINS;
use crate::simd::vectorised;

/// Most entries of the observed vector (features and pixel moments).
pub const MAX_FEATURES: usize = 4096;
/// Most components of the projection.
pub const MAX_COMPONENTS: usize = 64;
/// Entries whose products are summed in f32 before they go into the f64 sums.
const CHUNK: usize = 64;

/// Whitened low-rank space with the position of every domain in it.
///
/// `S` holds the model-sized buffers: `&[f32]` in tests, `Box<[f32]>` on the device. Nothing is allocated after
/// construction.
#[derive(Clone, Debug)]
pub struct VectorSpace<S> {
    centre: S,
    scale: S,
    projection: S,
    variance: Vec<f64, MAX_COMPONENTS>,
    residual_variance: f64,
    domains: Vec<[f32; MAX_COMPONENTS], MAX_DOMAINS>,
}

impl<S: AsRef<[f32]>> VectorSpace<S> {
    /// Builds the space.
    ///
    /// * `centre`, `scale`: d entries.
    /// * `projection`: d x k, row-major by input entry (the k weights of one entry are contiguous).
    /// * `variance`: k, the variance of `U^T t` along each component before whitening.
    /// * `residual_variance`: variance per remaining direction.
    /// * `domains`: the k coordinates `z_d` of every domain, one after the other.
    ///
    /// # Errors
    /// [`VectorError`] where lengths disagree, a limit is exceeded, or a value is not finite or not positive.
    pub fn new(
        centre: S,
        scale: S,
        projection: S,
        variance: &[f32],
        residual_variance: f32,
        domains: &[f32],
    ) -> Result<Self, VectorError> {
        let d = centre.as_ref().len();
        let k = variance.len();
        if d == 0 || d > MAX_FEATURES {
            return Err(VectorError::Limit { what: "entries", found: d, limit: MAX_FEATURES });
        }
        if k == 0 || k > MAX_COMPONENTS {
            return Err(VectorError::Limit { what: "components", found: k, limit: MAX_COMPONENTS });
        }
        let check = |what, found, expected| {
            if found == expected { Ok(()) } else { Err(VectorError::Length { what, expected, found }) }
        };
        check("scale", scale.as_ref().len(), d)?;
        check("projection", projection.as_ref().len(), d * k)?;
        let count = domains.len() / k;
        check("domain coordinates", domains.len(), count * k)?;
        if count == 0 || count > MAX_DOMAINS {
            return Err(VectorError::Limit { what: "domains", found: count, limit: MAX_DOMAINS });
        }
        let finite = |values: &[f32]| values.iter().all(|v| v.is_finite());
        if !(finite(centre.as_ref()) && finite(scale.as_ref()) && finite(projection.as_ref()) && finite(domains)) {
            return Err(VectorError::NotFinite { what: "the vector statistics" });
        }
        if !variance.iter().chain([&residual_variance]).all(|v| v.is_finite() && *v > 0.0) {
            return Err(VectorError::NotFinite { what: "a variance (it must be positive)" });
        }
        let mut positions = Vec::new();
        for z in domains.chunks_exact(k) {
            let mut position = [0.0; MAX_COMPONENTS];
            position[..k].copy_from_slice(z);
            // Cannot overflow: `count` was checked above.
            let _ = positions.push(position);
        }
        Ok(Self {
            centre,
            scale,
            projection,
            variance: variance.iter().map(|&v| f64::from(v)).collect(),
            residual_variance: f64::from(residual_variance),
            domains: positions,
        })
    }

    /// Entries of the observed vector.
    #[must_use]
    pub fn len(&self) -> usize {
        self.centre.as_ref().len()
    }

    /// Always false: a space has at least one entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Number of domains.
    #[must_use]
    pub fn domains(&self) -> usize {
        self.domains.len()
    }

    /// Distances of the vector made of `parts` laid end to end to every domain, in the table's order.
    ///
    /// # Errors
    /// [`VectorError::Length`] where the parts do not add up to [`Self::len`] entries, [`VectorError::NotFinite`] for a
    /// NaN or an infinity among them.
    pub fn distances(&self, parts: &[&[f32]]) -> Result<Vec<f64, MAX_DOMAINS>, VectorError> {
        let found = parts.iter().map(|p| p.len()).sum();
        if found != self.len() {
            return Err(VectorError::Length { what: "observed vector", expected: self.len(), found });
        }
        let (z, energy) = vectorised(
            #[inline(always)]
            || self.project(parts),
        );
        let z = &z[..self.variance.len()];
        if !energy.is_finite() {
            return Err(VectorError::NotFinite { what: "the feature vector" });
        }
        let inside: f64 = z.iter().zip(&self.variance).map(|(z, v)| v * z * z).sum();
        let residual = (energy - inside).max(0.0) / self.residual_variance;
        Ok(self
            .domains
            .iter()
            .map(|domain| {
                let inside: f64 = z.iter().zip(domain).map(|(a, &b)| (a - f64::from(b)) * (a - f64::from(b))).sum();
                libm::sqrt(inside + residual)
            })
            .collect())
    }

    /// `z = P t` and `|t|^2`. `parts` add up to [`Self::len`] entries.
    #[inline(always)]
    fn project(&self, parts: &[&[f32]]) -> ([f64; MAX_COMPONENTS], f64) {
        let k = self.variance.len();
        let mut z = [0.0_f64; MAX_COMPONENTS];
        let mut energy = 0.0_f64;
        let (mut centre, mut scale) = (self.centre.as_ref(), self.scale.as_ref());
        let mut projection = self.projection.as_ref();
        for part in parts.iter().flat_map(|part| part.chunks(CHUNK)) {
            let mut t = [0.0_f32; CHUNK];
            let t = &mut t[..part.len()];
            for (t, (&x, (&centre, &scale))) in t.iter_mut().zip(part.iter().zip(centre.iter().zip(scale))) {
                *t = (x - centre) * scale;
                energy += f64::from(*t) * f64::from(*t);
            }
            let mut at = 0;
            at = add_products::<32>(projection, k, t, &mut z, at);
            at = add_products::<16>(projection, k, t, &mut z, at);
            at = add_products::<4>(projection, k, t, &mut z, at);
            add_products::<1>(projection, k, t, &mut z, at);
            (centre, scale) = (&centre[part.len()..], &scale[part.len()..]);
            projection = &projection[part.len() * k..];
        }
        (z, energy)
    }
}

/// Adds `rows^T t` to `z` for the components from `at` on, `W` at a time, and returns the first one left over. The sums
/// of one chunk stay in registers; across chunks they go on in f64.
#[inline(always)]
fn add_products<const W: usize>(
    rows: &[f32],
    k: usize,
    t: &[f32],
    z: &mut [f64; MAX_COMPONENTS],
    mut at: usize,
) -> usize {
    while at + W <= k {
        let mut sums = [0.0_f32; W];
        for (row, &t) in rows.chunks_exact(k).zip(t) {
            for (sum, &weight) in sums.iter_mut().zip(&row[at..at + W]) {
                *sum += weight * t;
            }
        }
        for (z, sum) in z[at..at + W].iter_mut().zip(sums) {
            *z += f64::from(sum);
        }
        at += W;
    }
    at
}

/// Vector statistics or observations that do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VectorError {
    /// A size outside the fixed limits.
    #[error("{found} {what}; between 1 and {limit} are supported")]
    Limit {
        /// What was counted.
        what: &'static str,
        /// How many were given.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// Lengths that disagree.
    #[error("{what} has {found} entries, expected {expected}; bundle and calibration do not belong together")]
    Length {
        /// The buffer in question.
        what: &'static str,
        /// Entries expected.
        expected: usize,
        /// Entries found.
        found: usize,
    },
    /// NaN, infinity or a non-positive variance.
    #[error(
        "{what} holds a value that is not finite or out of range; the frame, the encoder or the calibration is damaged"
    )]
    NotFinite {
        /// Where it was found.
        what: &'static str,
    },
}
