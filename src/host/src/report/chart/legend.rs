//! Where the entries of a legend go: rows below the axes.

use super::Entry;
use super::svg::CHARACTER;

/// Height of a row in CSS pixels.
pub(super) const ROW: u32 = 20;
/// Width of the sample before the words.
pub(super) const SAMPLE: u32 = 26;
const GAP: u32 = 18;

/// Left edge and row of every entry in a legend `width` wide, and the number of rows.
pub(super) fn place(entries: &[Entry], width: u32) -> (Vec<(u32, u32)>, u32) {
    let (mut x, mut row) = (0, 0);
    let mut places = Vec::with_capacity(entries.len());
    for entry in entries {
        let wide = SAMPLE + (entry.name.chars().count() as f64 * CHARACTER).ceil() as u32;
        if x > 0 && x + wide > width {
            (x, row) = (0, row + 1);
        }
        places.push((x, row));
        x += wide + GAP;
    }
    let rows = if entries.is_empty() { 0 } else { row + 1 };
    (places, rows)
}

#[cfg(test)]
mod tests {
    use super::super::{Colour, Style};
    use super::*;

    #[test]
    fn long_legends_break() {
        let entry = |name: &str| Entry { name: name.into(), style: Style::Box { colour: Colour::Ink } };
        let (places, rows) = place(&[entry("a"), entry("b"), entry(&"c".repeat(60))], 300);
        assert_eq!((places[0], places[1].1, places[2]), ((0, 0), 0, (0, 1)));
        assert_eq!(rows, 2);
        assert_eq!(place(&[], 300).1, 0);
    }
}
