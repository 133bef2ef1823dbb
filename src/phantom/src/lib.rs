//! Simulated B-mode cines with exact masks, for training, tests, demos and simulated probes where no patient's picture may
//! be shipped: the heart in the apical four-chamber view (target: the left ventricle's cavity) and the fetal head
//! (target: the filled ellipse at the skull's outer border).
//!
//! ```
//! use ushydra_phantom::{Phantom, Quality, Rng, View};
//!
//! let mut rng = Rng::new(1);
//! let quality = Quality::low().sample(&mut rng);
//! let mut phantom = Phantom::new(View::ApicalFourChamber, &quality, 42)?;
//! let frame = phantom.frame(0);
//! assert_eq!(frame.pixels.len(), frame.mask.len());
//! # Ok::<(), ushydra_phantom::PhantomError>(())
//! ```
//!
//! # From anatomy to picture
//! 1. **Anatomy** ([`View`]): the outlines of one patient, drawn from wide ranges, at one moment of the beat; every point of
//!    the sector answers with the amplitude of solid tissue and of blood and with its place at end-diastole.
//!    Interfaces square to the beam shine and those along it fade with `cos^2` of the angle between beam and normal.
//! 2. **Scatterers**: a tile of circular complex Gaussian numbers looked up at the tissue's end-diastolic place, so that
//!    speckle travels with the tissue; blood gets new ones in every frame, clutter stays where it is. That the sum
//!    of many scatterers is such a number is the model of fully developed speckle of Wagner, Smith, Sandrik and Lopez,
//!    *Statistics of speckle in ultrasound B-scans*, IEEE Trans. Sonics Ultrason. 30 (1983) 156.
//! 3. **Beam**: separable Gaussian point-spread function on a polar grid of lines and samples (baseband, so without
//!    carrier), lateral width constant in angle; the convolution model of Bamber and Dickinson, *Ultrasonic B-scanning: a
//!    computer simulation*, Phys. Med. Biol. 25 (1980) 463. Side lobes add a share of the neighbouring lines' power.
//! 4. **Losses**: attenuation left by the depth gain, `-a z` dB; shadows and bad contact, smooth in angle and depth;
//!    electronic noise that does not share them.
//! 5. **Detection**: `p = |field|^2`, averaged over neighbours (compounding), `g = 1 + (10 log10 p - top) / DR` with the
//!    automatic exposure `top`, drawn to its local mean by the speckle filter.
//! 6. **Display**: bilinear scan conversion into the fan, smoothing, edge enhancement, grey curve
//!    `white (x + c (s(x) - x))^gamma` with `s(x) = 3 x^2 - 2 x^3`; then the marks of a screen in some of the pictures.
//!
//! # Anatomy
//! The left ventricle is a bullet whose half width at the relative height `t` above the annulus is
//! `W (1 - s^p)^(1/q)`, `s = (t - t0) / (1 - t0)`, above its widest place `t0` and narrows elliptically to the annulus
//! below; both sides have widths of their own, the axis may bend, the annulus may slant and the outline may ripple. The mask
//! is closed by the straight line between the hinges of the mitral valve, and papillary muscles and trabeculae belong to the
//! cavity, as in CAMUS (Leclerc et al., IEEE Trans. Med. Imaging 38 (2019) 2198) and EchoNet-Dynamic (Ouyang et al., Nature
//! 580 (2020) 252). Over the beat the base moves to the resting apex, the cavity narrows and the walls thicken. Sizes cover
//! and exceed the normal ranges of Lang et al., J. Am. Soc. Echocardiogr. 28 (2015) 1.
//!
//! The skull is an ellipse with circumferences of 65 to 350 mm and cephalic indices of 0.70 to 0.90, as HC18 has them (van
//! den Heuvel et al., PLoS ONE 13 (2018) e0200412).
//!
//! # What it is not
//! No wave is propagated: there is no real refraction, no aberration, no grating lobe; shadows do not follow from the tissue
//! above them (but for the skull's stripes). One plane is simulated, so nothing moves through it. A model trained on
//! phantoms alone has seen no patient and must be said to be so.

mod beam;
mod blob;
mod body;
mod cycle;
mod display;
mod error;
mod furniture;
mod head;
mod heart;
mod heart_scene;
mod look;
mod noise;
mod phantom;
mod pose;
mod quality;
mod rng;
mod scene;
mod sector;
mod view;

pub use error::PhantomError;
pub use phantom::{DEFAULT_SIZE, Phantom, PhantomFrame, Truth};
pub use quality::{Quality, QualityRange};
pub use rng::Rng;
pub use view::View;
