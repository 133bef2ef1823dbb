//! What the fuzz targets share.
//!
//! `cargo +nightly fuzz run avi` (or `dicom`, `packets`, `picture`, `uvc`, `volume`) in the project's folder; before that,
//! `cargo test -p ushydra-probe -- --ignored write_fuzz_corpus` writes a first corpus of small valid files.
//!
//! A panic in our own code ends the run at once. One inside a foreign codec does not, because the library turns it into
//! an error; it ends the run where it gets past the library.

use std::sync::Once;
use std::time::Duration;

use ushydra_probe::{FileOptions, FileSource, Frame, FrameSource, Kind, Limits, Next};

/// Small, so that the fuzzer spends its time on structure and not on pixels.
const LIMITS: Limits = Limits { max_pixels: 1 << 18, max_encoded_bytes: 1 << 20 };

/// Part of the path of our own source files.
const OURS: &str = "src/probe/";

/// Replaces libFuzzer's panic hook, which ends the run before the library can catch a codec's panic.
pub fn let_codecs_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let ends_the_run = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.location().is_none_or(|at| at.file().contains(OURS)) {
                ends_the_run(panic);
            }
        }));
    });
}

/// Reads all frames of `bytes` if their format is one of `kinds`.
pub fn read(bytes: &[u8], kinds: &[Kind]) {
    if !Kind::detect(bytes).is_some_and(|kind| kinds.contains(&kind)) {
        return;
    }
    let_codecs_panic();
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
