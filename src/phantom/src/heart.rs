//! One patient's heart in the apical four-chamber view: the dimensions, drawn once, and their state at any moment.
//!
//! Coordinates in mm: origin in the middle of the mitral annulus at end-diastole, `u` towards the lateral wall (right on
//! the screen), `v` towards the apex. The apex stays where it is over the beat and the base moves towards it.

mod chambers;

use crate::blob::{ANGLES, Blob, angle_of};
use crate::cycle::Beat;
use crate::heart_scene::HeartScene;
use crate::look::{Look, db};
use crate::noise::Waves;
use crate::quality::Quality;
use crate::rng::Rng;

/// Dimensions (mm), motion (fractions) and echo levels (linear amplitude, heart muscle = 1) of one heart.
#[derive(Debug, Clone)]
pub(crate) struct Heart {
    pub(crate) length: f32,
    septal: f32,
    lateral: f32,
    annulus: f32,
    widest: f32,
    roundness: f32,
    flatness: f32,
    bend: f32,
    slant: f32,
    wall: [f32; 2],
    apex_wall: f32,
    irregular: Waves,
    irregularity: f32,
    shortening: f32,
    narrowing: f32,
    thickening: f32,
    right_width: f32,
    right_reach: f32,
    right_bulge: f32,
    right_wall: f32,
    offset: f32,
    tricuspid: f32,
    left_atrium: [f32; 2],
    right_atrium: [f32; 2],
    atrial_wall: f32,
    lean: f32,
    leaflet: [f32; 2],
    papillary: Vec<[f32; 4]>,
    spots: Vec<[f32; 4]>,
    look: Look,
}

impl Heart {
    /// A heart drawn from wide anatomical ranges: small to dilated, thin to hypertrophic, weak to hyperdynamic.
    pub(crate) fn random(quality: &Quality, rng: &mut Rng) -> Self {
        let dilated = rng.chance(0.2);
        let thick = rng.chance(0.2);
        let length = if dilated { rng.range(75.0, 105.0) } else { rng.range(55.0, 95.0) };
        let slender = if dilated { rng.range(0.46, 0.72) } else { rng.range(0.40, 0.62) };
        let half = 0.5 * length * slender;
        let share = rng.range(0.36, 0.54);
        let thickness = if thick { rng.range(10.0, 16.0) } else { rng.range(5.5, 11.0) };
        let wall = [thickness * rng.range(0.8, 1.25), thickness * rng.range(0.75, 1.2)];
        let weak = rng.chance(0.25);
        let narrowing = if weak { rng.range(0.05, 0.16) } else { rng.range(0.16, 0.42) };
        let right_large = rng.chance(0.2);
        let right_width = if right_large { rng.range(36.0, 56.0) } else { rng.range(22.0, 40.0) };
        let left_atrium = [rng.range(16.0, 29.0), rng.range(26.0, 60.0)];
        let right_atrium = [rng.range(15.0, 28.0), left_atrium[1] * rng.range(0.75, 1.1)];
        let papillary = (0..rng.int(0, 3))
            .map(|_| {
                let side = if rng.chance(0.7) { rng.range(0.3, 0.8) } else { rng.range(-0.8, -0.3) };
                [side, rng.range(0.3, 0.75), rng.range(1.5, 4.5), rng.range(-16.0, 2.0)]
            })
            .collect();
        // A septum of bright beads on little else, as where it runs along the beam.
        let beaded = rng.chance(0.25);
        let spots = if beaded {
            let count = rng.int(5, 12);
            let level = rng.range(2.0, 11.0);
            (0..count)
                .map(|k| {
                    let t = (k as f32 + rng.range(0.0, 1.0)) / count as f32;
                    [t, rng.range(-0.6, 0.6), rng.range(0.7, 2.0), level + rng.range(-4.0, 4.0)]
                })
                .collect()
        } else {
            (0..rng.int(0, 7))
                .map(|_| [rng.range(-0.1, 1.0), rng.range(-1.0, 1.0), rng.range(0.8, 2.6), rng.range(0.0, 12.0)])
                .collect()
        };
        Self {
            length,
            septal: 2.0 * half * share,
            lateral: 2.0 * half * (1.0 - share),
            annulus: rng.range(0.6, 0.95),
            widest: rng.range(0.18, 0.46),
            roundness: rng.range(1.7, 2.9),
            flatness: rng.range(1.6, 2.6),
            bend: rng.around(0.0, 0.045, 2.0),
            slant: rng.around(0.0, 0.16, 2.0),
            wall,
            apex_wall: rng.range(0.45, 0.95),
            irregular: Waves::new(rng, 10, 1.1),
            irregularity: rng.range(0.0, 0.014) * length,
            shortening: narrowing * rng.range(0.25, 0.65),
            narrowing,
            thickening: rng.range(0.1, 0.5),
            right_width,
            right_reach: rng.range(0.55, 0.95),
            right_bulge: rng.range(0.1, 0.5),
            right_wall: rng.range(2.0, 6.0),
            offset: rng.range(0.0, 9.0),
            tricuspid: rng.range(0.75, 1.05),
            left_atrium,
            right_atrium,
            atrial_wall: rng.range(1.2, 3.5),
            lean: rng.around(0.0, 0.12, 2.0),
            leaflet: [rng.range(0.75, 1.0), rng.range(0.55, 0.85)],
            papillary,
            spots,
            look: Look::random(quality, beaded, rng),
        }
    }

