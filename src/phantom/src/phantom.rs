//! One simulated patient under one scanner: frames with exact masks.

use crate::beam::Imager;
use crate::body::{Body, Scene};
use crate::cycle::beat;
use crate::display::Display;
use crate::error::PhantomError;
use crate::furniture::Furniture;
use crate::head::Head;
use crate::heart::Heart;
use crate::noise::Texture;
use crate::pose::{Placement, Pose};
use crate::quality::Quality;
use crate::rng::Rng;
use crate::sector::Sector;
use crate::view::View;

/// Size of the pictures where none is asked for.
pub const DEFAULT_SIZE: (u32, u32) = (320, 240);

/// One frame of a phantom.
#[derive(Debug, Clone, PartialEq)]
pub struct PhantomFrame {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Grey levels, row by row.
    pub pixels: Vec<u8>,
    /// 255 inside the target (left ventricle's cavity or head), 0 elsewhere; row by row.
    pub mask: Vec<u8>,
    /// Distance of neighbouring rows and of neighbouring columns in mm.
    pub spacing_mm: [f64; 2],
    /// Place in the beat from 0 (end-diastole) to 1; 0 for a head.
    pub phase: f64,
    /// What the phantom's own geometry measures.
    pub truth: Truth,
}

/// Measurements of the phantom's geometry, not of its picture: nothing is cut off or lost to pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Truth {
    /// An apical four-chamber view.
    LeftVentricle {
        /// Area of the cavity in mm^2.
        area_mm2: f64,
        /// From the middle of the mitral annulus to the apex in mm.
        long_axis_mm: f64,
        /// Volume by the area-length formula `8 A^2 / (3 pi L)` in ml.
        volume_ml: f64,
    },
    /// A fetal head: an ellipse at the skull's outer border.
    Head {
        /// Circumference in mm (Ramanujan's formula).
        hc_mm: f64,
        /// Short axis in mm.
        bpd_mm: f64,
        /// Long axis in mm.
        ofd_mm: f64,
    },
}

/// One patient and one scanner setting. Frames depend on the seed and their index alone.
#[derive(Debug, Clone)]
pub struct Phantom {
    sector: Sector,
    imager: Imager,
    display: Display,
    furniture: Furniture,
    body: Body,
    pose: Pose,
    rhythm: Rhythm,
    persistence: f32,
    cached: Option<(u32, Vec<f32>)>,
}

#[derive(Debug, Clone, Copy)]
struct Rhythm {
    frame_rate: f64,
    rate: f64,
    start: f64,
    systole: f32,
}

impl Phantom {
    /// A phantom of [`DEFAULT_SIZE`].
    pub fn new(view: View, quality: &Quality, seed: u64) -> Result<Self, PhantomError> {
        Self::with_size(view, quality, DEFAULT_SIZE, seed)
    }

