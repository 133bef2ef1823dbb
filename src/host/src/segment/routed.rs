//! Routing of a batch during training: the device's statistics and router on tensors.

use burn::tensor::Tensor;
use ushydra_core::{Moments, Quality, Router};

use crate::error::{HostError, Result};
use crate::unet::Encoder;

/// Decoder of every row of a batch.
pub(super) fn route(router: &Router<Box<[f32]>>, image: &Tensor<4>, maps: &[Tensor<4>]) -> Result<Vec<usize>> {
    let features = features_of(Encoder::features(maps))?;
    let rows = pixel_moments(image)?.into_iter().zip(features);
    rows.map(|(pixel, features)| {
        let feature = Moments::of(&features).map_err(|e| HostError::Calibration(e.to_string()))?;
        Ok(router.route(&Quality { pixel, feature }, &features)?.decoder)
    })
    .collect()
}

/// Encoder features of every row of a batch.
pub(super) fn features_of(features: Tensor<2>) -> Result<Vec<Vec<f32>>> {
    let [_, width] = features.dims();
    Ok(values(features)?.chunks(width).map(<[f32]>::to_vec).collect())
}

/// Eq. (3) and (4) of every row of one-channel pictures.
pub(super) fn pixel_moments(image: &Tensor<4>) -> Result<Vec<Moments>> {
    let [_, _, height, width] = image.dims();
    let rows = values(image.clone())?;
    rows.chunks(height * width).map(|row| Moments::of(row).map_err(|e| HostError::Calibration(e.to_string()))).collect()
}

/// Values of a tensor, row by row.
pub(super) fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor.into_data().try_to_vec::<f32>().map_err(|e| HostError::Diverged(format!("{e:?}")))
}
