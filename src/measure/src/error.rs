//! What a measurement may refuse.

/// Why a mask or a number was refused; the message names the value and the remedy.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// A buffer does not hold the announced picture.
    #[error("{what} holds {found} values instead of {expected}; pass a buffer of width x height values")]
    Length {
        /// Which buffer.
        what: &'static str,
        /// Values that the size asks for.
        expected: usize,
        /// Values found.
        found: usize,
    },
    /// A rectangle is empty or reaches over its picture.
    #[error(
        "the {what} rectangle {rect:?} (x, y, width, height) does not lie in {width}x{height}; \
         pass the rectangles of the frame's own preprocessing"
    )]
    Rectangle {
        /// Which rectangle.
        what: &'static str,
        /// x, y, width, height.
        rect: [u32; 4],
        /// Columns of the picture.
        width: u32,
        /// Rows of the picture.
        height: u32,
    },
    /// A pixel spacing that is not a positive finite number.
    #[error("pixel spacing {x} x {y} mm is not positive and finite; read it from the source or measure in pixels")]
    Spacing {
        /// Millimetres per pixel along x.
        x: f64,
        /// Millimetres per pixel along y.
        y: f64,
    },
    /// A weight outside (0, 1].
    #[error("smoothing weight {0} is outside (0, 1]; 1 turns smoothing off")]
    Weight(f32),
    /// A head circumference that the chosen curve does not cover.
    #[error(
        "head circumference {hc_mm:.1} mm is outside {from_mm:.0} to {to_mm:.0} mm, the range of {curve}; \
         check the outline and the pixel spacing, or date the pregnancy otherwise"
    )]
    HeadCircumference {
        /// Millimetres measured.
        hc_mm: f64,
        /// Smallest circumference of the curve.
        from_mm: f64,
        /// Largest circumference of the curve.
        to_mm: f64,
        /// Name of the curve.
        curve: &'static str,
    },
}
