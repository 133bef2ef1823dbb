//! A head as the ONNX file of one decoder.

use ushydra_onnx::{Graph, OnnxError, Storage, Value};

use super::Head;

/// Name of the decoder's input, equal to the encoder's output.
pub const FEATURES: &str = "features";
/// Name of the decoder's output.
pub const LOGITS: &str = "logits";

/// The graph `features [1, d] -> logits [1, classes]`. Weights are stored as f32: a decoder is small, and its answers
/// stay those that were evaluated.
///
/// # Errors
/// [`OnnxError`] for a weight that is not finite.
pub fn graph(name: &str, head: &Head) -> Result<Graph, OnnxError> {
    let mut graph = Graph::new(name).with_storage(Storage::F32);
    let mut x: Value = graph.input(FEATURES, &[1, head.inputs()])?;
    for (index, layer) in head.layers.iter().enumerate() {
        x = graph.scoped(&format!("layer{index}"), |graph| {
            let weight = graph.weight("weight", &[layer.inputs, layer.outputs], &layer.weight)?;
            let bias = graph.weight("bias", &[layer.outputs], &layer.bias)?;
            let y = graph.linear(x, weight, Some(bias))?;
            if index + 1 < head.layers.len() { graph.relu(y) } else { Ok(y) }
        })?;
    }
    graph.output(LOGITS, x)?;
    Ok(graph)
}
