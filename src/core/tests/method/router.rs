//! Eq. (11) and (12): disparity, choice, margin, in-domain test.

use proptest::prelude::*;
use ushydra_core::{DomainTable, Metric, Moments, Quality, RouteError, Router, ScalarStatistics};

type ScalarRouter = Router<Vec<f32>>;

fn domain(mean: f64, std: f64) -> ScalarStatistics {
    ScalarStatistics { mean, std, released_std: std / 2.0 }
}

fn table(domains: &[ScalarStatistics]) -> DomainTable {
    let mut table = DomainTable::new();
    for (index, statistics) in domains.iter().enumerate() {
        table.push(&format!("d{index}"), *statistics).unwrap();
    }
    table
}

fn quality(mean: f64, pixel_std: f64, feature_std: f64) -> Quality {
    Quality { pixel: Moments { mean, std: pixel_std }, feature: Moments { mean: 0.0, std: feature_std } }
}

#[test]
fn choices() {
    struct Case {
        what: &'static str,
        domains: &'static [(f64, f64)],
        mean: f64,
        decoder: usize,
        margin: f64,
        in_domain: bool,
    }
    let cases = [
        Case {
            what: "a single domain",
            domains: &[(0.0, 1.0)],
            mean: 0.25,
            decoder: 0,
            margin: f64::INFINITY,
            in_domain: true,
        },
        Case {
            what: "the closest",
            domains: &[(0.0, 1.0), (1.0, 1.0)],
            mean: 0.75,
            decoder: 1,
            margin: 0.5,
            in_domain: true,
        },
        Case { what: "a tie", domains: &[(0.0, 1.0), (1.0, 1.0)], mean: 0.5, decoder: 0, margin: 0.0, in_domain: true },
        Case {
            what: "a later tie",
            domains: &[(9.0, 1.0), (1.0, 1.0), (0.0, 1.0)],
            mean: 0.5,
            decoder: 1,
            margin: 0.0,
            in_domain: true,
        },
        Case {
            what: "on the threshold",
            domains: &[(0.0, 1.0), (4.0, 1.0)],
            mean: -1.0,
            decoder: 0,
            margin: 4.0,
            in_domain: true,
        },
        Case {
            what: "far from all",
            domains: &[(0.0, 1.0), (4.0, 1.0)],
            mean: -1.5,
            decoder: 0,
            margin: 4.0,
            in_domain: false,
        },
        Case {
            what: "a descending table",
            domains: &[(3.0, 1.0), (2.0, 1.0), (1.0, 1.0)],
            mean: 0.0,
            decoder: 2,
            margin: 1.0,
            in_domain: true,
        },
    ];
    for case in cases {
        let domains: Vec<_> = case.domains.iter().map(|&(mean, std)| domain(mean, std)).collect();
        let router = ScalarRouter::scalar(table(&domains), Metric::Paper, 10.0, 1.0).unwrap();
        let decision = router.route(&quality(case.mean, 0.5, 0.5), &[]).unwrap();
        assert_eq!(decision.decoder, case.decoder, "{}", case.what);
        assert_eq!(decision.margin, case.margin, "{}", case.what);
        assert_eq!(decision.in_domain, case.in_domain, "{}", case.what);
        assert_eq!(decision.disparity.len(), domains.len(), "{}", case.what);
    }
}

#[test]
fn the_modes_read_different_deviations() {
    let domains = [ScalarStatistics { mean: 0.0, std: 1.0, released_std: 0.25 }];
    let frame = quality(0.0, 0.5, 0.75);
    for (metric, expected) in [(Metric::Paper, 10.0 * 0.25), (Metric::Released, 10.0 * 0.25)] {
        let router = ScalarRouter::scalar(table(&domains), metric, 10.0, 9.0).unwrap();
        assert_eq!(router.route(&frame, &[]).unwrap().disparity[0], expected, "{metric:?}");
    }
    let released = ScalarRouter::scalar(table(&domains), Metric::Released, 1.0, 9.0).unwrap();
    let louder = quality(0.0, 0.5, 99.0);
    assert_eq!(released.route(&frame, &[]), released.route(&louder, &[]), "the feature term of sigma is 0");
}

#[test]
fn routers_that_cannot_be() {
    let one = || table(&[domain(0.0, 1.0)]);
    let build = |table, metric, weight, threshold| {
        ScalarRouter::scalar(table, metric, weight, threshold).map(|router| router.metric()).map_err(|e| e.to_string())
    };
    let refuses = |result: Result<Metric, String>, text: &str| assert!(result.unwrap_err().contains(text));
    assert_eq!(build(one(), Metric::Released, 0.0, f64::INFINITY), Ok(Metric::Released));
    refuses(build(DomainTable::new(), Metric::Paper, 10.0, 1.0), "table is empty");
    refuses(build(one(), Metric::Vector, 10.0, 1.0), "needs vector statistics");
    refuses(build(one(), Metric::Paper, f64::NAN, 1.0), "weight NaN");
    refuses(build(one(), Metric::Paper, -1.0, 1.0), "weight -1");
    refuses(build(one(), Metric::Paper, 10.0, f64::NAN), "threshold NaN");
}

