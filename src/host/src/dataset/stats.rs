//! `dataset stats`: counts per domain, class and device.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Dataset;

/// Pictures and patients of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Pictures.
    pub pictures: usize,
    /// Different patients among them.
    pub patients: usize,
    /// Pictures per label.
    pub labels: BTreeMap<String, usize>,
}

/// Counts of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Everything.
    pub total: Count,
    /// Per quality domain.
    pub domains: BTreeMap<String, Count>,
    /// Per domain and device, joined by `/`.
    pub devices: BTreeMap<String, Count>,
}

/// Counts `dataset`.
#[must_use]
pub fn stats(dataset: &Dataset) -> Stats {
    let count = |keep: &dyn Fn(&super::Sample) -> bool| {
        let mut patients = Vec::new();
        let mut count = Count::default();
        for sample in dataset.samples.iter().filter(|s| keep(s)) {
            count.pictures += 1;
            *count.labels.entry(sample.label.clone()).or_default() += 1;
            patients.push(&sample.patient);
        }
        patients.sort_unstable();
        patients.dedup();
        count.patients = patients.len();
        count
    };
    let mut domains = BTreeMap::new();
    let mut devices = BTreeMap::new();
    for sample in &dataset.samples {
        domains.entry(sample.domain.clone()).or_insert_with(|| count(&|s| s.domain == sample.domain));
        devices
            .entry(format!("{}/{}", sample.domain, sample.device))
            .or_insert_with(|| count(&|s| s.domain == sample.domain && s.device == sample.device));
    }
    Stats { total: count(&|_| true), domains, devices }
}

impl Stats {
    /// The counts as an aligned table, one row per domain and device.
    #[must_use]
    pub fn table(&self) -> String {
        let labels: Vec<&String> = self.total.labels.keys().collect();
        let mut header = vec!["group".to_owned(), "pictures".to_owned(), "patients".to_owned()];
        header.extend(labels.iter().map(|l| (*l).clone()));
        let row = |name: &str, count: &Count| {
            let mut cells = vec![name.to_owned(), count.pictures.to_string(), count.patients.to_string()];
            cells.extend(labels.iter().map(|l| count.labels.get(*l).copied().unwrap_or(0).to_string()));
            cells
        };
        let mut rows = vec![header];
        for (domain, count) in &self.domains {
            rows.push(row(domain, count));
            let prefix = format!("{domain}/");
            for (device, count) in self.devices.iter().filter(|(name, _)| name.starts_with(&prefix)) {
                rows.push(row(&format!("  {}", &device[prefix.len()..]), count));
            }
        }
        rows.push(row("total", &self.total));
        crate::report::align(&rows)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let dir = tempfile::tempdir().unwrap();
        let csv = dir.path().join("d.csv");
        std::fs::write(&csv, "file,label,domain,patient,device\na,x,low,p,D\nb,y,low,p,D\nc,x,high,q,E\n").unwrap();
        let stats = stats(&Dataset::read(&[csv]).unwrap());
        assert_eq!((stats.total.pictures, stats.total.patients), (3, 2));
        assert_eq!((stats.domains["low"].pictures, stats.domains["low"].patients), (2, 1));
        assert_eq!(stats.devices["low/D"].labels["y"], 1);
        assert!(stats.table().lines().count() == 6);
    }
}
