//! The last line of defence around other people's decoders.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Fault;

/// Runs a foreign decoder and turns a panic in it into [`Fault::Decoder`].
///
/// Damaged data is found by our own checks before it comes here as far as they reach; but image codecs index their
/// tables by what the file says, and a frame source must outlive every file. Asserting unwind safety is sound: after a
/// panic the decoder is dropped, and the buffers it wrote to hold plain bytes that the next frame overwrites.
pub(crate) fn guarded<T>(format: &'static str, decode: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or(Err(Fault::Decoder { format }))
}
