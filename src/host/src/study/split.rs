//! Training, validation and test part of a study's pictures: never a patient in two of them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::config::{SplitConfig, SplitRule};
use crate::dataset::Part;
use crate::error::{HostError, Result};
use crate::files;
use crate::split::grouped_parts;

/// What a split needs to know of one picture.
#[derive(Clone, Debug)]
pub struct Item {
    /// The picture as the data list it.
    pub name: String,
    /// Quality domain.
    pub domain: String,
    /// Label as an index; none for a picture that no label fits. Segmentations have one label.
    pub label: Option<usize>,
    /// Patient.
    pub patient: String,
    /// Device or country, may be empty.
    pub device: String,
    /// The publisher's part.
    pub part: Option<Part>,
    /// SHA-256 of the picture's file and its frame: equal pictures keep their patients together.
    pub digest: String,
}

/// A dealt set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sides {
    /// Domains: those that train first, then those that are only tested on.
    pub domains: Vec<String>,
    /// How many of them train.
    pub trained: usize,
    /// Domain of every picture.
    pub domain: Vec<usize>,
    /// Part of every picture.
    pub part: Vec<Part>,
    /// Patient of every picture; patients who share a picture are one.
    pub patient: Vec<String>,
}

impl Sides {
    /// Pictures of one part, in order.
    #[must_use]
    pub fn of(&self, part: Part) -> Vec<usize> {
        (0..self.part.len()).filter(|&i| self.part[i] == part).collect()
    }

    /// Pictures and patients of training, validation and test, over the pictures that `counts`.
    #[must_use]
    pub fn counts(&self, counts: impl Fn(usize) -> bool) -> ([usize; 3], [usize; 3]) {
        let (mut pictures, mut patients) = ([0; 3], [0; 3]);
        for (slot, part) in [Part::Train, Part::Validation, Part::Test].into_iter().enumerate() {
            let own: Vec<usize> = self.of(part).into_iter().filter(|&i| counts(i)).collect();
            let mut names: Vec<&str> = own.iter().map(|&i| self.patient[i].as_str()).collect();
            names.sort_unstable();
            names.dedup();
            (pictures[slot], patients[slot]) = (own.len(), names.len());
        }
        (pictures, patients)
    }

    /// The split as a csv for its readers.
    ///
    /// # Errors
    /// [`HostError::Io`].
    pub fn write(&self, path: &Path, items: &[Item]) -> Result<()> {
        let mut table = csv::Writer::from_writer(Vec::new());
        let damaged = |e: &dyn std::fmt::Display| HostError::damaged(path, e);
        table.write_record(["picture", "patient", "domain", "part"]).map_err(|e| damaged(&e))?;
        for (index, item) in items.iter().enumerate() {
            let part = self.part[index].name();
            let row = [&item.name, &self.patient[index], &self.domains[self.domain[index]], part];
            table.write_record(row).map_err(|e| damaged(&e))?;
        }
        files::write_atomic(path, &table.into_inner().map_err(|e| damaged(&e))?)
    }
}

/// What is still to be dealt of a picture.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    All,
    TrainOnly,
    Settled(Part),
}