#[test]
fn a_forced_decoder_keeps_the_metric_honest() {
    let mut router =
        ScalarRouter::scalar(table(&[domain(0.0, 1.0), domain(9.0, 1.0)]), Metric::Paper, 10.0, 1.0).unwrap();
    let free = router.route(&quality(0.0, 0.5, 0.5), &[]).unwrap();
    router.force(Some(1)).unwrap();
    let forced = router.route(&quality(0.0, 0.5, 0.5), &[]).unwrap();
    assert_eq!((free.decoder, forced.decoder), (0, 1));
    assert_eq!((free.disparity, free.margin, free.in_domain), (forced.disparity, forced.margin, forced.in_domain));
    assert_eq!(router.force(Some(2)), Err(RouteError::Unknown { index: 2, domains: 2 }));
    assert_eq!(router.forced(), Some(1), "a refused wish changes nothing");
    router.force(None).unwrap();
    assert_eq!(router.route(&quality(0.0, 0.5, 0.5), &[]).unwrap().decoder, 0);
}

#[test]
fn damaged_statistics_are_refused() {
    let router = ScalarRouter::scalar(table(&[domain(0.0, 1.0), domain(1.0, 1.0)]), Metric::Paper, 10.0, 1.0).unwrap();
    for bad in [f64::NAN, f64::INFINITY] {
        assert_eq!(router.route(&quality(bad, 0.5, 0.5), &[]), Err(RouteError::NotFinite { domain: 0 }));
        assert_eq!(router.route(&quality(0.0, 0.5, bad), &[]), Err(RouteError::NotFinite { domain: 0 }));
    }
}

proptest! {
    /// The choice belongs to the domain, not to its place in the table (where no tie leaves it to the order).
    #[test]
    fn the_order_of_domains_does_not_matter(
        domains in prop::collection::vec((-3.0_f64..3.0, 0.0_f64..3.0), 1..=8),
        shuffle in any::<prop::sample::Index>(),
        mean in -3.0_f64..3.0,
        std in 0.0_f64..3.0,
        metric in prop::sample::select(vec![Metric::Paper, Metric::Released]),
    ) {
        let domains: Vec<_> = domains.into_iter().map(|(mean, std)| domain(mean, std)).collect();
        let mut turned = domains.clone();
        let by = shuffle.index(domains.len());
        turned.rotate_left(by);
        let frame = quality(mean, std, 0.5);
        let route = |domains: &[ScalarStatistics]| {
            ScalarRouter::scalar(table(domains), metric, 10.0, 1.0).unwrap().route(&frame, &[]).unwrap()
        };
        let (first, second) = (route(&domains), route(&turned));
        prop_assert_eq!(first.margin, second.margin);
        prop_assert_eq!(first.in_domain, second.in_domain);
        if first.margin > 0.0 {
            prop_assert_eq!(first.decoder, (second.decoder + by) % domains.len());
        }
        for (index, disparity) in second.disparity.iter().enumerate() {
            prop_assert_eq!(*disparity, first.disparity[(index + by) % domains.len()]);
        }
    }

    #[test]
    fn ties_go_to_the_lowest_index(
        domains in prop::collection::vec((-3.0_f64..3.0, 0.0_f64..3.0), 1..=4),
        mean in -3.0_f64..3.0,
        std in 0.0_f64..3.0,
    ) {
        let once: Vec<_> = domains.iter().map(|&(mean, std)| domain(mean, std)).collect();
        let twice: Vec<_> = once.iter().chain(&once).copied().collect();
        let router = ScalarRouter::scalar(table(&twice), Metric::Paper, 10.0, 1.0).unwrap();
        let decision = router.route(&quality(mean, std, 0.5), &[]).unwrap();
        prop_assert!(decision.decoder < once.len());
        prop_assert_eq!(decision.margin, 0.0);
    }

    /// Shift and scale of the image move mu and sigma, so they move the disparity by exactly Eq. (11).
    #[test]
    fn disparity_follows_scale_and_shift(
        scale in 0.1_f64..4.0,
        shift in -2.0_f64..2.0,
        mean in -1.0_f64..1.0,
        std in 0.0_f64..1.0,
    ) {
        let base = Moments { mean, std };
        let feature = Moments { mean: 0.1, std: 0.2 };
        let statistics = domain(-0.6, 0.4);
        let frame = Quality::new(&[base.affine(scale, shift)], feature).unwrap();
        let expected = (scale * mean + shift + 0.1 + 0.6).abs() + 10.0 * (scale * std + 0.2 - 0.4).abs();
        prop_assert!((statistics.disparity(&frame, Metric::Paper, 10.0) - expected).abs() < 1e-12);
    }
}
