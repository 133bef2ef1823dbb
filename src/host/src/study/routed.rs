//! What a routed system leaves for its ablations: the evidence of every picture and the answer of every decoder. From these
//! another routing is a matter of seconds.

use std::path::Path;

use serde::{Deserialize, Serialize};
use ushydra_bundle::{Digest, Statistics};
use ushydra_core::{Metric, Moments, Quality};

use super::ablation::{Evidence, Routing, Variant};
use super::map::Plane;
use super::record::{Answer, CellRecord, Frame};
use crate::calibrate::{self, CalibrationConfig, Identity, Observation};
use crate::error::{HostError, Result};
use crate::features::View;
use crate::features::cache::Cache;
use crate::files;

const TABLE: &str = "routed.json";
/// Name of the evidence in the cell's own store.
const EVIDENCE: &str = "evidence";

/// What the router sees of a picture, with what is known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Pixel moments and feature vector.
    pub view: View,
    /// Picture.
    pub about: About,
}

/// What is known about a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// As listed.
    pub name: String,
    /// Patient.
    pub patient: String,
    /// Device or country.
    pub device: String,
    /// True domain.
    pub domain: usize,
    /// True label.
    pub label: Option<usize>,
}

impl About {
    /// The answer of a system without routing.
    #[must_use]
    pub fn answered(self, answer: Answer) -> Frame {
        Frame {
            name: self.name,
            patient: self.patient,
            domain: self.domain,
            device: self.device,
            decoder: None,
            in_domain: None,
            position: None,
            answer,
        }
    }
}

/// One test picture with every decoder's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The picture.
    pub seen: Seen,
    /// By decoder.
    pub answers: Vec<Answer>,
}

/// Everything of one routed cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Routed {
    /// Names of the domains that have decoders.
    pub domains: Vec<String>,
    /// Pictures that the statistics come from.
    pub train: Vec<Seen>,
    /// Test pictures.
    pub test: Vec<Judged>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    domains: Vec<String>,
    train: Vec<About>,
    test: Vec<About>,
    answers: Vec<Vec<Answer>>,
}

/// How the statistics are made and read.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Calibration of the recipe.
    pub calibration: &'a CalibrationConfig,
    /// Weight of the standard deviation in Eq. (11).
    pub weight: f64,
    /// Seed of the folds behind the thresholds.
    pub seed: u64,
}

impl Routed {
    /// Writes everything into the cell's folder.
    ///
    /// # Errors
    /// [`HostError::Io`].
    pub fn save(&self, folder: &Path) -> Result<()> {
        let views: Vec<View> =
            self.train.iter().chain(self.test.iter().map(|t| &t.seen)).map(|s| s.view.clone()).collect();
        Cache::new(folder).put(EVIDENCE, &views)?;
        let stored = Stored {
            domains: self.domains.clone(),
            train: self.train.iter().map(|s| s.about.clone()).collect(),
            test: self.test.iter().map(|t| t.seen.about.clone()).collect(),
            answers: self.test.iter().map(|t| t.answers.clone()).collect(),
        };
        files::write_json(&folder.join(TABLE), &stored)
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    /// [`HostError::Io`], [`HostError::Damaged`].
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(TABLE);
        let stored: Stored = files::read_json(&path)?;
        let count = stored.train.len() + stored.test.len();
        let views = Cache::new(folder).get(EVIDENCE)?.filter(|views| views.len() == count);
        let views = views.filter(|_| stored.answers.len() == stored.test.len());
        let mut views =
            views.ok_or_else(|| HostError::damaged(&path, "it does not fit the evidence beside it"))?.into_iter();
        let mut seen = |about| views.next().map(|view| Seen { view, about });
        let train = stored.train.into_iter().filter_map(&mut seen).collect();
        let test = stored.test.into_iter().filter_map(&mut seen).zip(stored.answers);
        let test = test.map(|(seen, answers)| Judged { seen, answers }).collect();
        Ok(Self { domains: stored.domains, train, test })
    }

