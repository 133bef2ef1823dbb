//! Any bytes as a NIfTI file, plain or as gzip, or as a MetaImage with its samples behind the header.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ushydra_probe::Kind;

fuzz_target!(|bytes: &[u8]| ushydra_fuzz::read(bytes, &[Kind::Nifti, Kind::MetaImage]));
