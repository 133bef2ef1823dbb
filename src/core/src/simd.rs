//! Run-time choice of vector instructions for loops that the compiler vectorises.

/// Runs `work` compiled for the best instruction set of this processor (AVX2 on x86-64, the baseline elsewhere).
///
/// Only the instructions differ: additions stay in the written order and nothing is fused, so results are the same bits
/// everywhere. `work` must be inlinable; what it calls is compiled for the baseline unless it is `#[inline(always)]`.
#[inline(always)]
pub fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(feature = "simd")]
    {
        pulp::Arch::new().dispatch(work)
    }
    #[cfg(not(feature = "simd"))]
    {
        work()
    }
}