    /// Statistics of the training pictures as `evidence` shows them.
    ///
    /// # Errors
    /// Those of [`calibrate::calibrate`].
    pub fn statistics(&self, rules: &Rules<'_>, evidence: Evidence) -> Result<Statistics> {
        let shown: Vec<View> = self.train.iter().map(|s| show(&s.view, evidence)).collect();
        let observations: Vec<Observation<'_>> =
            self.train.iter().zip(&shown).map(|(seen, view)| observation(&seen.about, view)).collect::<Result<_>>()?;
        let mut calibration = rules.calibration.clone();
        if evidence != Evidence::Both {
            // The novelty test reads features; what is compared here is the way to a decoder.
            calibration.novelty = None;
        }
        if evidence == Evidence::Pixel {
            // Every feature is the same: one stands for all.
            (calibration.start, calibration.entries) = (0, 1);
        }
        let identity = Identity {
            bundle: "study".to_owned(),
            encoder_sha256: Digest::of(b""),
            preprocessing: String::new(),
            domains: self.domains.clone(),
            provenance: Vec::new(),
            weight: rules.weight,
        };
        calibrate::calibrate(&observations, &identity, &calibration, rules.seed)
    }

    /// Routes the test part as `variant` says and writes answers and map into `record`. `statistics` and `rules` are those of the
    /// main comparison, `metric` its mode.
    ///
    /// # Errors
    /// Those of [`Self::statistics`] and [`Self::frames`].
    pub fn fill(
        &self,
        record: &mut CellRecord,
        variant: &Variant,
        mut rules: Rules<'_>,
        metric: Metric,
        statistics: &Statistics,
    ) -> Result<()> {
        let (mut routing, mut evidence) = (Routing::Mode(metric), Evidence::Both);
        let mut own = None;
        match variant {
            Variant::Routing(wanted) => routing = wanted.clone(),
            Variant::Std(weight) => {
                rules.weight = *weight;
                routing = Routing::Mode(Metric::Paper);
                own = Some(self.statistics(&rules, evidence)?);
            }
            Variant::Evidence(wanted, metric) => {
                (evidence, routing) = (*wanted, Routing::Mode(*metric));
                own = Some(self.statistics(&rules, evidence)?);
            }
            Variant::Main | Variant::Int8 | Variant::Others(_) | Variant::Domains(_) | Variant::Degraded(_) => {}
        }
        let statistics = own.as_ref().unwrap_or(statistics);
        record.frames = self.frames(statistics, rules.weight, &routing, evidence)?;
        record.domain_positions = self.positions(statistics);
        Ok(())
    }

    /// Every test picture answered by the decoder that `routing` finds for it.
    ///
    /// # Errors
    /// [`HostError::Dataset`] for an unknown decoder; those of the router.
    pub fn frames(
        &self,
        statistics: &Statistics,
        weight: f64,
        routing: &Routing,
        evidence: Evidence,
    ) -> Result<Vec<Frame>> {
        let router = match routing {
            Routing::Mode(metric) => Some(calibrate::router(statistics, *metric, weight)?),
            Routing::Fixed(_) | Routing::Oracle => None,
        };
        let fixed = match routing {
            Routing::Fixed(name) => Some(self.domains.iter().position(|d| d == name).ok_or_else(|| {
                HostError::Dataset(format!("there is no decoder `{name}` (there are {})", self.domains.join(", ")))
            })?),
            Routing::Mode(_) | Routing::Oracle => None,
        };
        let plane = Plane::new(&statistics.vector, &self.train.iter().map(|s| vector(&s.view)).collect::<Vec<_>>());
        let mut frames = Vec::with_capacity(self.test.len());
        for Judged { seen, answers } in &self.test {
            let (decoder, in_domain) = match &router {
                Some(router) => {
                    let shown = show(&seen.view, evidence);
                    let observed = observation(&seen.about, &shown)?;
                    let decision = router.route(&observed.quality, observed.features)?;
                    (decision.decoder, Some(decision.in_domain))
                }
                // The true domain of a stranger has no decoder.
                None => (fixed.unwrap_or(seen.about.domain), None),
            };
            let Some(answer) = answers.get(decoder) else { continue };
            frames.push(Frame {
                decoder: Some(decoder),
                in_domain,
                position: Some(plane.place(&vector(&seen.view))),
                ..seen.about.clone().answered(answer.clone())
            });
        }
        Ok(frames)
    }

    /// Centres of the domains in the plane of the map.
    #[must_use]
    pub fn positions(&self, statistics: &Statistics) -> Vec<[f64; 2]> {
        let pictures: Vec<Vec<f32>> = self.train.iter().map(|s| vector(&s.view)).collect();
        Plane::new(&statistics.vector, &pictures).domains()
    }
}

