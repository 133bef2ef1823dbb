//! A folder with pictures, phantoms, weights, recipes and a miniature study over them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use ushydra_host::phantoms::{self, PhantomSet};
use ushydra_host::progress::Progress;
use ushydra_host::segment::SegmentRecipe;
use ushydra_host::segment::recipe::SplitConfig;
use ushydra_host::study::CellRecord;

use crate::common;

pub(crate) const CLASSIFY: &str = r#"
[classify]
recipe = "recipe.toml"
data = ["data.csv"]
weights = "weights.safetensors"
systems = ["vit", "ushydra-vit", "resnet18"]
splits = [{ name = "split-0" }]
printed = { low = "African", medium = "European", high = "Macao" }
[classify.networks]
width = 32
height = 32
common = { epochs = 2, batch = 8, learning_rate = 0.003, width = 4 }
"#;

pub(crate) const SEGMENT: &str = r#"
[segment]
recipe = "segment.toml"
data = ["phantoms/phantoms.csv"]
systems = ["unet", "ushydra-unet", "fcn"]
splits = [{ name = "split-0" }]
printed = { low = "Camus", high = "EchoNet" }
[segment.networks]
width = 48
height = 32
common = { epochs = 1, batch = 4, learning_rate = 0.003, width = 4, backbone = "resnet18", output_stride = 32 }
"#;

pub(crate) const ABLATIONS: &str = r#"
[ablations.classify]
routing = true
std_weights = [1.0, 20.0]
quality = true
int8 = true
other_domains = [0.0, 1.0]
without_devices = ["dev1"]
domains.two = { low = "poor", medium = "good", high = "good" }
domains.devices = { by = "device" }
degrade = { noise = [0.2], blur = [0.05], gain = [0.5] }
[ablations.segment]
routing = true
quality = true
int8 = true
degrade = { noise = [0.2] }
"#;

pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    /// Pictures, weights, phantoms, recipes and the configuration `study.toml` with these parts.
    pub(crate) fn new(parts: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        common::pictures(at, 36);
        common::weights(&at.join("weights.safetensors"));
        common::recipe(at);
        if parts.contains(&SEGMENT) {
            let domains = vec!["low".to_owned(), "high".to_owned()];
            let set = PhantomSet { view: "a4c".into(), domains, patients: 12, frames: 1, seed: 3 };
            phantoms::write(&set, &at.join("phantoms"), 2, &Progress::silent()).unwrap();
            segment_recipe().write(&at.join("segment.toml")).unwrap();
        }
        let world = Self { folder };
        world.configure(parts);
        world
    }

    pub(crate) fn configure(&self, parts: &[&str]) {
        let text = format!("name = \"miniature\"\nresamples = 100\n{}", parts.concat());
        std::fs::write(self.path("study.toml"), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ushydra-host"));
        command.args(["--quiet", "compare", "--config", "study.toml", "--out", "out"]).args(arguments);
        command.current_dir(self.folder.path());
        command
    }

    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", error(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.command(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?} succeeded");
        (output.status.code().unwrap(), error(&output))
    }

    pub(crate) fn record(&self, slug: &str) -> CellRecord {
        serde_json::from_slice(&std::fs::read(self.path(&format!("out/cells/{slug}/cell.json"))).unwrap()).unwrap()
    }

    pub(crate) fn written(&self, slug: &str) -> SystemTime {
        std::fs::metadata(self.path(&format!("out/cells/{slug}/cell.json"))).unwrap().modified().unwrap()
    }
}

pub(crate) fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn segment_recipe() -> SegmentRecipe {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/cardiac-lv.toml");
    let mut recipe = SegmentRecipe::read(&shipped).unwrap();
    recipe.name = "miniature".into();
    recipe.network.width = 3;
    recipe.network.depth = 2;
    (recipe.input.width, recipe.input.height) = (48, 32);
    recipe.split = SplitConfig { train: 0.6, validation: 0.2, test: 0.2 };
    recipe.training.batch = 4;
    recipe.training.epoch_pictures = 8;
    (recipe.training.shared.epochs, recipe.training.decoders.epochs, recipe.training.routed.epochs) = (2, 1, 1);
    recipe.calibration.entries = recipe.network.features();
    recipe.calibration.components = 4;
    recipe.calibration.folds = 2;
    recipe
}
