//! Figures of merit against scikit-learn, SciPy and MedPy; `make_fixtures.py` makes the fixtures.

#![allow(clippy::unwrap_used, reason = "tests")]

use serde::Deserialize;
use ushydra_host::evaluate::bootstrap::Patients;
use ushydra_host::evaluate::metrics::distance::squared_distances;
use ushydra_host::evaluate::metrics::{Average, Classified, masks};
use ushydra_measure::{Mask, Spacing};

/// Both sides add in f64, in another order, from figures of 15 digits.
const TOLERANCE: f64 = 1e-12;

#[derive(Deserialize)]
struct Fixture<T> {
    cases: Vec<T>,
}

#[derive(Deserialize)]
struct Classes {
    name: String,
    truth: Vec<usize>,
    probabilities: Vec<Vec<f64>>,
    confusion: Vec<Vec<usize>>,
    accuracy: f64,
    classes: ByClass,
    #[serde(rename = "macro")]
    macro_average: Average,
    weighted: Average,
    areas: Vec<Option<f64>>,
    area_macro: f64,
    area_weighted: f64,
    curve: Curve,
    calibration_error: f64,
    brier: f64,
    log_loss: f64,
}

#[derive(Deserialize)]
struct ByClass {
    precision: Vec<f64>,
    recall: Vec<f64>,
    f1: Vec<f64>,
    support: Vec<usize>,
}

#[derive(Deserialize)]
struct Curve {
    class: usize,
    false_positive_rate: Vec<f64>,
    true_positive_rate: Vec<f64>,
}

#[derive(Deserialize)]
struct Masks {
    name: String,
    spacing: [f64; 2],
    truth: Vec<String>,
    answer: Vec<String>,
    dice: f64,
    iou: f64,
    hd95_px: f64,
    hd95_mm: f64,
    distances: Vec<f64>,
}

fn close(name: &str, what: &str, found: f64, expected: f64) {
    assert!((found - expected).abs() < TOLERANCE, "{name}, {what}: {found}, expected {expected}");
}

#[test]
fn classification_agrees_with_scikit_learn() {
    let fixture: Fixture<Classes> = serde_json::from_str(include_str!("classes.json")).unwrap();
    assert_eq!(fixture.cases.len(), 4);
    for case in &fixture.cases {
        let name = case.name.as_str();
        let names: Vec<String> = (0..case.truth.len()).map(|i| i.to_string()).collect();
        let patients = Patients::new(names.iter().map(String::as_str));
        let answers = case.truth.iter().zip(&case.probabilities).map(|(t, p)| (Some(*t), p.as_slice()));
        let found = Classified::new(case.confusion.len(), &patients, answers);
        let everyone = found.everyone();
        assert_eq!(found.confusion(&everyone), case.confusion, "{name}");
        let scores = found.scores(&everyone).unwrap();
        close(name, "accuracy", scores.accuracy, case.accuracy);
        for (class, score) in scores.classes.iter().enumerate() {
            close(name, "precision", score.precision, case.classes.precision[class]);
            close(name, "recall", score.recall, case.classes.recall[class]);
            close(name, "f1", score.f1, case.classes.f1[class]);
            assert_eq!(score.support, case.classes.support[class], "{name}");
        }
        for (what, found, expected) in
            [("macro", scores.macro_average, case.macro_average), ("weighted", scores.weighted, case.weighted)]
        {
            close(name, what, found.precision, expected.precision);
            close(name, what, found.recall, expected.recall);
            close(name, what, found.f1, expected.f1);
        }
        let areas = found.areas(&everyone).unwrap();
        for (area, expected) in areas.classes.iter().zip(&case.areas) {
            assert_eq!(area.is_some(), expected.is_some(), "{name}");
            close(name, "area", area.unwrap_or_default(), expected.unwrap_or_default());
        }
        close(name, "macro area", areas.macro_average, case.area_macro);
        close(name, "weighted area", areas.weighted, case.area_weighted);
        let curve = found.curve(case.curve.class);
        assert_eq!(curve.len(), case.curve.true_positive_rate.len(), "{name}");
        for (index, point) in curve.iter().enumerate() {
            close(name, "rate", point.false_positive_rate, case.curve.false_positive_rate[index]);
            close(name, "rate", point.true_positive_rate, case.curve.true_positive_rate[index]);
        }
        close(name, "calibration error", found.calibration_error(&everyone).unwrap(), case.calibration_error);
        close(name, "brier", found.brier().unwrap(), case.brier);
        close(name, "log loss", found.log_loss().unwrap(), case.log_loss);
    }
}

#[test]
fn masks_agree_with_medpy_and_scipy() {
    let fixture: Fixture<Masks> = serde_json::from_str(include_str!("masks.json")).unwrap();
    assert_eq!(fixture.cases.len(), 3);
    for case in &fixture.cases {
        let name = case.name.as_str();
        let (width, height) = (case.truth[0].len(), case.truth.len());
        let bits = |rows: &[String]| rows.concat().bytes().map(|b| b == b'#').collect::<Vec<bool>>();
        let mask = |rows: &[String]| {
            let bytes: Vec<u8> = bits(rows).iter().map(|b| u8::from(*b)).collect();
            Mask::from_bytes(&bytes, width as u32, height as u32).unwrap()
        };
        let [x_mm, y_mm] = case.spacing;
        let found = masks::compare(&mask(&case.answer), &mask(&case.truth), Some(Spacing { x_mm, y_mm })).unwrap();
        close(name, "dice", found.dice, case.dice);
        close(name, "iou", found.iou, case.iou);
        close(name, "hd95 px", found.hd95_px.unwrap(), case.hd95_px);
        close(name, "hd95 mm", found.hd95_mm.unwrap(), case.hd95_mm);
        let field = squared_distances(&bits(&case.truth), width, height, case.spacing);
        let sampled =
            (0..height).step_by(height / 3).flat_map(|y| (0..width).step_by(width / 4).map(move |x| y * width + x));
        let sampled: Vec<f64> = sampled.map(|at| field[at].sqrt()).collect();
        assert_eq!(sampled.len(), case.distances.len(), "{name}");
        for (found, expected) in sampled.iter().zip(&case.distances) {
            close(name, "distance", *found, *expected);
        }
    }
}
