//! The adapted bundle on disk: whole or absent, and the old one untouched.

use std::path::{Path, PathBuf};

use ushydra_bundle::{Bundle, DecoderSpec, FileSpec, Manifest, Provenance, Quantisation, Statistics};
use ushydra_engine::{Backend, EngineOptions, Models, SelfTestReport};

use super::run::Plan;
use crate::error::{HostError, Result};
use crate::export::golden_values;
use crate::files;

/// What was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// `name@version`.
    pub id: String,
    /// The self-test that it passed.
    pub self_test: SelfTestReport,
}

impl Plan {
    /// Name of the new bundle.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Refuses a folder that holds something, before anything is worked out.
    ///
    /// # Errors
    /// [`HostError::Config`].
    pub fn is_free(folder: &Path) -> Result<()> {
        let taken = folder.is_file() || std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
        if taken {
            return Err(HostError::config(folder, "it exists already; choose another --out or --to, or remove it"));
        }
        Ok(())
    }

    /// Writes the bundle into `folder`, which must not exist: beside it first, opened and tested as the device would, then
    /// renamed. A bundle that fails leaves nothing behind.
    ///
    /// # Errors
    /// [`HostError::Config`] for a folder that is taken, [`HostError::Io`] (a full disk among them), [`HostError::Bundle`] and
    /// [`HostError::Engine`] for a result that does not open or run.
    pub fn write(&self, folder: &Path) -> Result<Written> {
        Self::is_free(folder)?;
        let mut part = folder.file_name().unwrap_or_default().to_owned();
        part.push(format!(".{}.part", std::process::id()));
        let part = folder.with_file_name(part);
        let written = self.fill(&part).and_then(|self_test| {
            // An empty folder of that name may be there.
            let _ = std::fs::remove_dir(folder);
            std::fs::rename(&part, folder).map_err(HostError::io("write", folder))?;
            Ok(self_test)
        });
        match written {
            Ok(self_test) => {
                Ok(Written { bundle: folder.to_owned(), id: format!("{}@{}", self.name, self.version), self_test })
            }
            Err(error) => {
                // The part is of no use to anybody; failing to remove it changes nothing about the error to report.
                let _ = std::fs::remove_dir_all(&part);
                Err(error)
            }
        }
    }

    fn fill(&self, folder: &Path) -> Result<SelfTestReport> {
        let old = self.bundle.manifest();
        let domain = &self.report.domain;
        let copy = |from: &Path, to: &str| files::write_atomic(&folder.join(to), &files::read(from)?);
        copy(self.bundle.encoder_path(), &old.encoder.file)?;
        let mut decoders = old.decoders.clone();
        for (index, spec) in old.decoders.iter().enumerate() {
            copy(self.bundle.decoder_path(index).unwrap_or(Path::new("")), &spec.file)?;
            if let (Some(int8), Some(paths)) = (&spec.int8, self.bundle.int8_paths(index)) {
                copy(&paths.qdq, &int8.qdq.file)?;
                copy(&paths.qop, &int8.qop.file)?;
            }
        }
        let file = format!("decoders/{domain}.onnx");
        files::write_atomic(&folder.join(&file), &self.decoder)?;
        let sha256 = FileSpec::of(folder, &file)?.sha256;
        decoders.push(DecoderSpec { domain: domain.clone(), file, sha256, int8: None });
        let statistics = format!("calibration/{}.toml", self.name);
        let path = folder.join(&statistics);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(HostError::io("create the folder", parent))?;
        Statistics { bundle: self.name.clone(), ..self.statistics.clone() }.write(&path)?;
        let quantisation = match self.bundle.quantisation() {
            Some(quantisation) => {
                let file = format!("calibration/{}-int8.toml", self.name);
                Quantisation { bundle: self.name.clone(), ..quantisation.clone() }.write(&folder.join(&file))?;
                Some(FileSpec::of(folder, &file)?)
            }
            None => None,
        };
        files::write_atomic(&folder.join(&old.card.file), self.card()?.as_bytes())?;
        let golden = golden_values(folder, &old.input, &old.encoder.file, &old.encoder.feature_output, &decoders)?;
        let mut domains = old.domains.clone();
        domains.push(domain.clone());
        let manifest = Manifest {
            name: self.name.clone(),
            version: self.version.clone(),
            domains,
            provenance: self.provenance(),
            decoders,
            statistics: FileSpec::of(folder, &statistics)?,
            quantisation,
            golden,
            card: FileSpec::of(folder, &old.card.file)?,
            ..old.clone()
        };
        manifest.write(folder)?;
        let bundle = Bundle::open(folder)?;
        Ok(Models::load(&bundle, Backend::Tract, &EngineOptions::default())?.self_test(&bundle)?)
    }

    /// The old card under the new name, with a section about the adaptation.
    fn card(&self) -> Result<String> {
        let path = self.bundle.card_path();
        let text = String::from_utf8(files::read(path)?).map_err(|e| HostError::damaged(path, e))?;
        let head = format!("# {}\n", self.bundle.id());
        let text = match text.strip_prefix(&head) {
            Some(rest) => format!("# {}@{}\n{rest}", self.name, self.version),
            None => format!("# {}@{}\n\n{text}", self.name, self.version),
        };
        Ok(format!("{}\n\n{}", text.trim_end(), self.report.section()))
    }

    fn provenance(&self) -> Vec<Provenance> {
        let images = &self.report.images;
        let trained = if self.report.decoder.fitted.is_some() { "statistics and decoder" } else { "statistics" };
        let new = Provenance {
            name: format!("{} images of {} patients", images.pictures, images.patients),
            used_for: format!("{trained} of the added domain {}", self.report.domain),
            licence: self.licence.clone(),
            attribution: self.attribution.clone(),
        };
        self.bundle.manifest().provenance.iter().cloned().chain([new]).collect()
    }
}