    /// Half width of the cavity towards the septum (`side` 0) or the lateral wall (1) at height `t` of its length.
    ///
    /// A superellipse above the widest place, `w = W (1 - s^p)^(1/q)`, and an elliptical narrowing to the annulus below.
    fn half_width(&self, t: f32, side: usize) -> f32 {
        let full = if side == 0 { self.septal } else { self.lateral };
        if t < self.widest {
            let s = (self.widest - t) / self.widest;
            return full * (self.annulus + (1.0 - self.annulus) * (1.0 - s * s).max(0.0).sqrt());
        }
        let s = ((t - self.widest) / (1.0 - self.widest)).clamp(0.0, 1.0);
        full * (1.0 - s.powf(self.roundness)).max(0.0).powf(1.0 / self.flatness)
    }

    /// Sideways place of the cavity's axis at height `t`.
    fn axis(&self, t: f32) -> f32 {
        self.bend * self.length * 4.0 * t * (1.0 - t)
    }

    /// Width of the heart from its axis, on average, in mm.
    pub(crate) fn breadth(&self) -> f32 {
        0.5 * (self.septal + self.lateral)
    }

    /// Height of the left atrium at end-diastole in mm.
    pub(crate) fn atrium(&self) -> f32 {
        self.left_atrium[1]
    }

    /// Outlines and levels at one moment of the beat.
    pub(crate) fn scene(&self, beat: Beat) -> HeartScene {
        let c = beat.contraction;
        let base = c * self.shortening * self.length;
        let squeeze = 1.0 - c * self.narrowing;
        let tall = self.length - base;
        let edge = |t: f32, side: usize, grow: f32| -> [f32; 2] {
            // The annulus narrows less than the middle of the ventricle.
            let narrow = squeeze + (1.0 - squeeze) * 0.55 * (1.0 - t / 0.35).max(0.0);
            let reach = self.half_width(t, side) * narrow + grow;
            let across = if side == 0 { -reach } else { reach };
            // The annulus is rarely square to the long axis.
            [self.axis(t) + across, base + t * tall + self.slant * across * (1.0 - t / 0.6).max(0.0)]
        };
        // Denser towards the apex where the outline turns.
        let heights: Vec<f32> = (0..=36).map(|k| 1.0 - (1.0 - k as f32 / 36.0).powi(2)).collect();
        let mut cavity: Vec<[f32; 2]> = heights.iter().map(|&t| edge(t, 0, 0.0)).collect();
        cavity.extend(heights.iter().rev().skip(1).map(|&t| edge(t, 1, 0.0)));
        let centre = [self.axis(0.45), base + 0.45 * tall];
        let plain = Blob::from_polygon(&cavity, centre);
        // Irregular endocardium, but a straight annulus: the ripple fades out towards the base.
        let radii: Vec<f32> = plain
            .points()
            .enumerate()
            .map(|(k, p)| {
                let radius = ((p[0] - centre[0]).powi(2) + (p[1] - centre[1]).powi(2)).sqrt();
                let fade = ((p[1] - base) / (0.15 * tall)).clamp(0.0, 1.0);
                radius + self.irregularity * fade * self.irregular.at(angle_of(k)) * (0.6 + 0.4 * squeeze)
            })
            .collect();
        let left = Blob::from_radii(centre, radii);
        let thick = 1.0 + c * self.thickening;
        let wall = (0..ANGLES)
            .map(|k| {
                let (up, right) = angle_of(k).sin_cos();
                let side = 0.5 + 0.5 * right;
                let apical = up.max(0.0).powi(3);
                (self.wall[0] * (1.0 - side) + self.wall[1] * side) * (1.0 + (self.apex_wall - 1.0) * apical) * thick
            })
            .collect();
        let septum = self.wall[0] * thick;
        let hinges = [edge(0.0, 0, 0.0), edge(0.0, 1, 0.0)];
        let (right, right_hinges) = self.right_ventricle(base, tall, septum, &edge, 1.0 - 0.8 * c * self.narrowing);
        let (left_atrium, right_atrium) = self.atria(c, hinges, right_hinges);
        let mut strokes = Vec::new();
        self.leaflets(&mut strokes, hinges, [0.62, 0.42], beat.opening, tall);
        self.leaflets(&mut strokes, [right_hinges[1], right_hinges[0]], [0.5, 0.55], beat.opening, tall * 0.9);
        let scatter = |list: &Vec<[f32; 4]>, span: f32| -> Vec<[f32; 4]> {
            list.iter()
                .map(|&[a, b, size, level]| {
                    let t = b.abs().min(0.95);
                    let p = edge(t, usize::from(a > 0.0), 0.0);
                    let axis = self.axis(t);
                    [axis + (p[0] - axis) * a.abs() * span, p[1], size, db(level)]
                })
                .collect()
        };
        let papillary = scatter(&self.papillary, 1.0);
        let spots = self
            .spots
            .iter()
            .map(|&[t, across, size, level]| {
                let p = edge(t.clamp(0.0, 0.95), 0, septum * 0.5);
                [p[0] + across * septum * 0.4, p[1] + (t - t.clamp(0.0, 0.95)) * tall, size, db(level)]
            })
            .collect();
        HeartScene {
            left,
            wall,
            right,
            right_wall: self.right_wall,
            left_atrium,
            right_atrium,
            atrial_wall: self.atrial_wall,
            strokes,
            papillary,
            spots,
            hinges,
            crux: [0.5 * (hinges[0][0] + right_hinges[1][0]), 0.5 * (hinges[0][1] + right_hinges[1][1])],
            length: self.length,
            breadth: self.breadth(),
            base,
            depth: self.left_atrium[1].max(self.right_atrium[1]),
            squeeze,
            look: self.look.clone(),
        }
    }
}
