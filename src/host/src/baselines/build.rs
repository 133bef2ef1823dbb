//! From an architecture's name to its network.

use burn::tensor::Device;

use super::config::{Architecture, BaselineConfig};
use super::deeplab::Deeplab;
use super::densenet::Densenet;
use super::dofe::Dofe;
use super::fcn::Fcn;
use super::layers::seeded;
use super::network::{Classifier, Named, Segmenter};
use super::resnet::{Depth, Resnet, ResnetConfig};
use super::segnet::Segnet;
use super::vgg::Vgg;
use super::weights;
use crate::error::{HostError, Result};
use crate::rng::Rng;

/// Work on a network whose type is known only here.
pub(super) trait WithClassifier {
    type Answer;
    fn run<C: Classifier>(self, network: C) -> Result<Self::Answer>;
}

/// The same for masks.
pub(super) trait WithSegmenter {
    type Answer;
    fn run<S: Segmenter>(self, network: S) -> Result<Self::Answer>;
}

/// Builds the classifier, all kernels 0, and works on it.
pub(super) fn classifier<W: WithClassifier>(
    architecture: Architecture,
    config: &BaselineConfig,
    device: &Device,
    work: W,
) -> Result<W::Answer> {
    let (inputs, width, outputs) = (config.input.channels, config.width, config.labels.len());
    let resnet = |depth| {
        let config = ResnetConfig { depth, inputs, width, stride: LEAST_DETAIL };
        Resnet::new(config, outputs, device)
    };
    match architecture {
        Architecture::Resnet18 => work.run(resnet(Depth::Resnet18)),
        Architecture::Resnet50 => work.run(resnet(Depth::Resnet50)),
        Architecture::Vgg16 => work.run(Vgg::new(inputs, width, config.batch_norm, outputs, device)),
        Architecture::Densenet121 => work.run(Densenet::new(inputs, width, outputs, device)),
        other => Err(HostError::Dataset(other.must_segment(false).err().unwrap_or_default())),
    }
}

/// Builds the segmenter, all kernels 0, and works on it.
pub(super) fn segmenter<W: WithSegmenter>(
    architecture: Architecture,
    config: &BaselineConfig,
    device: &Device,
    work: W,
) -> Result<W::Answer> {
    let (inputs, width, outputs) = (config.input.channels, config.width, config.labels.len());
    let backbone = ResnetConfig { depth: config.backbone, inputs, width, stride: config.output_stride };
    match architecture {
        Architecture::Fcn => work.run(Fcn::new(backbone, config.auxiliary, outputs, device)),
        Architecture::Segnet => work.run(Segnet::new(inputs, width, outputs, device)),
        Architecture::DeeplabV3 => work.run(Deeplab::new(backbone, config.auxiliary, outputs, device)),
        Architecture::Dofe => work.run(Dofe::new(backbone, config.domains.len(), outputs, device)),
        other => Err(HostError::Dataset(other.must_segment(true).err().unwrap_or_default())),
    }
}

/// Reduction of an undilated residual network.
const LEAST_DETAIL: usize = 32;

/// The network with weights drawn from the seed, or the pretrained ones.
pub(super) fn start<M: Named>(network: M, config: &BaselineConfig) -> Result<M> {
    let drawn = seeded(network, &mut Rng::labelled(config.seed, &["weights"]));
    match &config.weights {
        Some(path) => weights::load(drawn, path),
        None => Ok(drawn),
    }
}