/// Deals `items`. `domains` are those of the recipe, `unseen` those that no system is trained on, `labels` the number of
/// labels.
///
/// # Errors
/// [`HostError::Dataset`] for an unknown domain, too few patients, or a part that cannot train: a domain or a label without a
/// training picture.
pub fn deal(
    items: &[Item],
    domains: &[String],
    unseen: &[String],
    labels: usize,
    config: &SplitConfig,
) -> Result<Sides> {
    let left_out = |item: &Item| match &config.rule {
        SplitRule::WithoutDevices(devices) => devices.contains(&item.device),
        SplitRule::WithoutDomains(left) => left.contains(&item.domain),
        SplitRule::Patients | SplitRule::Official => false,
    };
    named(items, config)?;
    let trains = |domain: &&String| match &config.rule {
        SplitRule::WithoutDomains(left) => !left.contains(domain),
        _ => true,
    };
    let mut order: Vec<String> = domains.iter().filter(trains).cloned().collect();
    let trained = order.len();
    order.extend(domains.iter().filter(|d| !trains(d)).chain(unseen).cloned());
    let position = |item: &Item| {
        order.iter().position(|d| *d == item.domain).ok_or_else(|| {
            HostError::Dataset(format!(
                "{}: domain `{}` is neither in the recipe ({}) nor under `unseen`; correct the csv or add the domain",
                item.name,
                item.domain,
                domains.join(", ")
            ))
        })
    };
    let domain = items.iter().map(position).collect::<Result<Vec<usize>>>()?;
    let patient = merged(items);
    let published = published(items, &patient);
    let has_validation = published.values().any(|p| *p == Part::Validation);
    let fixed_test = !config.rule.is_main();
    let open: Vec<Open> = items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            if unseen.contains(&item.domain) || left_out(item) {
                return Open::Settled(Part::Test);
            }
            match (&config.rule, published.get(patient[index].as_str())) {
                (SplitRule::Official, Some(Part::Train)) if !has_validation => Open::TrainOnly,
                (SplitRule::Official, Some(part)) => Open::Settled(*part),
                _ if fixed_test => Open::TrainOnly,
                _ => Open::All,
            }
        })
        .collect();
    let mut part: Vec<Part> =
        open.iter().map(|open| if let Open::Settled(part) = open { *part } else { Part::Train }).collect();
    let [train, validation, test] = config.shares;
    let rounds = [
        (Open::All, vec![(Part::Train, train), (Part::Validation, validation), (Part::Test, test)]),
        (Open::TrainOnly, vec![(Part::Train, train), (Part::Validation, validation)]),
    ];
    for (round, wanted) in rounds {
        let members: Vec<usize> = (0..items.len()).filter(|&i| open[i] == round).collect();
        if members.is_empty() {
            continue;
        }
        let strata: Vec<usize> =
            members.iter().map(|&i| domain[i] * (labels + 1) + items[i].label.unwrap_or(labels)).collect();
        let groups: Vec<&str> = members.iter().map(|&i| patient[i].as_str()).collect();
        let weights: Vec<f64> = wanted.iter().map(|w| w.1).collect();
        let dealt = grouped_parts(&strata, &groups, &weights, config.seed)
            .map_err(|e| HostError::Dataset(format!("split `{}`: {e}", config.name)))?;
        for (&member, dealt) in members.iter().zip(dealt) {
            part[member] = wanted[dealt].0;
        }
    }
    keep_together(&mut part, &patient);
    let sides = Sides { domains: order, trained, domain, part, patient };
    check(items, &sides, labels, config)?;
    Ok(sides)
}

/// Refuses names of devices and domains that no picture has.
fn named(items: &[Item], config: &SplitConfig) -> Result<()> {
    let known = |what: &str, names: &[String], of: fn(&Item) -> &str| {
        for name in names {
            if !items.iter().any(|item| of(item) == name) {
                let mut found: Vec<&str> = items.iter().map(of).filter(|d| !d.is_empty()).collect();
                found.sort_unstable();
                found.dedup();
                let found = found.join(", ");
                return Err(HostError::Dataset(format!(
                    "split `{}`: no picture has the {what} `{name}` (found: {found}); correct the name",
                    config.name
                )));
            }
        }
        Ok(())
    };
    match &config.rule {
        SplitRule::WithoutDevices(names) => known("device", names, |item| &item.device),
        SplitRule::WithoutDomains(names) => known("domain", names, |item| &item.domain),
        SplitRule::Patients | SplitRule::Official => Ok(()),
    }
}

