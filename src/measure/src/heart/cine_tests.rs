#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

/// A heart whose length and radius follow a cosine: the volume is known in closed form (half ellipsoid).
struct Heart {
    fps: f64,
    rate: f64,
    frames: usize,
    /// End-diastolic and end-systolic length and radius, mm.
    length: (f64, f64),
    radius: (f64, f64),
    /// Part of a beat that has passed at the first frame.
    phase: f64,
}

const USUAL: Heart =
    Heart { fps: 30.0, rate: 72.0, frames: 90, length: (85.0, 72.0), radius: (24.0, 17.5), phase: 0.0 };

impl Heart {
    fn volume(length: f64, radius: f64) -> f64 {
        2.0 / 3.0 * std::f64::consts::PI * radius * radius * length
    }

    fn frame(&self, at: usize) -> CineFrame {
        let time_s = at as f64 / self.fps;
        let beat = (time_s * self.rate / 60.0 + self.phase) * std::f64::consts::TAU;
        let full = f64::midpoint(1.0, beat.cos());
        let mix = |(diastole, systole): (f64, f64)| systole + (diastole - systole) * full;
        let (length, radius) = (mix(self.length), mix(self.radius));
        CineFrame {
            index: 100 + at as u64,
            time_s,
            area: std::f64::consts::FRAC_PI_2 * length * radius,
            long_axis: length,
            volume: Self::volume(length, radius),
            calibrated: true,
            cut_off: false,
            in_domain: true,
        }
    }

    fn ef(&self) -> f64 {
        let (edv, esv) = (Self::volume(self.length.0, self.radius.0), Self::volume(self.length.1, self.radius.1));
        100.0 * (edv - esv) / edv
    }

    fn report(&self, change: impl Fn(usize, &mut CineFrame)) -> CineReport {
        let mut tracker = CineTracker::new(CineTracker::USUAL_CAPACITY);
        for at in 0..self.frames {
            let mut frame = self.frame(at);
            change(at, &mut frame);
            tracker.push(frame);
        }
        tracker.report()
    }
}

#[test]
fn a_good_cine() {
    let found = USUAL.report(|_, _| ());
    assert_eq!(found.grade(), Grade::Good, "{}", found.concerns);
    // 2/3 pi 24^2 85 = 102.54 mL, 2/3 pi 17.5^2 72 = 46.18 mL, EF 54.96 %.
    assert!((found.edv_ml.unwrap() - 102.54).abs() < 1.5, "{found:?}");
    assert!((found.esv_ml.unwrap() - 46.18).abs() < 1.5, "{found:?}");
    assert!((found.ef_percent.unwrap() - 54.96).abs() < 1.5, "{found:?}");
    assert!((found.heart_rate.unwrap() - 72.0).abs() < 1.5, "{found:?}");
    assert!((3..=4).contains(&found.beats));
    // End-systole of the first beat lies half a beat (12.5 frames) after the first frame; all beats are alike.
    let (ed, es) = (found.ed_frame.unwrap() - 100, found.es_frame.unwrap() - 100);
    assert!(ed % 25 <= 1 || ed % 25 == 24, "{ed}");
    assert!((es % 25).abs_diff(12) <= 1, "{es}");
}

