//! Windows of int8 convolutions, written in the layout that tract's dot-product kernels read.
//!
//! tract writes the windows of a convolution out before its matrix product (im2col). The kernels for `vpdpbusd` and its relatives
//! on ARM read panels of `r` window positions in blocks of four bytes of depth; tract fills them byte by byte, depth by depth over
//! the whole picture, so that every store is in another panel: 63 of the 78 ms of a UNet decoder at 224x160, where the products
//! take 10. This operator takes the place of tract's for int8 pictures with zeros as border. It goes through the picture row by
//! row and interleaves four rows of the windows at a time.

use tract_linalg::mmm::{EagerPackedInput, MMMInputValue, PackedExoticFact, PackedMatrixStorage};
use tract_linalg::multithread::par_chunks_mut;
use tract_linalg::pack::PackedI8K4;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::model::Rewriter;
use tract_onnx::tract_core::ops::cnn::conv::Im2Col;
use tract_onnx::tract_core::ops::nn::DataFormat;
use ushydra_core::simd::vectorised;

/// Bytes of depth that a kernel multiplies at once.
const DEPTH: usize = 4;
/// Window positions that one loop step takes together.
const LANES: usize = 8;

/// Writes the windows of a picture `[1, channels, height, width]`.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Windows {
    /// Rows and columns of a window.
    kernel: [usize; 2],
    /// Rows from one window to the next; columns are always 1 apart.
    stride: usize,
    /// Zeros above and left of the picture.
    before: [usize; 2],
    /// Channels, rows and columns of the picture.
    input: [usize; 3],
    /// Rows and columns of window positions.
    output: [usize; 2],
    format: PackedI8K4,
}

/// Replaces tract's operator where the picture is int8, its border 0 and the windows are side by side.
pub(super) fn replace(model: &mut TypedModel) -> TractResult<()> {
    Rewriter::<()>::default()
        .with_rule_for::<Im2Col>("windows of int8 pictures", |_, model, node, _, im2col| {
            match Windows::of(model, node, im2col)? {
                Some(windows) => TypedModelPatch::replace_single_op(model, node, &node.inputs[..1], windows).map(Some),
                None => Ok(None),
            }
        })
        .rewrite(&(), model)
}

impl Windows {
    fn of(model: &TypedModel, node: &TypedNode, im2col: &Im2Col) -> TractResult<Option<Self>> {
        let (fact, spec) = (model.outlet_fact(node.inputs[0])?, &im2col.pool_spec);
        let border = match node.inputs.get(1) {
            Some(border) => model.outlet_fact(*border)?.konst.clone(),
            None => None,
        };
        let zero = border.is_some_and(|border| border.cast_to_scalar::<i64>().is_ok_and(|value| value == 0));
        let int8 = fact.datum_type.unquantized() == i8::datum_type();
        let plain = spec.data_format == DataFormat::NCHW
            && im2col.group == 1
            && spec.dilations().iter().all(|dilation| *dilation == 1);
        let packed = node.outputs[0].fact.exotic_fact().and_then(|fact| fact.downcast_ref::<PackedExoticFact>());
        let format = packed.and_then(|packed| packed.format.downcast_ref::<PackedI8K4>());
        let (Some(format), Some(&[1, channels, height, width]), true) =
            (format, fact.shape.as_concrete(), zero && int8 && plain)
        else {
            return Ok(None);
        };
        let (&[rows, columns], strides) = (&spec.kernel_shape[..], spec.strides()) else { return Ok(None) };
        let padding = spec.computed_padding(&[height, width]);
        let (&[stride, 1], [vertical, horizontal]) = (&strides[..], &padding[..]) else { return Ok(None) };
        Ok(Some(Self {
            kernel: [rows, columns],
            stride,
            before: [vertical.pad_before, horizontal.pad_before],
            input: [channels, height, width],
            output: [vertical.convoluted, horizontal.convoluted],
            format: format.clone(),
        }))
    }

    /// Bytes of one window.
    fn depth(&self) -> usize {
        self.input[0] * self.kernel[0] * self.kernel[1]
    }

    /// Rows and columns of the picture with its border, as far as windows reach.
    fn framed(&self) -> [usize; 2] {
        [(self.output[0] - 1) * self.stride + self.kernel[0], self.output[1] - 1 + self.kernel[1]]
    }

