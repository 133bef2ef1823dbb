//! Little-endian fields at fixed places of blocks of fixed length.

/// The `N` bytes at `at`. The blocks have fixed lengths and the places are constants, so that a wrong place does not pass
/// the crate's own tests.
pub(crate) fn bytes<const N: usize>(block: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&block[at..at + N]);
    out
}

pub(crate) fn u16_at(block: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes(block, at))
}

pub(crate) fn u32_at(block: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes(block, at))
}

pub(crate) fn u64_at(block: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes(block, at))
}

pub(crate) fn f32_at(block: &[u8], at: usize) -> f32 {
    f32::from_le_bytes(bytes(block, at))
}

/// Writes `value` at `at`.
pub(crate) fn put(block: &mut [u8], at: usize, value: &[u8]) {
    block[at..at + value.len()].copy_from_slice(value);
}