#[test]
fn concerns() {
    struct Case {
        name: &'static str,
        heart: Heart,
        change: fn(usize, &mut CineFrame),
        concern: Concern,
        grade: Grade,
    }
    let cases = [
        Case {
            name: "few frames",
            heart: Heart { frames: 8, ..USUAL },
            change: |_, _| (),
            concern: Concern::TooFewFrames,
            grade: Grade::Unfit,
        },
        Case {
            name: "half a beat",
            heart: Heart { frames: 13, ..USUAL },
            change: |_, _| (),
            concern: Concern::NotOneBeat,
            grade: Grade::Unfit,
        },
        Case {
            name: "a still picture",
            heart: USUAL,
            change: |at, frame| {
                *frame = CineFrame { index: frame.index, time_s: frame.time_s, ..USUAL.frame(0) };
                frame.area *= 1.0 + 0.004 * (at as f64 * 2.4).sin();
            },
            concern: Concern::NotOneBeat,
            grade: Grade::Unfit,
        },
        Case {
            name: "flicker",
            heart: USUAL,
            change: |at, frame| frame.area *= if at % 2 == 0 { 1.15 } else { 0.85 },
            concern: Concern::Flicker,
            grade: Grade::Unfit,
        },
        Case {
            name: "a few jumps",
            heart: USUAL,
            change: |at, frame| frame.area *= if at % 30 == 9 { 0.7 } else { 1.0 },
            concern: Concern::SomeFlicker,
            grade: Grade::Caution,
        },
        Case {
            name: "lost",
            heart: USUAL,
            change: |at, frame| {
                if at % 3 == 0 {
                    frame.area = 0.0;
                }
            },
            concern: Concern::Lost,
            grade: Grade::Unfit,
        },
        Case {
            name: "cut off",
            heart: USUAL,
            change: |_, frame| frame.cut_off = true,
            concern: Concern::CutOff,
            grade: Grade::Unfit,
        },
        Case {
            name: "sometimes cut off",
            heart: USUAL,
            change: |at, frame| frame.cut_off = at % 4 == 0,
            concern: Concern::SometimesCutOff,
            grade: Grade::Caution,
        },
        Case {
            name: "out of domain",
            heart: USUAL,
            change: |at, frame| frame.in_domain = at % 4 == 0,
            concern: Concern::OutOfDomain,
            grade: Grade::Unfit,
        },
        Case {
            name: "sometimes out of domain",
            heart: USUAL,
            change: |at, frame| frame.in_domain = at % 4 != 0,
            concern: Concern::SometimesOutOfDomain,
            grade: Grade::Caution,
        },
        Case {
            name: "the plane slides",
            heart: USUAL,
            change: |at, frame| frame.long_axis *= 1.0 - at as f64 * 0.007,
            concern: Concern::LongAxisVaries,
            grade: Grade::Caution,
        },
        Case {
            name: "foreshortened",
            heart: Heart { length: (50.0, 45.0), ..USUAL },
            change: |_, _| (),
            concern: Concern::Foreshortened,
            grade: Grade::Caution,
        },
        Case {
            name: "slow",
            heart: Heart { fps: 12.0, frames: 48, ..USUAL },
            change: |_, _| (),
            concern: Concern::SlowFrames,
            grade: Grade::Caution,
        },
        Case {
            name: "implausible",
            heart: USUAL,
            change: |at, frame| frame.volume *= if (at % 25).abs_diff(12) < 5 { 0.05 } else { 1.0 },
            concern: Concern::Implausible,
            grade: Grade::Unfit,
        },
        Case {
            name: "no spacing",
            heart: USUAL,
            change: |_, frame| frame.calibrated = false,
            concern: Concern::NoSpacing,
            grade: Grade::Good,
        },
    ];
    for case in cases {
        let found = case.heart.report(case.change);
        assert!(found.concerns.contains(case.concern), "{}: {}", case.name, found.concerns);
        assert_eq!(found.grade(), case.grade, "{}: {}", case.name, found.concerns);
        assert_eq!(found.ef_percent.is_some(), case.grade != Grade::Unfit, "{}", case.name);
        let volumes = case.grade != Grade::Unfit && case.concern != Concern::NoSpacing;
        assert_eq!((found.edv_ml.is_some(), found.esv_ml.is_some()), (volumes, volumes), "{}", case.name);
    }
}

#[test]
fn empty_and_unknown_times() {
    let found = CineTracker::new(0).report();
    assert_eq!((found.frames, found.beats, found.grade()), (0, 0, Grade::Unfit));
    assert!(found.concerns.contains(Concern::TooFewFrames) && found.ed_frame.is_none());
    let timeless = USUAL.report(|_, frame| frame.time_s = f64::NAN);
    assert!(timeless.heart_rate.is_none());
    assert!((timeless.ef_percent.unwrap() - USUAL.ef()).abs() < 1.5);
}

#[test]
fn the_oldest_frames_give_way() {
    let mut tracker = CineTracker::new(60);
    let buffers = (tracker.frames.capacity(), tracker.turns.capacity(), tracker.beats.capacity());
    for at in 0..200 {
        tracker.push(USUAL.frame(at));
        if at % 7 == 0 {
            tracker.report();
        }
    }
    let found = tracker.report();
    assert_eq!(found.frames, 60);
    assert!(found.ed_frame.unwrap() >= 240 && found.es_frame.unwrap() >= 240);
    assert!(tracker.frames.is_sorted_by_key(|frame| frame.index));
    assert_eq!(buffers, (tracker.frames.capacity(), tracker.turns.capacity(), tracker.beats.capacity()));
    tracker.clear();
    assert!(tracker.is_empty() && tracker.report().frames == 0);
}

#[test]
fn one_beat_between_two_diastoles() {
    let found = Heart { frames: 26, ..USUAL }.report(|_, _| ());
    assert_eq!((found.beats, found.grade()), (1, Grade::Good), "{}", found.concerns);
    assert!((found.ef_percent.unwrap() - USUAL.ef()).abs() < 1.5);
    // The ends of the recording are no proof of a whole interval.
    assert!(found.heart_rate.is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_phase_rate_and_scale(phase in 0.0_f64..1.0, rate in 45.0_f64..130.0, scale in 0.3_f64..3.0, noise in 0.0_f64..0.02) {
        let heart = Heart { phase, rate, frames: 120, ..USUAL };
        let found = heart.report(|at, frame| {
            let wobble = 1.0 + noise * (at as f64 * 2.1).sin();
            frame.area *= scale * scale * wobble;
            frame.volume *= scale.powi(3) * wobble;
            frame.long_axis *= scale;
        });
        prop_assert!(found.grade() == Grade::Good, "{}", found.concerns);
        // The smoothing of the curve flattens the turning points of a beat of few frames: at 128 per minute and 30 frames per
        // second by 3.1 points.
        let allowed = 2.0 + 25.0 * rate / (60.0 * heart.fps);
        prop_assert!((found.ef_percent.unwrap() - heart.ef()).abs() < allowed, "{:?}, expected {}", found, heart.ef());
        prop_assert!((found.heart_rate.unwrap() / rate - 1.0).abs() < 0.08, "{found:?}, expected {rate}");
    }
}