    /// The picture with its border, channel by channel.
    fn frame(&self, picture: &[i8]) -> Vec<i8> {
        let ([channels, height, width], [rows, columns]) = (self.input, self.framed());
        let mut framed = vec![0; channels * rows * columns];
        let used = width.min(columns - self.before[1].min(columns));
        for (plane, framed) in picture.chunks_exact(height * width).zip(framed.chunks_exact_mut(rows * columns)) {
            let rows = framed.chunks_exact_mut(columns).skip(self.before[0]);
            for (row, framed) in plane.chunks_exact(width).zip(rows) {
                framed[self.before[1]..][..used].copy_from_slice(&row[..used]);
            }
        }
        framed
    }

    /// Where each byte of a window lies in the framed picture, from the place of the window on.
    fn offsets(&self) -> Vec<usize> {
        let ([rows, columns], [height, width]) = (self.framed(), self.kernel);
        let places = (0..self.input[0]).flat_map(|channel| (0..height).map(move |dy| channel * rows + dy));
        places.flat_map(|row| (0..width).map(move |dx| row * columns + dx)).collect()
    }

    /// Writes the panels `first..` that `panels` holds.
    #[inline(always)]
    fn write(&self, framed: &[i8], offsets: &[usize], first: usize, panels: &mut [u8]) {
        let ([_, width], [_, columns]) = (self.output, self.framed());
        let r = self.format.r;
        let panel = offsets.len().next_multiple_of(DEPTH) * r;
        let start = first * r;
        let end = (start + panels.len() / panel * r).min(self.output[0] * width);
        let mut position = start;
        // Runs of positions in one row of the picture and one panel.
        while position < end {
            let (y, x) = (position / width, position % width);
            let lane = (position - start) % r;
            let count = (r - lane).min(width - x).min(end - position);
            let panel = &mut panels[(position - start) / r * panel..][..panel];
            let window = &framed[y * self.stride * columns + x..];
            if count == LANES && r == LANES {
                whole(window, offsets, panel);
            } else {
                part(window, offsets, panel, r, lane..lane + count);
            }
            position += count;
        }
    }
}

/// Writes a panel of [`LANES`] windows: `[a0, b0, c0, d0, a1, ..]` of every four bytes of depth.
#[inline(always)]
fn whole(window: &[i8], offsets: &[usize], panel: &mut [u8]) {
    let (blocks, rest) = offsets.as_chunks::<DEPTH>();
    let (whole, last) = panel.as_chunks_mut::<{ LANES * DEPTH }>();
    let row = |offset: usize| window[offset..].first_chunk::<LANES>().copied().unwrap_or_default();
    for (bytes, offsets) in whole.iter_mut().zip(blocks) {
        let [a, b, c, d] = offsets.map(row);
        // Words instead of bytes: four widenings, three shifts and one store per eight windows.
        let word = |lane: usize| {
            let byte = |row: [i8; LANES]| u32::from(row[lane].cast_unsigned());
            byte(a) | byte(b) << 8 | byte(c) << 16 | byte(d) << 24
        };
        let words: [u32; LANES] = std::array::from_fn(word);
        for (bytes, word) in bytes.as_chunks_mut::<DEPTH>().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
    }
    debug_assert!(last.is_empty(), "a panel is whole blocks");
    if let Some(bytes) = whole.get_mut(blocks.len()) {
        for (byte, &offset) in rest.iter().enumerate() {
            bytes[byte..].iter_mut().step_by(DEPTH).zip(row(offset)).for_each(|(to, v)| *to = v.cast_unsigned());
        }
    }
}

/// Writes some windows of a panel of `r`, byte by byte: at the ends of rows whose length is no multiple of `r`.
fn part(window: &[i8], offsets: &[usize], panel: &mut [u8], r: usize, lanes: std::ops::Range<usize>) {
    for (k, &offset) in offsets.iter().enumerate() {
        let bytes = &mut panel[(k / DEPTH * r + lanes.start) * DEPTH + k % DEPTH..];
        let values = &window[offset..][..lanes.len()];
        bytes.iter_mut().step_by(DEPTH).zip(values).for_each(|(byte, value)| *byte = value.cast_unsigned());
    }
}

