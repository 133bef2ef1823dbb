//! The golden file: image and features in, statistics and decision out, in both scalar modes.

use std::collections::HashMap;

use serde::Deserialize;
use ushydra_core::{DomainTable, Metric, Moments, Quality, Router, ScalarStatistics, channel_moments};

const TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Golden {
    domains: HashMap<String, Domain>,
    weight: f64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Domain {
    mean: f64,
    std: f64,
}

#[derive(Deserialize)]
struct Case {
    shape: [usize; 3],
    image: Vec<f32>,
    features: Vec<f32>,
    channel_mean: Vec<f64>,
    channel_std: Vec<f64>,
    feature_mean: f64,
    feature_std: f64,
    expected: HashMap<String, Expected>,
}

#[derive(Deserialize)]
struct Expected {
    mean: f64,
    std: f64,
    disparity: HashMap<String, f64>,
    decoder: String,
    margin: f64,
}

#[track_caller]
fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= TOLERANCE, "{what}: {found}, expected {expected}");
}

#[test]
fn routing() {
    let golden: Golden = serde_json::from_str(include_str!("../golden/routing.json")).unwrap();
    // JSON objects have no order; the method's has: ties go to the first.
    let mut table = DomainTable::new();
    for name in ["low", "medium", "high"] {
        let Domain { mean, std } = golden.domains[name];
        table.push(name, ScalarStatistics { mean, std, released_std: std }).unwrap();
    }
    assert_eq!((golden.domains.len(), golden.cases.is_empty()), (table.len(), false));
    for (index, case) in golden.cases.iter().enumerate() {
        let mut channels = vec![Moments::default(); case.shape[0]];
        assert_eq!(case.image.len(), case.shape.iter().product::<usize>());
        channel_moments(&case.image, &mut channels).unwrap();
        for (channel, found) in channels.iter().enumerate() {
            close(found.mean, case.channel_mean[channel], "channel mean");
            close(found.std, case.channel_std[channel], "channel std");
        }
        let feature = Moments::of(&case.features).unwrap();
        close(feature.mean, case.feature_mean, "feature mean");
        close(feature.std, case.feature_std, "feature std");
        let quality = Quality::new(&channels, feature).unwrap();
        assert_eq!(case.expected.len(), 2, "case {index} has both modes");
        for (mode, expected) in &case.expected {
            let (metric, std) = match mode.as_str() {
                "paper" => (Metric::Paper, quality.std()),
                "released" => (Metric::Released, quality.released_std()),
                other => panic!("unknown mode {other}"),
            };
            close(quality.mean(), expected.mean, "mu");
            close(std, expected.std, "sigma");
            let router = Router::<Vec<f32>>::scalar(table.clone(), metric, golden.weight, f64::INFINITY).unwrap();
            let decision = router.route(&quality, &case.features).unwrap();
            for (name, found) in table.names().zip(&decision.disparity) {
                close(*found, expected.disparity[name], name);
            }
            assert_eq!(table.name(decision.decoder), Some(expected.decoder.as_str()), "case {index} {mode}");
            close(decision.margin, expected.margin, "margin");
        }
    }
}