fn check(items: &[Item], sides: &Sides, labels: usize, config: &SplitConfig) -> Result<()> {
    let refuse = |problem: String| Err(HostError::Dataset(format!("split `{}`: {problem}", config.name)));
    for part in [Part::Validation, Part::Test] {
        if !(0..items.len()).any(|i| sides.part[i] == part && items[i].label.is_some()) {
            return refuse(format!(
                "the {} part has no labelled picture; add patients or change the shares",
                part.name()
            ));
        }
    }
    let trains: Vec<usize> = sides.of(Part::Train).into_iter().filter(|&i| items[i].label.is_some()).collect();
    for (domain, name) in sides.domains[..sides.trained].iter().enumerate() {
        if !trains.iter().any(|&i| sides.domain[i] == domain) {
            return refuse(format!(
                "domain `{name}` has no labelled training picture; add patients or remove the domain"
            ));
        }
    }
    for label in 0..labels {
        if !trains.iter().any(|&i| items[i].label == Some(label)) {
            return refuse(format!("label {} has no training picture; add some or remove the label", label + 1));
        }
    }
    Ok(())
}

/// Labels that a trained domain has no training picture of, as (domain, label): its decoder learns them from the other
/// domains alone.
#[must_use]
pub fn gaps(items: &[Item], sides: &Sides, labels: usize) -> Vec<(usize, usize)> {
    let trains = sides.of(Part::Train);
    let all = (0..sides.trained).flat_map(|domain| (0..labels).map(move |label| (domain, label)));
    all.filter(|&(domain, label)| !trains.iter().any(|&i| sides.domain[i] == domain && items[i].label == Some(label)))
        .collect()
}

/// Name of every picture's patient, the same for patients who share a picture.
fn merged(items: &[Item]) -> Vec<String> {
    fn root<'a>(parent: &HashMap<&'a str, &'a str>, mut name: &'a str) -> &'a str {
        while let Some(&next) = parent.get(name) {
            name = next;
        }
        name
    }
    let mut first: HashMap<&str, usize> = HashMap::new();
    let mut parent: HashMap<&str, &str> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        let known = *first.entry(&item.digest).or_insert(index);
        let (a, b) = (root(&parent, &items[known].patient), root(&parent, &item.patient));
        if a != b {
            parent.insert(b, a);
        }
    }
    items.iter().map(|item| root(&parent, &item.patient).to_owned()).collect()
}

/// The publisher's part of every patient who has one; of several, the one that is held back most.
fn published<'a>(items: &[Item], patient: &'a [String]) -> BTreeMap<&'a str, Part> {
    let mut parts: BTreeMap<&str, Part> = BTreeMap::new();
    for (item, patient) in items.iter().zip(patient) {
        if let Some(part) = item.part {
            let held = parts.entry(patient).or_insert(part);
            *held = (*held).max(part);
        }
    }
    parts
}

