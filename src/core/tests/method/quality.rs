//! Eq. (7) to (10).

use ushydra_core::{MAX_CHANNELS, Moments, Quality, QualityError};

const FEATURE: Moments = Moments { mean: -0.25, std: 0.125 };

fn channel(mean: f64, std: f64) -> Moments {
    Moments { mean, std }
}

#[test]
fn averages_over_channels() {
    struct Case {
        channels: Vec<Moments>,
        expected: [f64; 3],
    }
    let cases = [
        Case { channels: vec![channel(0.5, 1.0)], expected: [0.25, 1.125, 1.0] },
        Case { channels: vec![channel(0.0, 1.0), channel(1.0, 2.0)], expected: [0.25, 1.625, 1.5] },
        Case { channels: vec![channel(0.0, 0.0); 3], expected: [-0.25, 0.125, 0.0] },
    ];
    for case in cases {
        let quality = Quality::new(&case.channels, FEATURE).unwrap();
        assert_eq!([quality.mean(), quality.std(), quality.released_std()], case.expected);
    }
}

#[test]
fn a_frame_has_one_to_four_channels() {
    for found in [0, MAX_CHANNELS + 1] {
        let channels = vec![Moments::default(); found];
        assert_eq!(Quality::new(&channels, FEATURE), Err(QualityError::Channels { found }));
    }
    assert!(Quality::new(&[Moments::default(); MAX_CHANNELS], FEATURE).is_ok());
}
