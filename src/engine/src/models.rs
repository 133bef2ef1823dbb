//! The encoder and the decoders of one bundle, wired together.

use std::path::{Path, PathBuf};

use ushydra_bundle::{Bundle, Manifest, Task};

use crate::engine::{Engine, MAX_TENSORS, ModelInfo};
use crate::error::EngineError;
use crate::precision::Precision;

/// Encoder and decoders of a bundle, with the buffers between them.
///
/// [`Models::encode`] runs the encoder on one frame, [`Models::decode`] one decoder on what the encoder said. Every input
/// of a decoder is the encoder's output of the same name: the feature vector, or the maps that a segmentation decoder
/// takes from several depths. Where both engines can, those maps stay where the encoder computed them. After loading,
/// neither call allocates anything outside the engines.
pub struct Models {
    encoder: Box<dyn Engine>,
    encoder_precision: Precision,
    decoders: Vec<Decoder>,
    /// Cheaper forms of the decoders, see [`Models::use_cheaper`]; none where a decoder has none.
    cheaper: Vec<Option<Decoder>>,
    uses_cheaper: bool,
    /// Outputs of the encoder, in its order; empty for one that stays in the engine.
    encoded: Vec<Vec<f32>>,
    /// Which of them is the feature vector.
    feature_output: usize,
    /// Output of the decoder that ran last.
    decoded: Vec<f32>,
    /// Whether the encoder's outputs belong to a frame.
    ready: bool,
}

/// A loaded model and what it was loaded from.
pub(crate) struct Loaded {
    pub(crate) engine: Box<dyn Engine>,
    pub(crate) file: PathBuf,
    pub(crate) precision: Precision,
}

struct Decoder {
    engine: Box<dyn Engine>,
    precision: Precision,
    /// For each input, the encoder's output that feeds it; none where the engine reads it in place.
    sources: Vec<Option<usize>>,
    /// Elements of its output.
    elements: usize,
}

impl Models {
    /// Joins an encoder and decoders, checks their shapes against the manifest of `bundle` and runs each once, so that the
    /// first frame takes no longer than the next.
    pub(crate) fn join(bundle: &Bundle, encoder: Loaded, decoders: Vec<Loaded>) -> Result<Self, EngineError> {
        let manifest = bundle.manifest();
        let Loaded { engine: mut encoder, file, precision: encoder_precision } = encoder;
        let feature_output = check_encoder(&file, encoder.info(), manifest)?;
        let mut wired = Vec::new();
        for Loaded { mut engine, file, precision } in decoders {
            let sources = check_decoder(&file, engine.info(), encoder.info(), manifest)?;
            let elements = engine.info().outputs[0].elements();
            let link = |(input, source): (usize, usize)| match engine.link(input, &mut *encoder, source) {
                true => None,
                false => Some(source),
            };
            let sources = sources.into_iter().enumerate().map(link).collect();
            wired.push(Decoder { engine, precision, sources, elements });
        }
        let outputs = encoder.info().outputs.iter().map(crate::TensorInfo::elements).collect::<Vec<_>>();
        let read = |output: usize| wired.iter().any(|decoder| decoder.sources.contains(&Some(output)));
        let buffer = |(output, elements): (usize, usize)| {
            let stays = output != feature_output && !read(output) && encoder.keep(output);
            if stays { Vec::new() } else { vec![0.0; elements] }
        };
        let mut models = Self {
            encoded: outputs.into_iter().enumerate().map(buffer).collect(),
            decoded: vec![0.0; wired.iter().map(|decoder| decoder.elements).max().unwrap_or_default()],
            encoder,
            encoder_precision,
            decoders: wired,
            cheaper: Vec::new(),
            uses_cheaper: false,
            feature_output,
            ready: false,
        };
        models.warm_up()?;
        Ok(models)
    }