    /// A phantom whose pictures have `size` (columns, rows).
    ///
    /// # Errors
    /// A quality outside [`Quality::LIMITS`] or a size beyond 32 to 2048.
    pub fn with_size(view: View, quality: &Quality, size: (u32, u32), seed: u64) -> Result<Self, PhantomError> {
        quality.check()?;
        let mut rng = Rng::new(seed);
        let (body, pose, sector) = match view {
            View::ApicalFourChamber => {
                let heart = Heart::random(quality, &mut rng);
                let half_angle = rng.range(29.0, 47.0).to_radians();
                let pose = Pose::of_heart(heart.length, half_angle, &mut rng);
                let below = heart.atrium() * rng.range(0.45, 1.0) + rng.range(2.0, 60.0);
                let depth = (pose.anchor[1] + heart.length + below).clamp(80.0, 240.0);
                let sector = Sector::phased(size, depth, half_angle, &mut rng)?;
                (Body::Heart(Box::new(heart)), pose, sector)
            }
            View::FetalHead => {
                let head = Head::random(quality, &mut rng);
                let pose = Pose::of_head(head.axes[0], &mut rng);
                let sector = Sector::curved(size, pose.anchor, head.axes[0], &mut rng)?;
                (Body::Head(Box::new(head)), pose, sector)
            }
        };
        let mut imager = Imager::new(&sector, quality, &mut rng);
        let background = if rng.chance(0.12) { rng.int(2, 24) as u8 } else { 0 };
        let display = Display::new(&sector, quality, [imager.lines, imager.samples], background);
        let furniture = if rng.chance(quality.furniture) {
            Furniture::random(&sector, view == View::ApicalFourChamber, &mut rng)
        } else {
            Furniture::none()
        };
        let rhythm = Rhythm {
            frame_rate: f64::from(rng.range(20.0, 60.0)),
            rate: f64::from(rng.range(45.0, 120.0)) / 60.0,
            start: f64::from(rng.unit()),
            systole: rng.range(0.32, 0.44),
        };
        let scene = body.scene(beat(0.0, rhythm.systole));
        let place = pose.at(0.0, 0.0);
        let texture = Texture::shared();
        imager.expose(&sector, quality.gain_db, |position, beam| {
            scene.echo(place.local(position), place.turn(beam), texture)
        });
        Ok(Self {
            sector,
            imager,
            display,
            furniture,
            body,
            pose,
            rhythm,
            persistence: quality.persistence,
            cached: None,
        })
    }

    /// Frames per second of the cine.
    pub fn frame_rate(&self) -> f64 {
        self.rhythm.frame_rate
    }

    /// Beats per minute.
    pub fn heart_rate(&self) -> f64 {
        self.rhythm.rate * 60.0
    }

    /// Place in the beat of a frame, from 0 (end-diastole) to 1.
    pub fn phase(&self, index: u32) -> f64 {
        (self.rhythm.start + self.seconds(index) * self.rhythm.rate).rem_euclid(1.0)
    }

    /// End of systole as a share of the beat: the frame whose phase is nearest is end-systole.
    pub fn systole(&self) -> f64 {
        f64::from(self.rhythm.systole)
    }

    fn seconds(&self, index: u32) -> f64 {
        f64::from(index) / self.rhythm.frame_rate
    }

    fn moment(&self, index: u32) -> (Scene, Placement) {
        let state = beat(self.phase(index) as f32, self.rhythm.systole);
        (self.body.scene(state), self.pose.at(self.seconds(index), state.contraction))
    }

    fn polar(&mut self, index: u32) -> Vec<f32> {
        if let Some((at, polar)) = &self.cached
            && *at == index
        {
            return polar.clone();
        }
        let (scene, place) = self.moment(index);
        let polar = self.imager.frame(&self.sector, index, |position, beam, texture| {
            scene.echo(place.local(position), place.turn(beam), texture)
        });
        self.cached = Some((index, polar.clone()));
        polar
    }

    /// The frame of this index with its exact mask.
    pub fn frame(&mut self, index: u32) -> PhantomFrame {
        let before = if self.persistence > 0.02 && index > 0 { Some(self.polar(index - 1)) } else { None };
        let mut polar = self.polar(index);
        if let Some(before) = before {
            for (now, before) in polar.iter_mut().zip(&before) {
                *now += self.persistence * (before - *now);
            }
        }
        let (width, height) = (self.sector.width as usize, self.sector.height as usize);
        let mut pixels = self.display.paint(&polar, width, height);
        self.furniture.paint(&mut pixels);
        let (scene, place) = self.moment(index);
        let mut mask = vec![0u8; width * height];
        for tap in self.display.taps() {
            let (column, row) = (tap.pixel % self.sector.width, tap.pixel / self.sector.width);
            if scene.target(place.local(self.sector.position(column, row))) {
                mask[tap.pixel as usize] = 255;
            }
        }
        PhantomFrame {
            width: self.sector.width,
            height: self.sector.height,
            pixels,
            mask,
            spacing_mm: [1.0 / f64::from(self.sector.scale[1]), 1.0 / f64::from(self.sector.scale[0])],
            phase: if matches!(self.body, Body::Heart(_)) { self.phase(index) } else { 0.0 },
            truth: scene.truth(),
        }
    }
}
