//! Inference engines behind one trait: tract on the CPU.
