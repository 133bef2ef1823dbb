//! Which decoders run in int8 on the CPU: those for which it was measured to be faster on this machine.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use ushydra_bundle::Bundle;

use crate::cache::name_of;
use crate::error::EngineError;
use crate::models::Models;
use crate::options::EngineOptions;
use crate::precision::Precision;

/// Runs of each form; the median counts. Both forms take turns, so that a busy machine disturbs both alike.
const RUNS: usize = 21;
/// int8 is taken where it needs less than this part of the time of f32: below it, noise would decide.
const WORTHWHILE: f64 = 0.95;

/// Times of one decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderTimes {
    /// Its domain.
    pub domain: String,
    /// Median time of the f32 form in microseconds.
    pub f32_us: f64,
    /// Median time of the int8 form in microseconds.
    pub int8_us: f64,
}

impl DecoderTimes {
    /// The form that is faster here.
    #[must_use]
    pub fn faster(&self) -> Precision {
        if self.int8_us < WORTHWHILE * self.f32_us { Precision::Int8 } else { Precision::F32 }
    }
}

/// What was measured for the int8 decoders of one bundle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredChoice {
    /// Runs of which each time is the median.
    pub runs: usize,
    /// One entry per decoder with an int8 form.
    pub decoders: Vec<DecoderTimes>,
}

impl MeasuredChoice {
    /// What was measured for `bundle` on this machine with these options, where it was.
    #[must_use]
    pub fn find(bundle: &Bundle, options: &EngineOptions) -> Option<Self> {
        options.cache.record(&name(bundle, options))
    }

    /// Precision of the decoder of `domain`.
    #[must_use]
    pub fn precision(&self, domain: &str) -> Precision {
        self.decoders.iter().find(|times| times.domain == domain).map_or(Precision::F32, DecoderTimes::faster)
    }

    /// Measures both forms of every decoder that has them, on the picture that `f32` and `int8` encoded last, and keeps the
    /// result, so that [`Models::load`] follows it.
    ///
    /// # Errors
    /// Those of [`Models::decode`].
    pub(crate) fn measure(
        bundle: &Bundle,
        options: &EngineOptions,
        f32: &mut Models,
        int8: &mut Models,
    ) -> Result<Self, EngineError> {
        let mut forms = [f32, int8];
        let mut choice = Self { runs: RUNS, decoders: Vec::new() };
        for (index, decoder) in bundle.manifest().decoders.iter().enumerate() {
            if decoder.int8.is_none() {
                continue;
            }
            let mut times = [const { [Duration::ZERO; RUNS] }; 2];
            for run in 0..RUNS {
                for (models, times) in forms.iter_mut().zip(&mut times) {
                    let begin = Instant::now();
                    models.decode(index)?;
                    times[run] = begin.elapsed();
                }
            }
            let [f32_us, int8_us] = times.map(median_us);
            choice.decoders.push(DecoderTimes { domain: decoder.domain.clone(), f32_us, int8_us });
        }
        options.cache.store_record(&name(bundle, options), &choice);
        Ok(choice)
    }
}

/// The record's name: everything that the times depend on and that this program can know.
fn name(bundle: &Bundle, options: &EngineOptions) -> String {
    let decoders = &bundle.manifest().decoders;
    let forms = decoders.iter().map(|decoder| (decoder.sha256, decoder.int8.as_ref().map(|int8| int8.qop.sha256)));
    let machine = (std::env::consts::ARCH, std::thread::available_parallelism().map_or(1, usize::from));
    let program = (env!("CARGO_PKG_VERSION"), options.threads, options.direct_convolution);
    format!("choice-{}", name_of(&format!("{:?} {machine:?} {program:?}", forms.collect::<Vec<_>>())))
}

fn median_us(mut times: [Duration; RUNS]) -> f64 {
    times.sort_unstable();
    times[RUNS / 2].as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_gain_counts() {
        struct Case {
            int8_us: f64,
            faster: Precision,
        }
        let cases = [
            Case { int8_us: 50.0, faster: Precision::Int8 },
            Case { int8_us: 96.0, faster: Precision::F32 },
            Case { int8_us: 200.0, faster: Precision::F32 },
            Case { int8_us: f64::NAN, faster: Precision::F32 },
        ];
        for Case { int8_us, faster } in cases {
            let times = DecoderTimes { domain: "low".to_owned(), f32_us: 100.0, int8_us };
            assert_eq!(times.faster(), faster, "{int8_us}");
            let choice = MeasuredChoice { runs: RUNS, decoders: vec![times] };
            assert_eq!((choice.precision("low"), choice.precision("high")), (faster, Precision::F32));
        }
    }
}
