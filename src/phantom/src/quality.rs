//! What distinguishes scanners: resolution, noise, clutter and the grey curve. One [`Quality`] is one scanner setting.

use crate::error::PhantomError;
use crate::rng::Rng;

macro_rules! quality {
    ($($(#[$doc:meta])* $name:ident: $unit:literal, $low:literal..$high:literal;)*) => {
        /// One scanner setting. Every number is checked against [`Quality::LIMITS`] when a phantom is made.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct Quality {
            $($(#[$doc])* #[doc = concat!(" Unit: ", $unit, "; ", stringify!($low), " to ", stringify!($high), ".")] pub $name: f32,)*
        }

        impl Quality {
            /// Name, lowest and highest admitted value of every field.
            pub const LIMITS: &'static [(&'static str, f32, f32)] = &[$((stringify!($name), $low, $high),)*];

            /// The fields in the order of [`Quality::LIMITS`].
            pub fn values(&self) -> Vec<f32> {
                vec![$(self.$name,)*]
            }

            /// A setting from values in the order of [`Quality::LIMITS`]; `None` unless there is one for every field.
            pub fn from_values(values: &[f32]) -> Option<Self> {
                let mut values = values.iter().copied();
                let setting = Self { $($name: values.next()?,)* };
                values.next().is_none().then_some(setting)
            }

            /// Each field drawn between the corners by `pick(low, high)`.
            fn between(low: &Self, high: &Self, mut pick: impl FnMut(f32, f32) -> f32) -> Self {
                Self { $($name: pick(low.$name, high.$name),)* }
            }
        }
    };
}

quality! {
    /// Scan lines over the sector.
    lines: "lines", 48.0..384.0;
    /// Samples along a line.
    samples: "samples", 96.0..1024.0;
    /// Axial deviation of the point-spread function.
    axial_mm: "mm", 0.1..3.0;
    /// Lateral deviation of the point-spread function, constant in angle as for a focused phased array.
    lateral_deg: "degrees", 0.1..4.0;
    /// Range of echo levels between black and white.
    dynamic_range_db: "dB", 25.0..90.0;
    /// Level above the automatic exposure.
    gain_db: "dB", -20.0..20.0;
    /// Attenuation that the depth gain leaves uncompensated; negative where it overcompensates.
    attenuation_db_per_cm: "dB/cm", -1.5..2.5;
    /// Deviation of the slow error of the depth gain sliders.
    gain_ripple_db: "dB", 0.0..8.0;
    /// Electronic noise in relation to heart muscle, at full depth.
    noise_db: "dB", -60.0..0.0;
    /// Echo of blood or fluid in relation to solid tissue.
    blood_db: "dB", -60.0..-3.0;
    /// Static haze (side lobes, reverberation) in relation to solid tissue.
    haze_db: "dB", -50.0..0.0;
    /// Clutter below the probe in relation to solid tissue.
    near_field_db: "dB", -30.0..15.0;
    /// Depth over which that clutter decays.
    near_field_mm: "mm", 2.0..60.0;
    /// Number of shadows by ribs or lung inside the sector, on average.
    shadows: "shadows", 0.0..5.0;
    /// Depth of those shadows.
    shadow_db: "dB", 0.0..50.0;
    /// Depth of the shading at the borders of the sector (lost contact, lung).
    edge_db: "dB", 0.0..50.0;
    /// Chance that a segment of a wall drops out.
    dropout: "fraction", 0.0..1.0;
    /// How much structures parallel to the beam fade: 0 not at all, 1 to nothing.
    anisotropy: "fraction", 0.0..1.0;
    /// Passes of a polar filter over the echo's power: frequency or spatial compounding, fewer and softer speckles.
    compounding: "passes", 0.0..6.0;
    /// Weight of the speckle filter: how far the logarithmic picture is drawn to its own local mean.
    despeckle: "fraction", 0.0..1.0;
    /// Weight of the previous frame in the shown one.
    persistence: "fraction", 0.0..0.6;
    /// Passes of a 3x3 binomial filter over the picture.
    smoothing: "passes", 0.0..4.0;
    /// Strength of the edge enhancement after it.
    sharpening: "fraction", 0.0..1.5;
    /// Exponent of the grey curve.
    gamma: "exponent", 0.4..3.0;
    /// Weight of an S-shaped grey curve.
    contrast: "fraction", 0.0..1.0;
    /// Grey of the brightest echo.
    white: "fraction of 255", 0.3..1.0;
    /// Chance that the picture carries the furniture of a screen (marks, text, scale, trace).
    furniture: "fraction", 0.0..1.0;
}

impl Quality {
    /// Domain `low`: a portable scanner.
    pub const fn low() -> QualityRange {
        QualityRange { low: LOW.0, high: LOW.1 }
    }

    /// Domain `high`: a cart scanner.
    pub const fn high() -> QualityRange {
        QualityRange { low: HIGH.0, high: HIGH.1 }
    }

    /// Every field within its limits.
    pub fn check(&self) -> Result<(), PhantomError> {
        for (value, &(name, low, high)) in self.values().into_iter().zip(Self::LIMITS) {
            if !(low..=high).contains(&value) {
                return Err(PhantomError::Quality { name, value, low, high });
            }
        }
        Ok(())
    }
}

/// The settings of one domain: every field lies between those of two corners.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QualityRange {
    /// The corner with the lowest values.
    pub low: Quality,
    /// The corner with the highest values.
    pub high: Quality,
}

