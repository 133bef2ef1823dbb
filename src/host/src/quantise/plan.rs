//! What of a decoder becomes int8, and with which scales.

use std::collections::{BTreeSet, HashMap};

use ushydra_bundle::{CalibrationMethod, TensorRange};
use ushydra_onnx::{Network, Operation};

use super::histogram::Histogram;
use super::threshold::{LEVELS, threshold};
use super::weights::{Granularity, Int8Weights};

/// Tensors that must have one scale, because the operators between them work on integers as they are: ReLU, max pooling and
/// concatenation.
#[derive(Clone, Debug)]
pub struct Groups {
    index: HashMap<String, usize>,
    root: Vec<usize>,
}

impl Groups {
    /// Groups of a network's tensors.
    #[must_use]
    pub fn of(network: &Network) -> Self {
        let mut groups = Self { index: HashMap::new(), root: Vec::new() };
        for layer in &network.layers {
            let output = groups.add(&layer.output);
            for input in &layer.inputs {
                let input = groups.add(input);
                if matches!(layer.operation, Operation::Relu | Operation::MaxPool(_) | Operation::Concat(_)) {
                    groups.join(input, output);
                }
            }
        }
        groups
    }

    fn add(&mut self, tensor: &str) -> usize {
        let next = self.root.len();
        let index = *self.index.entry(tensor.to_owned()).or_insert(next);
        if index == next {
            self.root.push(next);
        }
        index
    }

    fn join(&mut self, a: usize, b: usize) {
        let (from, to) = (self.root[a], self.root[b]);
        self.root.iter_mut().filter(|root| **root == from).for_each(|root| *root = to);
    }

    fn root(&self, tensor: &str) -> Option<usize> {
        self.index.get(tensor).map(|&index| self.root[index])
    }
}

/// Everything that the two forms of an int8 decoder are written from.
#[derive(Clone, Debug)]
pub struct Plan {
    /// By layer: int8 weights; none for a layer without weights, or one that stays in float.
    pub weights: Vec<Option<Int8Weights>>,
    groups: Groups,
    /// Threshold by group.
    thresholds: HashMap<usize, f32>,
}

impl Plan {
    /// Plans `network` with the activation thresholds that `method` finds in `histograms` (by tensor), all layers with weights
    /// in int8 but those whose index is in `float`.
    #[must_use]
    pub fn new(
        network: &Network,
        histograms: &HashMap<String, Histogram>,
        method: CalibrationMethod,
        granularity: Granularity,
        float: &BTreeSet<usize>,
    ) -> Self {
        let groups = Groups::of(network);
        let mut merged: HashMap<usize, Histogram> = HashMap::new();
        let mut seen = BTreeSet::new();
        let mut weights = Vec::with_capacity(network.layers.len());
        for (index, layer) in network.layers.iter().enumerate() {
            let int8 = layer.operation.weights().is_some() && !float.contains(&index);
            weights.push(int8.then(|| Int8Weights::of(&layer.operation, granularity)).flatten());
            // Only what a quantised layer reads decides about the range of its group.
            for input in layer.inputs.iter().filter(|_| int8) {
                if let (Some(root), Some(histogram)) = (groups.root(input), histograms.get(input))
                    && seen.insert(input.as_str())
                {
                    merged.entry(root).or_default().merge(histogram);
                }
            }
        }
        let thresholds = merged.into_iter().map(|(root, histogram)| (root, threshold(&histogram, method))).collect();
        Self { weights, groups, thresholds }
    }

    /// Scale of a tensor; none for one that no quantised layer reads, directly or through a concatenation, ReLU or pooling.
    #[must_use]
    pub fn scale(&self, tensor: &str) -> Option<f32> {
        let root = self.groups.root(tensor)?;
        self.thresholds.get(&root).map(|threshold| threshold / LEVELS)
    }

    /// Thresholds of the tensors that quantised layers read, in the order of the layers.
    #[must_use]
    pub fn ranges(&self, network: &Network) -> Vec<TensorRange> {
        let mut ranges: Vec<TensorRange> = Vec::new();
        for (layer, weights) in network.layers.iter().zip(&self.weights) {
            for tensor in layer.inputs.iter().filter(|_| weights.is_some()) {
                let root = self.groups.root(tensor);
                let Some(&threshold) = root.and_then(|root| self.thresholds.get(&root)) else { continue };
                if !ranges.iter().any(|range| range.tensor == *tensor) {
                    ranges.push(TensorRange { tensor: tensor.clone(), threshold });
                }
            }
        }
        ranges
    }
}

/// Tensors that layers with weights read: those whose magnitudes are worth counting.
#[must_use]
pub fn observed(network: &Network) -> Vec<String> {
    let mut tensors: Vec<String> = Vec::new();
    for layer in network.layers.iter().filter(|layer| layer.operation.weights().is_some()) {
        for input in &layer.inputs {
            if !tensors.contains(input) {
                tensors.push(input.clone());
            }
        }
    }
    tensors
}
