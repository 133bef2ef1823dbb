//! The configuration of a study: one TOML file names data, systems, splits, budgets and ablations.
//!
//! Paths of recipes are relative to the file; paths of data and weights to the folder given on the command line, so that a
//! configuration holds no path of any machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ablation::AblationConfigs;
use super::engine::SlurmConfig;
use super::system::System;
use crate::baselines::BaselineConfig;
use crate::error::{HostError, Result};
use crate::files;
use crate::recipe::Recipe;
use crate::segment::SegmentRecipe;

/// Bootstrap resamples of the patients where the file does not say.
const RESAMPLES: usize = 10_000;

/// One study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyConfig {
    /// Title of the tables.
    pub name: String,
    /// Bootstrap resamples of the patients behind the intervals.
    #[serde(default = "resamples")]
    pub resamples: usize,
    /// Seeds of weights, order and views; every system is trained once per split and seed.
    #[serde(default = "seeds")]
    pub seeds: Vec<u64>,
    /// Plane classification.
    #[serde(default)]
    pub classify: Option<TaskConfig>,
    /// Segmentation.
    #[serde(default)]
    pub segment: Option<TaskConfig>,
    /// What is varied beyond the main comparison.
    #[serde(default)]
    pub ablations: AblationConfigs,
    /// The cluster of `--engine slurm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slurm: Option<SlurmConfig>,
}

fn resamples() -> usize {
    RESAMPLES
}

fn seeds() -> Vec<u64> {
    vec![1]
}

/// One task of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskConfig {
    /// Recipe of the routed system: labels, domains, input, augmentation (of every system), decoders, calibration.
    pub recipe: PathBuf,
    /// Settings of the recipe that the study changes, laid over it table by table.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub change: toml::Table,
    /// Csv files, or folders of published segmentation sets.
    pub data: Vec<PathBuf>,
    /// Pretrained weights of the shared encoder of the ViT systems.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// Systems in the order of the tables.
    pub systems: Vec<System>,
    /// Splits; every system sees each of them.
    pub splits: Vec<SplitConfig>,
    /// Domains that no system is trained on; all their pictures are tested on.
    #[serde(default)]
    pub unseen: Vec<String>,
    /// Which data set of the article stands closest to a domain of ours, for the printed figures beside ours.
    #[serde(default)]
    pub printed: BTreeMap<String, String>,
    /// Budget of the networks that are trained from pictures.
    #[serde(default)]
    pub networks: Option<NetworkConfig>,
}

/// How pictures are dealt into training, validation and test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitConfig {
    /// Name, part of the cells' names.
    pub name: String,
    /// The rule.
    #[serde(default)]
    pub rule: SplitRule,
    /// Shares of the patients for training, validation and test. Rules that fix the test part use the first two.
    #[serde(default = "shares")]
    pub shares: [f64; 3],
    /// Seed of the deal.
    #[serde(default)]
    pub seed: u64,
}

fn shares() -> [f64; 3] {
    [0.6, 0.2, 0.2]
}

/// What decides the test part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum SplitRule {
    /// Patients are dealt, stratified by domain and label.
    #[default]
    Patients,
    /// The column `split` of the data; pictures without an entry are dealt.
    Official,
    /// Everything of these devices or countries is tested on, the rest trains.
    WithoutDevices(Vec<String>),
    /// Everything of these domains is tested on, the rest trains.
    WithoutDomains(Vec<String>),
}

impl SplitRule {
    /// Whether the split belongs to the main tables; the others show what happens to strangers.
    #[must_use]
    pub const fn is_main(&self) -> bool {
        matches!(self, Self::Patients | Self::Official)
    }
}

/// Budget of networks that are trained from pictures; the same for all but what `only` names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Columns of the pictures that the networks see.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Settings of [`BaselineConfig`] for all networks: epochs, batch, learning rate, ...
    pub common: toml::Table,
    /// Settings of single systems, laid over the common ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub only: BTreeMap<String, toml::Table>,
}

