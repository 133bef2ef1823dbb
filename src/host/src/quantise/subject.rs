//! What a bundle is judged on: pictures with the truth, seen through its own preprocessing and encoder.

use ushydra_bundle::Bundle;
use ushydra_measure::Mask;

use crate::error::{HostError, Result};
use crate::evaluate::metrics::argmax;
use crate::features::Features;
use crate::masks::MaskSample;
use crate::segment::canvas::{Canvas, Placed, truth};
use crate::wired::{ModelFiles, Wired};

/// The encoder's outputs for one picture, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encoded(Vec<(String, Vec<f32>)>);

impl Encoded {
    /// Outputs as (name, values).
    #[must_use]
    pub const fn new(outputs: Vec<(String, Vec<f32>)>) -> Self {
        Self(outputs)
    }

    /// A single output.
    #[must_use]
    pub fn of(name: &str, values: &[f32]) -> Self {
        Self(vec![(name.to_owned(), values.to_vec())])
    }

    /// One output.
    ///
    /// # Errors
    /// [`HostError::Dataset`] where the encoder has none of this name.
    pub fn get(&self, name: &str) -> Result<&[f32]> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, values)| values.as_slice()).ok_or_else(|| {
            let known: Vec<&str> = self.0.iter().map(|(known, _)| known.as_str()).collect();
            HostError::Dataset(format!(
                "a decoder reads `{name}`, the encoder gives {}; export again",
                known.join(", ")
            ))
        })
    }
}

/// Pictures that decoders are judged on. [`Self::encode`] a picture, then [`Self::score`] what decoders make of it.
pub trait Subject {
    /// Prepares and encodes picture `index`.
    ///
    /// # Errors
    /// [`HostError::Picture`], [`HostError::Engine`].
    fn encode(&mut self, index: usize) -> Result<Encoded>;

    /// How good an answer to the picture that was encoded last is, 0 to 1: right or wrong, or the Dice coefficient.
    ///
    /// # Errors
    /// [`HostError::Dataset`] for an answer of another size.
    fn score(&mut self, answer: &[f32]) -> Result<f64>;
}

/// Pictures with labels, whose feature vectors are known.
pub struct Labelled<'a> {
    /// Feature vectors; view 0 is the picture as it is.
    pub features: &'a Features,
    /// Name of the encoder's output.
    pub output: &'a str,
    /// Label of every picture; none for an unknown one, which no answer fits.
    pub labels: &'a [Option<usize>],
    /// The picture that was encoded last.
    pub current: usize,
}

impl Subject for Labelled<'_> {
    fn encode(&mut self, index: usize) -> Result<Encoded> {
        self.current = index;
        Ok(Encoded::of(self.output, self.features.row(index, 0)))
    }

    fn score(&mut self, answer: &[f32]) -> Result<f64> {
        let logits: Vec<f64> = answer.iter().map(|v| f64::from(*v)).collect();
        let label = self.labels.get(self.current).copied().flatten();
        Ok(f64::from(u8::from(!logits.is_empty() && label == Some(argmax(&logits)))))
    }
}

/// Pictures with masks.
pub struct Masked {
    samples: Vec<MaskSample>,
    outputs: Vec<String>,
    encoder: Wired,
    canvas: Canvas,
    /// The picture that was encoded last and its true mask.
    current: Option<(Placed, Mask)>,
}

impl Masked {
    /// `samples` seen by the encoder of `bundle`, of whose outputs those in `outputs` are kept.
    ///
    /// # Errors
    /// [`HostError::Engine`], [`HostError::Config`] for an input that cannot be prepared.
    pub fn new(bundle: &Bundle, samples: Vec<MaskSample>, outputs: Vec<String>, threads: usize) -> Result<Self> {
        let files = ModelFiles { encoder: bundle.encoder_path().to_owned(), decoders: Vec::new() };
        Ok(Self {
            samples,
            outputs,
            encoder: Wired::load(&files, threads)?,
            canvas: Canvas::new(&bundle.manifest().input).map_err(|e| HostError::config(bundle.root(), e))?,
            current: None,
        })
    }
}

impl Subject for Masked {
    fn encode(&mut self, index: usize) -> Result<Encoded> {
        let Some(sample) = self.samples.get(index) else {
            return Err(HostError::Dataset(format!("picture {index} of {} was asked for", self.samples.len())));
        };
        let loaded = sample.load()?;
        let placed = self.canvas.prepare(&sample.image, &loaded)?;
        self.current = Some((placed, truth(&sample.image, &loaded)?));
        self.encoder.encode(self.canvas.tensor())?;
        let outputs = self.outputs.iter().map(|name| Ok((name.clone(), self.encoder.output(name)?.to_vec())));
        Ok(Encoded(outputs.collect::<Result<_>>()?))
    }

    fn score(&mut self, answer: &[f32]) -> Result<f64> {
        let Some((placed, truth)) = &self.current else {
            return Err(HostError::Dataset("an answer came before its picture".to_owned()));
        };
        Ok(self.canvas.draw(placed, answer)?.dice(truth).unwrap_or(1.0))
    }
}
