//! FCN (Long, Shelhamer & Darrell, CVPR 2015) in torchvision's form: a dilated ResNet, a head of one 3x3 and one 1x1
//! convolution, bilinear enlargement to the picture.

use burn::module::Module;
use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};

use super::layers::{Conv, dropout, norm, norm_relu, resize};
use super::network::{Named, Segmented, Segmenter};
use super::resnet::{Backbone, ResnetConfig};
use crate::rng::Rng;

/// Factor between the channels of the map and those within the head.
const NARROWING: usize = 4;
const DROPOUT: f64 = 0.1;

/// torchvision's `FCNHead`.
#[derive(Module, Debug)]
pub(super) struct Head {
    conv: Conv2d,
    norm: BatchNorm,
    last: Conv2d,
}

impl Head {
    pub(super) fn new(inputs: usize, outputs: usize, device: &Device) -> Self {
        let inner = inputs / NARROWING;
        Self {
            conv: Conv::new(inputs, inner, 3).init(device),
            norm: norm(inner, device),
            last: Conv::new(inner, outputs, 1).biased().init(device),
        }
    }

    pub(super) fn forward(&self, x: Tensor<4>, noise: Option<&mut Rng>) -> Tensor<4> {
        let x = norm_relu(&self.norm, self.conv.forward(x));
        self.last.forward(dropout(x, DROPOUT, noise))
    }
}

/// torchvision's name of a tensor of a [`Head`] called `head`.
pub(super) fn published(path: &str, head: &str) -> Option<String> {
    let (layer, tensor) = path.strip_prefix(head)?.strip_prefix('.')?.split_once('.')?;
    let index = match layer {
        "conv" => 0,
        "norm" => 1,
        "last" => 4,
        _ => return None,
    };
    Some(format!("{head}.{index}.{tensor}"))
}

/// `fcn_resnet50`, or the same on a ResNet18.
#[derive(Module, Debug)]
pub(super) struct Fcn {
    backbone: Backbone,
    classifier: Head,
    aux_classifier: Option<Head>,
}

impl Fcn {
    /// With an auxiliary head on the third stage where `auxiliary`.
    pub(super) fn new(config: ResnetConfig, auxiliary: bool, outputs: usize, device: &Device) -> Self {
        Self {
            backbone: Backbone::new(config, device),
            classifier: Head::new(config.channels(3), outputs, device),
            aux_classifier: auxiliary.then(|| Head::new(config.channels(2), outputs, device)),
        }
    }
}

impl Segmenter for Fcn {
    fn forward(&self, image: Tensor<4>, mut noise: Option<&mut Rng>) -> Segmented {
        let [_, _, h, w] = image.dims();
        let [third, fourth] = self.backbone.forward(image);
        let logits = resize(self.classifier.forward(fourth, noise.as_deref_mut()), [h, w]);
        // Only training reads it.
        let auxiliary = self.aux_classifier.as_ref().filter(|_| noise.is_some());
        let auxiliary = auxiliary.map(|head| resize(head.forward(third, noise), [h, w]));
        Segmented { auxiliary, ..Segmented::plain(logits) }
    }
}

impl Named for Fcn {
    fn published(&self, path: &str) -> String {
        published(path, "classifier").or_else(|| published(path, "aux_classifier")).unwrap_or_else(|| path.to_owned())
    }

    fn head_names(&self) -> &'static [&'static str] {
        &["classifier.", "aux_classifier."]
    }
}
