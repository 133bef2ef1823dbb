//! The cells of a study, in two rounds: what trains, then what answers anew from what was trained.

use super::ablation::Variant;
use super::config::{SplitConfig, SplitRule, StudyConfig, TaskConfig};
use super::record::{CellKey, Task};
use super::system::System;

/// One cell to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Its key.
    pub key: CellKey,
    /// Its task.
    pub task: Task,
    /// Its system.
    pub system: System,
    /// What is varied.
    pub variant: Variant,
    /// Its split.
    pub split: SplitConfig,
}

impl Planned {
    fn new(task: Task, system: System, split: &SplitConfig, seed: u64, variant: Variant) -> Self {
        let key =
            CellKey { system: system.name().to_owned(), split: split.name.clone(), seed, variant: variant.to_string() };
        Self { key, task, system, variant, split: split.clone() }
    }

    /// The key of the main cell that this one goes on from.
    #[must_use]
    pub fn main(&self) -> Option<CellKey> {
        self.variant.needs_main().then(|| CellKey { variant: String::new(), ..self.key.clone() })
    }
}

/// Tasks of a study with their configuration.
pub fn tasks(config: &StudyConfig) -> impl Iterator<Item = (Task, &TaskConfig)> {
    let tasks = [(Task::Classify, &config.classify), (Task::Segment, &config.segment)];
    tasks.into_iter().filter_map(|(task, config)| Some((task, config.as_ref()?)))
}

/// Splits of a task: its own, and one for every device, country or domain that an ablation leaves out.
#[must_use]
pub fn splits(config: &StudyConfig, task: Task) -> Vec<(SplitConfig, bool)> {
    let Some(own) = tasks(config).find(|(t, _)| *t == task).map(|(_, c)| c) else { return Vec::new() };
    let ablations = config.ablations.of(task);
    let first = own.splits.first();
    let without = |name: &String, rule: SplitRule| {
        let (shares, seed) = first.map_or(([0.6, 0.2, 0.2], 0), |s| (s.shares, s.seed));
        (SplitConfig { name: format!("without-{}", name.to_lowercase()), rule, shares, seed }, true)
    };
    let mut splits: Vec<(SplitConfig, bool)> = own.splits.iter().map(|s| (s.clone(), false)).collect();
    let devices = ablations.without_devices.iter();
    splits.extend(devices.map(|d| without(d, SplitRule::WithoutDevices(vec![d.clone()]))));
    let domains = ablations.without_domains.iter();
    splits.extend(domains.map(|d| without(d, SplitRule::WithoutDomains(vec![d.clone()]))));
    splits
}

/// Cells of the first round, which train, and of the second, which go on from cells of the first.
///
/// `domains` are those of a task's recipe.
#[must_use]
pub fn cells(config: &StudyConfig, domains: &dyn Fn(Task) -> Vec<String>) -> [Vec<Planned>; 2] {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (task, own) in tasks(config) {
        let ablations = config.ablations.of(task);
        for (split, is_ablation) in splits(config, task) {
            // A split that leaves strangers out costs a training of every system: the routed one and its control make it.
            let systems = own.systems.iter().copied().filter(|s| !is_ablation || !s.is_network());
            for system in systems {
                let seeds = if is_ablation { &config.seeds[..1] } else { &config.seeds[..] };
                first.extend(seeds.iter().map(|&seed| Planned::new(task, system, &split, seed, Variant::Main)));
            }
        }
        let main = own.splits.iter().find(|s| s.rule.is_main());
        let (Some(split), Some(&seed)) = (main, config.seeds.first()) else { continue };
        for &system in &own.systems {
            let variants = if system.is_routed() { ablations.routed(&domains(task)) } else { ablations.degraded() };
            for variant in variants {
                let round = if variant.needs_main() { &mut second } else { &mut first };
                round.push(Planned::new(task, system, split, seed, variant));
            }
        }
    }
    [first, second]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn rounds() {
        let config: StudyConfig = toml::from_str(
            r#"
            name = "s"
            seeds = [1, 2]
            [classify]
            recipe = "r.toml"
            data = ["d.csv"]
            weights = "w"
            systems = ["vit", "ushydra-vit", "resnet18"]
            networks = { width = 64, height = 64, common = {} }
            splits = [{ name = "split-0" }]
            [ablations.classify]
            routing = true
            other_domains = [0.0]
            without_devices = ["Egypt"]
            degrade.blur = [0.01]
            "#,
        )
        .unwrap();
        let [first, second] = cells(&config, &|_| vec!["low".into(), "high".into()]);
        let slugs = |cells: &[Planned]| cells.iter().map(|c| c.key.slug()).collect::<Vec<_>>();
        assert_eq!(
            slugs(&first),
            [
                "vit.split-0.1",
                "vit.split-0.2",
                "ushydra-vit.split-0.1",
                "ushydra-vit.split-0.2",
                "resnet18.split-0.1",
                "resnet18.split-0.2",
                "vit.without-egypt.1",
                "ushydra-vit.without-egypt.1",
                "ushydra-vit.split-0.1.others=0",
            ]
        );
        assert_eq!(second.len(), 6 + 3, "six ways to a decoder, three degraded systems");
        assert_eq!(second[1].main().unwrap().slug(), "ushydra-vit.split-0.1");
        assert_eq!(first[8].main(), None);
    }
}
