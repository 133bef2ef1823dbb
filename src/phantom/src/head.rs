//! One fetal head in an axial section: skull ellipse, midline, plexus, the fluid around it and the womb beyond.
//!
//! Coordinates in mm: origin in the middle of the skull, `u` along its long axis.

use crate::blob::{ANGLES, Blob, angle_of};
use crate::look::db;
use crate::noise::{Texture, Waves};
use crate::quality::Quality;
use crate::rng::Rng;
use crate::scene::{Echo, decay, inside, power};

/// Dimensions (mm) and echo levels (linear amplitude) of one head and its surroundings.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    /// Half of the occipitofrontal and of the biparietal diameter, at the skull's outer border.
    pub(crate) axes: [f32; 2],
    skull: Blob,
    pocket: Blob,
    thickness: f32,
    bone: Vec<f32>,
    specular: f32,
    brain: f32,
    texture: f32,
    scale: f32,
    folds: f32,
    midline: [f32; 4],
    spots: Vec<[f32; 5]>,
    outside: f32,
    streaks: f32,
    fluid: f32,
    scalp: f32,
    through: f32,
    refraction: f32,
}

impl Head {
    /// A head of 11 to 40 weeks: circumference 65 to 350 mm, cephalic index 0.70 to 0.90.
    pub(crate) fn random(quality: &Quality, rng: &mut Rng) -> Self {
        let circumference = if rng.chance(0.25) { rng.range(65.0, 160.0) } else { rng.range(150.0, 350.0) };
        let index = rng.range(0.70, 0.90);
        // Ellipse perimeter is close to pi (a + b) for such round ellipses; exactly what `circumference` then says.
        let long = circumference / (std::f32::consts::PI * (1.0 + index));
        let axes = [long, long * index];
        let ellipse = |k: usize| {
            let (sin, cos) = angle_of(k).sin_cos();
            1.0 / ((cos / axes[0]).powi(2) + (sin / axes[1]).powi(2)).sqrt()
        };
        let late = (circumference / 350.0).clamp(0.0, 1.0);
        let waves = Waves::new(rng, 5, 0.8);
        let room = rng.range(-0.05, 0.75) * (1.3 - late);
        let ripple = rng.range(0.02, 0.2);
        let shift =
            [rng.around(0.0, 0.45, 1.5) * room.max(0.0) * long, rng.around(0.0, 0.45, 1.5) * room.max(0.0) * long];
        let pocket = (0..ANGLES).map(|k| ellipse(k) * (1.0 + room + ripple * waves.at(angle_of(k))).max(0.5)).collect();
        let gaps = Waves::new(rng, 9, 0.5);
        let mut bone: Vec<f32> = (0..ANGLES).map(|k| rng.range(0.0, 0.3) + 3.0 * gaps.at(angle_of(k))).collect();
        for _ in 0..6 {
            if rng.chance(quality.dropout) {
                let (at, width, depth) =
                    (rng.range(0.0, std::f32::consts::TAU), rng.range(0.04, 0.3), rng.range(6.0, 24.0));
                for (k, level) in bone.iter_mut().enumerate() {
                    let mut away = angle_of(k) - at;
                    away -= (away / std::f32::consts::TAU).round() * std::f32::consts::TAU;
                    *level -= depth * decay((away / width).powi(2));
                }
            }
        }
        let level = rng.range(6.0, 20.0);
        let mut spots = Vec::new();
        for side in [-1.0f32, 1.0] {
            // A plexus, bright in the dark lateral ventricle.
            if rng.chance(0.6) {
                let (u, v) = (rng.range(-0.45, 0.45) * axes[0], side * rng.range(0.28, 0.55) * axes[1]);
                let size = rng.range(0.13, 0.24) * axes[1] * (1.25 - 0.6 * late);
                spots.push([u, v, size * 1.6, rng.range(1.6, 2.6), -1.0]);
                spots.push([
                    u + rng.range(-0.3, 0.3) * size,
                    v,
                    size * 0.8,
                    rng.range(1.0, 2.0),
                    db(rng.range(-4.0, 6.0)),
                ]);
            }
        }
        for _ in 0..rng.int(1, 10) {
            let (r, a) = (rng.unit().sqrt() * 0.75, rng.range(0.0, std::f32::consts::TAU));
            let bright = if rng.chance(0.35) { -0.9 } else { db(rng.range(-14.0, 5.0)) };
            let size = rng.range(0.015, 0.1) * axes[1];
            spots.push([r * a.cos() * axes[0], r * a.sin() * axes[1], size, rng.range(1.0, 5.0), bright]);
        }
        Self {
            axes,
            skull: Blob::from_radii([0.0, 0.0], (0..ANGLES).map(ellipse).collect()),
            pocket: Blob::from_radii(shift, pocket),
            thickness: rng.range(0.9, 1.6) + 2.0 * late * rng.range(0.4, 1.0),
            bone: bone.into_iter().map(|b| db(b + level)).collect(),
            specular: rng.range(0.4, 1.0),
            brain: db(rng.range(-24.0, -4.0)),
            texture: rng.range(0.2, 1.2),
            scale: rng.range(1.5, 5.0) * (0.5 + late),
            folds: if late > 0.6 { rng.range(0.0, 1.4) } else { rng.range(0.0, 0.4) },
            midline: [db(rng.range(-12.0, 9.0)), rng.range(0.5, 0.9), rng.range(0.0, 50.0), rng.range(0.5, 1.1)],
            spots,
            outside: db(rng.range(-16.0, 0.0)),
            streaks: rng.range(0.2, 0.8),
            fluid: db(quality.blood_db - rng.range(0.0, 12.0)),
            scalp: db(rng.range(-18.0, 0.0)),
            through: rng.range(0.35, 1.0),
            refraction: rng.range(0.2, 1.0),
        }
    }

