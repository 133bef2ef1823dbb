//! What the fuzz targets of frame files share.
//!
//! `cargo +nightly fuzz run avi` (or `dicom`, `picture`) in the project's folder; before that,
//! `cargo test -p ushydra-probe -- --ignored write_fuzz_corpus` writes a first corpus of small valid files. A panic inside a decoder ends the run
//! although the library would turn it into an error: libFuzzer's hook sees it first.

use std::time::Duration;

use ushydra_probe::{FileOptions, FileSource, Frame, FrameSource, Kind, Limits, Next};

/// Small, so that the fuzzer spends its time on structure and not on pixels.
const LIMITS: Limits = Limits { max_pixels: 1 << 18, max_encoded_bytes: 1 << 20 };

/// Reads all frames of `bytes` if their format is one of `kinds`.
pub fn read(bytes: &[u8], kinds: &[Kind]) {
    if !Kind::detect(bytes).is_some_and(|kind| kinds.contains(&kind)) {
        return;
    }
    let options = FileOptions { limits: LIMITS, ..FileOptions::default() };
    let mut source = FileSource::from_bytes("fuzz", bytes, options);
    let mut frame = Frame::new();
    loop {
        match source.next(&mut frame, Duration::ZERO) {
            Ok(Next::Frame) => assert_eq!(frame.data.len(), frame.geometry.bytes()),
            Ok(_) => break,
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