    /// Runs the encoder on one preprocessed frame, planar `[channels, height, width]`, and returns its feature vector.
    ///
    /// # Errors
    /// See [`Engine::run`].
    pub fn encode(&mut self, frame: &[f32]) -> Result<&[f32], EngineError> {
        self.ready = false;
        let mut outputs: [&mut [f32]; MAX_TENSORS] = Default::default();
        for (output, buffer) in outputs.iter_mut().zip(&mut self.encoded) {
            *output = buffer;
        }
        let count = self.encoder.info().outputs.len();
        self.encoder.run(&[frame], &mut outputs[..count])?;
        self.ready = true;
        Ok(&self.encoded[self.feature_output])
    }

    /// Runs the decoder of domain `index` on the frame that was encoded last and returns its output: logits of each label,
    /// or of each label's mask.
    ///
    /// # Errors
    /// [`EngineError::Decoder`] for a number without decoder, [`EngineError::NotEncoded`] where no frame was encoded or
    /// the encoder failed; otherwise see [`Engine::run`].
    pub fn decode(&mut self, index: usize) -> Result<&[f32], EngineError> {
        let count = self.decoders.len();
        let cheaper = self.cheaper.get_mut(index).and_then(Option::as_mut).filter(|_| self.uses_cheaper);
        let decoder = match cheaper {
            Some(decoder) => decoder,
            None => self.decoders.get_mut(index).ok_or(EngineError::Decoder { index, count })?,
        };
        if !self.ready {
            return Err(EngineError::NotEncoded);
        }
        let mut inputs: [&[f32]; MAX_TENSORS] = Default::default();
        for (input, source) in inputs.iter_mut().zip(&decoder.sources) {
            *input = source.map_or(&[], |source| &self.encoded[source]);
        }
        let output = &mut self.decoded[..decoder.elements];
        decoder.engine.run(&inputs[..decoder.sources.len()], &mut [output])?;
        Ok(&self.decoded[..decoder.elements])
    }

    /// Puts another engine around every engine, to measure or record its calls. It must describe the same tensors.
    #[must_use]
    pub fn wrapped(mut self, mut wrap: impl FnMut(Box<dyn Engine>) -> Box<dyn Engine>) -> Self {
        self.encoder = wrap(self.encoder);
        let mut rewire = |decoder: Decoder| Decoder { engine: wrap(decoder.engine), ..decoder };
        self.decoders = self.decoders.into_iter().map(&mut rewire).collect();
        self.cheaper = self.cheaper.into_iter().map(|decoder| decoder.map(&mut rewire)).collect();
        self
    }

