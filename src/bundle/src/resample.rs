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
/// Samples of a row that the first pass sums at once: their sums stay in registers.
const BLOCK: usize = 32;
/// Taps that the second pass takes at once; its kernels are padded to a multiple with weights of zero.
const TAPS: usize = 8;

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
    /// Makes room for up to `source` samples shrunk to `output`, kernels padded to a multiple of `multiple` taps.
    fn reserve(&mut self, source: u32, output: u32, filter: Filter, multiple: usize) {
        let taps = filter.taps(source, output).next_multiple_of(multiple);
        self.spans.clear();
        self.spans.reserve(output as usize);
        self.weights.clear();
        self.weights.reserve(taps * output as usize);
        self.kernel.clear();
        self.kernel.reserve(taps);
        (self.source, self.output) = (0, 0);
    }

    fn prepare(&mut self, source: u32, output: u32, filter: Filter, multiple: usize) {
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
            let padded = (self.weights.len() - from).next_multiple_of(multiple);
            self.weights.resize(from + padded, 0);
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

/// Resampling into planes of a fixed size, row by row: first down the columns, then along the row.
#[derive(Clone, Debug)]
pub(crate) struct Resampler {
    filter: Filter,
    horizontal: Axis,
    vertical: Axis,
    /// One row after the first pass, channels interleaved; only used with several channels.
    mixed: Vec<i16>,
    /// One row of one channel after the first pass, with room for the second pass to read padding.
    row: Vec<i16>,
}

impl Resampler {
    pub(crate) fn new(filter: Filter) -> Self {
        let (horizontal, vertical) = (Axis::default(), Axis::default());
        Self { filter, horizontal, vertical, mixed: Vec::new(), row: Vec::new() }
    }

    /// Makes room for any crop of a frame of `width` x `height` pixels.
    pub(crate) fn reserve(&mut self, width: u32, height: u32, channels: usize, output: Rect) {
        self.horizontal.reserve(width, output.width, self.filter, TAPS);
        self.vertical.reserve(height, output.height, self.filter, 1);
        self.row.clear();
        self.row.resize(width as usize + TAPS, 0);
        self.mixed.clear();
        self.mixed.resize(if channels == 1 { 0 } else { width as usize * channels }, 0);
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
        self.horizontal.prepare(crop.width, fitted.width, self.filter, TAPS);
        self.vertical.prepare(crop.height, fitted.height, self.filter, 1);
        vectorised(
            #[inline(always)]
            || self.passes(source, crop, planes, plane, stride, fitted),
        );
    }

    #[inline(always)]
    fn passes(&mut self, source: Source<'_>, crop: Rect, planes: &mut [u8], plane: usize, stride: usize, fitted: Rect) {
        let channels = source.channels;
        let row_length = source.width as usize * channels;
        let columns = crop.width as usize * channels;
        let corner = crop.y as usize * row_length + crop.x as usize * channels;
        for (y, span) in self.vertical.spans.iter().enumerate() {
            let weights = &self.vertical.weights[span.from..span.to];
            let samples = &source.samples[corner + span.first * row_length..];
            let sums = if channels == 1 { &mut self.row } else { &mut self.mixed };
            first_pass(samples, row_length, weights, &mut sums[..columns]);
            for channel in 0..channels {
                if channels > 1 {
                    let pixels = self.mixed[..columns].iter().skip(channel).step_by(channels);
                    self.row.iter_mut().zip(pixels).for_each(|(slot, sample)| *slot = *sample);
                }
                let at = channel * plane + (fitted.y as usize + y) * stride + fitted.x as usize;
                for (slot, span) in planes[at..].iter_mut().zip(&self.horizontal.spans) {
                    *slot = second_pass(&self.row[span.first..], &self.horizontal.weights[span.from..span.to]);
                }
            }
        }
    }
}

/// One row: the weighted sum of the source rows that begin in `samples`, `row_length` apart.
#[inline(always)]
fn first_pass(samples: &[u8], row_length: usize, weights: &[i16], out: &mut [i16]) {
    const SHIFT: u32 = WEIGHT_BITS - SAMPLE_BITS;
    const HALF: i32 = 1 << (SHIFT - 1);
    let (blocks, rest) = out.as_chunks_mut::<BLOCK>();
    let tail = blocks.len() * BLOCK;
    for (index, block) in blocks.iter_mut().enumerate() {
        let mut sums = [HALF; BLOCK];
        for (row, &weight) in samples[index * BLOCK..].chunks(row_length).zip(weights) {
            // A fixed length keeps the sums in registers. It is always there: the block lies inside the row.
            let Some(row) = row.first_chunk::<BLOCK>() else { break };
            for (sum, &sample) in sums.iter_mut().zip(row) {
                *sum += i32::from(weight) * i32::from(sample);
            }
        }
        for (slot, sum) in block.iter_mut().zip(sums) {
            *slot = (sum >> SHIFT) as i16;
        }
    }
    for (offset, slot) in rest.iter_mut().enumerate() {
        let column = samples[tail + offset..].iter().step_by(row_length).zip(weights);
        let sum: i32 = column.map(|(&sample, &weight)| i32::from(weight) * i32::from(sample)).sum();
        *slot = ((sum + HALF) >> SHIFT) as i16;
    }
}

/// One sample: the product of a padded kernel with as many samples. Products are added in pairs, as multiply-add
/// instructions do.
#[inline(always)]
fn second_pass(samples: &[i16], weights: &[i16]) -> u8 {
    const SHIFT: u32 = WEIGHT_BITS + SAMPLE_BITS;
    const HALF: i32 = 1 << (SHIFT - 1);
    let mut sums = [0_i32; TAPS / 2];
    for (samples, weights) in samples.as_chunks::<TAPS>().0.iter().zip(weights.as_chunks::<TAPS>().0) {
        let product = |tap: usize| i32::from(samples[tap]) * i32::from(weights[tap]);
        for (pair, sum) in sums.iter_mut().enumerate() {
            *sum += product(2 * pair) + product(2 * pair + 1);
        }
    }
    ((sums.iter().sum::<i32>() + HALF) >> SHIFT).clamp(0, i32::from(u8::MAX)) as u8
}
