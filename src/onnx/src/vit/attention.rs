//! What a finished encoder attends to, as a second output of its graph.

use prost::Message as _;
use tract_onnx::pb::{ModelProto, NodeProto, TypeProto, ValueInfoProto, tensor_proto::DataType, type_proto};

use crate::error::OnnxError;
use crate::proto;

/// Name of the added output, `[blocks * heads, tokens, tokens]`: first all heads of the first block. Every row adds to 1.
pub const ATTENTION: &str = "attention";
/// The operator that ends in attention; [`super::encoder`] writes it for nothing else.
const SOFTMAX: &str = "Softmax";

/// The encoder in `model` with its attention as an additional, last output called [`ATTENTION`], and the number of its blocks.
/// What it computes besides is untouched, so that the attention belongs to the very features that the encoder gives.
///
/// # Errors
/// [`OnnxError::Damaged`] for bytes that are no model, or one without attention.
pub fn with_attention(model: &[u8]) -> Result<(Vec<u8>, usize), OnnxError> {
    let damaged = |reason: &str| OnnxError::Damaged { reason: reason.to_owned() };
    let mut model = ModelProto::decode(model).map_err(|error| damaged(&error.to_string()))?;
    let graph = model.graph.as_mut().ok_or_else(|| damaged("it holds no graph"))?;
    let softmax = graph.node.iter().filter(|node| node.op_type == SOFTMAX);
    let input: Vec<String> = softmax.filter_map(|node| node.output.first().cloned()).collect();
    let blocks = input.len();
    if blocks == 0 {
        return Err(damaged("it holds no attention, it is not the encoder of a vision transformer"));
    }
    graph.node.push(NodeProto {
        input,
        output: vec![ATTENTION.to_owned()],
        name: ATTENTION.to_owned(),
        op_type: "Concat".to_owned(),
        attribute: vec![proto::int("axis", 0)],
        ..NodeProto::default()
    });
    // The reader infers the shape.
    let tensor = type_proto::Tensor { elem_type: DataType::Float.into(), shape: None };
    graph.output.push(ValueInfoProto {
        name: ATTENTION.to_owned(),
        r#type: Some(TypeProto { denotation: String::new(), value: Some(type_proto::Value::TensorType(tensor)) }),
        doc_string: String::new(),
    });
    Ok((model.encode_to_vec(), blocks))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::Graph;

    #[test]
    fn every_softmax_is_gathered() {
        let mut graph = Graph::new("two");
        let x = graph.input("x", &[2, 3, 3]).unwrap();
        let first = graph.softmax(x, -1).unwrap();
        let second = graph.softmax(first, -1).unwrap();
        graph.output("features", second).unwrap();
        let (bytes, blocks) = with_attention(&graph.to_bytes().unwrap()).unwrap();
        assert_eq!(blocks, 2);
        let read = ModelProto::decode(&bytes[..]).unwrap().graph.unwrap();
        let outputs: Vec<&str> = read.output.iter().map(|o| o.name.as_str()).collect();
        assert_eq!(outputs, ["features", ATTENTION]);
        assert_eq!(read.node.last().unwrap().input.len(), 2);
    }

    #[test]
    fn what_attends_to_nothing_is_refused() {
        let mut graph = Graph::new("plain");
        let x = graph.input("x", &[1, 2]).unwrap();
        let doubled = graph.add(x, x).unwrap();
        graph.output("features", doubled).unwrap();
        for bytes in [graph.to_bytes().unwrap(), b"no model".to_vec()] {
            assert!(with_attention(&bytes).unwrap_err().to_string().contains("no intact ONNX model"));
        }
    }
}
