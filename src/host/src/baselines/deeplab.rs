//! DeepLab v3 (Chen et al., arXiv:1706.05587, 2017) in torchvision's form: a dilated ResNet and atrous spatial pyramid pooling.

use burn::module::Module;
use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};

use super::fcn;
use super::layers::{Conv, dropout, global_mean, norm, norm_relu, resize};
use super::network::{Named, Segmented, Segmenter};
use super::resnet::{Backbone, ResnetConfig};
use crate::rng::Rng;

/// Distances between the taps of the three dilated branches.
const RATES: [usize; 3] = [12, 24, 36];
/// Channels of the pyramid per channel of the backbone's first stage: 256 for 64.
const WIDENING: usize = 4;
const DROPOUT: f64 = 0.5;

/// Convolution, normalisation, ReLU.
#[derive(Module, Debug)]
struct Branch {
    conv: Conv2d,
    norm: BatchNorm,
}

impl Branch {
    fn new(conv: Conv, outputs: usize, device: &Device) -> Self {
        Self { conv: conv.init(device), norm: norm(outputs, device) }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        norm_relu(&self.norm, self.conv.forward(x))
    }
}

/// Atrous spatial pyramid pooling: a 1x1 branch, three dilated ones, the mean of the picture, joined by a 1x1 convolution.
#[derive(Module, Debug)]
pub(super) struct Pyramid {
    convs: Vec<Branch>,
    project: Branch,
}

impl Pyramid {
    fn new(inputs: usize, inner: usize, device: &Device) -> Self {
        let point = || Branch::new(Conv::new(inputs, inner, 1), inner, device);
        let mut convs = vec![point()];
        convs.extend(RATES.map(|rate| Branch::new(Conv::new(inputs, inner, 3).dilated(rate), inner, device)));
        convs.push(point());
        let joined = convs.len() * inner;
        Self { convs, project: Branch::new(Conv::new(joined, inner, 1), inner, device) }
    }

    fn forward(&self, x: Tensor<4>, noise: Option<&mut Rng>) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let last = self.convs.len() - 1;
        let branches = self.convs.iter().enumerate().map(|(index, branch)| {
            if index < last {
                return branch.forward(x.clone());
            }
            let mean = global_mean(x.clone()).reshape([n, c, 1, 1]);
            resize(branch.forward(mean), [h, w])
        });
        dropout(self.project.forward(Tensor::cat(branches.collect(), 1)), DROPOUT, noise)
    }
}

/// The pyramid and one more 3x3 convolution: semantic features, without the last layer.
#[derive(Module, Debug)]
pub(super) struct Semantics {
    pyramid: Pyramid,
    fuse: Branch,
}

impl Semantics {
    /// Channels that it gives for a backbone of this shape.
    pub(super) const fn channels(config: &ResnetConfig) -> usize {
        WIDENING * config.width
    }

    pub(super) fn new(config: ResnetConfig, device: &Device) -> Self {
        let inner = Self::channels(&config);
        Self {
            pyramid: Pyramid::new(config.channels(3), inner, device),
            fuse: Branch::new(Conv::new(inner, inner, 3), inner, device),
        }
    }

    pub(super) fn forward(&self, x: Tensor<4>, noise: Option<&mut Rng>) -> Tensor<4> {
        self.fuse.forward(self.pyramid.forward(x, noise))
    }
}

/// torchvision's name of a tensor of `semantics` and `last`, which stand in one `classifier` there.
pub(super) fn published(path: &str) -> Option<String> {
    if let Some(tensor) = path.strip_prefix("last.") {
        return Some(format!("classifier.4.{tensor}"));
    }
    let (branch, tensor) = path.strip_prefix("semantics.")?.rsplit_once('.')?;
    let (branch, layer) = branch.rsplit_once('.')?;
    let norm = usize::from(layer == "norm");
    Some(match branch.strip_prefix("pyramid.") {
        // The pooled branch counts the pooling as its first layer.
        Some("convs.4") => format!("classifier.0.convs.4.{}.{tensor}", norm + 1),
        Some(branch) => format!("classifier.0.{branch}.{norm}.{tensor}"),
        None => format!("classifier.{}.{tensor}", norm + 1),
    })
}

/// `deeplabv3_resnet50`, or the same on a ResNet18.
#[derive(Module, Debug)]
pub(super) struct Deeplab {
    backbone: Backbone,
    semantics: Semantics,
    last: Conv2d,
    aux_classifier: Option<fcn::Head>,
}

impl Deeplab {
    /// With an auxiliary head on the third stage where `auxiliary`.
    pub(super) fn new(config: ResnetConfig, auxiliary: bool, outputs: usize, device: &Device) -> Self {
        Self {
            backbone: Backbone::new(config, device),
            semantics: Semantics::new(config, device),
            last: Conv::new(Semantics::channels(&config), outputs, 1).biased().init(device),
            aux_classifier: auxiliary.then(|| fcn::Head::new(config.channels(2), outputs, device)),
        }
    }
}

impl Segmenter for Deeplab {
    fn forward(&self, image: Tensor<4>, mut noise: Option<&mut Rng>) -> Segmented {
        let [_, _, h, w] = image.dims();
        let [third, fourth] = self.backbone.forward(image);
        let logits = resize(self.last.forward(self.semantics.forward(fourth, noise.as_deref_mut())), [h, w]);
        let auxiliary = self.aux_classifier.as_ref().filter(|_| noise.is_some());
        let auxiliary = auxiliary.map(|head| resize(head.forward(third, noise), [h, w]));
        Segmented { auxiliary, ..Segmented::plain(logits) }
    }
}

impl Named for Deeplab {
    fn published(&self, path: &str) -> String {
        published(path).or_else(|| fcn::published(path, "aux_classifier")).unwrap_or_else(|| path.to_owned())
    }

    fn head_names(&self) -> &'static [&'static str] {
        &["classifier.", "aux_classifier."]
    }
}
