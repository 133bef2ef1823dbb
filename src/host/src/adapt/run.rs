//! From a bundle and new images to a plan that can be shown, confirmed and written.

use std::path::PathBuf;
use std::time::Instant;

use ushydra_bundle::{Bundle, Day, MANIFEST_FILE, Statistics, Task};

use super::check;
use super::config::AdaptConfig;
use super::decoder::{self, Labelled};
use super::figures::Context;
use super::images::{self, ImageSource};
use super::judge::Subject;
use super::masks::Masked;
use super::observe::Observed;
use super::report::{Adaptation, ImageCounts, Outcome, thresholds};
use super::work;
use crate::calibrate::Observation;
use crate::calibrate::extend::NewDomain;
use crate::error::{HostError, Result};
use crate::files;
use crate::progress::Progress;
use crate::train::run::VERSIONS;

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

/// Works out the adaptation without touching the bundle.
///
/// # Errors
/// [`HostError::Config`] for a name or a bundle that cannot take a domain, [`HostError::Bundle`] for one that does not open,
/// [`HostError::Dataset`] for images that cannot be used, those of the engine and of training, [`HostError::Stopped`].
pub fn plan(request: &Request, progress: &Progress) -> Result<Plan> {
    let began = Instant::now();
    request.config.check().map_err(HostError::Dataset)?;
    let folder = check::find(&request.from)?;
    let bundle = Bundle::open(&folder)?;
    check::room(&bundle, &request.domain)?;
    let manifest = bundle.manifest();
    let version = check::next(&manifest.version).map_err(|e| HostError::config(&folder.join(MANIFEST_FILE), e))?;
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
        check::usable(&truths, &observed.patients, &manifest.labels, &mut warnings)?;
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
        work::labelled(&subject, &context, progress)?
    } else {
        work::unlabelled(&bundle, &observations, &domain, &context)?
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
        approximate: work::approximate(&bundle, labelled || masked.is_some()),
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

fn provenance(images: &ImageCounts) -> String {
    let devices = if images.devices.is_empty() { String::new() } else { format!(", {}", images.devices.join(", ")) };
    format!("adapted: {} images of {} patients{devices}", images.pictures, images.patients)
}
