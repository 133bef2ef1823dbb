//! A data set seen through a recipe: indices instead of names.

use std::collections::HashMap;

use crate::dataset::{Dataset, Part, Sample};
use crate::error::{HostError, Result};
use crate::features::Features;
use crate::files;
use crate::recipe::Recipe;

/// Pictures that the recipe knows, with their features.
#[derive(Clone, Debug)]
pub struct TrainingData {
    /// The pictures, in the order of the features.
    pub samples: Vec<Sample>,
    /// Label index per picture; none for an unknown label.
    pub labels: Vec<Option<usize>>,
    /// Domain index per picture.
    pub domains: Vec<usize>,
    /// Features, view 0 unaugmented.
    pub features: Features,
    /// Patient per picture for splits and intervals: patients who share a picture are one.
    patients: Vec<String>,
}

/// Samples that the recipe can use: every label and domain must be known to it, pictures of the publisher's test part
/// are left out.
///
/// # Errors
/// [`HostError::Dataset`] for a label or domain that the recipe does not know, or where nothing remains.
pub fn usable(dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Sample>> {
    for sample in &dataset.samples {
        let known = recipe.labels.contains(&sample.label) || recipe.unknown_labels.contains(&sample.label);
        if !known {
            return Err(HostError::Dataset(format!(
                "{}: label `{}` is not in the recipe (labels {}; unknown labels {}); correct the csv, or add it to \
                 `labels` or `unknown_labels`",
                sample.name,
                sample.label,
                recipe.labels.join(", "),
                recipe.unknown_labels.join(", ")
            )));
        }
        if !recipe.domains.contains(&sample.domain) {
            return Err(HostError::Dataset(format!(
                "{}: domain `{}` is not in the recipe ({}); correct the csv or add the domain",
                sample.name,
                sample.domain,
                recipe.domains.join(", ")
            )));
        }
    }
    let samples: Vec<Sample> = dataset.samples.iter().filter(|s| s.part != Some(Part::Test)).cloned().collect();
    for label in &recipe.labels {
        if !samples.iter().any(|s| s.label == *label) {
            return Err(HostError::Dataset(format!(
                "no picture of `{label}` in the training part; add some or remove the label from the recipe"
            )));
        }
    }
    for domain in &recipe.domains {
        if !samples.iter().any(|s| s.domain == *domain && recipe.labels.contains(&s.label)) {
            return Err(HostError::Dataset(format!(
                "no labelled picture of domain `{domain}` in the training part; add some or remove the domain"
            )));
        }
    }
    Ok(samples)
}

/// Name of every picture's patient, the same for patients who share a picture (equal features of view 0).
pub(crate) fn merged_patients(samples: &[Sample], features: &Features) -> Vec<String> {
    let mut by_features: HashMap<Vec<u32>, usize> = HashMap::new();
    let mut parent: HashMap<&str, &str> = HashMap::new();
    fn root<'a>(parent: &HashMap<&'a str, &'a str>, mut name: &'a str) -> &'a str {
        while let Some(&next) = parent.get(name) {
            name = next;
        }
        name
    }
    for (picture, sample) in samples.iter().enumerate() {
        let key = features.row(picture, 0).iter().map(|v| v.to_bits()).collect();
        let first = *by_features.entry(key).or_insert(picture);
        let (a, b) = (root(&parent, &samples[first].patient), root(&parent, &sample.patient));
        if a != b {
            log::info!(
                "{} shows the same picture as {}: patients {a} and {b} stay together",
                sample.name,
                samples[first].name
            );
            parent.insert(b, a);
        }
    }
    samples.iter().map(|s| root(&parent, &s.patient).to_owned()).collect()
}

impl TrainingData {
    /// Joins samples with their features.
    ///
    /// # Errors
    /// [`HostError::Dataset`] where their numbers differ.
    pub fn new(samples: Vec<Sample>, features: Features, recipe: &Recipe) -> Result<Self> {
        if samples.len() != features.len() {
            return Err(HostError::Dataset(format!("{} pictures but features of {}", samples.len(), features.len())));
        }
        let position = |names: &[String], name: &str| names.iter().position(|n| n == name);
        let labels = samples.iter().map(|s| position(&recipe.labels, &s.label)).collect();
        let domains = samples.iter().map(|s| position(&recipe.domains, &s.domain).unwrap_or(0)).collect();
        let patients = merged_patients(&samples, &features);
        Ok(Self { samples, labels, domains, features, patients })
    }

    /// Pictures with a label, in order.
    #[must_use]
    pub fn labelled(&self) -> Vec<usize> {
        (0..self.samples.len()).filter(|&i| self.labels[i].is_some()).collect()
    }

    /// Patient of a picture. Published sets hold pictures twice under different patients; such patients count as one,
    /// or a split would put the same picture on both sides.
    #[must_use]
    pub fn patient(&self, picture: usize) -> &str {
        &self.patients[picture]
    }

    /// Label and domain of a picture as one number, for stratified splits. Unknown labels are a stratum of their own.
    #[must_use]
    pub fn stratum(&self, picture: usize, labels: usize) -> usize {
        self.domains[picture] * (labels + 1) + self.labels[picture].unwrap_or(labels)
    }

    /// Hash over pictures, labels, domains, patients and features.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut text = String::new();
        for sample in &self.samples {
            text.push_str(&format!(
                "{}\t{}\t{}\t{}\t{}\n",
                sample.name, sample.label, sample.domain, sample.patient, sample.device
            ));
        }
        let values: Vec<u8> = self.features.values.iter().flat_map(|v| v.to_le_bytes()).collect();
        files::fingerprint(&[text.as_bytes(), &values])
    }
}

#[cfg(test)]
mod tests {
    use ushydra_core::Moments;

    use super::*;

    #[test]
    fn patients_who_share_a_picture_are_one() {
        let sample = |patient: &str| Sample {
            file: "x".into(),
            name: patient.into(),
            label: "a".into(),
            domain: "low".into(),
            patient: patient.into(),
            device: String::new(),
            part: None,
        };
        let samples: Vec<Sample> = ["p1", "p2", "p3", "p1", "p4", "p3"].map(sample).to_vec();
        // p1 and p2 share a picture, p4 and p3 another, and p1's second one is p4's: all but nobody else.
        let values = vec![1.0, 1.0, 2.0, 3.0, 3.0, 4.0];
        let features = Features { width: 1, views: 1, values, pixel: vec![Moments::default(); 6] };
        let merged = merged_patients(&samples, &features);
        assert_eq!(merged, ["p1", "p1", "p3", "p1", "p1", "p3"]);
    }
}