impl Op for Windows {
    fn name(&self) -> StaticName {
        "Windows".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Windows {
    fn eval(&self, _: &EvalContext, mut inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = inputs.pop().context("windows need a picture")?;
        let (depth, r) = (self.depth(), self.format.r);
        let positions = self.output[0] * self.output[1];
        let panel = self.format.single_panel_len(depth);
        let offsets = self.offsets();
        let framed = self.frame(input.try_as_plain_ram()?.as_slice::<i8>()?);
        let mut packed = Tensor::zero_aligned::<i8>(&[positions.div_ceil(r) * panel], self.format.alignment())?;
        let bytes = packed.as_bytes_mut();
        let total = bytes.len();
        par_chunks_mut(bytes, panel, total, |first, block| {
            vectorised(
                #[inline(always)]
                || self.write(&framed, &offsets, first, block),
            );
            Ok(())
        })?;
        let fact = PackedExoticFact { format: Box::new(self.format.clone()), mn: positions.to_dim(), k: depth };
        let value: Box<dyn MMMInputValue> =
            Box::new(EagerPackedInput { fact, packed: packed.into_blob()?.into(), panel_bytes: panel, mn: positions });
        let storage = PackedMatrixStorage::new_batched(&[1, 1], tvec!(value));
        Ok(tvec!(storage.into_tensor(input.datum_type()).into_tvalue()))
    }

    op_out_of_plan!();
}

impl TypedOp for Windows {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let mn = (self.output[0] * self.output[1]).to_dim();
        let fact = PackedExoticFact { format: Box::new(self.format.clone()), mn, k: self.depth() };
        Ok(tvec!(inputs[0].datum_type.fact([1, 1]).with_exotic_fact(fact)))
    }

    as_op!();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    /// The layout by its definition: byte `k` of window `n` lies in panel `n / r`, block `k / 4`, lane `n % r`.
    fn by_definition(windows: &Windows, picture: &[i8]) -> Vec<u8> {
        let ([channels, height, width], [rows, columns]) = (windows.input, windows.kernel);
        let (depth, r) = (windows.depth(), windows.format.r);
        let panel = depth.next_multiple_of(DEPTH) * r;
        let positions = windows.output[0] * windows.output[1];
        let mut packed = vec![0; positions.div_ceil(r) * panel];
        for n in 0..positions {
            let (y, x) = (n / windows.output[1] * windows.stride, n % windows.output[1]);
            for k in 0..depth {
                let (channel, dy, dx) = (k / (rows * columns), k / columns % rows, k % columns);
                let row = (y + dy).checked_sub(windows.before[0]).filter(|row| *row < height);
                let column = (x + dx).checked_sub(windows.before[1]).filter(|column| *column < width);
                if let (Some(row), Some(column)) = (row, column) {
                    assert!(channel < channels);
                    packed[n / r * panel + k / DEPTH * DEPTH * r + n % r * DEPTH + k % DEPTH] =
                        picture[(channel * height + row) * width + column].cast_unsigned();
                }
            }
        }
        packed
    }

    #[test]
    fn windows_of_any_size_lie_where_the_kernels_look() {
        struct Case {
            input: [usize; 3],
            kernel: [usize; 2],
            stride: usize,
            padding: [usize; 2],
            r: usize,
        }
        let cases = [
            Case { input: [4, 8, 16], kernel: [3, 3], stride: 1, padding: [1, 1], r: 8 },
            Case { input: [3, 5, 7], kernel: [3, 3], stride: 1, padding: [1, 1], r: 8 },
            Case { input: [2, 9, 28], kernel: [3, 5], stride: 1, padding: [1, 2], r: 8 },
            Case { input: [5, 6, 9], kernel: [2, 2], stride: 2, padding: [0, 0], r: 8 },
            Case { input: [1, 12, 8], kernel: [6, 3], stride: 4, padding: [1, 1], r: 16 },
            Case { input: [2, 3, 3], kernel: [1, 1], stride: 1, padding: [0, 0], r: 16 },
            Case { input: [1, 1, 1], kernel: [3, 3], stride: 1, padding: [1, 1], r: 8 },
        ];
        for Case { input, kernel, stride, padding, r } in cases {
            let positions = |axis: usize, step: usize| (input[axis + 1] + 2 * padding[axis] - kernel[axis]) / step + 1;
            let windows = Windows {
                kernel,
                stride,
                before: padding,
                input,
                output: [positions(0, stride), positions(1, 1)],
                format: PackedI8K4::new(r),
            };
            let count = input.iter().product::<usize>();
            let picture = (0..count).map(|i| (i * 37 % 251) as u8 as i8).collect::<Vec<_>>();
            let expected = by_definition(&windows, &picture);
            let (framed, offsets) = (windows.frame(&picture), windows.offsets());
            let panel = windows.format.single_panel_len(windows.depth());
            // In one piece, and panel by panel as threads do.
            for panels in [expected.len() / panel, 1] {
                let mut found = vec![0; expected.len()];
                for (index, block) in found.chunks_mut(panels * panel).enumerate() {
                    windows.write(&framed, &offsets, index * panels, block);
                }
                assert!(found == expected, "{windows:?} in pieces of {panels} panels");
            }
        }
    }
}
