#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]
use proptest::prelude::*;

use super::*;
use crate::profile::{Profile, profiles};
use crate::thermal::{Trip, TripKind, Zone};

const DWELL: Duration = Duration::from_secs(30);

fn limits() -> Limits {
    Limits {
        warm_c: 80.0,
        hot_c: 88.0,
        critical_c: 95.0,
        hysteresis_c: 4.0,
        reduced_fps: 15.0,
        low_fps: 8.0,
        reserve_mib: 400,
        cheaper: true,
    }
}

fn at(celsius: f32) -> Conditions {
    Conditions { temperature_c: Some(celsius), ..Conditions::default() }
}

/// Changes of a policy that sees `conditions` once a second.
fn changes(policy: &mut Policy, conditions: impl IntoIterator<Item = Conditions>) -> Vec<(u64, Change)> {
    let seen = conditions.into_iter().enumerate();
    seen.filter_map(|(s, c)| Some((s as u64, policy.update(Duration::from_secs(s as u64), &c)?))).collect()
}

#[test]
fn a_board_that_heats_up_gives_up_rate_then_precision_then_everything_and_takes_it_back() {
    let mut policy = Policy::new(limits(), DWELL);
    let heats = (0..60).map(|s| at(70.0 + s as f32 * 0.5)).chain((0..240).map(|s| at((99.0 - s as f32).max(40.0))));
    let found = changes(&mut policy, heats);
    let steps = found.iter().map(|(_, change)| change.after.step).collect::<Vec<_>>();
    use Step::{Full, LowRate, Paused, ReducedRate};
    assert_eq!(steps, [ReducedRate, LowRate, Paused, LowRate, ReducedRate, Full]);
    let [warm, hot, critical, ..] = &found[..] else { panic!("{found:?}") };
    assert_eq!((warm.1.after.max_fps, warm.1.after.cheaper), (Some(15.0), false));
    assert_eq!((hot.1.after.max_fps, hot.1.after.cheaper), (Some(8.0), true));
    assert_eq!(critical.1.to_string(), "derating: PAUSED, no frame is judged, 95 °C");
    assert!(!policy.state().is_active());
    assert_eq!(policy.state().to_string(), "nothing is given up");
}

#[test]
fn an_empty_battery_is_a_warning_then_a_lower_rate_and_nothing_on_mains() {
    let with =
        |percent: f32, discharging| Conditions { battery_percent: Some(percent), discharging, ..Conditions::default() };
    let mut policy = Policy::new(limits(), DWELL);
    let found = changes(&mut policy, (0..100).map(|s| with(25.0 - s as f32 * 0.25, true)));
    let [low, empty] = &found[..] else { panic!("{found:?}") };
    assert!(low.1.after.battery_low && low.1.after.step == Step::Full);
    assert!(low.1.to_string().contains("battery at 20 %"), "{}", low.1);
    assert_eq!(
        (empty.1.after.step, empty.1.after.max_fps, empty.1.after.drained),
        (Step::ReducedRate, Some(15.0), true)
    );
    // The charger goes in: nothing is given up although the battery is still empty.
    for second in 200..300 {
        policy.update(Duration::from_secs(second), &with(4.0, false));
    }
    assert!(!policy.state().is_active());
}

#[test]
fn short_memory_is_a_warning_only() {
    let with =
        |mib, pressure| Conditions { available_mib: Some(mib), pressure: Some(pressure), ..Conditions::default() };
    for short in [with(300, 0.0), with(0, 0.0), with(4000, 40.0)] {
        let mut policy = Policy::new(limits(), DWELL);
        let change = policy.update(Duration::ZERO, &short).unwrap();
        assert!(change.after.memory_low && change.after.step == Step::Full && change.after.is_active());
        assert!(change.to_string().contains("memory is short"));
        assert!(policy.update(Duration::from_secs(1), &short).is_none(), "it is said once");
    }
    let mut policy = Policy::new(limits(), DWELL);
    assert!(policy.update(Duration::ZERO, &with(4000, 1.0)).is_none());
}

