//! Training, validation and test part of a segmentation set, never a patient in two of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::{MaskSample, Part};
use crate::error::{HostError, Result};
use crate::files::sha256_file;
use crate::split::grouped_parts;

/// Part of every sample.
///
/// * Patients who share a picture (equal bytes of its file) count as one.
/// * A domain that has a publisher's split with a test part keeps it; where that split has no validation part, one is
///   dealt from its training part. The publisher's split of a domain without any test picture is no split and is left
///   aside. A patient in several of the publisher's parts goes to the one that is held back most, test before
///   validation before training, with a warning.
/// * All other patients are dealt, stratified by domain, so that the parts are as `shares` (training, validation, test)
///   to each other; 0 leaves a part out. `seed` decides among equals, and the same seed gives the same split.
///
/// # Errors
/// [`HostError::Dataset`] for shares that are negative or all 0, or fewer patients than parts; [`HostError::Io`] for a
/// picture that cannot be read.
pub fn split(samples: &[MaskSample], seed: u64, shares: [f64; 3]) -> Result<Vec<Part>> {
    if shares.iter().any(|s| !(s.is_finite() && *s >= 0.0)) || shares.iter().sum::<f64>() <= 0.0 {
        return Err(HostError::Dataset(format!(
            "the shares {shares:?} of training, validation and test cannot be dealt; give three numbers like 0.6 0.2 0.2"
        )));
    }
    let groups = merged_patients(samples)?;
    let domains: BTreeSet<&str> = samples.iter().map(|s| &*s.domain).collect();
    let domains: Vec<&str> = domains.into_iter().collect();
    let published = published(samples, &groups);
    let has = |domain: &str, part: Part| {
        samples.iter().zip(&groups).any(|(s, g)| s.domain == domain && published.get(g.as_str()) == Some(&part))
    };
    // What is still to be dealt per sample: everything, or only training against validation.
    let open: Vec<Open> = samples
        .iter()
        .zip(&groups)
        .map(|(sample, group)| match published.get(group.as_str()) {
            Some(&part) if has(&sample.domain, Part::Test) => match part {
                Part::Train if !has(&sample.domain, Part::Validation) && shares[1] > 0.0 => Open::TrainOnly,
                part => Open::Settled(part),
            },
            _ => Open::All,
        })
        .collect();
    let stratum = |sample: &MaskSample| domains.iter().position(|d| *d == sample.domain).unwrap_or(0);
    let mut parts = vec![Part::Train; samples.len()];
    let rounds = [
        (Open::All, vec![(Part::Train, shares[0]), (Part::Validation, shares[1]), (Part::Test, shares[2])]),
        (Open::TrainOnly, vec![(Part::Train, shares[0]), (Part::Validation, shares[1])]),
    ];
    for (round, mut wanted) in rounds {
        wanted.retain(|(_, share)| *share > 0.0);
        let members: Vec<usize> = (0..samples.len()).filter(|&i| open[i] == round).collect();
        if members.is_empty() {
            continue;
        }
        let strata: Vec<usize> = members.iter().map(|&i| stratum(&samples[i])).collect();
        let names: Vec<&str> = members.iter().map(|&i| &*groups[i]).collect();
        let weights: Vec<f64> = wanted.iter().map(|w| w.1).collect();
        for (&member, part) in members.iter().zip(grouped_parts(&strata, &names, &weights, seed)?) {
            parts[member] = wanted.get(part).map_or(Part::Train, |w| w.0);
        }
    }
    for (part, open) in parts.iter_mut().zip(&open) {
        if let Open::Settled(published) = open {
            *part = *published;
        }
    }
    keep_together(&mut parts, &groups);
    Ok(parts)
}

/// What the publisher leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    All,
    TrainOnly,
    Settled(Part),
}

/// A patient with pictures in several domains may have been settled in one and dealt in another: the part that is held
/// back most gets all.
fn keep_together(parts: &mut [Part], groups: &[String]) {
    let mut most: HashMap<&str, Part> = HashMap::new();
    for (part, group) in parts.iter().zip(groups) {
        let held = most.entry(group).or_insert(*part);
        *held = (*held).max(*part);
    }
    for (part, group) in parts.iter_mut().zip(groups) {
        *part = most.get(group.as_str()).copied().unwrap_or(*part);
    }
}

/// The publisher's part of every group that has one.
fn published<'a>(samples: &[MaskSample], groups: &'a [String]) -> BTreeMap<&'a str, Part> {
    let mut parts: BTreeMap<&str, Part> = BTreeMap::new();
    let mut torn: BTreeSet<&str> = BTreeSet::new();
    for (sample, group) in samples.iter().zip(groups) {
        let Some(part) = sample.part else { continue };
        let held = parts.entry(group).or_insert(part);
        if *held != part {
            torn.insert(group);
        }
        *held = (*held).max(part);
    }
    for group in torn {
        log::warn!(
            "patient {group} is in several parts of the published split; all pictures go to the one held back most"
        );
    }
    parts
}

/// Name of every sample's patient, the same for patients who share a picture.
fn merged_patients(samples: &[MaskSample]) -> Result<Vec<String>> {
    let mut parent: HashMap<&str, &str> = HashMap::new();
    fn root<'a>(parent: &HashMap<&'a str, &'a str>, mut name: &'a str) -> &'a str {
        while let Some(&next) = parent.get(name) {
            name = next;
        }
        name
    }
    for (first, second) in equal_files(samples)? {
        let (a, b) = (root(&parent, &samples[first].patient), root(&parent, &samples[second].patient));
        if a != b {
            log::info!(
                "{} is the same file as {}: patients {a} and {b} stay together",
                samples[second].name,
                samples[first].name
            );
            parent.insert(b, a);
        }
    }
    Ok(samples.iter().map(|s| root(&parent, &s.patient).to_owned()).collect())
}

/// Pairs of samples whose picture files hold the same bytes; the first of a pair is the first of its kind. Only files
/// of equal length are read.
pub(super) fn equal_files(samples: &[MaskSample]) -> Result<Vec<(usize, usize)>> {
    let mut lengths: BTreeMap<u64, Vec<(&Path, usize)>> = BTreeMap::new();
    let mut known: HashMap<&PathBuf, usize> = HashMap::new();
    let mut pairs = Vec::new();
    for (index, sample) in samples.iter().enumerate() {
        if let Some(&first) = known.get(&sample.image) {
            pairs.push((first, index));
            continue;
        }
        known.insert(&sample.image, index);
        let length = std::fs::metadata(&sample.image).map_err(HostError::io("read", &sample.image))?.len();
        lengths.entry(length).or_default().push((&sample.image, index));
    }
    for files in lengths.values().filter(|files| files.len() > 1) {
        let mut by_hash: HashMap<String, usize> = HashMap::new();
        for &(file, index) in files {
            let first = *by_hash.entry(sha256_file(file)?).or_insert(index);
            if first != index {
                pairs.push((first, index));
            }
        }
    }
    Ok(pairs)
}
