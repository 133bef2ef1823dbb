//! Where a body lies in the sector, and how it sways there.

use crate::rng::Rng;

/// A fixed point of the body in the sector, its tilt, and small movements over time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pose {
    /// Place of the anchor (apex, or middle of the head) in mm in the sector.
    pub(crate) anchor: [f32; 2],
    tilt: f32,
    /// Height of the anchor in the body's coordinates.
    height: f32,
    sway: [f32; 3],
}

/// A pose at one moment, ready to map points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placement {
    anchor: [f32; 2],
    sin: f32,
    cos: f32,
    height: f32,
}

impl Pose {
    /// A heart whose apex lies near the probe, its base more or less below.
    pub(crate) fn of_heart(length: f32, half_angle: f32, rng: &mut Rng) -> Self {
        let deepest = if rng.chance(0.2) { 58.0 } else { 36.0 };
        let down = if rng.chance(0.1) { rng.range(-6.0, 8.0) } else { rng.range(8.0, deepest) };
        let room = 0.5 * (down.max(0.0) + 8.0) * half_angle.tan();
        let anchor = [rng.range(-1.0, 1.0) * room.min(16.0), down];
        // The farther the apex is to one side, the more the base leans back towards the middle.
        let tilt = rng.around(0.008 * anchor[0], 0.17, 2.2);
        Self { anchor, tilt, height: length, sway: [rng.range(0.0, 2.0), rng.range(0.0, 2.0), rng.range(0.0, 0.03)] }
    }

    /// A head whose middle lies near the sector's axis; mostly its long axis lies across the beam.
    pub(crate) fn of_head(reach: f32, rng: &mut Rng) -> Self {
        let anchor = [rng.around(0.0, 0.15 * reach, 2.0), reach * rng.range(1.05, 1.5) + rng.range(2.0, 35.0)];
        let tilt = if rng.chance(0.75) { rng.around(0.0, 0.35, 2.0) } else { rng.range(-1.5, 1.5) };
        Self { anchor, tilt, height: 0.0, sway: [rng.range(0.0, 2.5), rng.range(0.0, 1.0), 0.0] }
    }

    /// Where the body lies after `seconds`.
    pub(crate) fn at(&self, seconds: f64, contraction: f32) -> Placement {
        let slow = (seconds * 1.4).sin() as f32;
        let (sin, cos) = (self.tilt + self.sway[2] * contraction).sin_cos();
        let anchor = [self.anchor[0] + self.sway[0] * slow, self.anchor[1] + self.sway[1] * contraction];
        Placement { anchor, sin, cos, height: self.height }
    }
}

impl Placement {
    /// A point of the sector in the body's coordinates (up and down change sign).
    #[inline]
    pub(crate) fn local(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let [u, v] = self.turn([x - self.anchor[0], y - self.anchor[1]]);
        [u, v + self.height]
    }

    /// A direction of the sector in the body's coordinates.
    #[inline]
    pub(crate) fn turn(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [x * self.cos + y * self.sin, x * self.sin - y * self.cos]
    }
}
