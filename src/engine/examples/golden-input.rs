//! Writes the golden picture of a bundle as its encoder takes it: `golden-input BUNDLE OUTPUT`. Little-endian f32, planar.

use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow};
use ushydra_bundle::{Bundle, Preprocessor};

fn main() -> Result<()> {
    let [folder, output] = std::env::args_os()
        .skip(1)
        .map(PathBuf::from)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_: Vec<PathBuf>| anyhow!("give the folder of a bundle and the file to write"))?;
    let bundle = Bundle::open(&folder)?;
    let golden = bundle.golden()?;
    let input = &bundle.manifest().input;
    let mut image = vec![0.0; input.values()];
    Preprocessor::new(input)?.run(golden.frame()?, &mut image)?;
    let bytes = image.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
    std::fs::write(&output, bytes).with_context(|| format!("cannot write {}", output.display()))
}
