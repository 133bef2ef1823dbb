//! Which tile tract's matrix product works in on x86-64 with AVX-512.
//!
//! A tile of `m x n` results takes `m / 16` vector loads, `n` scalar loads and `n m / 16` multiply-adds per step. Current
//! cores load two and multiply two vectors per cycle, so the 16x12 tile that tract's cost model of Intel processors
//! prefers waits for its 13 loads per 12 multiply-adds, and the 32x6 tile with its 8 loads does not. The
//! wider tile also halves how often the right matrix is read. tract lets other crates declare such preferences; this one
//! speaks only for f32 products that are large enough to fill the tiles, and leaves all others to tract.

use tract_linalg::isa::{Arch, Isa, IsaSet};
use tract_linalg::mmm::{Query, Suitable};
use tract_linalg::mmm_tiers::MmmTier;
use tract_onnx::prelude::DatumType;
use tract_onnx::tract_core::internal::inventory;

/// The preferred kernel: 32 rows, 6 columns.
const KERNEL: &str = "avx512_mmm_f32_32x6";
/// Its rows.
const ROWS: usize = 32;
/// Its columns.
const COLUMNS: usize = 6;
/// Largest share of a product that may be padding.
const MAX_PADDING: f32 = 0.05;
/// Above tract's own preferences, of which the highest is 8.
const PRECEDENCE: u8 = 32;

inventory::submit! {
    MmmTier {
        arch: Some(Arch::X86_64),
        precedence: PRECEDENCE,
        name: "ushydra",
        applies: |isa: &IsaSet| isa.has(Isa::X86_64Avx512f),
        preferred,
    }
}

fn preferred(_: &IsaSet, accumulator: DatumType, query: &Query, _: &[Suitable]) -> Option<&'static str> {
    let (m, n) = (query.m?, query.n?);
    (accumulator == DatumType::F32 && fills(m, n)).then_some(KERNEL)
}

/// Whether a product of `m` by `n` fills its tiles.
fn fills(m: usize, n: usize) -> bool {
    if m < ROWS || n < COLUMNS {
        return false;
    }
    let padded = m.next_multiple_of(ROWS) * n.next_multiple_of(COLUMNS);
    (padded - m * n) as f32 <= MAX_PADDING * padded as f32
}

#[cfg(test)]
mod tests {
    use super::fills;

    #[test]
    fn only_products_that_fill_the_tiles() {
        struct Case {
            size: (usize, usize),
            fills: bool,
        }
        let cases = [
            Case { size: (384, 257), fills: true },
            Case { size: (1536, 257), fills: true },
            Case { size: (257, 257), fills: false },
            Case { size: (64, 1), fills: false },
            Case { size: (5, 1000), fills: false },
            Case { size: (0, 0), fills: false },
        ];
        for case in cases {
            assert_eq!(fills(case.size.0, case.size.1), case.fills, "{:?}", case.size);
        }
    }
}