impl NetworkConfig {
    /// `base` with the settings of one system laid over it.
    ///
    /// # Errors
    /// The unknown or unusable setting in words.
    pub fn of(&self, system: System, base: &BaselineConfig) -> std::result::Result<BaselineConfig, String> {
        let mut table = toml::Table::try_from(base).map_err(|e| e.to_string())?;
        lay_over(&mut table, &self.common);
        if let Some(only) = self.only.get(system.name()) {
            lay_over(&mut table, only);
        }
        table.try_into().map_err(|e: toml::de::Error| format!("networks, {}: {}", system.name(), e.message()))
    }

    fn check(&self) -> std::result::Result<(), String> {
        for system in self.only.keys() {
            if !System::named(system).is_some_and(System::is_network) {
                return Err(format!("networks.only.{system} is no network of the study; correct the name"));
            }
        }
        Ok(())
    }
}

impl StudyConfig {
    /// Reads and checks a configuration.
    ///
    /// # Errors
    /// [`HostError::Config`] for an unknown or missing field or a value that cannot work.
    pub fn read(path: &Path) -> Result<Self> {
        let config: Self = files::read_toml(path)?;
        config.check().map_err(|problem| HostError::config(path, problem))?;
        Ok(config)
    }

    fn check(&self) -> std::result::Result<(), String> {
        if self.seeds.is_empty() {
            return Err("seeds is empty; give at least one".to_owned());
        }
        if self.classify.is_none() && self.segment.is_none() {
            return Err("neither [classify] nor [segment] is there; give at least one task".to_owned());
        }
        for (task, config, segments) in [("classify", &self.classify, false), ("segment", &self.segment, true)] {
            let Some(config) = config else { continue };
            config.check(segments).map_err(|problem| format!("{task}: {problem}"))?;
        }
        if let Some(slurm) = &self.slurm {
            slurm.check()?;
        }
        self.ablations.check()
    }
}

impl TaskConfig {
    fn check(&self, segments: bool) -> std::result::Result<(), String> {
        if self.data.is_empty() {
            return Err("data is empty; name at least one csv or folder".to_owned());
        }
        if self.systems.is_empty() {
            return Err("systems is empty; name at least one".to_owned());
        }
        for (index, system) in self.systems.iter().enumerate() {
            if system.segments() != segments {
                return Err(format!("`{}` is no system of this task", system.name()));
            }
            if self.systems[..index].contains(system) {
                return Err(format!("systems holds `{}` twice", system.name()));
            }
            if system.is_network() && self.networks.is_none() {
                return Err(format!("`{}` needs the budget in [networks]", system.name()));
            }
            if system.is_vit() && self.weights.is_none() {
                return Err(format!("`{}` needs `weights`, the pretrained weights of the encoder", system.name()));
            }
        }
        if self.splits.is_empty() {
            return Err("splits is empty; give at least one".to_owned());
        }
        for (index, split) in self.splits.iter().enumerate() {
            if self.splits[..index].iter().any(|s| s.name == split.name) {
                return Err(format!("two splits are called `{}`", split.name));
            }
            split.check()?;
        }
        self.networks.as_ref().map_or(Ok(()), NetworkConfig::check)
    }

    /// The recipe of a classification, changed as the study says.
    ///
    /// # Errors
    /// [`HostError::Io`], [`HostError::Config`].
    pub fn classifier(&self, beside: &Path) -> Result<Recipe> {
        let (path, table) = self.changed(beside)?;
        let recipe: Recipe = table.try_into().map_err(|e| HostError::config(&path, e))?;
        recipe.check().map_err(|problem| HostError::config(&path, problem))?;
        Ok(recipe)
    }

    /// The recipe of a segmentation, changed as the study says.
    ///
    /// # Errors
    /// [`HostError::Io`], [`HostError::Config`].
    pub fn segmenter(&self, beside: &Path) -> Result<SegmentRecipe> {
        let (path, table) = self.changed(beside)?;
        let recipe: SegmentRecipe = table.try_into().map_err(|e| HostError::config(&path, e))?;
        recipe.check().map_err(|problem| HostError::config(&path, problem))?;
        Ok(recipe)
    }

    fn changed(&self, beside: &Path) -> Result<(PathBuf, toml::Table)> {
        let path = beside.join(&self.recipe);
        let mut table: toml::Table = files::read_toml(&path)?;
        lay_over(&mut table, &self.change);
        Ok((path, table))
    }
}

