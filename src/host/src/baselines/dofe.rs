//! DoFE, domain-oriented feature embedding (Wang et al., IEEE Transactions on Medical Imaging 39:4237, 2020).
//!
//! A DeepLab-style segmenter with three additions:
//!
//! - *domain knowledge pool*: one prior feature `m_k` per source domain, the running mean of the semantic features of its
//!   pictures, `m_k <- rho m_k + (1 - rho) mean(h)` with `h` averaged over the picture;
//! - *domain code*: a branch that predicts from the picture's pooled features how much it resembles each source domain,
//!   `d = softmax(..)`, trained with the true domain;
//! - *dynamic embedding*: the knowledge `a = sum_k d_k m_k` is added to the semantic feature of every place through a gate
//!   computed from that feature: `h' = h + tanh(g(h)) * a`.
//!
//! A picture of an unseen domain is thereby described by the known domains that it resembles. Differences to the authors'
//! program, which is built on DeepLab v3+ with MobileNet v2: backbone and pyramid are those of our DeepLab v3, so that the
//! comparison of the two shows what the domain knowledge adds; the pool fills from the first batches on instead of starting from a
//! network trained before.

use burn::module::{Module, RunningState};
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor, TensorData, activation};

use super::deeplab::{self, Semantics};
use super::layers::{Conv, global_mean, linear, resize};
use super::network::{Named, Segmented, Segmenter};
use super::resnet::{Backbone, ResnetConfig};
use crate::rng::Rng;

/// Share `rho` of a prior that one batch leaves.
const MOMENTUM: f32 = 0.9;

/// The network. Its backbone and head carry torchvision's names, so that weights of DeepLab v3 start it.
#[derive(Module, Debug)]
pub(super) struct Dofe {
    backbone: Backbone,
    semantics: Semantics,
    last: Conv2d,
    code: (Linear, Linear),
    gate: Conv2d,
    pool: Pool,
}

/// The domain knowledge pool `[domains, channels]`; a row of zeros has seen no picture yet.
#[derive(Module, Debug)]
struct Pool {
    running_prior: RunningState<Tensor<2>>,
}

impl Dofe {
    pub(super) fn new(config: ResnetConfig, domains: usize, outputs: usize, device: &Device) -> Self {
        let inner = Semantics::channels(&config);
        Self {
            backbone: Backbone::new(config, device),
            semantics: Semantics::new(config, device),
            last: Conv::new(inner, outputs, 1).biased().init(device),
            code: (linear(config.channels(3), inner, device), linear(inner, domains, device)),
            gate: Conv::new(inner, inner, 1).biased().init(device),
            pool: Pool { running_prior: RunningState::new(Tensor::zeros([domains, inner], device)) },
        }
    }
}

impl Segmenter for Dofe {
    fn forward(&self, image: Tensor<4>, noise: Option<&mut Rng>) -> Segmented {
        let [_, _, height, width] = image.dims();
        let [_, fourth] = self.backbone.forward(image);
        let (hidden, similarity) = &self.code;
        let code = similarity.forward(activation::relu(hidden.forward(global_mean(fourth.clone()))));
        let semantic = self.semantics.forward(fourth, noise);
        let prior = self.pool.running_prior.value_sync().to_device(&semantic.device());
        let knowledge = activation::softmax(code.clone(), 1).matmul(prior);
        let [n, c] = knowledge.dims();
        let gate = activation::tanh(self.gate.forward(semantic.clone()));
        let embedded = semantic.clone() + gate * knowledge.reshape([n, c, 1, 1]);
        Segmented {
            code: Some(code),
            pooled: Some(global_mean(semantic)),
            ..Segmented::plain(resize(self.last.forward(embedded), [height, width]))
        }
    }

    fn remember(&self, pooled: Tensor<2>, domains: &[usize]) {
        let prior = self.pool.running_prior.value_sync();
        let [count, channels] = prior.dims();
        let device = prior.device();
        // Every new row is a weighted sum of the old rows and of the features of the batch.
        let kept: Vec<f32> = (0..count).map(|d| if domains.contains(&d) { MOMENTUM } else { 1.0 }).collect();
        let share = |domain: usize, of: usize| {
            if domain != of { 0.0 } else { 1.0 / domains.iter().filter(|d| **d == of).count() as f32 }
        };
        let shares: Vec<f32> = (0..count).flat_map(|d| domains.iter().map(move |of| share(d, *of))).collect();
        let shares: Tensor<2> = Tensor::from_data(TensorData::new(shares, [count, domains.len()]), &device);
        let fresh = shares.matmul(pooled.detach());
        let kept: Tensor<2> = Tensor::from_data(TensorData::new(kept, [count, 1]), &device);
        let mixed = prior.clone() * kept.clone() + fresh.clone() * (kept.neg().add_scalar(1.0));
        // The first features of a domain become its prior at once: ReLU features are never all zero.
        let unseen = prior.clone().abs().sum_dim(1).equal_scalar(0.0).expand([count, channels]);
        self.pool.running_prior.update(mixed.mask_where(unseen, fresh).detach());
    }
}

impl Named for Dofe {
    fn published(&self, path: &str) -> String {
        deeplab::published(path).unwrap_or_else(|| path.to_owned())
    }

    fn head_names(&self) -> &'static [&'static str] {
        &["classifier.", "code.", "gate.", "pool."]
    }
}
