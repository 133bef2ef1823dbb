//! Temporal consistency of a cine: exponential smoothing of the logits.

use crate::MeasureError;

/// Exponential smoothing of a map over frames: `s_0 = x_0`, `s_n = s_(n-1) + weight (x_n - s_(n-1))`, in place.
///
/// Smoothing logits rather than masks lets a single uncertain frame give way without moving sure outlines, and one smoothed
/// outline is cut from the sum instead of several from each frame.
///
/// A map of another length and [`reset`](Self::reset) begin anew: the next frame passes untouched. Nothing is allocated after the
/// first frame of the largest size.
#[derive(Clone, Debug)]
pub struct Smoother {
    weight: f32,
    state: Vec<f32>,
    /// The state while it is moved.
    scratch: Vec<f32>,
}

impl Smoother {
    /// Weight of the new frame used for cines.
    ///
    /// 0.6 lets a step reach 94 % after three frames (100 ms at 30 frames/s; `1 - 0.4^3`) and dampens noise that is
    /// independent from frame to frame to 65 % (`sqrt(w / (2 - w))`). The delay of a moving wall is `(1 - w) / w` = 0.67 frames
    /// (22 ms at 30 frames/s), under a tenth of the systole of a resting heart (about 300 ms), so the areas at end-diastole and
    /// end-systole, where the wall stands still, hardly change. Smaller weights would cut the ejection fraction off.
    pub const CINE_WEIGHT: f32 = 0.6;

    /// A smoother whose new frame has a weight in (0, 1]; 1 smooths nothing.
    ///
    /// # Errors
    /// [`MeasureError::Weight`] for another weight.
    pub fn new(weight: f32) -> Result<Self, MeasureError> {
        if weight > 0.0 && weight <= 1.0 {
            Ok(Self { weight, state: Vec::new(), scratch: Vec::new() })
        } else {
            Err(MeasureError::Weight(weight))
        }
    }

    /// Forgets the past: to be called when the source, the bundle or the geometry changes or frames were lost.
    pub fn reset(&mut self) {
        self.state.clear();
    }

    /// Moves the past to where the next frame shows it: what is to stand at column `x` and row `y` stood at
    /// `x' = scale[0] x + offset[0]`, `y' = scale[1] y + offset[1]` (continuous coordinates, pixel centres at + 0.5), read
    /// bilinearly; places outside take the edge. For frames whose crop moved; a past of another size is forgotten.
    pub fn follow(&mut self, width: usize, scale: [f64; 2], offset: [f64; 2]) {
        if width == 0 || self.state.is_empty() || !self.state.len().is_multiple_of(width) {
            self.reset();
            return;
        }
        let height = self.state.len() / width;
        let tap = |at: usize, scale: f64, offset: f64, side: usize| {
            let place = (scale * (at as f64 + 0.5) + offset - 0.5).clamp(0.0, (side - 1) as f64);
            let first = place as usize;
            (first, (first + 1).min(side - 1), (place - first as f64) as f32)
        };
        self.scratch.clear();
        for y in 0..height {
            let (top, bottom, fy) = tap(y, scale[1], offset[1], height);
            for x in 0..width {
                let (left, right, fx) = tap(x, scale[0], offset[0], width);
                let row = |y: usize| {
                    let (a, b) = (self.state[y * width + left], self.state[y * width + right]);
                    a + fx * (b - a)
                };
                let (above, below) = (row(top), row(bottom));
                self.scratch.push(above + fy * (below - above));
            }
        }
        std::mem::swap(&mut self.state, &mut self.scratch);
    }

    /// Replaces the map of a frame by the smoothed one. A value that is not finite is taken as it is and forgotten.
    pub fn smooth(&mut self, values: &mut [f32]) {
        if self.state.len() != values.len() {
            self.state.clear();
            self.state.extend_from_slice(values);
            self.scratch.clear();
            self.scratch.reserve(values.len());
            return;
        }
        let weight = self.weight;
        for (state, value) in self.state.iter_mut().zip(values) {
            let smoothed = *state + weight * (*value - *state);
            *state = if smoothed.is_finite() { smoothed } else { *value };
            *value = *state;
        }
    }
}

impl Default for Smoother {
    /// With [`CINE_WEIGHT`](Self::CINE_WEIGHT).
    fn default() -> Self {
        Self { weight: Self::CINE_WEIGHT, state: Vec::new(), scratch: Vec::new() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn weights() {
        for weight in [0.0, -0.1, 1.01, f32::NAN] {
            assert!(Smoother::new(weight).is_err(), "{weight}");
        }
        let mut plain = Smoother::new(1.0).unwrap();
        for value in [3.0_f32, -7.0, 0.25] {
            let mut map = [value];
            plain.smooth(&mut map);
            assert_eq!(map, [value]);
        }
    }

    #[test]
    fn step_and_reset() {
        let mut smoother = Smoother::new(0.5).unwrap();
        let mut run = |value: f32| {
            let mut map = [value];
            smoother.smooth(&mut map);
            map[0]
        };
        assert_eq!([run(0.0), run(1.0), run(1.0), run(1.0)], [0.0, 0.5, 0.75, 0.875]);
        // A broken frame passes and leaves no trace.
        assert!(run(f32::NAN).is_nan());
        assert!(run(2.0) == 2.0);
        assert_eq!(run(4.0), 3.0);
        smoother.reset();
        let mut other = [9.0];
        smoother.smooth(&mut other);
        assert_eq!(other, [9.0]);
        let mut longer = [1.0, 2.0];
        smoother.smooth(&mut longer);
        assert_eq!(longer, [1.0, 2.0]);
    }

    #[test]
    fn the_past_follows_the_crop() {
        let mut smoother = Smoother::new(0.5).unwrap();
        let mut map = [0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 13.0];
        smoother.smooth(&mut map);
        // One column to the right and nothing else; the last column repeats the edge.
        smoother.follow(4, [1.0, 1.0], [1.0, 0.0]);
        assert_eq!(smoother.state, [1.0, 2.0, 3.0, 3.0, 11.0, 12.0, 13.0, 13.0]);
        // Half a row up: halfway between the rows.
        smoother.follow(4, [1.0, 1.0], [0.0, 0.5]);
        assert_eq!(smoother.state[..4], [6.0, 7.0, 8.0, 8.0]);
        // A width that does not fit is another picture.
        smoother.follow(3, [1.0, 1.0], [0.0, 0.0]);
        assert!(smoother.state.is_empty());
    }

    proptest! {
        #[test]
        fn staying_changes_nothing(values in prop::collection::vec(-50.0_f32..50.0, 12), frames in 1_usize..4) {
            let mut smoother = Smoother::default();
            let mut map = values.clone();
            smoother.smooth(&mut map);
            for _ in 0..frames {
                smoother.follow(4, [1.0, 1.0], [0.0, 0.0]);
            }
            prop_assert_eq!(&smoother.state, &values);
        }

        #[test]
        fn constant_input_is_unchanged(values in prop::collection::vec(-50.0_f32..50.0, 1..40), weight in 0.01_f32..=1.0) {
            let mut smoother = Smoother::new(weight).unwrap();
            for _ in 0..5 {
                let mut map = values.clone();
                smoother.smooth(&mut map);
                prop_assert_eq!(&map, &values);
            }
        }
    }
}
