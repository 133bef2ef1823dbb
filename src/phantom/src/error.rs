//! Errors of this crate.

/// Why no phantom could be made.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum PhantomError {
    /// A setting outside its limits, or not a number.
    #[error("quality {name} is {value}; choose a value from {low} to {high}")]
    Quality {
        /// The field.
        name: &'static str,
        /// Its value.
        value: f32,
        /// The lowest admitted value.
        low: f32,
        /// The highest admitted value.
        high: f32,
    },
    /// A picture too small to show a sector or too large to be meant.
    #[error("a picture of {width}x{height} pixels; each edge must lie between {min} and {max}")]
    Size {
        /// Columns asked for.
        width: u32,
        /// Rows asked for.
        height: u32,
        /// The smallest edge.
        min: u32,
        /// The largest edge.
        max: u32,
    },
    /// A view nobody simulates.
    #[error("unknown view {name:?}; choose \"a4c\" or \"fetal-head\"")]
    View {
        /// The name as given.
        name: String,
    },
}