/// A patient with pictures on both sides of a fixed test part is wholly held back.
fn keep_together(part: &mut [Part], patient: &[String]) {
    let mut most: HashMap<&str, Part> = HashMap::new();
    for (part, patient) in part.iter().zip(patient) {
        let held = most.entry(patient).or_insert(*part);
        *held = (*held).max(*part);
    }
    for (part, patient) in part.iter_mut().zip(patient) {
        *part = most.get(patient.as_str()).copied().unwrap_or(*part);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn items(patients: usize) -> Vec<Item> {
        let item = |i: usize| Item {
            name: format!("{i}.png"),
            domain: ["low", "high"][i / 2 % 2].into(),
            label: Some(i % 2),
            patient: format!("p{}", i / 2),
            device: format!("d{}", i / 2 % 4),
            part: None,
            digest: i.to_string(),
        };
        (0..2 * patients).map(item).collect()
    }

    fn config(rule: SplitRule) -> SplitConfig {
        SplitConfig { name: "s".into(), rule, shares: [0.6, 0.2, 0.2], seed: 1 }
    }

    fn domains() -> Vec<String> {
        vec!["low".into(), "high".into()]
    }

    #[test]
    fn sixty_twenty_twenty_with_patients_whole() {
        let mut items = items(40);
        // Two patients share a picture.
        items[10].digest = items[0].digest.clone();
        let sides = deal(&items, &domains(), &[], 2, &config(SplitRule::Patients)).unwrap();
        let (pictures, patients) = sides.counts(|_| true);
        assert_eq!(pictures.iter().sum::<usize>(), 80);
        assert!((44..=52).contains(&pictures[0]) && (14..=18).contains(&pictures[2]), "{pictures:?}");
        assert_eq!(patients.iter().sum::<usize>(), 39, "each patient once");
        assert_eq!(sides.part[0], sides.part[10]);
        for domain in 0..2 {
            let test = sides.of(Part::Test).iter().filter(|&&i| sides.domain[i] == domain).count();
            assert!((6..=10).contains(&test), "{test}");
        }
    }

    #[test]
    fn strangers_are_tested_on_only() {
        let items = items(40);
        let rule = SplitRule::WithoutDevices(vec!["d1".into()]);
        let sides = deal(&items, &domains(), &[], 2, &config(rule)).unwrap();
        for (index, item) in items.iter().enumerate() {
            assert_eq!(sides.part[index] == Part::Test, item.device == "d1");
        }
        let rule = SplitRule::WithoutDomains(vec!["low".into()]);
        let sides = deal(&items, &domains(), &[], 2, &config(rule)).unwrap();
        assert_eq!((&sides.domains[..], sides.trained), (&["high".to_owned(), "low".to_owned()][..], 1));
        assert!(sides.of(Part::Test).iter().all(|&i| sides.domain[i] == 1));
        let sides = deal(&items, &["low".to_owned()], &["high".to_owned()], 2, &config(SplitRule::Patients)).unwrap();
        assert!(sides.of(Part::Train).iter().all(|&i| sides.domain[i] == 0));
        assert!((0..80).all(|i| sides.domain[i] == 0 || sides.part[i] == Part::Test));
    }

    #[test]
    fn the_publishers_test_part_stays() {
        let mut items = items(40);
        for (index, item) in items.iter_mut().enumerate() {
            item.part = Some(if index < 20 { Part::Test } else { Part::Train });
        }
        let sides = deal(&items, &domains(), &[], 2, &config(SplitRule::Official)).unwrap();
        assert!((0..80).all(|i| (sides.part[i] == Part::Test) == (i < 20)));
        assert!(!sides.of(Part::Validation).is_empty());
    }

    #[test]
    fn refusals() {
        struct Case {
            change: fn(&mut Vec<Item>),
            rule: SplitRule,
            says: &'static str,
        }
        let cases = [
            Case {
                change: |items| items.iter_mut().for_each(|i| i.patient = "p".into()),
                rule: SplitRule::Patients,
                says: "1 patients cannot be split into 3",
            },
            Case { change: |items| items[3].domain = "x".into(), rule: SplitRule::Patients, says: "domain `x`" },
            Case {
                change: |items| items.retain(|i| i.domain == "low"),
                rule: SplitRule::Patients,
                says: "domain `high` has no labelled training picture",
            },
            Case {
                change: |items| items.retain(|i| i.label == Some(0)),
                rule: SplitRule::Patients,
                says: "label 2 has no training picture",
            },
            Case { change: |_| (), rule: SplitRule::WithoutDevices(vec!["d9".into()]), says: "device `d9`" },
        ];
        for Case { change, rule, says } in cases {
            let mut items = items(40);
            change(&mut items);
            let error = deal(&items, &domains(), &[], 2, &config(rule)).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_label_missing_from_one_domain_is_a_gap() {
        let mut items = items(40);
        items.retain(|i| !(i.domain == "low" && i.label == Some(1)));
        let sides = deal(&items, &domains(), &[], 2, &config(SplitRule::Patients)).unwrap();
        assert_eq!(gaps(&items, &sides, 2), [(0, 1)]);
    }
}