    /// Whether a point lies inside the skull's outer border.
    #[inline]
    pub(crate) fn holds(&self, u: f32, v: f32) -> bool {
        (u / self.axes[0]).powi(2) + (v / self.axes[1]).powi(2) <= 1.0
    }

    /// Circumference in mm by Ramanujan's second formula, `pi (a + b) (1 + 3 h / (10 + sqrt(4 - 3 h)))` with
    /// `h = (a - b)^2 / (a + b)^2`.
    pub(crate) fn circumference(&self) -> f64 {
        let (a, b) = (f64::from(self.axes[0]), f64::from(self.axes[1]));
        let h = ((a - b) / (a + b)).powi(2);
        std::f64::consts::PI * (a + b) * (1.0 + 3.0 * h / (10.0 + (4.0 - 3.0 * h).sqrt()))
    }

    /// Echo at a point for a beam in direction `beam` (unit vector in head coordinates).
    pub(crate) fn echo(&self, u: f32, v: f32, beam: [f32; 2], texture: &Texture) -> Echo {
        let near = self.skull.at(u, v);
        let facing = (near.normal[0] * beam[0] + near.normal[1] * beam[1]).powi(2);
        let grain = (1.0 + self.texture * texture.at(u / self.scale, v / self.scale)).max(0.05);

        let pocket = self.pocket.at(u, v);
        let wet = inside(pocket.distance, 1.2);
        // Streaks across the beam in the womb's wall and the mother's tissue.
        let (across, along) = (u * beam[1] - v * beam[0], u * beam[0] + v * beam[1]);
        let streak = (1.0 + self.streaks * texture.at(across / 16.0 + 9.0, along / 2.6)).max(0.08);
        let patch = power(4.0 * texture.at(u / 22.0 + 70.0, v / 22.0));
        let mut solid = self.outside * streak * patch * (1.0 - wet);
        // The womb's inner lining and the scalp shine where the beam meets them squarely.
        solid += self.outside * 1.4 * decay((pocket.distance / 1.2).powi(2)) * streak;
        solid += self.scalp * decay(((near.distance - 2.0) / 1.5).powi(2)) * streak;

        let within = inside(near.distance + self.thickness, 0.7);
        let fold = (1.0 + self.folds * (3.0 * texture.at(u / 6.0 + 20.0, v / 6.0)).sin()).max(0.1);
        let mut brain = self.brain * grain * fold;
        let [level, reach, phase, width] = self.midline;
        if v.abs() < 4.0 && u.abs() < reach * self.axes[0] {
            let broken = (0.8 + 0.8 * texture.at(u / 6.0 + phase, 3.0)).clamp(0.0, 1.6);
            brain += level * broken * decay((v / width).powi(2)) * (0.3 + 0.7 * beam[1].powi(2));
        }
        for &[pu, pv, size, flat, bright] in &self.spots {
            let q = (((u - pu) / flat).powi(2) + (v - pv).powi(2)) / (size * size);
            if q < 5.0 {
                let mask = decay(q * q);
                brain = if bright < 0.0 { brain * (1.0 - mask * -bright) } else { brain + bright * mask * grain };
            }
        }
        let head = inside(near.distance, 0.7);
        solid = solid * (1.0 - head) + brain * within;
        let half = 0.5 * self.thickness;
        let bone = self.bone[near.angle] * (1.0 - self.specular * 0.93 * (1.0 - facing));
        let line = bone * decay(((near.distance + half) / half).powi(2));

        // In coordinates where the skull is the unit circle a beam's impact parameter tells how it met the bone: those
        // that graze it are refracted away and leave the two dark stripes beside a head.
        let (pu, pv) = (u / self.axes[0], v / self.axes[1]);
        let (bu, bv) = (beam[0] / self.axes[0], beam[1] / self.axes[1]);
        let norm = (bu * bu + bv * bv).sqrt().max(1e-9);
        let impact = ((pu * bv - pv * bu) / norm).abs();
        let past = (pu * bu + pv * bv) / norm;
        let chord = (1.0 - impact * impact).max(0.0).sqrt();
        let stripe = 1.0 - self.refraction * 0.9 * decay(((impact - 0.97) / 0.09).powi(2)) * inside(-past, 0.3);
        let entered = if impact < 1.0 && past > -chord { self.through } else { 1.0 };
        let gain = stripe * entered;
        Echo { solid: solid * gain + line * (0.4 + 0.6 * gain), fluid: self.fluid, home: [u, v] }
    }
}
