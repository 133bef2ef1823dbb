//! The heart's clock: contraction and valve opening over one beat.

/// State of the heart at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Beat {
    /// 0 at end-diastole, 1 at end-systole.
    pub(crate) contraction: f32,
    /// Opening of the mitral and tricuspid valves, 0 shut to 1 wide.
    pub(crate) opening: f32,
}

/// State at `phase` (0 = end-diastole, 1 = the next one) where systole lasts `systole` of the beat.
///
/// Contraction rises as half a cosine over systole, falls by four fifths during early filling, rests, and falls to zero
/// with the atrial kick; the valves open with the two filling waves (E and A).
pub(crate) fn beat(phase: f32, systole: f32) -> Beat {
    let phase = phase.rem_euclid(1.0);
    let ease = |t: f32| 0.5 - 0.5 * (std::f32::consts::PI * t.clamp(0.0, 1.0)).cos();
    if phase < systole {
        return Beat { contraction: ease(phase / systole), opening: 0.0 };
    }
    let t = (phase - systole) / (1.0 - systole);
    let contraction = 1.0 - 0.8 * ease(t / 0.45) - 0.2 * ease((t - 0.75) / 0.25);
    let early = (1.0 - ((t - 0.25) / 0.2).abs()).max(0.0);
    let late = (1.0 - ((t - 0.85) / 0.13).abs()).max(0.0) * 0.7;
    let rest = if (0.3..0.9).contains(&t) { 0.35 } else { 0.0 };
    Beat { contraction, opening: early.max(late).max(rest).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::beat;

    #[test]
    fn a_beat_starts_full_ends_full_and_is_smallest_at_end_systole() {
        assert_eq!(beat(0.0, 0.37).contraction, 0.0);
        assert!((beat(0.37, 0.37).contraction - 1.0).abs() < 1e-6);
        assert!(beat(0.9999, 0.37).contraction < 1e-3);
        for step in 0..1000 {
            let state = beat(step as f32 / 1000.0, 0.37);
            assert!((0.0..=1.0).contains(&state.contraction) && (0.0..=1.0).contains(&state.opening));
        }
        assert_eq!(beat(0.2, 0.37).opening, 0.0);
        assert!(beat(0.37 + 0.63 * 0.25, 0.37).opening > 0.9);
    }
}
