//! Writing ONNX graphs from Rust.
