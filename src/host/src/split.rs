//! Patient-grouped, stratified k-fold splits: never a patient on both sides.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{HostError, Result};
use crate::rng::Rng;

/// Fold (0..k) of every sample.
///
/// Groups are dealt one by one, those with the most uneven strata first, to the fold that keeps the strata most equal
/// over the folds (the greedy rule of scikit-learn's `StratifiedGroupKFold`); `seed` decides the order among equals.
/// All samples of a group land in one fold and no fold is empty.
///
/// * `strata`: one number per sample, for example label and domain combined.
/// * `groups`: one name per sample, the patient.
///
/// # Errors
/// [`HostError::Dataset`] for fewer than 2 folds, lists of different lengths, or fewer groups than folds.
pub fn grouped_folds(strata: &[usize], groups: &[&str], k: usize, seed: u64) -> Result<Vec<usize>> {
    if k < 2 {
        return Err(HostError::Dataset(format!("{k} folds cannot be split; use at least 2")));
    }
    grouped_parts(strata, groups, &vec![1.0; k], seed)
}

/// Part (0..`weights.len()`) of every sample, like [`grouped_folds`] but with parts whose sizes are as `weights` to each
/// other, for example 3 to 1 to 1.
///
/// # Errors
/// [`HostError::Dataset`] for a weight that is not positive, lists of different lengths, or fewer groups than parts.
pub fn grouped_parts(strata: &[usize], groups: &[&str], weights: &[f64], seed: u64) -> Result<Vec<usize>> {
    let k = weights.len();
    if let Some(weight) = weights.iter().find(|w| !(w.is_finite() && **w > 0.0)) {
        return Err(HostError::Dataset(format!("a part of the split has the weight {weight}; give positive numbers")));
    }
    if strata.len() != groups.len() {
        return Err(HostError::Dataset(format!("{} strata for {} groups", strata.len(), groups.len())));
    }
    let names: BTreeSet<&str> = groups.iter().copied().collect();
    if names.len() < k {
        return Err(HostError::Dataset(format!(
            "{} patients cannot be split into {k} folds; collect pictures of more patients or use fewer folds",
            names.len()
        )));
    }
    let classes = strata.iter().max().map_or(0, |m| m + 1);
    let mut counts: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (&stratum, &group) in strata.iter().zip(groups) {
        counts.entry(group).or_insert_with(|| vec![0; classes])[stratum] += 1;
    }
    let fold_of = deal(counts.into_iter().collect(), classes, weights, seed);
    Ok(groups.iter().map(|group| fold_of.get(group).copied().unwrap_or(0)).collect())
}

/// Assigns every group to a fold.
fn deal<'a>(
    mut groups: Vec<(&'a str, Vec<usize>)>,
    classes: usize,
    weights: &[f64],
    seed: u64,
) -> BTreeMap<&'a str, usize> {
    let k = weights.len();
    Rng::labelled(seed, &["folds"]).shuffle(&mut groups);
    // Stable, so that the shuffle decides among equals.
    groups.sort_by(|a, b| spread(&b.1).total_cmp(&spread(&a.1)));
    let mut total = vec![0_usize; classes];
    for (_, count) in &groups {
        for (sum, n) in total.iter_mut().zip(count) {
            *sum += n;
        }
    }
    let mut folds = vec![vec![0_usize; classes]; k];
    let mut size = vec![0_usize; k];
    let mut members = vec![0_usize; k];
    let mut fold_of = BTreeMap::new();
    let groups_left = groups.len();
    for (index, (name, count)) in groups.into_iter().enumerate() {
        let empty = members.iter().filter(|&&m| m == 0).count();
        // The last groups are reserved for folds that would stay empty otherwise.
        let reserved = groups_left - index <= empty;
        let mut best: Option<(f64, usize, usize)> = None;
        for fold in (0..k).filter(|&fold| !reserved || members[fold] == 0) {
            add(&mut folds[fold], &count);
            let cost = unevenness(&folds, &total, weights);
            subtract(&mut folds[fold], &count);
            let better = best.is_none_or(|(c, s, _)| cost < c || (cost <= c && size[fold] < s));
            if better {
                best = Some((cost, size[fold], fold));
            }
        }
        let fold = best.map_or(0, |(_, _, fold)| fold);
        add(&mut folds[fold], &count);
        size[fold] += count.iter().sum::<usize>();
        members[fold] += 1;
        fold_of.insert(name, fold);
    }
    fold_of
}

fn add(to: &mut [usize], count: &[usize]) {
    to.iter_mut().zip(count).for_each(|(sum, n)| *sum += n);
}

fn subtract(from: &mut [usize], count: &[usize]) {
    from.iter_mut().zip(count).for_each(|(sum, n)| *sum -= n);
}

/// Standard deviation of a group's counts over the strata.
fn spread(count: &[usize]) -> f64 {
    deviation(count.iter().map(|&n| n as f64))
}

/// Sum over the strata of the standard deviation over the folds of each fold's share for its weight.
fn unevenness(folds: &[Vec<usize>], total: &[usize], weights: &[f64]) -> f64 {
    let strata = total.iter().enumerate().filter(|&(_, &n)| n > 0);
    let share =
        |s: usize, n: usize| folds.iter().zip(weights).map(move |(fold, weight)| fold[s] as f64 / n as f64 / weight);
    strata.map(|(s, &n)| deviation(share(s, n))).sum()
}

fn deviation(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let n = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / n;
    (values.map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_patient_on_both_sides_and_no_fold_empty(
            samples in proptest::collection::vec((0_usize..12, 0_u32..40), 1..200),
            k in 2_usize..6,
            seed in any::<u64>(),
        ) {
            let strata: Vec<usize> = samples.iter().map(|s| s.0).collect();
            let names: Vec<String> = samples.iter().map(|s| format!("p{}", s.1)).collect();
            let groups: Vec<&str> = names.iter().map(String::as_str).collect();
            let distinct: BTreeSet<&&str> = groups.iter().collect();
            let folds = grouped_folds(&strata, &groups, k, seed);
            if distinct.len() < k {
                prop_assert!(folds.is_err());
                return Ok(());
            }
            let folds = folds.unwrap();
            prop_assert_eq!(&folds, &grouped_folds(&strata, &groups, k, seed).unwrap());
            for fold in 0..k {
                prop_assert!(folds.contains(&fold), "fold {} is empty", fold);
            }
            let mut side: BTreeMap<&str, usize> = BTreeMap::new();
            for (group, fold) in groups.iter().zip(&folds) {
                prop_assert_eq!(*side.entry(group).or_insert(*fold), *fold);
            }
        }
    }

    #[test]
    fn strata_are_even_over_folds() {
        let strata: Vec<usize> = (0..100).map(|i| i % 4).collect();
        let names: Vec<String> = (0..100).map(|i| format!("p{}", i / 2)).collect();
        let groups: Vec<&str> = names.iter().map(String::as_str).collect();
        let folds = grouped_folds(&strata, &groups, 5, 1).unwrap();
        for fold in 0..5 {
            for stratum in 0..4 {
                let n = (0..100).filter(|&i| folds[i] == fold && strata[i] == stratum).count();
                assert!((4..=6).contains(&n), "fold {fold} stratum {stratum}: {n}");
            }
        }
        assert_ne!(folds, grouped_folds(&strata, &groups, 5, 2).unwrap());
    }

    #[test]
    fn one_patient_is_refused() {
        let error = grouped_folds(&[0, 1], &["p", "p"], 2, 0).unwrap_err().to_string();
        assert!(error.contains("1 patients cannot be split into 2 folds"), "{error}");
    }
}