impl QualityRange {
    /// A setting with every field drawn uniformly and independently.
    pub fn sample(&self, rng: &mut Rng) -> Quality {
        Quality::between(&self.low, &self.high, |low, high| rng.range(low, high))
    }

    /// The setting half way between the corners.
    pub fn middle(&self) -> Quality {
        Quality::between(&self.low, &self.high, |low, high| 0.5 * (low + high))
    }
}

const LOW: (Quality, Quality) = (
    Quality {
        lines: 96.0,
        samples: 240.0,
        axial_mm: 0.25,
        lateral_deg: 0.5,
        dynamic_range_db: 38.0,
        gain_db: -10.0,
        attenuation_db_per_cm: -0.4,
        gain_ripple_db: 0.5,
        noise_db: -38.0,
        blood_db: -40.0,
        haze_db: -34.0,
        near_field_db: -16.0,
        near_field_mm: 6.0,
        shadows: 0.0,
        shadow_db: 6.0,
        edge_db: 0.0,
        dropout: 0.15,
        anisotropy: 0.2,
        compounding: 0.0,
        despeckle: 0.0,
        persistence: 0.0,
        smoothing: 0.0,
        sharpening: 0.0,
        gamma: 0.95,
        contrast: 0.0,
        white: 0.5,
        furniture: 0.5,
    },
    Quality {
        lines: 152.0,
        samples: 384.0,
        axial_mm: 0.8,
        lateral_deg: 1.3,
        dynamic_range_db: 70.0,
        gain_db: 4.0,
        attenuation_db_per_cm: 0.7,
        gain_ripple_db: 4.0,
        noise_db: -18.0,
        blood_db: -16.0,
        haze_db: -14.0,
        near_field_db: 6.0,
        near_field_mm: 26.0,
        shadows: 2.0,
        shadow_db: 30.0,
        edge_db: 34.0,
        dropout: 0.75,
        anisotropy: 0.9,
        compounding: 5.0,
        despeckle: 0.85,
        persistence: 0.45,
        smoothing: 2.0,
        sharpening: 0.5,
        gamma: 2.1,
        contrast: 0.7,
        white: 1.0,
        furniture: 0.5,
    },
);

const HIGH: (Quality, Quality) = (
    Quality {
        lines: 128.0,
        samples: 288.0,
        axial_mm: 0.18,
        lateral_deg: 0.3,
        dynamic_range_db: 42.0,
        gain_db: -8.0,
        attenuation_db_per_cm: -0.3,
        gain_ripple_db: 0.3,
        noise_db: -48.0,
        blood_db: -42.0,
        haze_db: -40.0,
        near_field_db: -18.0,
        near_field_mm: 5.0,
        shadows: 0.0,
        shadow_db: 4.0,
        edge_db: 0.0,
        dropout: 0.0,
        anisotropy: 0.1,
        compounding: 0.5,
        despeckle: 0.1,
        persistence: 0.0,
        smoothing: 0.0,
        sharpening: 0.0,
        gamma: 0.9,
        contrast: 0.0,
        white: 0.65,
        furniture: 0.5,
    },
    Quality {
        lines: 208.0,
        samples: 448.0,
        axial_mm: 0.5,
        lateral_deg: 0.9,
        dynamic_range_db: 84.0,
        gain_db: 5.0,
        attenuation_db_per_cm: 0.4,
        gain_ripple_db: 2.5,
        noise_db: -22.0,
        blood_db: -15.0,
        haze_db: -16.0,
        near_field_db: 4.0,
        near_field_mm: 22.0,
        shadows: 1.4,
        shadow_db: 24.0,
        edge_db: 26.0,
        dropout: 0.6,
        anisotropy: 0.8,
        compounding: 6.0,
        despeckle: 1.0,
        persistence: 0.45,
        smoothing: 2.0,
        sharpening: 0.8,
        gamma: 1.9,
        contrast: 0.6,
        white: 1.0,
        furniture: 0.5,
    },
);