/// The view with what `evidence` leaves out replaced by a constant.
fn show(view: &View, evidence: Evidence) -> View {
    match evidence {
        Evidence::Both => view.clone(),
        Evidence::Pixel => View { pixel: view.pixel, features: vec![0.0; view.features.len()] },
        Evidence::Feature => View { pixel: Moments::default(), features: view.features.clone() },
    }
}

fn observation<'a>(about: &'a About, view: &'a View) -> Result<Observation<'a>> {
    let feature = if view.features.iter().all(|f| *f == 0.0) {
        Moments::default()
    } else {
        Moments::of(&view.features).map_err(|e| HostError::Calibration(format!("{}: {e}", about.name)))?
    };
    let quality = Quality { pixel: view.pixel, feature };
    Ok(Observation {
        quality,
        features: &view.features,
        domain: about.domain,
        label: about.label,
        patient: &about.patient,
    })
}

fn vector(view: &View) -> Vec<f32> {
    let mut vector = view.features.clone();
    vector.extend([view.pixel.mean as f32, view.pixel.std as f32]);
    vector
}

/// The mode of the main comparison as a routing.
#[must_use]
pub const fn by(metric: Metric) -> Routing {
    Routing::Mode(metric)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Two domains that differ in pixels, and in the first feature.
    fn world() -> Routed {
        let mut rng = Rng::new(8);
        let mut seen = |i: usize| {
            let domain = i % 2;
            let shift = domain as f64 * 8.0;
            let features = (0..6).map(|e| (rng.normal() + if e == 0 { shift } else { 0.0 }) as f32).collect();
            let pixel = Moments { mean: rng.normal() * 0.05 + domain as f64, std: 1.0 + 0.05 * rng.normal() };
            let about =
                About { name: i.to_string(), patient: format!("p{i}"), device: String::new(), domain, label: Some(0) };
            Seen { view: View { pixel, features }, about }
        };
        let train = (0..40).map(&mut seen).collect();
        let answer = |p: f64| Answer::Class { label: Some(0), probabilities: vec![p, 1.0 - p] };
        let test = (0..12).map(|i| Judged { seen: seen(i), answers: vec![answer(0.9), answer(0.2)] }).collect();
        Routed { domains: vec!["low".into(), "high".into()], train, test }
    }

    #[test]
    fn every_way_to_a_decoder() {
        let folder = tempfile::tempdir().unwrap();
        world().save(folder.path()).unwrap();
        let routed = Routed::load(folder.path()).unwrap();
        assert_eq!(routed, world());
        let calibration =
            CalibrationConfig { start: 0, entries: 6, components: 4, quantile: 0.99, folds: 4, novelty: None };
        let rules = Rules { calibration: &calibration, weight: 10.0, seed: 1 };
        for evidence in [Evidence::Pixel, Evidence::Feature, Evidence::Both] {
            let statistics = routed.statistics(&rules, evidence).unwrap();
            for metric in [Metric::Vector, Metric::Paper] {
                let frames = routed.frames(&statistics, 10.0, &by(metric), evidence).unwrap();
                let right = frames.iter().filter(|f| f.decoder == Some(f.domain)).count();
                assert!(right >= 11 || metric == Metric::Paper, "{evidence:?} {metric:?}: {right}");
                assert_eq!(frames.len(), 12);
            }
        }
        let statistics = routed.statistics(&rules, Evidence::Both).unwrap();
        assert_eq!(routed.positions(&statistics).len(), 2);
        let fixed = |name: &str| routed.frames(&statistics, 10.0, &Routing::Fixed(name.into()), Evidence::Both);
        assert!(fixed("high").unwrap().iter().all(|f| f.decoder == Some(1) && f.in_domain.is_none()));
        assert!(fixed("medium").unwrap_err().to_string().contains("no decoder `medium`"));
        let oracle = routed.frames(&statistics, 10.0, &Routing::Oracle, Evidence::Both).unwrap();
        assert!(oracle.iter().all(|f| f.decoder == Some(f.domain)));
        std::fs::remove_dir_all(folder.path().join("ev")).unwrap();
        assert!(matches!(Routed::load(folder.path()), Err(HostError::Damaged { .. })));
    }
}
