//! int8 forms of a UNet's decoders within a study: ranges from training pictures, choice on validation pictures.

use std::path::Path;

use ushydra_onnx::Network;

use super::painter::Painter;
use super::record::Answer;
use crate::error::{HostError, Result};
use crate::files;
use crate::masks::MaskSample;
use crate::progress::Progress;
use crate::quantise::{Bench, Decoder, Encoded, Parts, QuantisationConfig, Subject, search};
use crate::segment::SegmentRecipe;
use crate::wired::{ModelFiles, Wired};

/// Pictures with masks as decoders are judged on them.
struct Masked<'a> {
    samples: Vec<&'a MaskSample>,
    inputs: Vec<String>,
    painter: Painter,
    encoder: Wired,
}

impl Subject for Masked<'_> {
    fn encode(&mut self, index: usize) -> Result<Encoded> {
        let Some(sample) = self.samples.get(index) else {
            return Err(HostError::Dataset(format!("picture {index} of {} was asked for", self.samples.len())));
        };
        self.painter.take(sample, None)?;
        self.encoder.encode(self.painter.tensor())?;
        let outputs = self.inputs.iter().map(|name| Ok((name.clone(), self.encoder.output(name)?.to_vec())));
        Ok(Encoded::new(outputs.collect::<Result<_>>()?))
    }

    fn score(&mut self, answer: &[f32]) -> Result<f64> {
        match self.painter.answer(answer)? {
            Answer::Mask { dice, .. } => Ok(dice),
            Answer::Class { .. } => Err(HostError::Dataset("a mask was expected".to_owned())),
        }
    }
}

/// Answers of the int8 form of every decoder to the pictures of `test`, by picture. `folder` is a place for graphs.
///
/// # Errors
/// Those of pictures, engine and quantiser, [`HostError::Stopped`].
pub(super) fn answers(
    models: &ModelFiles,
    recipe: &SegmentRecipe,
    [train, validation, test]: [Vec<&MaskSample>; 3],
    folder: &Path,
    progress: &Progress,
) -> Result<Vec<Vec<Answer>>> {
    let QuantisationConfig { calibration, choice, .. } = recipe.quantisation;
    let networks = models.decoders.iter().map(|path| Ok(Network::read(&files::read(path)?)?));
    let networks = networks.collect::<Result<Vec<Network>>>()?;
    let mut inputs: Vec<String> = networks.iter().flat_map(|n| n.inputs.iter().map(|input| input.0.clone())).collect();
    inputs.sort_unstable();
    inputs.dedup();
    let calibration: Vec<&MaskSample> = train.into_iter().take(calibration).collect();
    let known = calibration.len();
    let samples: Vec<&MaskSample> = calibration.into_iter().chain(validation.into_iter().take(choice)).collect();
    let parts = Parts { calibration: (0..known).collect(), choice: (known..samples.len()).collect(), test: Vec::new() };
    let encoder = ModelFiles { encoder: models.encoder.clone(), decoders: Vec::new() };
    let mut subject =
        Masked { samples, inputs, painter: Painter::new(&recipe.input)?, encoder: Wired::load(&encoder, 1)? };
    let bench = Bench { folder: folder.to_owned(), threads: 1 };
    let mut decoders = Vec::with_capacity(networks.len());
    for (index, (network, float)) in networks.iter().zip(&models.decoders).enumerate() {
        let found = search(&mut subject, &parts, network, float, &recipe.quantisation, &bench, progress)?;
        let path = folder.join(format!("{index}.qop.onnx"));
        files::write_atomic(&path, &found.qop)?;
        decoders.push(Decoder::load(&path, 1)?);
    }
    subject.samples = test;
    let mut answers = Vec::with_capacity(subject.samples.len());
    for index in 0..subject.samples.len() {
        progress.check()?;
        let encoded = subject.encode(index)?;
        let of = decoders.iter_mut().map(|decoder| subject.painter.answer(decoder.answer(&encoded)?));
        answers.push(of.collect::<Result<_>>()?);
    }
    // Graphs were only a way to the engine.
    let _ = std::fs::remove_dir_all(folder);
    Ok(answers)
}
