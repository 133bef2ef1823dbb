//! Figures of judged pictures: Dice and head circumference of every system, with intervals over patients.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::judge::{Compared, Judged};
use crate::error::Result;
use crate::evaluate::MODES;
use crate::evaluate::bootstrap::{self, Estimate};
use crate::files;
use crate::report::{align, markdown};

/// One way to answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentSystem {
    /// `routed vector`, `single decoder`, ...
    pub name: String,
    /// Mean Dice with its interval over patients.
    pub dice: Estimate,
    /// The same per domain; none for a domain without pictures.
    pub domains: Vec<Option<Estimate>>,
    /// Median absolute error of the head circumference in mm; none where no picture has a published one.
    pub hc_mm: Option<Estimate>,
    /// Median signed error in mm.
    pub hc_bias_mm: Option<f64>,
}

/// How well one routing mode finds the domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentRouting {
    /// Mode.
    pub mode: String,
    /// Share of pictures routed to their own domain.
    pub domain: Estimate,
    /// Share of pictures that count as in-domain.
    pub in_domain: f64,
}

/// Everything one evaluation found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentFigures {
    /// What was evaluated.
    pub title: String,
    /// Domains in order.
    pub domains: Vec<String>,
    /// Pictures and patients.
    pub pictures: usize,
    /// Different patients among them.
    pub patients: usize,
    /// Routed systems, single decoder, best single decoder, oracle routing.
    pub systems: Vec<SegmentSystem>,
    /// Per routing mode.
    pub routing: Vec<SegmentRouting>,
    /// Dice of the default mode minus that of the single decoder, paired by patient.
    pub routed_minus_single: Option<Estimate>,
    /// The pictures with the smallest Dice of the default mode.
    pub worst: Vec<(String, f64)>,
}

/// What figures need to know besides the pictures.
#[derive(Clone, Debug)]
pub struct Context {
    /// What was evaluated.
    pub title: String,
    /// Domains in order.
    pub domains: Vec<String>,
    /// Index of the default mode in [`MODES`].
    pub mode: usize,
    /// Bootstrap resamples.
    pub resamples: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
}

/// Pictures listed as the worst.
const WORST: usize = 5;

/// Summarises judged pictures.
#[must_use]
pub fn figures(judged: &[Judged], context: &Context) -> SegmentFigures {
    let count = context.domains.len();
    let mean = |values: &[(&str, f64)]| bootstrap::mean(values, context.resamples, context.seed);
    let of = |chosen: &dyn Fn(&Judged) -> f64| {
        judged.iter().map(|j| (j.patient.as_str(), chosen(j))).collect::<Vec<(&str, f64)>>()
    };
    let system = |name: &str, answer: &dyn Fn(&Judged) -> Compared| {
        let domains = (0..count).map(|domain| {
            let own = judged.iter().filter(|j| j.domain == domain);
            let values: Vec<(&str, f64)> = own.map(|j| (j.patient.as_str(), answer(j).dice)).collect();
            (!values.is_empty()).then(|| mean(&values))
        });
        let errors: Vec<(&str, f64)> =
            judged.iter().filter_map(|j| Some((j.patient.as_str(), answer(j).hc_mm?))).collect();
        let absolute: Vec<(&str, f64)> = errors.iter().map(|(patient, error)| (*patient, error.abs())).collect();
        let median = |values: &[(&str, f64)]| bootstrap::median(values, context.resamples, context.seed);
        SegmentSystem {
            name: name.to_owned(),
            dice: mean(&of(&|j| answer(j).dice)),
            domains: domains.collect(),
            hc_mm: (!errors.is_empty()).then(|| median(&absolute)),
            hc_bias_mm: (!errors.is_empty()).then(|| median(&errors).mean),
        }
    };
    let routed = |mode: usize| move |j: &Judged| j.decoders[j.routes[mode].decoder];
    let mut systems: Vec<SegmentSystem> =
        MODES.iter().enumerate().map(|(mode, (name, _))| system(&format!("routed {name}"), &routed(mode))).collect();
    let has_control = !judged.is_empty() && judged.iter().all(|j| j.control.is_some());
    let nothing = Compared { dice: 0.0, hc_mm: None };
    if has_control {
        systems.push(system("single decoder", &|j| j.control.unwrap_or(nothing)));
    }
    let alone = (0..count).map(|d| system(&format!("only decoder {}", context.domains[d]), &move |j| j.decoders[d]));
    systems.extend(alone.max_by(|a, b| a.dice.mean.total_cmp(&b.dice.mean)));
    systems.push(system("oracle routing", &|j| j.decoders[j.domain]));
    let routing = MODES.iter().enumerate().map(|(mode, (name, _))| SegmentRouting {
        mode: (*name).to_owned(),
        domain: mean(&of(&|j| f64::from(u8::from(j.routes[mode].decoder == j.domain)))),
        in_domain: of(&|j| f64::from(u8::from(j.routes[mode].in_domain))).iter().map(|v| v.1).sum::<f64>()
            / judged.len().max(1) as f64,
    });
    let difference = |j: &Judged| routed(context.mode)(j).dice - j.control.unwrap_or(nothing).dice;
    let mut worst: Vec<(String, f64)> = judged.iter().map(|j| (j.name.clone(), routed(context.mode)(j).dice)).collect();
    worst.sort_by(|a, b| a.1.total_cmp(&b.1));
    worst.truncate(WORST);
    SegmentFigures {
        title: context.title.clone(),
        domains: context.domains.clone(),
        pictures: judged.len(),
        patients: judged.iter().map(|j| (j.patient.as_str(), ())).collect::<BTreeMap<_, _>>().len(),
        systems,
        routing: routing.collect(),
        routed_minus_single: has_control.then(|| mean(&of(&difference))),
        worst,
    }
}

