//! Int8 decoders beside the f32 ones.

use std::fs;

use ushydra_bundle::{
    Bundle, CalibrationMethod, Comparison, DecoderQuantisation, FileSpec, Int8Spec, Parity, Quantisation,
    SCHEMA_VERSION, TensorRange,
};

use crate::fixture::Fixture;

const DESCRIPTION: &str = "calibration/tiny-int8.toml";

/// Gives every decoder int8 forms and a description of them, the latter changed by `change`.
fn quantise(fixture: &mut Fixture, change: impl FnOnce(&mut Quantisation)) {
    let root = fixture.root();
    let mut decoders = Vec::new();
    for decoder in &mut fixture.manifest.decoders {
        let form = |form: &str| {
            let file = format!("decoders/{}.{form}.onnx", decoder.domain);
            fs::write(root.join(&file), format!("{form} of {}", decoder.domain)).unwrap();
            FileSpec::of(&root, &file).unwrap()
        };
        decoder.int8 = Some(Int8Spec { qdq: form("qdq"), qop: form("qop") });
        decoders.push(DecoderQuantisation {
            domain: decoder.domain.clone(),
            float_sha256: decoder.sha256,
            method: CalibrationMethod::Percentile9999,
            float_layers: vec!["/logits/Conv".to_owned()],
            float_bytes: 4000,
            qdq_bytes: 1000,
            qop_bytes: 1010,
            validation: Comparison { pictures: 12, float: 0.98, int8: 0.979 },
            test: None,
            parity: Parity {
                pictures: 30,
                agreement: 0.999,
                max_difference: 0.2,
                mean_difference: 0.001,
                routing_agreement: 1.0,
                sigma_shift: 0.0,
            },
            ranges: vec![TensorRange { tensor: "features".to_owned(), threshold: 6.25 }],
        });
    }
    let mut quantisation = Quantisation {
        schema_version: SCHEMA_VERSION,
        bundle: fixture.manifest.name.clone(),
        encoder_sha256: fixture.manifest.encoder.sha256,
        provenance: "made up for a test".to_owned(),
        pictures: 30,
        seed: 1,
        decoders,
    };
    change(&mut quantisation);
    quantisation.write(&fixture.folder.path().join(DESCRIPTION)).unwrap();
    fixture.manifest.quantisation = Some(FileSpec::of(fixture.folder.path(), DESCRIPTION).unwrap());
}

#[test]
fn int8_decoders_and_their_description_belong_together() {
    struct Case {
        name: &'static str,
        change: fn(&mut Fixture),
        names: &'static str,
    }
    let cases = [
        Case { name: "whole", change: |_| {}, names: "" },
        Case { name: "no description", change: |f| f.manifest.quantisation = None, names: "need their ranges" },
        Case {
            name: "described but absent",
            change: |f| f.manifest.decoders.iter_mut().for_each(|d| d.int8 = None),
            names: "no decoder has an int8 form",
        },
        Case {
            name: "another file",
            change: |f| fs::write(f.root().join("decoders/low.qdq.onnx"), "damaged").unwrap(),
            names: "low.qdq.onnx: sha256",
        },
        Case {
            name: "made from another decoder",
            change: |f| quantise(f, |q| q.decoders[0].float_sha256 = q.encoder_sha256),
            names: "quantise again",
        },
        Case {
            name: "another encoder",
            change: |f| quantise(f, |q| q.encoder_sha256 = q.decoders[0].float_sha256),
            names: "encoder",
        },
        Case { name: "another bundle", change: |f| quantise(f, |q| q.bundle = "other".to_owned()), names: "other" },
        Case { name: "a domain missing", change: |f| quantise(f, |q| drop(q.decoders.pop())), names: "decoders" },
        Case {
            name: "no range",
            change: |f| quantise(f, |q| q.decoders[0].ranges[0].threshold = f32::NAN),
            names: "decoders[0].ranges",
        },
        Case {
            name: "gate failed",
            change: |f| quantise(f, |q| q.decoders[1].parity.agreement = 0.5),
            names: "decoders[1].parity",
        },
    ];
    for case in cases {
        let mut fixture = Fixture::new();
        quantise(&mut fixture, |_| {});
        (case.change)(&mut fixture);
        let written = fixture.manifest.write(&fixture.root());
        match written.and_then(|()| Bundle::open(&fixture.root())) {
            Ok(bundle) => {
                assert!(case.names.is_empty(), "{} was accepted", case.name);
                assert!(bundle.int8_paths(1).is_some() && bundle.quantisation().is_some());
            }
            Err(error) => {
                let text = error.to_string();
                assert!(!case.names.is_empty() && text.contains(case.names), "{}: {text}", case.name);
            }
        }
    }
}
