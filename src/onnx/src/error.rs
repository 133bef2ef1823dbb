//! What can be wrong with a graph that is being written.

use std::path::PathBuf;

/// A graph that cannot be built or written. Every message names the offending value and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// A value of one graph was given to another.
    #[error("`{operator}` was given a value of another graph; use values that this graph returned")]
    ForeignValue {
        /// The operator that was being added.
        operator: String,
    },
    /// An input of an operator has the wrong number of dimensions.
    #[error("`{operator}` needs {expected} for its {role}, found shape {found:?}; reshape it first")]
    Rank {
        /// The operator that was being added.
        operator: String,
        /// The input that is wrong, such as "kernel".
        role: &'static str,
        /// The rank it needs, in words.
        expected: &'static str,
        /// The shape it has.
        found: Vec<usize>,
    },
    /// Two shapes of an operator do not fit together.
    #[error("`{operator}` cannot combine {left:?} with {right:?}: {reason}")]
    Shapes {
        /// The operator that was being added.
        operator: String,
        /// Shape of the first input.
        left: Vec<usize>,
        /// Shape of the second input.
        right: Vec<usize>,
        /// The rule that is broken and what would fit.
        reason: String,
    },
    /// An operator was given elements of a type that it does not take.
    #[error("`{operator}` needs elements of type {expected}, found {found}; quantise or dequantise the value first")]
    Element {
        /// The operator that was being added.
        operator: String,
        /// The type it needs.
        expected: String,
        /// The type it was given.
        found: String,
    },
    /// A parameter of an operator is outside the range its input allows.
    #[error("`{operator}`: {parameter} is {found}, expected {expected}")]
    Parameter {
        /// The operator that was being added.
        operator: String,
        /// Name of the parameter.
        parameter: &'static str,
        /// The value that was given.
        found: String,
        /// The values it may have.
        expected: String,
    },
    /// The number of elements of a weight does not belong to its shape.
    #[error("weight `{name}` has {found} elements, its shape {shape:?} needs {expected}; pass the shape of the data")]
    Length {
        /// The weight.
        name: String,
        /// The declared shape.
        shape: Vec<usize>,
        /// Product of the shape.
        expected: usize,
        /// Length of the data.
        found: usize,
    },
    /// A weight is NaN, infinite or outside the range of f16.
    #[error(
        "weight `{name}` holds {value} at element {index}, which {storage} cannot store; check the training run or store it as f32"
    )]
    Weight {
        /// The weight.
        name: String,
        /// Position of the first such element.
        index: usize,
        /// The element.
        value: f32,
        /// The format it should have been stored in.
        storage: &'static str,
    },
    /// A name chosen by the caller is empty or taken.
    #[error("the name `{name}` is empty or already used in this graph; choose another")]
    Name {
        /// The name.
        name: String,
    },
    /// A dimension does not fit the file format.
    #[error("dimension {found} of `{name}` is zero or too large for ONNX; use 1 to 2^31 - 1")]
    Dimension {
        /// The value.
        name: String,
        /// The dimension.
        found: usize,
    },
    /// A graph without inputs or outputs was to be written.
    #[error("the graph `{name}` has no {missing}; add one before writing it")]
    Incomplete {
        /// The graph.
        name: String,
        /// "input" or "output".
        missing: &'static str,
    },
    /// The bytes of a file hold no graph that could be read.
    #[error("no intact ONNX model: {reason}; export it again")]
    Damaged {
        /// What is wrong.
        reason: String,
    },
    /// A graph that was read holds something that [`crate::Network`] does not know.
    #[error("node `{node}` ({operator}): {reason}")]
    Unsupported {
        /// The node.
        node: String,
        /// Its operator.
        operator: String,
        /// What about it is not known.
        reason: String,
    },
    /// The file could not be written.
    #[error("cannot write {path}: {source}; check that the folder exists and has space", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}
