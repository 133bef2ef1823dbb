//! Splits.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const SHARES: [f64; 3] = [0.6, 0.2, 0.2];

fn sample(set: &Set, file: &str, domain: &str, patient: &str, part: Option<Part>) -> MaskSample {
    let image = set.root().join(file);
    if !image.exists() {
        std::fs::write(&image, file).unwrap();
    }
    MaskSample {
        image,
        frame: 0,
        mask: MaskSource::Polygon(vec![]),
        domain: domain.into(),
        patient: patient.into(),
        pixel_mm: None,
        head_circumference_mm: None,
        part,
        name: file.into(),
    }
}

fn count(parts: &[Part], part: Part) -> usize {
    parts.iter().filter(|p| **p == part).count()
}

#[test]
fn every_domain_is_dealt_as_the_shares_say_and_the_seed_decides() {
    let set = Set::new();
    let samples: Vec<MaskSample> = (0..150)
        .map(|i| sample(&set, &format!("f{i}"), if i < 100 { "high" } else { "low" }, &format!("p{i}"), None))
        .collect();
    let parts = split(&samples, 7, SHARES).unwrap();
    for (range, expected) in [(0..100, [60, 20, 20]), (100..150, [30, 10, 10])] {
        let counts = [Part::Train, Part::Validation, Part::Test].map(|part| count(&parts[range.clone()], part));
        assert!(counts.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1), "{counts:?}");
    }
    assert_eq!(split(&samples, 7, SHARES).unwrap(), parts);
    assert_ne!(split(&samples, 8, SHARES).unwrap(), parts);
    let two = split(&samples, 7, [0.8, 0.2, 0.0]).unwrap();
    assert_eq!((count(&two, Part::Test), count(&two, Part::Validation)), (0, 30));
}

#[test]
fn patients_who_share_a_picture_stay_together() {
    let set = Set::new();
    let mut samples: Vec<MaskSample> =
        (0..40).map(|i| sample(&set, &format!("f{i}"), "high", &format!("p{i}"), None)).collect();
    // p0 and p1 have the same bytes under two names.
    std::fs::write(set.root().join("f1"), "f0").unwrap();
    samples.push(sample(&set, "f2", "high", "p3", None));
    for seed in 0..20 {
        let parts = split(&samples, seed, SHARES).unwrap();
        assert_eq!(parts[0], parts[1], "seed {seed}");
        assert_eq!([parts[2], parts[3]], [parts[40]; 2], "seed {seed}");
    }
}

#[test]
fn published_parts_are_kept() {
    let set = Set::new();
    let mut samples = Vec::new();
    for i in 0..30 {
        let part = [Part::Train, Part::Train, Part::Test][i % 3];
        samples.push(sample(&set, &format!("a{i}"), "with test", &format!("a{i}"), Some(part)));
        samples.push(sample(&set, &format!("b{i}"), "train only", &format!("b{i}"), Some(Part::Train)));
        let all = [Part::Train, Part::Validation, Part::Test][i % 3];
        samples.push(sample(&set, &format!("c{i}"), "complete", &format!("c{i}"), Some(all)));
    }
    // A patient on both sides goes to the test part.
    samples.push(sample(&set, "c_twice", "complete", "c0", Some(Part::Test)));
    let parts = split(&samples, 1, SHARES).unwrap();
    let of = |domain: &str| -> Vec<(Option<Part>, Part)> {
        samples.iter().zip(&parts).filter(|(s, _)| s.domain == domain).map(|(s, p)| (s.part, *p)).collect()
    };
    let with_test = of("with test");
    assert!(with_test.iter().all(|(published, part)| (*published == Some(Part::Test)) == (*part == Part::Test)));
    assert_eq!(with_test.iter().filter(|(_, part)| *part == Part::Validation).count(), 5);
    let dealt = of("train only").iter().filter(|(_, part)| *part == Part::Test).count();
    assert_eq!(dealt, 6);
    let moved: Vec<_> = of("complete").into_iter().filter(|(published, part)| *published != Some(*part)).collect();
    assert_eq!(moved, [(Some(Part::Train), Part::Test)]);
}

#[test]
fn impossible_splits_are_refused() {
    let set = Set::new();
    let samples = [sample(&set, "a", "high", "p", None), sample(&set, "b", "high", "q", None)];
    for shares in [[0.0; 3], [-0.1, 0.6, 0.5], [f64::NAN, 0.5, 0.5]] {
        assert!(split(&samples, 0, shares).unwrap_err().to_string().contains("cannot be dealt"));
    }
    assert!(split(&samples, 0, SHARES).unwrap_err().to_string().contains("2 patients"));
    let gone = MaskSample { image: set.root().join("gone"), ..samples[0].clone() };
    assert!(split(&[gone], 0, SHARES).unwrap_err().to_string().contains("gone"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn never_a_patient_or_a_picture_in_two_parts(
        rows in prop::collection::vec((0_u8..30, 0_u8..12, 0_u8..3, 0_u8..5), 12..60),
        seed in any::<u64>(),
    ) {
        let set = Set::new();
        let samples: Vec<MaskSample> = rows.iter().map(|(file, patient, domain, part)| {
            let part = [Some(Part::Train), Some(Part::Validation), Some(Part::Test), None, None][usize::from(*part)];
            sample(&set, &format!("f{file}"), &format!("d{domain}"), &format!("p{patient}"), part)
        }).collect();
        // Too few patients remain where pictures tie many together; that is refused.
        if let Ok(parts) = split(&samples, seed, SHARES) {
            let mut of_patient = BTreeMap::new();
            let mut of_file = BTreeMap::new();
            for (sample, part) in samples.iter().zip(parts) {
                prop_assert_eq!(*of_patient.entry(&sample.patient).or_insert(part), part);
                prop_assert_eq!(*of_file.entry(&sample.image).or_insert(part), part);
            }
        }
    }
}
