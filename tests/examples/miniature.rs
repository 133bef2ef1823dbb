//! Writes the miniature bundles and pictures for them into a folder, to try the device program without a trained bundle:
//!
//! ```text
//! cargo run -p ushydra-tests --example miniature -- target/try
//! cargo run -- infer target/try/pictures --bundle target/try/models/miniature --overlay target/try/overlays
//! cargo run -- infer target/try/discs --bundle target/try/models/miniature-head --spacing 1.5 --masks target/try/masks
//! ```

use std::path::PathBuf;

use ushydra_tests::Fault;
use ushydra_tests::miniature::{self, Segmenting};
use ushydra_tests::pictures::{DISC, Disc, HIGH, LOW, TILT, plane, stranger, with_disc};

fn main() -> Result<(), Fault> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("name the folder to write into")?);
    miniature::write(&folder.join("models").join(miniature::NAME))?;
    let pictures = folder.join("pictures");
    std::fs::create_dir_all(&pictures)?;
    for (name, picture) in [
        ("dark-left.png", plane(LOW, TILT, 1)),
        ("bright-right.png", plane(HIGH, -TILT, 2)),
        ("even.png", plane(LOW, 0.0, 3)),
        ("stripes.png", stranger()),
    ] {
        picture.save(pictures.join(name))?;
    }
    for kind in [Segmenting::HEAD, Segmenting::VENTRICLE] {
        miniature::write_segmenting(&kind, &folder.join("models").join(kind.name()))?;
    }
    let discs = folder.join("discs");
    std::fs::create_dir_all(&discs)?;
    let disc = Disc { centre: [170.0, 110.0], axes: [80.0, 60.0], brightness: DISC };
    for (name, brightness) in [("dark.png", LOW), ("bright.png", HIGH)] {
        with_disc((320, 240), brightness, &disc, 1).save(discs.join(name))?;
    }
    stranger().save(discs.join("stripes.png"))?;
    Ok(())
}
