//! Separable resampling of 8-bit pictures in integer arithmetic: the same bytes on every processor.
//!
//! The kernel is widened by the reduction factor, so that shrinking averages instead of skipping (anti-aliasing). Weights
//! have 14 fractional bits and sum to one exactly; between the two passes a sample keeps 6 fractional bits. Tables are
//! rebuilt only when the crop changes, into buffers that are sized once per frame geometry.

use std::f64::consts::PI;

use ushydra_core::simd::vectorised;

use crate::geometry::Rect;
use crate::spec::Filter;

/// Version of the arithmetic below; part of the preprocessing fingerprint.
pub(crate) const RULE_VERSION: u32 = 1;
/// Fractional bits of a weight.
const WEIGHT_BITS: u32 = 14;
/// Fractional bits of a sample between the passes.
const SAMPLE_BITS: u32 = 6;
/// Output rows that are resampled together; the second pass runs along this axis.
const LANES: usize = 32;

/// Keys' cubic with a = -0.5.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn lanczos3(x: f64) -> f64 {
    const LOBES: f64 = 3.0;
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
    if x.abs() < LOBES { sinc(x) * sinc(x / LOBES) } else { 0.0 }
}

impl Filter {
    /// Half width of the kernel at scale 1.
    fn support(self) -> f64 {
        match self {
            Self::Box => 0.5,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos3 => 3.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        match self {
            Self::Box => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Self::Bilinear => (1.0 - x.abs()).max(0.0),
            Self::Bicubic => cubic(x),
            Self::Lanczos3 => lanczos3(x),
        }
    }

    /// Most taps of one output sample when `source` samples become `output`.
    fn taps(self, source: u32, output: u32) -> usize {
        let scale = (f64::from(source) / f64::from(output)).max(1.0);
        ((self.support() * scale).ceil() as usize * 2 + 1).min(source as usize)
    }
}

/// Taps of one axis.
#[derive(Clone, Debug, Default)]
struct Axis {
    source: u32,
    output: u32,
    /// First source sample of every output sample, and where its weights lie in `weights`.
    spans: Vec<Span>,
    weights: Vec<i16>,
    kernel: Vec<f64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    first: usize,
    from: usize,
    to: usize,
}

impl Axis {
    /// Makes room for up to `source` samples shrunk to `output`.
    fn reserve(&mut self, source: u32, output: u32, filter: Filter) {
        let taps = filter.taps(source, output);
        self.spans.clear();
        self.spans.reserve(output as usize);
        self.weights.clear();
        self.weights.reserve(taps * output as usize);
        self.kernel.clear();
        self.kernel.reserve(taps);
        (self.source, self.output) = (0, 0);
    }

    fn prepare(&mut self, source: u32, output: u32, filter: Filter) {
        if (self.source, self.output) == (source, output) {
            return;
        }
        (self.source, self.output) = (source, output);
        self.spans.clear();
        self.weights.clear();
        let scale = f64::from(source) / f64::from(output);
        let stretch = scale.max(1.0);
        let radius = filter.support() * stretch;
        for index in 0..output {
            let centre = (f64::from(index) + 0.5) * scale;
            let first = (centre - radius + 0.5).floor().max(0.0) as u32;
            let end = ((centre + radius + 0.5).floor() as u32).min(source);
            let first = first.min(source - 1);
            let end = end.max(first + 1);
            self.kernel.clear();
            self.kernel.extend((first..end).map(|at| filter.weight((f64::from(at) + 0.5 - centre) / stretch)));
            let sum: f64 = self.kernel.iter().sum();
            let from = self.weights.len();
            // Rounding the running total instead of each weight keeps the sum at exactly one, also for kernels of
            // thousands of taps whose single weights would all round to zero.
            let one = f64::from(1_u32 << WEIGHT_BITS);
            let (mut total, mut rounded) = (0.0, 0_i32);
            for &weight in &self.kernel {
                total += weight;
                let next = (total / sum * one).round() as i32;
                self.weights.push((next - rounded) as i16);
                rounded = next;
            }
            self.spans.push(Span { first: first as usize, from, to: self.weights.len() });
        }
    }
}

/// Source picture of the resampling: interleaved samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) samples: &'a [u8],
    /// Pixels per row of the whole picture.
    pub(crate) width: u32,
    /// Interleaved channels.
    pub(crate) channels: usize,
}

/// Resampling into planes of a fixed size.
#[derive(Clone, Debug)]
pub(crate) struct Resampler {
    filter: Filter,
    horizontal: Axis,
    vertical: Axis,
    /// [`LANES`] output rows after the first pass, transposed: `[column][channel][lane]`.
    tile: Vec<[i16; LANES]>,
}

