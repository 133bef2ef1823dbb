//! Frames as they go over the wire, with the flaws that a script asks for.

use ushydra_wire::{HEADER_BYTES, Header, checksum};

use crate::script::Fault;

/// Flaws of the next frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flaws {
    pub(super) cut: bool,
    pub(super) corrupt: bool,
    pub(super) babble: usize,
    pub(super) skip: u32,
    pub(super) repeat: bool,
}

impl Flaws {
    /// Adds a fault that concerns a frame; others have no meaning here.
    pub(super) fn add(&mut self, fault: &Fault) {
        match fault {
            Fault::Cut => self.cut = true,
            Fault::Corrupt => self.corrupt = true,
            Fault::Babble(bytes) => self.babble = *bytes,
            Fault::Skip(frames) => self.skip = self.skip.wrapping_add(*frames),
            Fault::Repeat => self.repeat = true,
            _ => {}
        }
    }
}

/// Completes a transfer: `out` holds room for the header, then the payload.
pub(super) fn finish(out: &mut Vec<u8>, header: Header, flaws: Flaws) {
    let Some((head, payload)) = out.split_at_mut_checked(HEADER_BYTES) else { return };
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    head.copy_from_slice(&Header { payload: length, crc: checksum(payload), ..header }.encode());
    if flaws.corrupt
        && let Some(byte) = payload.get_mut(length as usize / 2)
    {
        *byte ^= 0x10;
    }
    if flaws.babble > 0 {
        garbage(header.sequence.into(), flaws.babble, out);
    }
    if flaws.cut {
        out.truncate(HEADER_BYTES + length as usize / 2);
    }
}

/// Adds bytes of no meaning, others for each `seed`.
pub(super) fn garbage(seed: u64, bytes: usize, out: &mut Vec<u8>) {
    let mut state = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    out.extend((0..bytes).map(|_| {
        // The generator of Numerical Recipes, whose upper bits are good enough for noise.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    }));
}