impl SegmentFigures {
    fn rows(&self) -> Vec<Vec<String>> {
        let interval = |e: &Estimate| format!("{:.4} ({:.4} to {:.4})", e.mean, e.low, e.high);
        let mut head = vec!["system".to_owned(), "Dice".to_owned()];
        head.extend(self.domains.iter().map(|d| format!("Dice {d}")));
        head.push("HC error, median mm".to_owned());
        head.push("HC bias mm".to_owned());
        let mut rows = vec![head];
        for system in &self.systems {
            let mut row = vec![system.name.clone(), interval(&system.dice)];
            row.extend(system.domains.iter().map(|d| d.as_ref().map_or_else(|| "-".to_owned(), interval)));
            let hc = |e: &Estimate| format!("{:.2} ({:.2} to {:.2})", e.mean, e.low, e.high);
            row.push(system.hc_mm.as_ref().map_or_else(|| "-".to_owned(), hc));
            row.push(system.hc_bias_mm.map_or_else(|| "-".to_owned(), |b| format!("{b:+.2}")));
            rows.push(row);
        }
        rows
    }

    fn routing_rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![["routing", "domain right %", "in domain %"].map(str::to_owned).to_vec()];
        for mode in &self.routing {
            let e = &mode.domain;
            let share = format!("{:.1} ({:.1} to {:.1})", 100.0 * e.mean, 100.0 * e.low, 100.0 * e.high);
            rows.push(vec![mode.mode.clone(), share, format!("{:.1}", 100.0 * mode.in_domain)]);
        }
        rows
    }

    fn words(&self) -> String {
        let mut text = format!(
            "{} pictures of {} patients; 95 % intervals from a bootstrap over patients.",
            self.pictures, self.patients
        );
        if let Some(e) = &self.routed_minus_single {
            text.push_str(&format!(
                " Routed minus single decoder, paired by patient: {:+.4} ({:+.4} to {:+.4}).",
                e.mean, e.low, e.high
            ));
        }
        let worst: Vec<String> = self.worst.iter().map(|(name, dice)| format!("{name} {dice:.3}")).collect();
        text.push_str(&format!(" Worst: {}.", worst.join(", ")));
        text
    }

    /// For a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}{}\n", self.title, align(&self.rows()), align(&self.routing_rows()), self.words())
    }

    /// For a model card.
    #[must_use]
    pub fn markdown(&self) -> String {
        let (systems, routing) = (markdown(&self.rows()), markdown(&self.routing_rows()));
        format!("{}\n\n{systems}\n{routing}\n{}\n", self.title, self.words())
    }

    /// Writes `evaluation.json` and `evaluation.md` to `folder`.
    ///
    /// # Errors
    /// [`crate::HostError::Io`].
    pub fn write(&self, folder: &Path) -> Result<()> {
        files::write_json(&folder.join("evaluation.json"), self)?;
        files::write_atomic(&folder.join("evaluation.md"), self.markdown().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::Route;

    #[test]
    fn systems_are_told_apart() {
        let judged = |name: &str, domain: usize, chosen: [usize; 3]| Judged {
            name: name.to_owned(),
            patient: name.to_owned(),
            domain,
            routes: chosen.map(|decoder| Route { decoder, in_domain: decoder == domain }).to_vec(),
            decoders: (0..2)
                .map(|d| Compared { dice: if d == domain { 0.9 } else { 0.5 }, hc_mm: (d == 1).then_some(-2.0) })
                .collect(),
            control: Some(Compared { dice: 0.8, hc_mm: None }),
        };
        let set = [judged("a", 0, [0, 1, 0]), judged("b", 1, [1, 0, 0])];
        let context = Context {
            title: "test".into(),
            domains: vec!["low".into(), "high".into()],
            mode: 0,
            resamples: 50,
            seed: 1,
        };
        let found = figures(&set, &context);
        let dice = |name: &str| found.systems.iter().find(|s| s.name == name).map(|s| s.dice.mean);
        for (name, expected) in [
            ("routed vector", 0.9),
            ("routed paper", 0.5),
            ("routed released", 0.7),
            ("single decoder", 0.8),
            ("oracle routing", 0.9),
        ] {
            assert!(dice(name).is_some_and(|d| (d - expected).abs() < 1e-12), "{name}: {:?}", dice(name));
        }
        assert!(found.routed_minus_single.is_some_and(|e| (e.mean - 0.1).abs() < 1e-12));
        assert_eq!(found.systems[0].hc_mm.map(|e| e.mean), Some(2.0));
        assert_eq!(found.systems[0].hc_bias_mm, Some(-2.0));
        assert!((found.routing[1].domain.mean - 0.0).abs() < 1e-12 && (found.routing[0].in_domain - 1.0).abs() < 1e-12);
        assert!(found.text().contains("routed vector") && found.markdown().contains("| single decoder |"));
    }
}
