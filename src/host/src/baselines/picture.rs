//! What baselines learn from and are judged on: pictures in memory.

use std::path::PathBuf;

use ushydra_core::{FrameGeometry, FrameView};
use ushydra_probe::Frame;

use crate::dataset::Sample;
use crate::error::{HostError, Result};
use crate::features::extract::read_picture;
use crate::files;
use crate::masks::{LoadedSample, MaskSample};

/// A picture with its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassPicture {
    /// Where it came from, for messages.
    pub file: PathBuf,
    /// Size and format.
    pub geometry: FrameGeometry,
    /// Samples, row by row.
    pub pixels: Vec<u8>,
    /// Index of the class; none for a picture of no class, which is judged but not learnt from.
    pub label: Option<usize>,
    /// Index of the quality domain.
    pub domain: usize,
}

impl ClassPicture {
    /// Reads the first frame of the sample's file.
    ///
    /// # Errors
    /// [`HostError::Probe`], [`HostError::Picture`].
    pub fn load(sample: &Sample, label: Option<usize>, domain: usize) -> Result<Self> {
        let mut frame = Frame::new();
        read_picture(&sample.file, &mut frame)?;
        let geometry = frame.geometry;
        Ok(Self { file: sample.file.clone(), geometry, pixels: frame.data, label, domain })
    }

    /// The picture as the preprocessing takes it.
    ///
    /// # Errors
    /// [`HostError::Picture`] where size and samples do not fit.
    pub fn view(&self) -> Result<FrameView<'_>> {
        FrameView::new(self.geometry, &self.pixels)
            .map_err(|e| HostError::Picture { path: self.file.clone(), problem: e.to_string() })
    }
}

/// A picture with its mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskPicture {
    /// Where it came from, for messages.
    pub file: PathBuf,
    /// Picture and mask.
    pub loaded: LoadedSample,
    /// Index of the quality domain.
    pub domain: usize,
}

impl MaskPicture {
    /// Reads picture and mask of the sample.
    ///
    /// # Errors
    /// Those of [`MaskSample::load`].
    pub fn load(sample: &MaskSample, domain: usize) -> Result<Self> {
        Ok(Self { file: sample.image.clone(), loaded: sample.load()?, domain })
    }
}

/// Anything that training draws by domain.
pub(super) trait Drawn {
    fn domain(&self) -> usize;
    /// Bytes that tell it from any other.
    fn content(&self) -> [&[u8]; 2];
    /// Numbers that tell it from any other.
    fn marks(&self) -> String;
}

impl Drawn for ClassPicture {
    fn domain(&self) -> usize {
        self.domain
    }

    fn content(&self) -> [&[u8]; 2] {
        [&self.pixels, &[]]
    }

    fn marks(&self) -> String {
        format!("{:?} {:?} {}", self.geometry, self.label, self.domain)
    }
}

impl Drawn for MaskPicture {
    fn domain(&self) -> usize {
        self.domain
    }

    fn content(&self) -> [&[u8]; 2] {
        [&self.loaded.image, &self.loaded.mask]
    }

    fn marks(&self) -> String {
        format!("{}x{} {}", self.loaded.width, self.loaded.height, self.domain)
    }
}

/// Hash over the pictures that training depends on.
pub(super) fn fingerprint<P: Drawn>(parts: [&[&P]; 2]) -> String {
    let mut hashes = Vec::new();
    for part in parts {
        hashes.push(part.len().to_string());
        for picture in part {
            let [a, b] = picture.content();
            hashes.push(files::fingerprint(&[picture.marks().as_bytes(), a, b]));
        }
    }
    files::fingerprint(&hashes.iter().map(String::as_bytes).collect::<Vec<_>>())
}

/// Refuses parts that cannot be trained on.
pub(super) fn check<P: Drawn>(train: &[&P], validation: &[&P], domains: &[String]) -> Result<()> {
    if train.len() < 2 {
        return Err(HostError::Dataset(format!(
            "the training part has {} pictures, at least 2 are needed; give it a larger share of the split",
            train.len()
        )));
    }
    if validation.is_empty() {
        return Err(HostError::Dataset(
            "the validation part is empty, so that no epoch could be chosen; add patients or give it a share of the split"
                .to_owned(),
        ));
    }
    for (domain, name) in domains.iter().enumerate() {
        if !train.iter().any(|p| p.domain() == domain) {
            log::warn!("no picture of domain `{name}` in the training part");
        }
    }
    match train.iter().chain(validation).find(|p| p.domain() >= domains.len()) {
        Some(bad) => Err(HostError::Dataset(format!(
            "a picture has domain {}, but only {} domains are named; name it or remove the picture",
            bad.domain(),
            domains.len()
        ))),
        None => Ok(()),
    }
}
