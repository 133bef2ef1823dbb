//! What a simulated body answers to the imaging chain.

/// Echo strength and tissue identity at one point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Echo {
    /// Amplitude of solid tissue; heart muscle = 1.
    pub(crate) solid: f32,
    /// Amplitude of moving blood or fluid.
    pub(crate) fluid: f32,
    /// Where the point's tissue was at end-diastole, in mm, so that its speckle travels with it.
    pub(crate) home: [f32; 2],
}

/// 1 well inside (negative distance), 0 well outside, smooth over `+-soft` mm.
#[inline]
pub(crate) fn inside(distance: f32, soft: f32) -> f32 {
    let t = (0.5 - 0.5 * distance / soft).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// `exp(-x)` for `x >= 0` to 2 %, without the library call: `(1 + x/8 + (x/8)^2/2)^-8`.
#[inline]
pub(crate) fn decay(x: f32) -> f32 {
    let y = x * 0.125;
    let base = 1.0 + y + 0.5 * y * y;
    let square = base * base;
    let fourth = square * square;
    1.0 / (fourth * fourth)
}

/// Amplitude of a level in dB, `10^(x/20)`, to 1 % for |x| below 20 dB: `(1 + y + y^2/2)^8` with `y = x ln 10 / 160`.
#[inline]
pub(crate) fn power(level: f32) -> f32 {
    let y = level.clamp(-20.0, 20.0) * (std::f32::consts::LN_10 / 160.0);
    let base = 1.0 + y + 0.5 * y * y;
    let square = base * base;
    let fourth = square * square;
    fourth * fourth
}
