//! What the training asks of a network.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

use super::layers::RUNNING;
use crate::rng::Rng;

/// Names that a network shares with torchvision.
pub(super) trait Named: Module {
    /// torchvision's name of the tensor at `path` (fields joined by dots, `weight`, `bias`, `running_mean`, `running_var`).
    fn published(&self, path: &str) -> String;

    /// Beginnings of the names of the layers that belong to the labels of the data set: pretrained weights of another number of
    /// labels leave them as they were drawn.
    fn head_names(&self) -> &'static [&'static str];
}

/// A network that tells classes.
pub(super) trait Classifier: Named {
    /// The last convolutional map `[n, c, h, w]` of pictures `[n, channels, h, w]`.
    fn maps(&self, image: Tensor<4>) -> Tensor<4>;

    /// Logits `[n, classes]` of that map; with dropout where there is a generator.
    fn head(&self, maps: Tensor<4>, noise: Option<&mut Rng>) -> Tensor<2>;
}

/// What a segmenter computes.
pub(super) struct Segmented {
    /// Logits `[n, 1, h, w]` at the size of the picture.
    pub(super) logits: Tensor<4>,
    /// Those of the auxiliary head, where there is one.
    pub(super) auxiliary: Option<Tensor<4>>,
    /// Logits `[n, domains]` of the domain code, where there is one.
    pub(super) code: Option<Tensor<2>>,
    /// Semantic features `[n, c]`, averaged over the picture, from which the domain knowledge is gathered.
    pub(super) pooled: Option<Tensor<2>>,
}

impl Segmented {
    /// Only a mask.
    pub(super) const fn plain(logits: Tensor<4>) -> Self {
        Self { logits, auxiliary: None, code: None, pooled: None }
    }
}

/// A network that draws masks.
pub(super) trait Segmenter: Named {
    /// Logits of pictures `[n, channels, h, w]`; with dropout where there is a generator.
    fn forward(&self, image: Tensor<4>, noise: Option<&mut Rng>) -> Segmented;

    /// Takes note of the features of a batch whose pictures come from these `domains`.
    fn remember(&self, _pooled: Tensor<2>, _domains: &[usize]) {}
}

/// Number of trained values: everything but running statistics, as torchvision counts.
pub(super) fn parameters<M: Module>(module: &M) -> usize {
    let mut count = Count { running: false, values: 0 };
    module.visit(&mut count);
    count.values
}

struct Count {
    running: bool,
    values: usize,
}

impl ModuleVisitor for Count {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.running = name.starts_with(RUNNING);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !self.running {
            self.values += param.shape().num_elements();
        }
    }
}
