//! Weights that do not depend on a backend's random generator, and reading them out.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};

use super::{Network, UnetConfig};
use crate::error::{HostError, Result};
use crate::rng::Rng;

/// Draws every kernel: normal with variance 2 / fan-in (He et al. 2015). Vectors (biases 0, scales 1) stay as they are.
struct Draw<'a> {
    rng: &'a mut Rng,
}

impl ModuleMapper for Draw<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let dims = param.val().dims();
        if D != 4 {
            return param;
        }
        // A transposed kernel [in, out, 2, 2] of stride 2 adds `in` products per pixel; 4 out = 2 in gives it variance 1 / in.
        let fan_in = dims[1..].iter().product::<usize>().max(1);
        let std = (2.0 / fan_in as f64).sqrt();
        let values: Vec<f32> = (0..dims.iter().product()).map(|_| (std * self.rng.normal()) as f32).collect();
        param.map(|old| {
            let device = old.device();
            let tracked = old.is_require_grad();
            let new = Tensor::from_data(TensorData::new(values, dims), &device);
            if tracked { new.require_grad() } else { new }
        })
    }
}

impl Network {
    /// The network with kernels drawn from `rng`: the same on every backend.
    #[must_use]
    pub fn seeded(config: UnetConfig, labels: usize, device: &burn::tensor::Device, rng: &mut Rng) -> Self {
        Self::new(config, labels, device).map(&mut Draw { rng })
    }
}

/// Values of a tensor, row-major.
///
/// # Errors
/// [`HostError::Diverged`] where one is not finite.
pub(super) fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let values = tensor.into_data().try_to_vec::<f32>().map_err(|e| HostError::Diverged(format!("{e:?}")))?;
    match values.iter().find(|v| !v.is_finite()) {
        Some(bad) => Err(HostError::Diverged(format!("a weight is {bad}"))),
        None => Ok(values),
    }
}
