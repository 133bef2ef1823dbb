//! The bundle as it is against the adapted one on patients that the adaptation did not see.

use ushydra_bundle::{Bundle, Statistics};
use ushydra_core::{Metric, Router};

use super::config::AdaptConfig;
use super::decoder::Labelled;
use super::figures::Verdict;
use crate::calibrate::extend::{self, NewDomain};
use crate::calibrate::{self, Observation, novelty};
use crate::error::{HostError, Result};
use crate::evaluate::metrics::argmax;
use crate::head::{Head, softmax};
use crate::progress::Bar;
use crate::split::grouped_folds;

/// A router with its decoders, ready to judge features.
pub struct System<'a> {
    statistics: &'a Statistics,
    router: Router<Box<[f32]>>,
    /// None of a segmentation.
    heads: &'a [Head],
}

impl<'a> System<'a> {
    /// Routed by `metric` over `statistics`; `heads` may be empty.
    ///
    /// # Errors
    /// [`HostError::Bundle`] for statistics that the router refuses.
    pub fn new(statistics: &'a Statistics, metric: Metric, weight: f64, heads: &'a [Head]) -> Result<Self> {
        Ok(Self { statistics, router: calibrate::router(statistics, metric, weight)?, heads })
    }

    /// The verdict about one image.
    ///
    /// # Errors
    /// Damaged statistics or features.
    pub fn judge(&self, picture: usize, observation: &Observation<'_>) -> Result<Verdict> {
        let decision = self.router.route(&observation.quality, observation.features)?;
        let score = |statistics| {
            let score = novelty::test(statistics)?.score(observation.features);
            score.map_err(|e| HostError::Calibration(e.to_string()))
        };
        let answer = self.heads.get(decision.decoder).map(|head| softmax(&head.logits(observation.features)));
        Ok(Verdict {
            picture,
            decoder: decision.decoder,
            disparity: decision.disparity.iter().copied().fold(f64::INFINITY, f64::min),
            novelty: self.statistics.novelty.as_ref().map(score).transpose()?,
            in_domain: decision.in_domain,
            answer: answer.map(|probabilities| {
                let label = argmax(&probabilities);
                (label, probabilities.get(label).copied().unwrap_or(0.0))
            }),
        })
    }

    /// Decoder that most of `observations` are routed to; ties go to the first.
    ///
    /// # Errors
    /// As [`Self::judge`].
    pub fn closest(&self, observations: &[Observation<'_>]) -> Result<usize> {
        let mut counts = vec![0_usize; self.statistics.domains.len()];
        for observation in observations {
            counts[self.router.route(&observation.quality, observation.features)?.decoder] += 1;
        }
        let most = counts.iter().copied().max().unwrap_or(0);
        Ok(counts.iter().position(|&count| count == most).unwrap_or(0))
    }
}

/// What a cross-validation starts from.
pub struct Subject<'a> {
    /// The bundle as it is.
    pub bundle: &'a Bundle,
    /// Its decoders.
    pub heads: &'a [Head],
    /// The new domain.
    pub domain: NewDomain<'a>,
    /// Unaugmented view of every image.
    pub observations: &'a [Observation<'a>],
    /// Views and labels.
    pub data: Labelled<'a>,
    /// Settings.
    pub config: &'a AdaptConfig,
}

impl Subject<'_> {
    /// The default routing of the bundle.
    #[must_use]
    pub fn metric(&self) -> Metric {
        self.bundle.manifest().routing.mode.into()
    }

    /// Statistics and decoder adapted to the images `pictures`; those without a label are left out.
    ///
    /// # Errors
    /// Those of calibration and training.
    pub fn adapt(&self, pictures: &[usize], seed: u64) -> Result<(Statistics, Head, super::decoder::Fitted)> {
        let pictures: Vec<usize> = pictures.iter().copied().filter(|&p| self.data.labels[p].is_some()).collect();
        let own: Vec<Observation<'_>> = pictures.iter().map(|&p| self.observations[p].clone()).collect();
        let old = self.bundle.statistics();
        let start = System::new(old, self.metric(), self.domain.weight, &[])?.closest(&own)?;
        let Some(head) = self.heads.get(start) else {
            return Err(HostError::Dataset("the bundle has no decoder to start from; get it again".to_owned()));
        };
        let (head, fitted) = self.data.decoder((start, head), &pictures, self.config, seed)?;
        Ok((extend::calibrate(old, &own, &self.domain, self.config.folds, seed)?, head, fitted))
    }

    /// Verdicts of the bundle as it is and of the adapted one about every image, once per repetition, in the same order. The
    /// adapted one saw nothing of the image's patient.
    ///
    /// # Errors
    /// Those of the split and of [`Self::adapt`], [`HostError::Stopped`].
    pub fn cross_validate(&self, bar: &Bar) -> Result<(Vec<Verdict>, Vec<Verdict>)> {
        let weight = self.domain.weight;
        let before = System::new(self.bundle.statistics(), self.metric(), weight, self.heads)?;
        let classes = self.data.classes;
        let strata: Vec<usize> = self.data.labels.iter().map(|label| label.unwrap_or(classes)).collect();
        let patients: Vec<&str> = self.data.patients.iter().map(String::as_str).collect();
        let folds = self.folds();
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for repeat in 0..self.config.repeats {
            let seed = self.config.seed.wrapping_add(repeat as u64);
            let fold_of = grouped_folds(&strata, &patients, folds, seed)?;
            for fold in 0..folds {
                let (held_out, training): (Vec<usize>, Vec<usize>) =
                    (0..fold_of.len()).partition(|&p| fold_of[p] == fold);
                if training.iter().all(|&p| self.data.labels[p].is_none()) {
                    return Err(HostError::Dataset(
                        "all labelled images belong to one patient; add images of others".to_owned(),
                    ));
                }
                let (statistics, head, _) = self.adapt(&training, seed)?;
                let mut heads = self.heads.to_vec();
                heads.push(head);
                let after = System::new(&statistics, self.metric(), weight, &heads)?;
                for p in held_out {
                    old.push(before.judge(p, &self.observations[p])?);
                    new.push(after.judge(p, &self.observations[p])?);
                }
                bar.step()?;
            }
        }
        Ok((old, new))
    }

    /// Folds of the cross-validation: no more than there are patients.
    #[must_use]
    pub fn folds(&self) -> usize {
        let patients = self.data.patients.iter().collect::<std::collections::BTreeSet<_>>().len();
        self.config.folds.min(patients)
    }
}
