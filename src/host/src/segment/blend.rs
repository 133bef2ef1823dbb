//! Means of weights.

use std::collections::VecDeque;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

/// `mean` with every tensor moved by `share` of the way to its namesake in `next`, a module of the same shape. Running
/// statistics move too where both are in evaluation mode.
pub(super) fn blend<M: Module>(mean: M, next: &M, share: f32) -> M {
    let mut collected = Collect::default();
    next.visit(&mut collected);
    mean.map(&mut Blend { others: collected.0.into(), share })
}

/// How far the moving average of `decay` moves to the weights after `step` (from 0): the start of a training is forgotten
/// quickly, whatever the decay.
pub(super) fn averaging_share(decay: f64, step: usize) -> f32 {
    let step = step as f64;
    (1.0 - decay.min((1.0 + step) / (10.0 + step))) as f32
}

/// Every tensor of a module, in the order of its fields.
#[derive(Default)]
struct Collect(Vec<TensorData>);

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.val().into_data());
    }
}

/// Moves every tensor by `share` of the way to its namesake.
struct Blend {
    others: VecDeque<TensorData>,
    share: f32,
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // Both modules have the same shape, so that there is one for each.
        let Some(other) = self.others.pop_front() else { return param };
        let share = self.share;
        param.map(|tensor| {
            let other = Tensor::from_data(other, &tensor.device());
            tensor.clone() + (other - tensor) * share
        })
    }
}
