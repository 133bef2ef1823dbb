//! The figures of a finished int8 decoder, and the gate that it has to pass.

use std::path::Path;

use serde::{Deserialize, Serialize};
use ushydra_bundle::{Comparison, Parity, ParityLimits, Task};
use ushydra_engine::ParityMeter;

use super::decoder::Decoder;
use super::search::{Found, Parts};
use super::subject::Subject;
use super::{MAX_LOSS, MIN_RATIO};
use crate::error::Result;
use crate::progress::Progress;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The f32 decoder and the form for tract on the pictures that give the figures; none without such pictures.
    pub test: Option<Comparison>,
    /// The same with the form for TensorRT, computed by tract.
    pub test_qdq: Option<Comparison>,
    /// The form for tract against the f32 decoder on the calibration pictures.
    pub parity: Parity,
    /// Largest and mean difference of the two forms' logits on the calibration pictures.
    pub forms: [f64; 2],
    /// Size with weights as f32 to the size of the larger form.
    pub ratio: f64,
}

/// One decoder's files.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// In f32.
    pub float: &'a Path,
    /// For TensorRT.
    pub qdq: &'a Path,
    /// For tract.
    pub qop: &'a Path,
}

/// Measures `found`, which lies in `files`, beside the f32 decoder.
///
/// # Errors
/// Those of subject and engine, [`crate::HostError::Stopped`].
pub fn figures(
    subject: &mut dyn Subject,
    parts: &Parts,
    (task, labels): (Task, usize),
    files: Files<'_>,
    found: &Found,
    threads: usize,
    progress: &Progress,
) -> Result<Figures> {
    let load = |file| Decoder::load(file, threads);
    let (mut reference, mut qdq, mut qop) = (load(files.float)?, load(files.qdq)?, load(files.qop)?);
    let mut meter = ParityMeter::new(task, labels);
    let bar = progress.bar("figures", parts.calibration.len() + parts.test.len());
    let (mut largest, mut sum, mut count) = (0.0_f64, 0.0, 0_usize);
    for &picture in &parts.calibration {
        let encoded = subject.encode(picture)?;
        let (int8, other) = (qop.answer(&encoded)?, qdq.answer(&encoded)?);
        // The encoder is the same one: features, and with them the routing, cannot differ.
        meter.picture(true, 1.0, 1.0);
        meter.answer(reference.answer(&encoded)?, int8);
        for (a, b) in int8.iter().zip(other) {
            let difference = f64::from((a - b).abs());
            largest = largest.max(difference);
            sum += difference;
            count += 1;
        }
        bar.step()?;
    }
    let mut scores = [0.0; 3];
    for &picture in &parts.test {
        let encoded = subject.encode(picture)?;
        for (score, decoder) in scores.iter_mut().zip([&mut reference, &mut qop, &mut qdq]) {
            *score += subject.score(decoder.answer(&encoded)?)?;
        }
        bar.step()?;
    }
    bar.done();
    let [float, int8, int8_qdq] = scores.map(|sum| sum / parts.test.len().max(1) as f64);
    let pictures = parts.test.len() as u64;
    let compared = |int8| (pictures > 0).then_some(Comparison { pictures, float, int8 });
    Ok(Figures {
        test: compared(int8),
        test_qdq: compared(int8_qdq),
        parity: meter.finish(),
        forms: [largest, sum / count.max(1) as f64],
        ratio: found.float_bytes as f64 / found.qdq.len().max(found.qop.len()).max(1) as f64,
    })
}

impl Figures {
    /// Why the decoder may not ship in int8; empty where it may. `choice` decides where there are no other pictures.
    #[must_use]
    pub fn breaches(&self, task: Task, choice: &Comparison) -> Vec<String> {
        let mut breaches = Vec::new();
        let what = match task {
            Task::Classify => "accuracy",
            Task::Segment => "Dice",
        };
        let forms = [("for tract", &self.test), ("for TensorRT", &self.test_qdq)];
        for (form, comparison) in forms {
            let comparison = comparison.as_ref().unwrap_or(choice);
            let loss = comparison.float - comparison.int8;
            if loss.is_nan() || loss > MAX_LOSS {
                breaches.push(format!(
                    "the form {form} loses {loss:.4} of {what} ({:.4} to {:.4} on {} pictures), {MAX_LOSS} is the limit",
                    comparison.float, comparison.int8, comparison.pictures
                ));
            }
        }
        if let Err(breach) = self.parity.check(task, &ParityLimits::default()) {
            breaches.push(breach.to_string());
        }
        if self.ratio < MIN_RATIO {
            breaches.push(format!("the file is {:.2} times smaller than in f32, {MIN_RATIO} is the limit", self.ratio));
        }
        breaches
    }
}