impl Resampler {
    pub(crate) fn new(filter: Filter) -> Self {
        Self { filter, horizontal: Axis::default(), vertical: Axis::default(), tile: Vec::new() }
    }

    /// Makes room for any crop of a frame of `width` x `height` pixels.
    pub(crate) fn reserve(&mut self, width: u32, height: u32, channels: usize, output: Rect) {
        self.horizontal.reserve(width, output.width, self.filter);
        self.vertical.reserve(height, output.height, self.filter);
        self.tile.clear();
        self.tile.resize(width as usize * channels, [0; LANES]);
    }

    /// Resamples `crop` of `source` into the rectangle `fitted` of every plane of `planes` (`stride` samples per row,
    /// `plane` samples per plane).
    pub(crate) fn run(
        &mut self,
        source: Source<'_>,
        crop: Rect,
        planes: &mut [u8],
        plane: usize,
        stride: usize,
        fitted: Rect,
    ) {
        self.horizontal.prepare(crop.width, fitted.width, self.filter);
        self.vertical.prepare(crop.height, fitted.height, self.filter);
        vectorised(
            #[inline(always)]
            || self.passes(source, crop, planes, plane, stride, fitted),
        );
    }

    #[inline(always)]
    fn passes(&mut self, source: Source<'_>, crop: Rect, planes: &mut [u8], plane: usize, stride: usize, fitted: Rect) {
        let row_length = source.width as usize * source.channels;
        let left = crop.x as usize * source.channels;
        let columns = crop.width as usize * source.channels;
        let rows = fitted.height as usize;
        for top in (0..rows).step_by(LANES) {
            let lanes = LANES.min(rows - top);
            let spans = &self.vertical.spans[top..top + lanes];
            let corner = crop.y as usize * row_length + left;
            // Block by block, so that the transposing stores of all lanes hit the same two kilobytes.
            for (block, tile) in self.tile[..columns].chunks_mut(LANES).enumerate() {
                let samples = &source.samples[corner + block * LANES..];
                for (lane, span) in spans.iter().enumerate() {
                    let weights = &self.vertical.weights[span.from..span.to];
                    let rows = samples[span.first * row_length..].chunks(row_length).zip(weights);
                    first_pass(rows, tile, lane);
                }
            }
            for channel in 0..source.channels {
                let target = &mut planes[channel * plane..][..plane];
                for (column, span) in self.horizontal.spans.iter().enumerate() {
                    let weights = &self.horizontal.weights[span.from..span.to];
                    let taps = self.tile[span.first * source.channels + channel..].iter().step_by(source.channels);
                    let samples = second_pass(taps, weights);
                    let at = (fitted.y as usize + top) * stride + fitted.x as usize + column;
                    for (sample, slot) in samples.iter().take(lanes).zip(target[at..].iter_mut().step_by(stride)) {
                        *slot = *sample;
                    }
                }
            }
        }
    }
}

/// A block of one output row: a weighted sum of source rows, written into lane `lane` of every column of `tile`.
#[inline(always)]
fn first_pass<'a>(rows: impl Iterator<Item = (&'a [u8], &'a i16)>, tile: &mut [[i16; LANES]], lane: usize) {
    const SHIFT: u32 = WEIGHT_BITS - SAMPLE_BITS;
    let mut sums = [1 << (SHIFT - 1); LANES];
    for (row, &weight) in rows {
        let weight = i32::from(weight);
        // Only the last block of a row can be short; a fixed length keeps all sums in registers.
        if let Some(row) = row.first_chunk::<LANES>() {
            add_products(&mut sums, row, weight);
        } else {
            add_products(&mut sums, row, weight);
        }
    }
    for (sum, column) in sums.iter().zip(tile) {
        column[lane] = (sum >> SHIFT) as i16;
    }
}

#[inline(always)]
fn add_products(sums: &mut [i32; LANES], samples: &[u8], weight: i32) {
    for (sum, &sample) in sums.iter_mut().zip(samples) {
        *sum += weight * i32::from(sample);
    }
}

/// One output column of [`LANES`] rows.
#[inline(always)]
fn second_pass<'a>(taps: impl Iterator<Item = &'a [i16; LANES]>, weights: &[i16]) -> [u8; LANES] {
    const SHIFT: u32 = WEIGHT_BITS + SAMPLE_BITS;
    let mut sums = [1 << (SHIFT - 1); LANES];
    for (tap, &weight) in taps.zip(weights) {
        let weight = i32::from(weight);
        for (sum, &sample) in sums.iter_mut().zip(tap) {
            *sum += weight * i32::from(sample);
        }
    }
    let mut samples = [0; LANES];
    for (sample, sum) in samples.iter_mut().zip(sums) {
        *sample = (sum >> SHIFT).clamp(0, i32::from(u8::MAX)) as u8;
    }
    samples
}
