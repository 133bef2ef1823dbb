//! From a bundle and new images to a plan that can be shown, confirmed and written.

use std::path::{Path, PathBuf};
use std::time::Instant;

use ushydra_bundle::{Bundle, Day, MANIFEST_FILE, Statistics, Task};
use ushydra_core::{MAX_DOMAINS, Metric};

use super::config::AdaptConfig;
use super::decoder::{self, Labelled};
use super::figures::{Context, Figures, gain};
use super::images::{self, ImageSource};
use super::judge::{Subject, System};
use super::masks::{MaskFigures, Masked};
use super::observe::Observed;
use super::report::{Adaptation, DecoderNote, ImageCounts, Outcome, thresholds};
use crate::calibrate::Observation;
use crate::calibrate::extend::{self, NewDomain};
use crate::error::{HostError, Result};
use crate::files;
use crate::head::export::graph;
use crate::progress::Progress;
use crate::train::run::VERSIONS;

/// Longest name of a domain in bytes; it must fit the router's table.
const MAX_NAME: usize = 32;
/// Folder of bundles that a name is looked for in.
const MODELS: &str = "models";

/// What is adapted, to what.
#[derive(Clone, Debug)]
pub struct Request {
    /// Folder of the bundle, or its name below `models/`.
    pub from: PathBuf,
    /// The new images.
    pub images: ImageSource,
    /// Name of the new domain.
    pub domain: String,
    /// Name of the new bundle; none keeps the old one.
    pub bundle_name: Option<String>,
    /// Licence of the images, for the provenance.
    pub licence: String,
    /// Who made them, for the provenance.
    pub attribution: String,
    /// Settings.
    pub config: AdaptConfig,
    /// Feature cache.
    pub cache: PathBuf,
    /// Images worked on at the same time.
    pub jobs: usize,
}

/// An adaptation that is worked out and not written.
pub struct Plan {
    pub(super) bundle: Bundle,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) licence: String,
    pub(super) attribution: String,
    pub(super) statistics: Statistics,
    /// Bytes of the new decoder's ONNX file.
    pub(super) decoder: Vec<u8>,
    /// Everything that was found.
    pub report: Adaptation,
}

/// What the statistics and the decoder of the new domain came to.
pub(super) struct Worked {
    pub(super) statistics: Statistics,
    pub(super) decoder: Vec<u8>,
    pub(super) note: DecoderNote,
    pub(super) validation: Option<[usize; 2]>,
    pub(super) before: Figures,
    pub(super) after: Figures,
    pub(super) gain: Option<crate::evaluate::bootstrap::Estimate>,
    pub(super) masks: Option<MaskFigures>,
}

