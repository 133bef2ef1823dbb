//! SegNet (Badrinarayanan, Kendall & Cipolla, IEEE TPAMI 39:2481, 2017): the convolutions of VGG16 with batch normalisation, mirrored,
//! and enlargement by the places of the maxima.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::tensor::module::max_pool2d_with_indices;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor};

use super::layers::Conv;
use super::network::{Named, Segmented, Segmenter};
use super::vgg::{self, STAGES, Unit};
use crate::rng::Rng;

/// The network. The encoder carries the names of torchvision's `vgg16_bn`, so that its weights load.
#[derive(Module, Debug)]
pub(super) struct Segnet {
    features: Vec<Unit>,
    decoder: Vec<Unit>,
    last: Conv2d,
}

impl Segnet {
    pub(super) fn new(inputs: usize, width: usize, outputs: usize, device: &Device) -> Self {
        let mut decoder = Vec::new();
        for (stage, count) in STAGES.into_iter().enumerate().rev() {
            let own = vgg::channels(width, stage);
            for index in 0..count {
                // The last convolution of a stage gives the channels of the stage above; the very last one the answer.
                let above = if index + 1 == count { stage.checked_sub(1) } else { Some(stage) };
                if let Some(above) = above {
                    decoder.push(Unit::new(own, vgg::channels(width, above), true, device));
                }
            }
        }
        Self {
            features: vgg::features(inputs, width, true, device),
            decoder,
            last: Conv::new(width, outputs, 3).biased().init(device),
        }
    }
}

impl Segmenter for Segnet {
    fn forward(&self, image: Tensor<4>, _noise: Option<&mut Rng>) -> Segmented {
        let mut places = Vec::with_capacity(STAGES.len());
        let mut encoder = self.features.iter();
        let mut x = image;
        for count in STAGES {
            x = encoder.by_ref().take(count).fold(x, |x, unit| unit.forward(x));
            let [_, _, h, w] = x.dims();
            let (pooled, at) = max_pool2d_with_indices(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2]));
            places.push((at, [h, w]));
            x = pooled;
        }
        let mut decoder = self.decoder.iter();
        for ((at, size), count) in places.into_iter().zip(STAGES).rev() {
            x = decoder.by_ref().take(count).fold(unpool(x, at, size), |x, unit| unit.forward(x));
        }
        Segmented::plain(self.last.forward(x))
    }
}

/// Puts every value back to the place of its maximum, 0 elsewhere. `at` counts the pixels of the map of `size`, row by row.
fn unpool(x: Tensor<4>, at: Tensor<4, Int>, [height, width]: [usize; 2]) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    let empty: Tensor<3> = Tensor::zeros([n, c, height * width], &x.device());
    let values: Tensor<3> = x.reshape([n, c, h * w]);
    let at: Tensor<3, Int> = at.reshape([n, c, h * w]);
    empty.scatter(2, at, values, IndexingUpdateOp::Add).reshape([n, c, height, width])
}

impl Named for Segnet {
    fn published(&self, path: &str) -> String {
        vgg::published(path, true)
    }

    fn head_names(&self) -> &'static [&'static str] {
        &["decoder.", "last."]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpooling_restores_the_maxima_in_their_places() {
        let values = [[1.0_f32, 5.0, 2.0, 0.0], [3.0, 4.0, 1.0, 7.0], [0.0, 0.0, 9.0, 8.0]];
        let x: Tensor<4> = Tensor::<2>::from_floats(values, &Device::flex()).reshape([1, 1, 3, 4]);
        let (pooled, at) = max_pool2d_with_indices(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2]));
        let back = unpool(pooled, at, [3, 4]).into_data();
        let expected = [0.0_f32, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(back.as_slice::<f32>().map(<[f32]>::to_vec), Ok(expected.to_vec()));
    }
}
