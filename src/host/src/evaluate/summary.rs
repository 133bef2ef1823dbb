//! Figures of a set of predictions.

use serde::{Deserialize, Serialize};

use super::bootstrap::{self, Estimate};
use super::metrics::{area_under_curve, argmax, confusion, macro_f1};
use super::prediction::{MODES, Prediction};

/// One way to answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct System {
    /// `routed vector`, `single head`, ...
    pub name: String,
    /// Share of right answers with its interval over patients.
    pub accuracy: Estimate,
    /// Macro F1.
    pub macro_f1: f64,
    /// Accuracy per domain, in the recipe's order; none for a domain without pictures.
    pub domains: Vec<Option<f64>>,
}

/// How well one routing mode finds the domain, and how often it withholds the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Routing {
    /// Mode.
    pub mode: String,
    /// Share of pictures routed to their own domain.
    pub domain: Estimate,
    /// Share of pictures on the right side of first domain against the rest (`low` against the others).
    pub first_against_rest: Estimate,
    /// Share of pictures with a known label that count as in-domain.
    pub in_domain: f64,
    /// Accuracy among answers that are shown (in domain and sure enough).
    pub shown_accuracy: f64,
    /// Share of pictures with a known label whose answer is withheld.
    pub withheld: f64,
    /// Share of pictures of an unknown label whose answer is withheld; none without such pictures.
    pub unknown_withheld: Option<f64>,
    /// Probability that a known picture's answer is surer than an unknown one's.
    pub unknown_curve: Option<f64>,
}

/// Figures of a set of predictions, one entry per picture and repetition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Different pictures with a known label.
    pub pictures: usize,
    /// Different patients among them.
    pub patients: usize,
    /// Different pictures of an unknown label.
    pub unknown: usize,
    /// Routed systems, single head, best single decoder, oracle routing.
    pub systems: Vec<System>,
    /// Per routing mode.
    pub routing: Vec<Routing>,
    /// Accuracy of the default mode minus that of the single head, paired by patient.
    pub routed_minus_single: Option<Estimate>,
    /// Accuracy of the default mode with int8 decoders minus that with f32 decoders, paired by patient.
    #[serde(default)]
    pub int8_minus_float: Option<Estimate>,
    /// Share of pictures to which both give the same label.
    #[serde(default)]
    pub int8_agreement: Option<f64>,
    /// Confusion of the default mode, rows are truths; counts over all repetitions.
    pub confusion: Vec<Vec<usize>>,
}

/// What a summary needs to know besides the predictions.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Number of labels.
    pub labels: usize,
    /// Number of domains.
    pub domains: usize,
    /// Index of the default mode in [`MODES`].
    pub mode: usize,
    /// Smallest probability that is shown.
    pub min_probability: f64,
    /// Bootstrap resamples.
    pub resamples: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
}

/// Summarises predictions.
#[must_use]
pub fn summarise(predictions: &[Prediction], context: &Context) -> Summary {
    let known: Vec<(&Prediction, usize)> = predictions.iter().filter_map(|p| Some((p, p.label?))).collect();
    let unknown: Vec<&Prediction> = predictions.iter().filter(|p| p.label.is_none()).collect();
    let estimate = |value: &dyn Fn(&Prediction, usize) -> bool| {
        let values: Vec<(&str, f64)> =
            known.iter().map(|(p, label)| (p.patient.as_str(), f64::from(u8::from(value(p, *label))))).collect();
        bootstrap::mean(&values, context.resamples, context.seed)
    };
    let system = |name: &str, answer: &dyn Fn(&Prediction) -> usize| {
        let pairs: Vec<(usize, usize)> = known.iter().map(|(p, label)| (*label, answer(p))).collect();
        let domains = (0..context.domains).map(|domain| {
            let right = known.iter().filter(|(p, _)| p.domain == domain).map(|(p, label)| answer(p) == *label);
            share(right)
        });
        System {
            name: name.to_owned(),
            accuracy: estimate(&|p, label| answer(p) == label),
            macro_f1: macro_f1(&confusion(&pairs, context.labels)),
            domains: domains.collect(),
        }
    };
    let mut systems: Vec<System> = (0..MODES.len())
        .map(|mode| system(&format!("routed {}", MODES[mode].0), &|p| argmax(p.routed(mode))))
        .collect();
    let has_int8 = !known.is_empty() && known.iter().all(|(p, _)| p.int8.is_some());
    let int8 = |p: &Prediction| p.routed_int8(context.mode).map_or(0, argmax);
    if has_int8 {
        systems.push(system(&format!("routed {} int8", MODES[context.mode].0), &int8));
    }
    let has_single = !known.is_empty() && known.iter().all(|(p, _)| p.single.is_some());
    let single = |p: &Prediction| p.single.as_deref().map_or(0, argmax);
    if has_single {
        systems.push(system("single head", &single));
    }
    let alone: Vec<System> = (0..context.domains)
        .map(|decoder| system(&format!("best single decoder ({decoder})"), &|p| argmax(&p.decoders[decoder])))
        .collect();
    let best = alone.into_iter().max_by(|a, b| a.accuracy.mean.total_cmp(&b.accuracy.mean));
    systems.extend(best);
    systems.push(system("oracle routing", &|p| argmax(&p.decoders[p.domain])));
    let routing = (0..MODES.len()).map(|mode| {
        let shown = |p: &Prediction| {
            p.routes[mode].in_domain && p.routed(mode)[argmax(p.routed(mode))] >= context.min_probability
        };
        let sure = |p: &Prediction| if p.routes[mode].in_domain { p.routed(mode)[argmax(p.routed(mode))] } else { 0.0 };
        let scores = |of: &mut dyn Iterator<Item = &Prediction>| of.map(sure).collect::<Vec<f64>>();
        Routing {
            mode: MODES[mode].0.to_owned(),
            domain: estimate(&|p, _| p.routes[mode].decoder == p.domain),
            first_against_rest: estimate(&|p, _| (p.routes[mode].decoder == 0) == (p.domain == 0)),
            in_domain: share(known.iter().map(|(p, _)| p.routes[mode].in_domain)).unwrap_or(f64::NAN),
            shown_accuracy: share(
                known.iter().filter(|(p, _)| shown(p)).map(|(p, label)| argmax(p.routed(mode)) == *label),
            )
            .unwrap_or(f64::NAN),
            withheld: share(known.iter().map(|(p, _)| !shown(p))).unwrap_or(f64::NAN),
            unknown_withheld: share(unknown.iter().map(|p| !shown(p))),
            unknown_curve: area_under_curve(
                &scores(&mut known.iter().map(|(p, _)| *p)),
                &scores(&mut unknown.iter().copied()),
            ),
        }
    });
    let routed = |p: &Prediction| argmax(p.routed(context.mode));
    // Accuracy of one way to answer minus that of another.
    let gain = |a: &dyn Fn(&Prediction) -> usize, b: &dyn Fn(&Prediction) -> usize| {
        let right = |answer: usize, label: usize| f64::from(u8::from(answer == label));
        let gains = known.iter().map(|(p, label)| (p.patient.as_str(), right(a(p), *label) - right(b(p), *label)));
        bootstrap::mean(&gains.collect::<Vec<(&str, f64)>>(), context.resamples, context.seed)
    };
    let pairs: Vec<(usize, usize)> = known.iter().map(|(p, label)| (*label, argmax(p.routed(context.mode)))).collect();
    Summary {
        pictures: distinct(known.iter().map(|(p, _)| p.name.as_str())),
        patients: distinct(known.iter().map(|(p, _)| p.patient.as_str())),
        unknown: distinct(unknown.iter().map(|p| p.name.as_str())),
        systems,
        routing: routing.collect(),
        routed_minus_single: has_single.then(|| gain(&routed, &single)),
        int8_minus_float: has_int8.then(|| gain(&int8, &routed)),
        int8_agreement: share(known.iter().filter(|_| has_int8).map(|(p, _)| int8(p) == routed(p))),
        confusion: confusion(&pairs, context.labels),
    }
}