/// Works out the adaptation without touching the bundle.
///
/// # Errors
/// [`HostError::Config`] for a name or a bundle that cannot take a domain, [`HostError::Bundle`] for one that does not open,
/// [`HostError::Dataset`] for images that cannot be used, those of the engine and of training, [`HostError::Stopped`].
pub fn plan(request: &Request, progress: &Progress) -> Result<Plan> {
    let began = Instant::now();
    request.config.check().map_err(HostError::Dataset)?;
    let folder = find(&request.from)?;
    let bundle = Bundle::open(&folder)?;
    check(&bundle, &request.domain)?;
    let manifest = bundle.manifest();
    let version = next(&manifest.version).map_err(|e| HostError::config(&folder.join(MANIFEST_FILE), e))?;
    let name = request.bundle_name.clone().unwrap_or_else(|| manifest.name.clone());
    let masked = match (&request.images.csv, manifest.task) {
        (Some(csv), Task::Segment) => Some(Masked::read(&bundle, csv, &request.domain, request.jobs, progress)?),
        _ => None,
    };
    let (labelled, mut warnings, found);
    let observed = match &masked {
        Some(masked) => {
            (labelled, warnings) = (false, Vec::new());
            &masked.observed
        }
        None => {
            let images = request.images.read(&manifest.labels, &request.domain)?;
            (labelled, warnings) = (images.labelled && manifest.task == Task::Classify, images.warnings);
            if images.labelled && !labelled {
                warnings.push("labels mean nothing to a segmentation; a csv with masks would be judged".to_owned());
            }
            let views = if labelled { request.config.augmentation.views } else { 1 };
            found =
                Observed::of(&bundle, &images.samples, &request.config, views, &request.cache, request.jobs, progress)?;
            &found
        }
    };
    let position = |label: &str| manifest.labels.iter().position(|known| known == label);
    let truths: Vec<Option<usize>> = observed.samples.iter().map(|s| position(&s.label).filter(|_| labelled)).collect();
    let observations = observed
        .samples
        .iter()
        .enumerate()
        .map(|(p, sample)| {
            let (pixel, features) = (observed.features.pixel(p, 0), observed.features.row(p, 0));
            Observation::new(pixel, features, manifest.domains.len(), truths[p], &observed.patients[p])
                .map_err(|e| HostError::Calibration(format!("{}: {e}", sample.name)))
        })
        .collect::<Result<Vec<_>>>()?;
    let sha256 = images::fingerprint(&observed.samples)?;
    let counts = ImageCounts::of(&observed.samples, &observed.patients, labelled, observed.skipped.clone(), sha256);
    let provenance = provenance(&counts);
    let domain = NewDomain {
        name: &request.domain,
        provenance: &provenance,
        weight: manifest.routing.weight,
        component: request.config.component,
    };
    let domains: Vec<String> = manifest.domains.iter().cloned().chain([request.domain.clone()]).collect();
    let context = Context {
        domains: &domains,
        labels: &manifest.labels,
        truths: &truths,
        labelled,
        patients: &observed.patients,
        min_probability: manifest.gate.min_probability,
        metric: manifest.routing.mode.into(),
        resamples: request.config.resamples,
        seed: request.config.seed,
    };
    let worked = if let Some(masked) = &masked {
        let folds = request.config.folds.min(counts.patients);
        let bar = progress.bar("cross-validation", folds * request.config.repeats);
        masked.work(&bundle, &observations, &domain, &context, &request.config, &bar)?
    } else if labelled {
        let heads = decoder::heads(&bundle)?;
        usable(&truths, &observed.patients, &manifest.labels, &mut warnings)?;
        let data = Labelled {
            features: &observed.features,
            labels: &truths,
            patients: &observed.patients,
            classes: manifest.labels.len(),
        };
        let subject = Subject {
            bundle: &bundle,
            heads: &heads,
            domain,
            observations: &observations,
            data,
            config: &request.config,
        };
        labelled_work(&subject, &context, progress)?
    } else {
        unlabelled(&bundle, &observations, &domain, &context)?
    };
    let outcome = Outcome::of(worked.gain.as_ref());
    let report = Adaptation {
        date: Day::today().to_string(),
        bundle: bundle.id(),
        bundle_sha256: files::sha256_file(&folder.join(MANIFEST_FILE))?,
        result: format!("{name}@{version}"),
        task: manifest.task,
        domain: request.domain.clone(),
        images: counts,
        warnings,
        validation: worked.validation,
        detected: worked.after.routed_to(&request.domain),
        before: worked.before,
        after: worked.after,
        gain: worked.gain,
        masks: worked.masks,
        decoder: worked.note,
        thresholds: thresholds(bundle.statistics(), &worked.statistics),
        approximate: approximate(&bundle, labelled || masked.is_some()),
        outcome,
        config: request.config.clone(),
        versions: VERSIONS.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect(),
        seconds: began.elapsed().as_secs_f64(),
    };
    Ok(Plan {
        name,
        version,
        licence: request.licence.clone(),
        attribution: request.attribution.clone(),
        statistics: worked.statistics,
        decoder: worked.decoder,
        report,
        bundle,
    })
}

/// The folder of a bundle, or of `models/<name>`.
fn find(from: &Path) -> Result<PathBuf> {
    if from.join(MANIFEST_FILE).exists() {
        return Ok(from.to_owned());
    }
    let named = Path::new(MODELS).join(from);
    if from.components().count() == 1 && named.join(MANIFEST_FILE).exists() {
        return Ok(named);
    }
    Err(HostError::Missing {
        path: from.join(MANIFEST_FILE),
        remedy: format!("give the folder of a bundle, or the name of one in {MODELS}/"),
    })
}

