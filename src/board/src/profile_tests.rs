#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;

#[test]
fn every_shipped_profile_parses_and_says_where_its_figures_come_from() {
    let all = profiles().unwrap();
    assert_eq!(all.len(), SHIPPED.len());
    for (profile, name) in all.iter().zip(names()) {
        assert_eq!(profile.name, name);
        assert!(!profile.memory.from.is_empty() && !profile.thermal.from.is_empty(), "{name}");
        assert!(profile.latency.iter().all(|latency| !latency.from.is_empty()), "{name}");
        // No Jetson was at hand.
        let jetson = profile.power.is_some();
        assert!(!jetson || profile.latency.iter().all(|l| l.basis == Basis::Estimated), "{name}");
        assert!(!jetson || profile.latency.len() >= 3, "{name} names all three bundles");
        assert_eq!(Profile::named(name).unwrap(), *profile);
    }
    // Each architecture ends in a profile that takes any board.
    for architecture in ["aarch64", "x86_64"] {
        let last = all.iter().rfind(|p| p.recognise.architecture == architecture).unwrap();
        assert!(last.recognise.compatible.is_empty() && last.recognise.model.is_empty());
    }
}

#[test]
fn unknown_names_are_refused_with_the_known_ones() {
    let error = Profile::named("jetson-tk1").unwrap_err().to_string();
    for name in names().chain(["jetson-tk1", "auto"]) {
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn malformed_profiles_are_refused_with_the_key_in_the_message() {
    let sound = SHIPPED[0].1;
    struct Case {
        from: &'static str,
        to: &'static str,
        names: &'static str,
    }
    let cases = [
        Case { from: "schema_version = 1", to: "schema_version = 2", names: "schema_version" },
        Case { from: "schema_version = 1", to: "", names: "schema_version" },
        Case { from: "[memory]", to: "[memory]\nspeed = 1", names: "speed" },
        Case { from: "[memory]", to: "[memry]", names: "memry" },
        Case { from: "basis = \"estimated\"", to: "basis = \"guessed\"", names: "guessed" },
        Case { from: "warm_c = ", to: "warm_c = -", names: "thermal.warm_c" },
        Case { from: "critical_c = ", to: "critical_c = 1", names: "critical_c" },
        Case { from: "critical_c = ", to: "critical_c = nan #", names: "critical_c" },
        Case { from: "hysteresis_c = ", to: "hysteresis_c = 0 #", names: "hysteresis_c" },
        Case { from: "low_fps = ", to: "low_fps = 0 #", names: "rates" },
        Case { from: "low_fps = ", to: "low_fps = 999 #", names: "rates" },
        Case { from: "budget_mib = ", to: "budget_mib = 99999 #", names: "budget_mib" },
        Case { from: "budget_mib = ", to: "budget_mib = -5 #", names: "budget_mib" },
        Case { from: "mode = \"15W\"", to: "mode = \"16W\"", names: "power.mode" },
        Case { from: "watts = 7", to: "watts = 70", names: "power.modes" },
        Case { from: "frame_ms = ", to: "frame_ms = -1 #", names: "frame_ms" },
    ];
    for Case { from, to, names } in cases {
        assert!(sound.contains(from), "{from}");
        let error = Profile::parse("p", &sound.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(names) && error.contains("profile p"), "{from} -> {to}: {error}");
    }
    for text in ["", "\u{0}", "[[[", "name = 3"] {
        assert!(matches!(Profile::parse("p", text), Err(BoardError::Malformed { .. })), "{text}");
    }
}
