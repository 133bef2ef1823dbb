//! Exact sums of 8-bit samples, the pixel half of Eq. (3) and (4).

use crate::moments::{Moments, MomentsError};

/// Exact integer sums of 8-bit samples: count, sum and sum of squares.
///
/// The sums of up to 2^48 samples fit, so no frame overflows them, and their order does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PixelSums {
    count: u64,
    sum: u64,
    squares: u64,
}

impl PixelSums {
    /// Samples per block: 255^2 * 2^15 < 2^32, so a block's sums fit 32-bit lanes.
    const BLOCK: usize = 1 << 15;

    /// Adds every sample of `samples` (one channel, contiguous).
    pub fn add(&mut self, samples: &[u8]) {
        for block in samples.chunks(Self::BLOCK) {
            let (sum, squares) = block_sums(block);
            self.sum += sum;
            self.squares += squares;
        }
        self.count += samples.len() as u64;
    }

    /// Samples added so far.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Mean and population standard deviation in grey levels (0 to 255), Eq. (3) and (4).
    ///
    /// # Errors
    /// [`MomentsError::Empty`] before any sample was added.
    pub fn moments(&self) -> Result<Moments, MomentsError> {
        if self.count == 0 {
            return Err(MomentsError::Empty);
        }
        let n = self.count as f64;
        let mean = self.sum as f64 / n;
        // n * squares - sum^2 is an exact integer: no cancellation on constant images.
        let spread = u128::from(self.count) * u128::from(self.squares) - u128::from(self.sum) * u128::from(self.sum);
        Ok(Moments { mean, std: libm::sqrt(spread as f64) / n })
    }
}

/// Sum and sum of squares of at most [`PixelSums::BLOCK`] samples.
fn block_sums(block: &[u8]) -> (u64, u64) {
    #[cfg(all(feature = "simd", target_arch = "x86_64"))]
    if let Some(sums) = avx2::block_sums(block) {
        return sums;
    }
    portable_sums(block)
}

/// Plain loops that compilers turn into whatever the target's baseline offers.
fn portable_sums(block: &[u8]) -> (u64, u64) {
    let mut sum = 0_u32;
    let mut squares = 0_u32;
    for &sample in block {
        let value = u32::from(sample);
        sum += value;
        squares += value * value;
    }
    (u64::from(sum), u64::from(squares))
}

#[cfg(all(feature = "simd", target_arch = "x86_64"))]
mod avx2 {
    use core::arch::x86_64::__m256i;

    use pulp::x86::V3;
    use pulp::{cast, u8x32, u32x8, u64x4};

    /// Bytes of a vector.
    const WIDTH: usize = 32;

    /// The sums with AVX2, or none on a processor without it.
    pub(super) fn block_sums(block: &[u8]) -> Option<(u64, u64)> {
        let simd = V3::try_new()?;
        let (vectors, rest) = block.as_chunks::<WIDTH>();
        let (sum, squares) = simd.vectorize(
            #[inline(always)]
            || vector_sums(simd, vectors),
        );
        let (rest_sum, rest_squares) = super::portable_sums(rest);
        Some((sum + rest_sum, squares + rest_squares))
    }

    #[inline(always)]
    fn vector_sums(simd: V3, vectors: &[[u8; WIDTH]]) -> (u64, u64) {
        let isa = simd.avx2;
        let zero: __m256i = cast(u64x4(0, 0, 0, 0));
        let low_bytes: __m256i = simd.avx._mm256_set1_epi16(0x00FF);
        let mut sums = zero;
        let (mut even_squares, mut odd_squares) = (zero, zero);
        for vector in vectors {
            let samples: __m256i = cast(cast::<[u8; WIDTH], u8x32>(*vector));
            // Sum of absolute differences to zero: the sum of 8 bytes in each 64-bit lane.
            sums = isa._mm256_add_epi64(sums, isa._mm256_sad_epu8(samples, zero));
            // Even and odd bytes as 16-bit numbers; multiply-add gives the sum of two squares in each 32-bit lane.
            let even = isa._mm256_and_si256(samples, low_bytes);
            let odd = isa._mm256_srli_epi16::<8>(samples);
            even_squares = isa._mm256_add_epi32(even_squares, isa._mm256_madd_epi16(even, even));
            odd_squares = isa._mm256_add_epi32(odd_squares, isa._mm256_madd_epi16(odd, odd));
        }
        let lanes: [u64; 4] = cast(cast::<__m256i, u64x4>(sums));
        let wide = |squares: __m256i| -> u64 {
            let lanes: [u32; 8] = cast(cast::<__m256i, u32x8>(squares));
            lanes.iter().map(|&lane| u64::from(lane)).sum()
        };
        (lanes.iter().sum(), wide(even_squares) + wide(odd_squares))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_path_agrees_with_the_portable_one() {
        let samples: [u8; 1027] = core::array::from_fn(|i| (i * 97 % 256) as u8);
        for length in 0..samples.len() {
            for block in [&samples[..length], &samples[samples.len() - length..]] {
                assert_eq!(block_sums(block), portable_sums(block), "{length} samples");
            }
        }
        let white = [u8::MAX; PixelSums::BLOCK];
        assert_eq!(block_sums(&white), (255 << 15, 65025 << 15));
        assert_eq!(portable_sums(&white), (255 << 15, 65025 << 15));
    }
}