/// Whether the bundle has room for a domain of this name.
fn check(bundle: &Bundle, domain: &str) -> Result<()> {
    let manifest = bundle.manifest();
    let refuse = |problem: String| Err(HostError::config(bundle.root(), problem));
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if domain.is_empty() || domain.len() > MAX_NAME || !domain.bytes().all(plain) {
        return refuse(format!(
            "`{domain}` is no name of a domain; use 1 to {MAX_NAME} lowercase letters, digits, `-` and `_`"
        ));
    }
    if manifest.domains.iter().any(|known| known == domain) {
        return refuse(format!(
            "{} has a domain `{domain}` already ({}); choose another --name",
            bundle.id(),
            manifest.domains.join(", ")
        ));
    }
    if manifest.domains.len() >= MAX_DOMAINS {
        return refuse(format!(
            "{} has {} domains, and the device's table holds {MAX_DOMAINS}; train a bundle anew without one of them",
            bundle.id(),
            manifest.domains.len()
        ));
    }
    Ok(())
}

/// The next minor version.
fn next(version: &str) -> std::result::Result<String, String> {
    let version = semver::Version::parse(version).map_err(|e| e.to_string())?;
    Ok(semver::Version::new(version.major, version.minor + 1, 0).to_string())
}

/// Whether labels and patients are enough to judge on.
fn usable(truths: &[Option<usize>], patients: &[String], labels: &[String], warnings: &mut Vec<String>) -> Result<()> {
    let known = |label: usize| truths.iter().filter(|t| **t == Some(label)).count();
    let present: Vec<usize> = (0..labels.len()).filter(|&label| known(label) > 0).collect();
    if let [] | [_] = present[..] {
        let found = present.first().map_or_else(|| "none".to_owned(), |&label| format!("only `{}`", labels[label]));
        return Err(HostError::Dataset(format!(
            "images of at least two labels are needed, {found} was found; add images of {}, or leave the labels away to look at \
             the images without training",
            labels.join(", ")
        )));
    }
    let of = |label: Option<usize>| {
        let own = truths.iter().zip(patients).filter(|(t, _)| t.is_some() && (label.is_none() || **t == label));
        own.map(|(_, patient)| patient).collect::<std::collections::BTreeSet<_>>().len()
    };
    if of(None) < 2 {
        return Err(HostError::Dataset(
            "all images belong to one patient, so that nothing can be judged on another; add images of more patients (where the \
             csv or --patient-prefix joins different ones, correct it)"
                .to_owned(),
        ));
    }
    for (label, name) in labels.iter().enumerate() {
        match of(Some(label)) {
            0 => warnings.push(format!(
                "no image shows `{name}`: what the new decoder says about it is as good as before at best"
            )),
            1 => warnings.push(format!("`{name}` comes from a single patient: it cannot be judged on another")),
            _ => {}
        }
    }
    Ok(())
}

fn provenance(images: &ImageCounts) -> String {
    let devices = if images.devices.is_empty() { String::new() } else { format!(", {}", images.devices.join(", ")) };
    format!("adapted: {} images of {} patients{devices}", images.pictures, images.patients)
}

fn labelled_work(subject: &Subject<'_>, context: &Context<'_>, progress: &Progress) -> Result<Worked> {
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
fn unlabelled(
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
fn approximate(bundle: &Bundle, labelled: bool) -> Vec<String> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (old, new) in [("1.0.0", "1.1.0"), ("0.3.7", "0.4.0"), ("2.1.0-beta.1+x", "2.2.0")] {
            assert_eq!(next(old).unwrap(), new);
        }
        assert!(next("one").is_err());
    }

    #[test]
    fn too_little_to_judge_on() {
        let labels = ["brain", "femur", "thorax"].map(str::to_owned).to_vec();
        let two = ["a", "b"].map(str::to_owned).to_vec();
        let one = ["a", "a"].map(str::to_owned).to_vec();
        for (truths, patients, expected) in [
            ([Some(0), Some(0)], &two, "only `brain`"),
            ([None, None], &two, "none was found"),
            ([Some(0), Some(1)], &one, "one patient"),
        ] {
            let error = usable(&truths, patients, &labels, &mut Vec::new()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let mut warnings = Vec::new();
        usable(&[Some(0), Some(1)], &two, &labels, &mut warnings).unwrap();
        assert_eq!(warnings.len(), 3, "two labels of one patient each, one missing: {warnings:?}");
    }
}
