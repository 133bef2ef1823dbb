//! Writes the miniature bundle and pictures for it into a folder, to try the device program without a trained bundle:
//!
//! ```text
//! cargo run -p ushydra-tests --example miniature -- target/try
//! cargo run -- infer target/try/pictures --bundle target/try/models/miniature --overlay target/try/overlays
//! ```

use std::path::PathBuf;

use ushydra_tests::pictures::{HIGH, LOW, TILT, plane, stranger};
use ushydra_tests::{Fault, miniature};

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
    Ok(())
}