/// Share of true values; none without values.
fn share(values: impl Iterator<Item = bool>) -> Option<f64> {
    let (mut right, mut all) = (0_usize, 0_usize);
    for value in values {
        right += usize::from(value);
        all += 1;
    }
    (all > 0).then(|| right as f64 / all as f64)
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names.len()
}

#[cfg(test)]
mod tests {
    use super::super::prediction::Route;
    use super::*;

    fn prediction(name: &str, label: Option<usize>, domain: usize, decoder: usize, certain: bool) -> Prediction {
        let sure = |class: usize| if class == 0 { vec![0.9, 0.1] } else { vec![0.1, 0.9] };
        let route = |decoder| Route { decoder, in_domain: certain };
        Prediction {
            name: name.into(),
            patient: name.into(),
            device: String::new(),
            label,
            domain,
            routes: vec![route(decoder), route(0), route(1)],
            // Decoder 0 says class 0, decoder 1 says class 1; the single head says class 0.
            decoders: vec![sure(0), sure(1)],
            single: Some(sure(0)),
            // The int8 form of decoder 1 says class 0, too.
            int8: Some(vec![sure(0), sure(0)]),
        }
    }

    #[test]
    fn figures() {
        let predictions = [
            prediction("a", Some(0), 0, 0, true),
            prediction("b", Some(1), 1, 1, true),
            prediction("c", Some(1), 1, 0, true),
            prediction("d", Some(0), 0, 0, true),
            prediction("x", None, 0, 0, false),
        ];
        let context = Context { labels: 2, domains: 2, mode: 0, min_probability: 0.5, resamples: 50, seed: 1 };
        let summary = summarise(&predictions, &context);
        let accuracy = |name: &str| summary.systems.iter().find(|s| s.name.starts_with(name)).map(|s| s.accuracy.mean);
        assert_eq!(accuracy("routed vector"), Some(0.75));
        assert_eq!(accuracy("routed paper"), Some(0.5));
        assert_eq!(accuracy("routed vector int8"), Some(0.5));
        assert_eq!(summary.int8_minus_float.map(|e| e.mean), Some(-0.25));
        assert_eq!(summary.int8_agreement, Some(0.75));
        assert_eq!(accuracy("single head"), Some(0.5));
        assert_eq!(accuracy("best single decoder"), Some(0.5));
        assert_eq!(accuracy("oracle"), Some(1.0));
        assert_eq!(summary.routing[0].domain.mean, 0.75);
        assert_eq!(summary.routing[0].unknown_withheld, Some(1.0));
        assert_eq!(summary.routing[0].unknown_curve, Some(1.0));
        assert_eq!(summary.routed_minus_single.map(|e| e.mean), Some(0.25));
        assert_eq!(summary.confusion, [[2, 0], [1, 1]]);
        assert_eq!((summary.pictures, summary.unknown), (4, 1));
        assert_eq!(summary.systems[0].domains, [Some(1.0), Some(0.5)]);
    }
}
