//! What TensorRT itself said about a failure.

use std::fmt;

/// Lines that TensorRT logged while a call failed, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogLines(pub Vec<String>);

impl fmt::Display for LogLines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            formatter.write_str("TensorRT gave no reason")
        } else {
            formatter.write_str(&self.0.join("; "))
        }
    }
}

/// One complaint of TensorRT's ONNX parser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParserError {
    /// Name of the node; empty where the parser does not know it (TensorRT 8, or a file that is not ONNX).
    pub node: String,
    /// Its operator; likewise.
    pub operator: String,
    /// Position of the node in the file.
    pub index: Option<u32>,
    /// `nvonnxparser::ErrorCode`.
    pub code: i32,
    /// What is wrong.
    pub description: String,
}

impl fmt::Display for ParserError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.node.is_empty(), self.operator.is_empty(), self.index) {
            (false, false, _) => write!(formatter, "node `{}` ({}): ", self.node, self.operator)?,
            (false, true, _) => write!(formatter, "node `{}`: ", self.node)?,
            (true, false, Some(index)) => write!(formatter, "node {index} ({}): ", self.operator)?,
            (true, false, None) => write!(formatter, "operator {}: ", self.operator)?,
            (true, true, Some(index)) => write!(formatter, "node {index}: ")?,
            (true, true, None) => {}
        }
        write!(formatter, "{} (code {})", self.description, self.code)
    }
}
