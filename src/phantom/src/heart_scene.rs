//! The echogenicity map of a heart at one moment.

use crate::blob::{Blob, Near};
use crate::look::Look;
use crate::noise::Texture;
use crate::scene::{Echo, decay, inside, power};

/// A thin line such as a leaflet, with its deviation across in mm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stroke {
    pub(crate) from: [f32; 2],
    pub(crate) to: [f32; 2],
    pub(crate) width: f32,
}

/// Outlines and levels of the four chambers at one moment; coordinates as in [`crate::heart::Heart`].
#[derive(Debug, Clone)]
pub(crate) struct HeartScene {
    pub(crate) left: Blob,
    pub(crate) wall: Vec<f32>,
    pub(crate) right: Blob,
    pub(crate) right_wall: f32,
    pub(crate) left_atrium: Blob,
    pub(crate) right_atrium: Blob,
    pub(crate) atrial_wall: f32,
    pub(crate) strokes: Vec<Stroke>,
    pub(crate) papillary: Vec<[f32; 4]>,
    pub(crate) spots: Vec<[f32; 4]>,
    pub(crate) hinges: [[f32; 2]; 2],
    pub(crate) crux: [f32; 2],
    pub(crate) length: f32,
    pub(crate) breadth: f32,
    pub(crate) base: f32,
    pub(crate) depth: f32,
    pub(crate) squeeze: f32,
    pub(crate) look: Look,
}

/// Smooth minimum of two distances with rounding `k` mm (Quilez, polynomial).
#[inline]
fn smooth_min(a: f32, b: f32, k: f32) -> f32 {
    let h = (k - (a - b).abs()).max(0.0) / k;
    a.min(b) - h * h * k * 0.25
}

impl HeartScene {
    /// Whether a point lies in the left ventricle's cavity; papillary muscles and trabeculae count as cavity.
    #[inline]
    pub(crate) fn in_cavity(&self, u: f32, v: f32) -> bool {
        v >= self.floor(u) && self.left.at(u, v).distance <= 0.0
    }

    /// Height of the annulus line at `u`.
    fn floor(&self, u: f32) -> f32 {
        let [a, b] = self.hinges;
        a[1] + (b[1] - a[1]) * ((u - a[0]) / (b[0] - a[0]).max(1.0)).clamp(0.0, 1.0)
    }

    /// Area of the cavity in mm^2.
    pub(crate) fn area(&self) -> f64 {
        self.left.area()
    }

    /// Length from the middle of the annulus to the farthest point of the cavity in mm.
    pub(crate) fn long_axis(&self) -> f64 {
        let middle = [0.5 * (self.hinges[0][0] + self.hinges[1][0]), 0.5 * (self.hinges[0][1] + self.hinges[1][1])];
        self.left
            .points()
            .map(|p| f64::from((p[0] - middle[0]).powi(2) + (p[1] - middle[1]).powi(2)).sqrt())
            .fold(0.0, f64::max)
    }

