//! Writes the f16 form of an ONNX model, as it is built by versions of TensorRT that take the precision from the graph:
//!
//! ```text
//! cargo run -p ushydra-engine --features tensorrt --example narrow-model -- models/fetal-head/encoder.onnx encoder-f16.onnx
//! ```

use std::path::PathBuf;

use anyhow::{Context as _, Result};

fn main() -> Result<()> {
    let mut paths = std::env::args_os().skip(1).map(PathBuf::from);
    let (model, target) = paths.next().zip(paths.next()).context("name the model and the file to write")?;
    std::fs::write(&target, ushydra_engine::narrow_model(&model)?).with_context(|| target.display().to_string())
}
