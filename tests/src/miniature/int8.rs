//! Miniature bundles with int8 forms of their decoders.

use std::fs;
use std::path::Path;

use ushydra_bundle::{
    CalibrationMethod, Comparison, DecoderQuantisation, FileSpec, Int8Spec, Manifest, Parity, Quantisation,
    SCHEMA_VERSION, TensorRange,
};

use crate::Fault;

/// Gives every decoder of the bundle in `folder` int8 forms. Their files are the f32 ones under other names, so that a test may
/// tell which file was run by replacing one, and compare values exactly.
///
/// # Errors
/// Where a file cannot be read or written.
pub fn quantise(folder: &Path) -> Result<(), Fault> {
    let mut manifest = Manifest::read(folder)?;
    let mut decoders = Vec::new();
    for decoder in &mut manifest.decoders {
        let form = |form: &str| {
            let file = format!("decoders/{}.{form}.onnx", decoder.domain);
            fs::copy(folder.join(&decoder.file), folder.join(&file))?;
            Ok::<_, Fault>(FileSpec::of(folder, &file)?)
        };
        decoder.int8 = Some(Int8Spec { qdq: form("qdq")?, qop: form("qop")? });
        let bytes = fs::metadata(folder.join(&decoder.file))?.len();
        decoders.push(DecoderQuantisation {
            domain: decoder.domain.clone(),
            float_sha256: decoder.sha256,
            method: CalibrationMethod::MinMax,
            float_layers: Vec::new(),
            float_bytes: bytes,
            qdq_bytes: bytes,
            qop_bytes: bytes,
            validation: Comparison { pictures: 1, float: 1.0, int8: 1.0 },
            test: None,
            parity: Parity {
                pictures: 1,
                agreement: 1.0,
                max_difference: 0.0,
                mean_difference: 0.0,
                routing_agreement: 1.0,
                sigma_shift: 0.0,
            },
            ranges: vec![TensorRange { tensor: "features".to_owned(), threshold: 1.0 }],
        });
    }
    let quantisation = Quantisation {
        schema_version: SCHEMA_VERSION,
        bundle: manifest.name.clone(),
        encoder_sha256: manifest.encoder.sha256,
        provenance: "copies of the f32 decoders, for tests".to_owned(),
        pictures: 1,
        seed: 0,
        decoders,
    };
    let file = format!("calibration/{}-int8.toml", manifest.name);
    quantisation.write(&folder.join(&file))?;
    manifest.quantisation = Some(FileSpec::of(folder, &file)?);
    manifest.write(folder)?;
    Ok(())
}