    /// Name of the backend that runs the encoder.
    #[must_use]
    pub fn backend(&self) -> &'static str {
        self.encoder.backend()
    }

    /// What the encoder computes with.
    #[must_use]
    pub fn encoder_precision(&self) -> Precision {
        self.encoder_precision
    }

    /// What the decoder of domain `index` computes with at present.
    #[must_use]
    pub fn decoder_precision(&self, index: usize) -> Option<Precision> {
        let cheaper = self.cheaper.get(index).and_then(Option::as_ref).filter(|_| self.uses_cheaper);
        cheaper.or_else(|| self.decoders.get(index)).map(|decoder| decoder.precision)
    }

    /// Adds cheaper forms of decoders, one entry per decoder, checks their shapes as [`Models::join`] does and runs each once.
    pub(crate) fn add_cheaper(&mut self, bundle: &Bundle, forms: Vec<Option<Loaded>>) -> Result<(), EngineError> {
        for (index, form) in forms.into_iter().enumerate() {
            let wired = match form {
                Some(Loaded { engine, file, precision }) => {
                    let sources = check_decoder(&file, engine.info(), self.encoder.info(), bundle.manifest())?;
                    let elements = engine.info().outputs[0].elements();
                    // A map that stayed inside the encoder's engine for the other form cannot be read by this one.
                    let readable = |source: &usize| self.encoded.get(*source).is_some_and(|map| !map.is_empty());
                    let sound = sources.iter().all(readable) && elements <= self.decoded.len();
                    sound.then(|| Decoder {
                        engine,
                        precision,
                        sources: sources.into_iter().map(Some).collect(),
                        elements,
                    })
                }
                None => None,
            };
            self.cheaper.truncate(index);
            self.cheaper.push(wired);
        }
        let before = std::mem::replace(&mut self.uses_cheaper, true);
        let warmed = self.warm_up();
        self.uses_cheaper = before;
        warmed
    }

    pub(crate) fn forget_cheaper(&mut self) {
        self.cheaper.clear();
    }

    /// Whether some decoder has a cheaper form that was loaded.
    #[must_use]
    pub fn has_cheaper(&self) -> bool {
        self.cheaper.iter().any(Option::is_some)
    }

    /// Decodes with the cheaper forms from now on, or no longer; decoders without one stay as they are. Both forms are loaded, so the
    /// change costs nothing, and it allocates nothing.
    pub fn use_cheaper(&mut self, cheaper: bool) {
        self.uses_cheaper = cheaper;
    }

    /// Precisions in words, such as `f16, decoders int8`.
    #[must_use]
    pub fn precisions(&self) -> String {
        let mut decoders = self.decoders.iter().map(|decoder| decoder.precision.to_string()).collect::<Vec<_>>();
        decoders.dedup();
        let (encoder, decoders) = (self.encoder_precision.to_string(), decoders.join("/"));
        if encoder == decoders { encoder } else { format!("{encoder}, decoders {decoders}") }
    }

    /// The encoder.
    #[must_use]
    pub fn encoder(&self) -> &dyn Engine {
        &*self.encoder
    }

    /// The decoder of domain `index`.
    #[must_use]
    pub fn decoder(&self, index: usize) -> Option<&dyn Engine> {
        self.decoders.get(index).map(|decoder| &*decoder.engine)
    }

    /// Number of decoders.
    #[must_use]
    pub fn decoder_count(&self) -> usize {
        self.decoders.len()
    }

    fn warm_up(&mut self) -> Result<(), EngineError> {
        let black = vec![0.0; self.encoder.info().inputs[0].elements()];
        self.encode(&black)?;
        for index in 0..self.decoders.len() {
            self.decode(index)?;
        }
        self.ready = false;
        Ok(())
    }
}

/// Position of the feature vector among the encoder's outputs.
fn check_encoder(file: &Path, info: &ModelInfo, manifest: &Manifest) -> Result<usize, EngineError> {
    let input = &manifest.input;
    let image = [1, input.channels, input.height as usize, input.width as usize];
    match &info.inputs[..] {
        [found] if found.shape == image => {}
        _ => return Err(differs(file, "its input", format!("one of shape {image:?}"), list(info, true))),
    }
    let name = &manifest.encoder.feature_output;
    let vector = [1, manifest.encoder.features];
    let position = info.output(name).filter(|index| info.outputs[*index].shape == vector);
    position.ok_or_else(|| differs(file, "its feature vector", format!("`{name}` {vector:?}"), list(info, false)))
}

/// For each input of a decoder, the encoder's output that feeds it.
fn check_decoder(
    file: &Path,
    info: &ModelInfo,
    encoder: &ModelInfo,
    manifest: &Manifest,
) -> Result<Vec<usize>, EngineError> {
    let source = |input: &crate::TensorInfo| {
        let found = encoder.output(&input.name).filter(|index| encoder.outputs[*index].shape == input.shape);
        found.ok_or_else(|| {
            let expected = format!("one of the encoder's outputs: {}", list(encoder, false));
            differs(file, "an input", expected, input.to_string())
        })
    };
    let sources = info.inputs.iter().map(source).collect::<Result<_, _>>()?;
    let answer = match manifest.task {
        Task::Classify => vec![1, manifest.labels.len()],
        Task::Segment => {
            vec![1, manifest.labels.len(), manifest.input.height as usize, manifest.input.width as usize]
        }
    };
    match &info.outputs[..] {
        [found] if found.shape == answer => Ok(sources),
        _ => Err(differs(file, "its output", format!("one of shape {answer:?}"), list(info, false))),
    }
}

fn differs(file: &Path, what: &str, expected: String, found: String) -> EngineError {
    EngineError::Manifest { file: file.to_owned(), what: what.to_owned(), expected, found }
}

fn list(info: &ModelInfo, inputs: bool) -> String {
    let tensors = if inputs { &info.inputs } else { &info.outputs };
    tensors.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
