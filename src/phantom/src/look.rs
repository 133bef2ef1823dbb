//! How bright the parts of one heart are.

use crate::blob::{ANGLES, angle_of};
use crate::noise::Waves;
use crate::quality::Quality;
use crate::rng::Rng;

/// Echo levels of one heart.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) wall_gain: Vec<f32>,
    pub(crate) endocardium: f32,
    pub(crate) anisotropy: f32,
    pub(crate) right_wall: f32,
    pub(crate) atrial_wall: f32,
    pub(crate) pericardium: Vec<f32>,
    pub(crate) pericardium_width: f32,
    pub(crate) outside: Vec<f32>,
    pub(crate) outside_decay: f32,
    pub(crate) posterior: f32,
    pub(crate) blood: f32,
    pub(crate) trabeculae: f32,
    pub(crate) leaflets: f32,
    pub(crate) texture: f32,
    pub(crate) texture_scale: f32,
    pub(crate) crux: f32,
    pub(crate) soft: f32,
    pub(crate) swirl: f32,
    pub(crate) anterior: f32,
    pub(crate) atrial_septum: f32,
    pub(crate) patches: f32,
    pub(crate) patch_scale: f32,
    pub(crate) right_blood: f32,
}

/// Amplitude of a level in dB.
pub(crate) fn db(level: f32) -> f32 {
    10.0f32.powf(level / 20.0)
}

impl Look {
    /// Levels drawn from wide ranges; tissue may be barely brighter than blood and walls may drop out.
    pub(crate) fn random(quality: &Quality, beaded: bool, rng: &mut Rng) -> Self {
        let per_angle = |level: f32, deviation: f32, order: usize, rng: &mut Rng| -> Vec<f32> {
            let waves = Waves::new(rng, order, 0.7);
            (0..ANGLES).map(|k| level + deviation * waves.at(angle_of(k))).collect()
        };
        let mut wall = per_angle(0.0, rng.range(1.0, 4.0), 6, rng);
        // The septum usually outshines the lateral wall.
        let tilt = rng.range(-6.0, 9.0);
        for (k, level) in wall.iter_mut().enumerate() {
            *level -= tilt * (0.5 + 0.5 * angle_of(k).cos()) + rng.range(0.0, 0.5);
        }
        if beaded {
            let depth = rng.range(3.0, 12.0);
            for (k, level) in wall.iter_mut().enumerate() {
                *level -= depth * (0.5 - 0.5 * angle_of(k).cos());
            }
        }
        for _ in 0..5 {
            if !rng.chance(quality.dropout) {
                continue;
            }
            // Lateral and apical segments drop out more often than septal ones.
            let at = rng.around(0.6, 0.9, 2.2);
            let width = rng.range(0.12, 0.55);
            let depth = rng.range(5.0, 26.0);
            for (k, level) in wall.iter_mut().enumerate() {
                let mut away = angle_of(k) - at;
                away -= (away / std::f32::consts::TAU).round() * std::f32::consts::TAU;
                *level -= depth * (-(away / width).powi(2)).exp();
            }
        }
        let muscle = rng.range(-5.0, 3.0);
        let wall_gain = wall.into_iter().map(|level| db(level + muscle)).collect();
        let pericardium_level = rng.range(-14.0, 9.0);
        let pericardium = per_angle(pericardium_level, rng.range(2.0, 7.0), 7, rng).into_iter().map(db).collect();
        let outside_level = if rng.chance(0.7) { rng.range(-32.0, -9.0) } else { rng.range(-12.0, -4.0) };
        let outside = per_angle(outside_level, rng.range(2.0, 7.0), 5, rng).into_iter().map(db).collect();
        Self {
            wall_gain,
            endocardium: if rng.chance(0.3) { 0.0 } else { db(rng.range(-6.0, 10.0)) },
            anisotropy: quality.anisotropy,
            right_wall: if rng.chance(0.3) { db(rng.range(-32.0, -14.0)) } else { db(rng.range(-14.0, 1.0)) },
            atrial_wall: if rng.chance(0.3) { db(rng.range(-32.0, -14.0)) } else { db(rng.range(-14.0, 1.0)) },
            pericardium,
            pericardium_width: rng.range(1.2, 7.0),
            outside,
            outside_decay: rng.range(15.0, 120.0),
            posterior: db(rng.range(-2.0, 24.0)),
            blood: db(quality.blood_db),
            trabeculae: if rng.chance(0.5) { 0.0 } else { db(rng.range(-22.0, -7.0)) },
            leaflets: db(rng.range(-8.0, 10.0)),
            texture: if rng.chance(0.3) { rng.range(0.7, 1.2) } else { rng.range(0.1, 0.7) },
            texture_scale: rng.range(1.8, 7.0),
            atrial_septum: if rng.chance(0.35) { db(rng.range(-30.0, -12.0)) } else { db(rng.range(-8.0, 3.0)) },
            patches: rng.range(1.0, 4.5),
            patch_scale: rng.range(14.0, 45.0),
            right_blood: if rng.chance(0.4) { db(rng.range(0.0, 12.0)) } else { 1.0 },
            soft: rng.range(0.6, 1.4) * if rng.chance(0.4) { 2.0 } else { 1.0 },
            swirl: rng.range(0.0, 5.0),
            anterior: db(rng.range(-2.0, 16.0)),
            crux: db(rng.range(-6.0, 12.0)),
        }
    }
}