impl SplitConfig {
    fn check(&self) -> std::result::Result<(), String> {
        let [train, validation, test] = self.shares;
        let fixed_test = matches!(self.rule, SplitRule::WithoutDevices(_) | SplitRule::WithoutDomains(_));
        if !(train > 0.0 && validation > 0.0 && (fixed_test || test > 0.0)) || !(train + validation + test).is_finite()
        {
            return Err(format!(
                "split `{}` has the shares {train} {validation} {test}; give positive numbers like 0.6 0.2 0.2",
                self.name
            ));
        }
        Ok(())
    }
}

/// Lays `change` over `table`: tables are joined, everything else is replaced.
fn lay_over(table: &mut toml::Table, change: &toml::Table) {
    for (key, value) in change {
        match (table.get_mut(key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => lay_over(below, above),
            _ => {
                table.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        name = "small"
        [classify]
        recipe = "fetal-planes.toml"
        data = ["data.csv"]
        weights = "w.safetensors"
        systems = ["vit", "ushydra-vit"]
        change.augmentation.views = 3
        [[classify.splits]]
        name = "split-0"
        [[classify.splits]]
        name = "without-egypt"
        rule.without-devices = ["Egypt"]
    "#;

    #[test]
    fn a_small_file_and_what_is_refused() {
        let config: StudyConfig = toml::from_str(SMALL).unwrap();
        config.check().unwrap();
        assert_eq!((config.resamples, &config.seeds[..]), (10_000, &[1][..]));
        let task = config.classify.as_ref().unwrap();
        assert!(task.splits[0].rule.is_main() && !task.splits[1].rule.is_main());
        let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
        let recipe = task.classifier(&recipes).unwrap();
        assert_eq!((recipe.augmentation.views, recipe.augmentation.mirror), (3, 0.5));
        let cases = [
            ("systems = [\"vit\", \"ushydra-vit\"]", "systems = [\"vit\", \"vit\"]", "`vit` twice"),
            ("systems = [\"vit\", \"ushydra-vit\"]", "systems = [\"unet\"]", "no system of this task"),
            ("systems = [\"vit\", \"ushydra-vit\"]", "systems = [\"resnet18\"]", "[networks]"),
            ("weights = \"w.safetensors\"", "", "needs `weights`"),
            ("\"without-egypt\"", "\"split-0\"", "two splits"),
            ("name = \"split-0\"", "name = \"split-0\"\nshares = [1.0, 0.0, 0.0]", "positive numbers"),
            ("data = [\"data.csv\"]", "data = []", "data is empty"),
        ];
        for (from, to, says) in cases {
            let config: StudyConfig = toml::from_str(&SMALL.replace(from, to)).unwrap();
            let problem = config.check().unwrap_err();
            assert!(problem.contains(says), "{problem}");
        }
    }

    #[test]
    fn a_budget_for_one() {
        let networks: NetworkConfig = toml::from_str(
            "width = 96\nheight = 96\ncommon = { epochs = 4, learning_rate = 0.01 }\nonly.vgg16.learning_rate = 0.001",
        )
        .unwrap();
        networks.check().unwrap();
        let recipe = Recipe::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/fetal-planes.toml")).unwrap();
        let base = BaselineConfig::new(recipe.labels, recipe.domains, recipe.input, recipe.augmentation);
        let made = |system| networks.of(system, &base).unwrap();
        assert_eq!((made(System::Vgg16).learning_rate, made(System::Vgg16).epochs), (0.001, 4));
        assert_eq!(made(System::Resnet18).learning_rate, 0.01);
        let wrong = |from: &str| NetworkConfig { common: toml::from_str(from).unwrap(), ..networks.clone() };
        let problem = wrong("epoch = 4").of(System::Fcn, &base).unwrap_err();
        assert!(problem.contains("epoch") && problem.contains("fcn"), "{problem}");
        let wrong = NetworkConfig { only: BTreeMap::from([("vit".into(), toml::Table::new())]), ..networks };
        assert!(wrong.check().unwrap_err().contains("no network"));
    }
}
