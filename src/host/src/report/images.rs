//! Pictures that a report shows only where it was asked to: they belong to their publishers, and a report that is passed on should
//! hold none by accident.

use std::path::{Path, PathBuf};

use image::GrayImage;

use crate::error::{HostError, Result};
use crate::masks;
use crate::study::explain::Case;

/// Where the pictures of a study lie.
#[derive(Clone, Debug)]
pub struct Images {
    root: PathBuf,
}

impl Images {
    /// Below `root`, the folder that `compare` was given as `--root`.
    ///
    /// # Errors
    /// [`HostError::Missing`] where there is no such folder.
    pub fn new(root: &Path) -> Result<Self> {
        if root.is_dir() {
            return Ok(Self { root: root.to_owned() });
        }
        let remedy = "give `--images` the folder that `compare --root` had".to_owned();
        Err(HostError::Missing { path: root.to_owned(), remedy })
    }

    /// The picture of a case in grey levels.
    ///
    /// # Errors
    /// [`HostError::Missing`] for a picture that is not there, [`HostError::Picture`] for one of another size than that which was
    /// judged, [`HostError::Probe`] for one that cannot be decoded.
    pub fn read(&self, case: &Case) -> Result<GrayImage> {
        let path = self.root.join(&case.file);
        if !path.is_file() {
            let remedy =
                format!("{} is shown without it; give `--images` the folder that `compare --root` had", case.name);
            return Err(HostError::Missing { path, remedy });
        }
        let found = masks::frame(&path, case.frame)?;
        let [width, height] = case.size;
        let other = |problem: String| HostError::Picture { path: path.clone(), problem };
        if (found.width, found.height) != (width, height) {
            return Err(other(format!(
                "it is {}x{}, but the study judged a picture of {width}x{height}; this is another version of the data, the case is \
                 shown without it",
                found.width, found.height
            )));
        }
        GrayImage::from_raw(width, height, found.pixels).ok_or_else(|| other("its samples do not fill it".to_owned()))
    }
}
