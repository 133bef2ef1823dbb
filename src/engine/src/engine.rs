//! The trait every backend implements, and the checks they share.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use crate::error::{EngineError, Side};

/// Inputs, and outputs, that a model may have at most.
pub const MAX_TENSORS: usize = 16;

/// Name and shape of an input or output. Elements are f32, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name in the model.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
}

impl TensorInfo {
    /// Number of elements.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

impl fmt::Display for TensorInfo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {:?}", self.name, self.shape)
    }
}

/// Inputs and outputs of a model, in the order in which [`Engine::run`] takes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelInfo {
    /// What it takes.
    pub inputs: Vec<TensorInfo>,
    /// What it gives.
    pub outputs: Vec<TensorInfo>,
}

impl ModelInfo {
    /// Position of the input of this name.
    #[must_use]
    pub fn input(&self, name: &str) -> Option<usize> {
        self.inputs.iter().position(|tensor| tensor.name == name)
    }

    /// Position of the output of this name.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<usize> {
        self.outputs.iter().position(|tensor| tensor.name == name)
    }

    /// Refuses buffers whose number or lengths are not the model's, and inputs that are not finite. Every engine calls
    /// this first.
    ///
    /// # Errors
    /// [`EngineError::Count`], [`EngineError::Length`], [`EngineError::NonFinite`].
    pub fn check_call(&self, inputs: &[&[f32]], outputs: &[&mut [f32]]) -> Result<(), EngineError> {
        check_lengths(Side::Input, &self.inputs, inputs.iter().map(|buffer| buffer.len()))?;
        check_lengths(Side::Output, &self.outputs, outputs.iter().map(|buffer| buffer.len()))?;
        check_finite(Side::Input, &self.inputs, inputs.iter().copied())
    }

    /// Refuses results that are not finite. Every engine calls this last.
    ///
    /// # Errors
    /// [`EngineError::NonFinite`].
    pub fn check_results(&self, outputs: &[&mut [f32]]) -> Result<(), EngineError> {
        check_finite(Side::Output, &self.outputs, outputs.iter().map(|buffer| &**buffer))
    }
}

/// One loaded model.
pub trait Engine: Send {
    /// Name of the backend, such as `tract`.
    fn backend(&self) -> &'static str;

    /// Inputs and outputs.
    fn info(&self) -> &ModelInfo;

    /// Computes `outputs` from `inputs`, each in the order and of exactly the length that [`Engine::info`] tells.
    ///
    /// # Errors
    /// [`EngineError::Count`] and [`EngineError::Length`] where the buffers do not fit, [`EngineError::NonFinite`] where
    /// an input or a result is not finite, [`EngineError::Run`] where the backend fails. The outputs hold unspecified
    /// values after an error, and the engine may be used again.
    fn run(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), EngineError>;

    /// Time that the device itself spent on the last run, copies included, where the engine is asked to measure it
    /// ([`crate::EngineOptions::device_times`]) and has a device of its own.
    fn device_time(&self) -> Option<Duration> {
        None
    }

    /// Reads input `input` from where `producer` leaves its output `output`, without a way through the caller's memory, and
    /// says whether it can. After that, [`Engine::run`] takes an empty buffer for this input and works on what `producer`
    /// computed last; the producer must be kept and must run first.
    fn link(&mut self, input: usize, producer: &mut dyn Engine, output: usize) -> bool {
        let _ = (input, producer, output);
        false
    }

    /// Leaves output `output` where it is computed, and says whether it can. After that, [`Engine::run`] takes an empty
    /// buffer for this output.
    fn keep(&mut self, output: usize) -> bool {
        let _ = output;
        false
    }

    /// The engine itself, for engines of the same kind that share its memory.
    fn as_any(&mut self) -> &mut dyn Any;
}

fn check_lengths(
    side: Side,
    tensors: &[TensorInfo],
    lengths: impl ExactSizeIterator<Item = usize>,
) -> Result<(), EngineError> {
    if lengths.len() != tensors.len() {
        let names = tensors.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return Err(EngineError::Count { side, expected: tensors.len(), names, found: lengths.len() });
    }
    for (tensor, found) in tensors.iter().zip(lengths) {
        if found != tensor.elements() {
            return Err(EngineError::Length { side, tensor: tensor.clone(), expected: tensor.elements(), found });
        }
    }
    Ok(())
}

fn check_finite<'a>(
    side: Side,
    tensors: &[TensorInfo],
    buffers: impl Iterator<Item = &'a [f32]>,
) -> Result<(), EngineError> {
    for (tensor, buffer) in tensors.iter().zip(buffers) {
        if !all_finite(buffer) {
            let index = buffer.iter().position(|value| !value.is_finite()).unwrap_or_default();
            return Err(EngineError::NonFinite { side, name: tensor.name.clone(), index });
        }
    }
    Ok(())
}

/// Whether every exponent is below the one of infinity; the loop has no branch, so it runs at memory speed.
fn all_finite(values: &[f32]) -> bool {
    const MAGNITUDE: u32 = 0x7fff_ffff;
    let largest = values.iter().fold(0, |largest: u32, value| largest.max(value.to_bits() & MAGNITUDE));
    largest < f32::INFINITY.to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finite_means_finite() {
        struct Case {
            values: &'static [f32],
            finite: bool,
        }
        let cases = [
            Case { values: &[], finite: true },
            Case { values: &[0.0, -0.0, f32::MIN_POSITIVE / 2.0, f32::MAX, f32::MIN], finite: true },
            Case { values: &[1.0, f32::NAN], finite: false },
            Case { values: &[1.0, -f32::NAN, 2.0], finite: false },
            Case { values: &[f32::INFINITY], finite: false },
            Case { values: &[0.0, f32::NEG_INFINITY], finite: false },
        ];
        for case in cases {
            assert_eq!(all_finite(case.values), case.finite, "{:?}", case.values);
        }
    }
}
