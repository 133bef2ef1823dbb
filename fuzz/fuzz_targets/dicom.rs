//! Any bytes as a DICOM file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ushydra_probe::Kind;

fuzz_target!(|bytes: &[u8]| ushydra_fuzz::read(bytes, &[Kind::Dicom]));
