//! Statistics and decoder of the new domain, with labels and without.

use std::path::Path;

use ushydra_bundle::{Bundle, Statistics, Task};
use ushydra_core::Metric;

use super::decoder;
use super::figures::{Context, Figures, gain};
use super::judge::{Subject, System};
use super::masks::MaskFigures;
use super::report::DecoderNote;
use crate::calibrate::Observation;
use crate::calibrate::extend::{self, NewDomain};
use crate::error::Result;
use crate::evaluate::bootstrap::Estimate;
use crate::files;
use crate::head::export::graph;
use crate::progress::Progress;

/// What the statistics and the decoder of the new domain came to.
pub(super) struct Worked {
    pub(super) statistics: Statistics,
    pub(super) decoder: Vec<u8>,
    pub(super) note: DecoderNote,
    pub(super) validation: Option<[usize; 2]>,
    pub(super) before: Figures,
    pub(super) after: Figures,
    pub(super) gain: Option<Estimate>,
    pub(super) masks: Option<MaskFigures>,
}

/// Statistics and a decoder that learnt from labels, judged on held-out patients.
pub(super) fn labelled(subject: &Subject<'_>, context: &Context<'_>, progress: &Progress) -> Result<Worked> {
    let folds = subject.folds();
    let bar = progress.bar("cross-validation", folds * subject.config.repeats);
    let (before, after) = subject.cross_validate(&bar)?;
    bar.done();
    let all: Vec<usize> = (0..context.truths.len()).collect();
    let (statistics, head, fitted) = subject.adapt(&all, subject.config.seed)?;
    let bundle = subject.bundle;
    let mut graph = graph(subject.domain.name, &head)?;
    graph.documentation(&format!("{}: decoder of the added domain {}", bundle.id(), subject.domain.name));
    graph.metadata("labels", &bundle.manifest().labels.join(" "));
    Ok(Worked {
        decoder: graph.to_bytes()?,
        note: DecoderNote { start: context.domains[fitted.start].clone(), fitted: Some(fitted) },
        validation: Some([folds, subject.config.repeats]),
        before: Figures::of(&before, bundle.statistics(), context),
        after: Figures::of(&after, &statistics, context),
        gain: gain(&before, &after, context),
        masks: None,
        statistics,
    })
}

/// Statistics and a copy of the closest decoder; thresholds and the novelty test stay, because nothing says that the answers
/// are right.
pub(super) fn unlabelled(
    bundle: &Bundle,
    observations: &[Observation<'_>],
    domain: &NewDomain<'_>,
    context: &Context<'_>,
) -> Result<Worked> {
    let old = bundle.statistics();
    let statistics = extend::statistics(old, observations, domain)?;
    let mut heads = match bundle.manifest().task {
        Task::Classify => decoder::heads(bundle)?,
        Task::Segment => Vec::new(),
    };
    let metric: Metric = context.metric;
    let before = System::new(old, metric, domain.weight, &heads)?;
    let closest = before.closest(observations)?;
    let judge = |system: &System<'_>| {
        observations.iter().enumerate().map(|(p, o)| system.judge(p, o)).collect::<Result<Vec<_>>>()
    };
    let before = judge(&before)?;
    if let Some(head) = heads.get(closest).cloned() {
        heads.push(head);
    }
    let after = judge(&System::new(&statistics, metric, domain.weight, &heads)?)?;
    let path = bundle.decoder_path(closest).unwrap_or(Path::new(""));
    Ok(Worked {
        decoder: files::read(path)?,
        note: DecoderNote { start: context.domains[closest].clone(), fitted: None },
        validation: None,
        before: Figures::of(&before, old, context),
        after: Figures::of(&after, &statistics, context),
        gain: None,
        masks: None,
        statistics,
    })
}

/// What cannot be known without the pictures that trained the bundle.
pub(super) fn approximate(bundle: &Bundle, labelled: bool) -> Vec<String> {
    let mut list = vec![
        "The whitened space keeps its covariance, which knows nothing of the new images; only the place of the new domain in it, and \
         one direction towards it, are new."
            .to_owned(),
        "How many images of the older domains are now routed to the new one was not measured.".to_owned(),
        "Thresholds can only rise: those of the older domains' images cannot be computed again.".to_owned(),
    ];
    if labelled && bundle.statistics().novelty.is_some() {
        list.push("The novelty test keeps its scale; the new domain adds one prototype per label.".to_owned());
    }
    if !labelled {
        list.push(
            "Thresholds and the novelty test stay as they are, because nothing says that answers are right.".to_owned(),
        );
    }
    list
}
