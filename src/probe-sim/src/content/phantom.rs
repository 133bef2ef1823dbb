//! Simulated cines.

use ushydra_phantom::{Phantom, PhantomError, Quality, Rng, View};

use super::ContentSpec;
use super::cine::{Cine, MAX_BYTES, MAX_FRAMES};
use crate::SimError;

/// Draws one beat of a heart, so that the cine repeats without a jump, and one second of a head.
pub(super) fn prepare(
    spec: &ContentSpec,
    (view, high, seed): (View, bool, u64),
    (width, height): (u16, u16),
) -> Result<Cine, SimError> {
    let fail = |message: String| SimError::Content { content: spec.to_string(), message };
    let refused = |error: PhantomError| fail(error.to_string());
    let range = if high { Quality::high() } else { Quality::low() };
    let quality = range.sample(&mut Rng::new(seed));
    let mut phantom = Phantom::with_size(view, &quality, (width.into(), height.into()), seed).map_err(refused)?;
    let seconds = match view {
        View::ApicalFourChamber => 60.0 / phantom.heart_rate(),
        View::FetalHead => 1.0,
    };
    let most = (MAX_BYTES / (usize::from(width) * usize::from(height)).max(1)).clamp(1, MAX_FRAMES);
    let count = ((phantom.frame_rate() * seconds).round() as usize).clamp(1, most);
    let mut spacing = None;
    let frames = (0..count as u32)
        .map(|index| {
            let frame = phantom.frame(index);
            spacing = Some([frame.spacing_mm[1] as f32 * 1000.0, frame.spacing_mm[0] as f32 * 1000.0]);
            frame.pixels
        })
        .collect();
    Cine::new(frames, spacing).ok_or_else(|| fail("the phantom has no frames".into()))
}