    /// Echo at a point for a beam in direction `beam` (unit vector in heart coordinates).
    pub(crate) fn echo(&self, u: f32, v: f32, beam: [f32; 2], texture: &Texture) -> Echo {
        let look = &self.look;
        let home = self.home(u, v);
        let left = self.left.at(u, v);
        let right = self.right.at(u, v);
        let la = self.left_atrium.at(u, v);
        let ra = self.right_atrium.at(u, v);
        let outer_left = left.distance - self.wall[left.angle];
        let outer_right = right.distance - self.right_wall;
        let outer_atria = smooth_min(la.distance, ra.distance, 22.0) - self.atrial_wall;
        let ventricles = smooth_min(outer_left, outer_right, 6.0);
        let outer = smooth_min(ventricles, outer_atria, 8.0);

        let speck = texture.at(home[0] / look.texture_scale, home[1] / look.texture_scale);
        let grain = (1.0 + look.texture * speck).max(0.12);
        let along = |near: &Near| {
            let c = near.normal[0] * beam[0] + near.normal[1] * beam[1];
            c * c
        };
        let facing = along(&left);
        let fade = |square: f32| 1.0 - look.anisotropy * 0.9 * (1.0 - square);

        // Muscle: the left ventricle's near its wall, thinner and darker elsewhere.
        let mut wall = look.wall_gain[left.angle] * fade(facing);
        wall += look.endocardium * facing * decay((left.distance / 1.3).powi(2)) * look.wall_gain[left.angle];
        let muscle = if outer_left <= outer_right.min(outer_atria) {
            wall
        } else if outer_right < outer_atria {
            let t = inside(outer_left - 3.0, 3.0);
            wall * t + look.right_wall * fade(along(&right)) * (1.0 - t)
        } else {
            let near = if la.distance < ra.distance { &la } else { &ra };
            let between = inside(la.distance.max(ra.distance) - 7.0, 3.0);
            look.atrial_wall * fade(along(near)) * (1.0 - between) + look.atrial_septum * between * fade(along(near))
        };

        // Outside: pericardial line, then lung, liver or chest wall that fades with distance.
        let (outward, slant) = if outer_left < outer_right.min(outer_atria) {
            (left.angle, facing)
        } else if outer_right < outer_atria {
            (right.angle, along(&right))
        } else if la.distance < ra.distance {
            (la.angle, along(&la))
        } else {
            (ra.angle, along(&ra))
        };
        let far = outer.max(0.0);
        let below = inside(v + self.depth * 0.75, 14.0);
        let rim = decay((outer - 0.4 * look.pericardium_width).powi(2) / (look.pericardium_width * 0.5).powi(2));
        let above = inside(self.length - v, 10.0);
        let lift = 1.0 + (look.posterior - 1.0) * below + (look.anterior - 1.0) * above;
        // Streaks across the beam behind the heart, as pleura and pericardium give.
        let streak = (1.0 + 0.8 * texture.at(u / 14.0 + 31.0, v / 2.2)).max(0.1);
        let line = look.pericardium[outward] * rim * (0.25 + 0.75 * slant) * (1.0 + (streak - 1.0) * below);
        let outside = look.outside[outward] * lift * decay(far / look.outside_decay) * (1.0 + (streak - 1.0) * below);

        let patch = texture.at(home[0] / look.patch_scale + 91.0, home[1] / look.patch_scale);
        let patch = power(look.patches * patch);
        let body = inside(outer, 0.9);
        let mut solid = (muscle * body + outside * (1.0 - body) * patch) * grain * patch + line * grain.min(1.4);

        // Cavities cut into the muscle.
        let rough = look.soft * (1.0 + 0.6 * texture.at(home[0] / 3.0 + 51.0, home[1] / 3.0));
        let shift = 0.5 * (rough - look.soft);
        let cavity =
            inside(left.distance.min(right.distance).min(la.distance).min(ra.distance) + shift, rough.max(0.5));
        solid *= 1.0 - cavity;
        if left.distance < 0.0 && look.trabeculae > 0.0 {
            let apical = ((v - self.base) / (self.length - self.base) - 0.55).max(0.0) * 2.2;
            let rough = texture.at(home[0] / 2.5 + 7.0, home[1] / 3.5).max(0.0);
            solid += look.trabeculae * (apical * apical + decay((left.distance / 3.0).powi(2)) * 0.8) * rough;
        }
        for &[pu, pv, size, level] in self.papillary.iter() {
            let q = ((u - pu).powi(2) + (v - pv).powi(2) * 0.45) / (size * size);
            if q < 6.0 {
                solid += level * decay(q) * grain;
            }
        }
        for &[pu, pv, size, level] in self.spots.iter() {
            let q = ((u - pu).powi(2) + (v - pv).powi(2)) / (size * size);
            if q < 6.0 {
                solid += level * decay(q) * 0.7;
            }
        }
        let q = ((u - self.crux[0]).powi(2) + (v - self.crux[1]).powi(2)) / 22.0;
        if q < 6.0 {
            solid += look.crux * decay(q) * grain;
        }
        if v > -4.0 && v < self.length * 0.75 {
            solid += self.valves(u, v, beam);
        }
        let swirl = power(look.swirl * texture.at(u / 13.0 + 17.0, v / 13.0 + 5.0));
        let side = if right.distance < left.distance { look.right_blood } else { 1.0 };
        Echo { solid, fluid: look.blood * (0.35 + 0.65 * cavity) * swirl * side, home }
    }

    /// Amplitude of the leaflets at a point.
    fn valves(&self, u: f32, v: f32, beam: [f32; 2]) -> f32 {
        let mut best = 0.0f32;
        for stroke in &self.strokes {
            let (ex, ey) = (stroke.to[0] - stroke.from[0], stroke.to[1] - stroke.from[1]);
            let (px, py) = (u - stroke.from[0], v - stroke.from[1]);
            let length = (ex * ex + ey * ey).max(1e-6);
            let t = ((px * ex + py * ey) / length).clamp(0.0, 1.0);
            let (dx, dy) = (px - t * ex, py - t * ey);
            let q = (dx * dx + dy * dy) / (stroke.width * stroke.width);
            if q < 9.0 {
                // cos^2 between the beam and the leaflet's normal.
                let cross = (ex * beam[1] - ey * beam[0]).powi(2) / length;
                best = best.max(decay(q) * (0.25 + 0.75 * cross));
            }
        }
        best * self.look.leaflets
    }

    /// The end-diastolic place of the tissue now at `(u, v)`.
    fn home(&self, u: f32, v: f32) -> [f32; 2] {
        let lift = if v > self.base {
            ((self.length - v) / (self.length - self.base).max(1.0)).clamp(0.0, 1.0)
        } else {
            ((v + self.depth) / (self.base + self.depth).max(1.0)).clamp(0.0, 1.0)
        };
        let away = (u.abs() - self.breadth).max(0.0) / 30.0;
        let ratio = 1.0 - (1.0 - self.squeeze) * decay(away * away) * if v > self.base { 1.0 } else { lift };
        [u / ratio, v - self.base * lift]
    }
}