#[test]
fn without_a_cheaper_form_the_rate_alone_is_given_up() {
    let mut policy = Policy::new(Limits { cheaper: false, ..limits() }, DWELL);
    for second in 0..20 {
        policy.update(Duration::from_secs(second), &at(90.0));
    }
    assert_eq!((policy.state().step, policy.state().cheaper), (Step::LowRate, false));
    assert_eq!(policy.state().to_string(), "low rate, at most 8 fps, 90 °C");
}

#[test]
fn trip_points_lower_the_limits_and_never_raise_them() {
    let zone = |name: &str, trips: &[(TripKind, f32)]| Zone {
        name: name.to_owned(),
        temperature_c: None,
        trips: trips.iter().map(|&(kind, temperature_c)| Trip { kind, temperature_c }).collect(),
    };
    let profile = Profile::named("orin-nano").unwrap();
    let own = Limits::of(&profile, &[], true);
    assert_eq!((own.warm_c, own.critical_c), (profile.thermal.warm_c, profile.thermal.critical_c));
    let high =
        [zone("cpu-thermal", &[(TripKind::Critical, 150.0), (TripKind::Passive, 140.0), (TripKind::Active, 51.0)])];
    assert_eq!(Limits::of(&profile, &high, true), own);
    let low = [zone("cpu-thermal", &[(TripKind::Critical, 80.0), (TripKind::Passive, 70.0)])];
    let found = Limits::of(&profile, &low, true);
    assert_eq!((found.critical_c, found.hot_c), (77.0, 67.0));
    assert!(found.warm_c < found.hot_c && found.hot_c < found.critical_c);
    let fan = [zone("cpu-thermal", &[(TripKind::Passive, 35.0)])];
    assert_eq!(Limits::of(&profile, &fan, true), own, "that is about a fan");
}

fn conditions() -> impl Strategy<Value = Conditions> {
    let odd = prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(-300.0_f32)];
    let value = |range: std::ops::Range<f32>| prop_oneof![1 => Just(None), 1 => odd.clone().prop_map(Some), 12 => range.prop_map(Some)];
    let memory = prop::option::of(prop_oneof![0_u64..8000, Just(u64::MAX)]);
    (value(20.0..110.0), value(0.0..100.0), any::<bool>(), memory, value(0.0..100.0)).prop_map(
        |(temperature_c, battery_percent, discharging, available_mib, pressure)| Conditions {
            temperature_c,
            battery_percent,
            discharging,
            available_mib,
            pressure,
        },
    )
}

proptest! {
    /// Whatever the sensors say: a state fits together, a change is told exactly where one is, words and record never fail.
    #[test]
    fn every_state_fits_together(seen in prop::collection::vec(conditions(), 1..200)) {
        for profile in profiles().unwrap() {
            let mut policy = Policy::new(Limits::of(&profile, &[], true), DWELL);
            for (second, conditions) in seen.iter().enumerate() {
                let before = policy.state();
                let change = policy.update(Duration::from_secs(second as u64), conditions);
                let after = policy.state();
                prop_assert_eq!(change.is_some(), before.kind() != after.kind());
                match after.step {
                    Step::Full => prop_assert!(after.max_fps.is_none() && !after.cheaper && !after.hot && !after.drained),
                    Step::ReducedRate => prop_assert_eq!(after.max_fps, Some(profile.rates.reduced_fps)),
                    Step::LowRate => prop_assert!(after.max_fps == Some(profile.rates.low_fps) && after.cheaper && after.hot),
                    Step::Paused => prop_assert!(after.max_fps.is_none() && after.hot),
                }
                prop_assert!(!after.drained || after.battery_low);
                prop_assert!(!after.to_string().is_empty());
            }
        }
    }

    /// Clocks that jump, also backwards, break nothing.
    #[test]
    fn times_in_any_order_are_survived(seen in prop::collection::vec((any::<u32>(), conditions()), 1..200)) {
        let mut policy = Policy::new(limits(), DWELL);
        for (second, conditions) in seen {
            policy.update(Duration::from_secs(second.into()), &conditions);
        }
    }
}
