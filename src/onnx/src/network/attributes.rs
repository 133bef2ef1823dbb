//! Attributes of nodes as numbers.

use tract_onnx::pb::NodeProto;

/// Attributes of one node.
pub(super) struct Attributes<'a>(pub(super) &'a NodeProto);

impl Attributes<'_> {
    /// The integer `name`, or `default`.
    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        self.0.attribute.iter().find(|a| a.name == name).map_or(default, |a| a.i)
    }

    /// The number `name`, or `default`.
    pub(super) fn float(&self, name: &str, default: f32) -> f32 {
        self.0.attribute.iter().find(|a| a.name == name).map_or(default, |a| a.f)
    }

    /// Whether `name` is set to a text other than `usual`.
    pub(super) fn text_differs(&self, name: &str, usual: &str) -> bool {
        self.0.attribute.iter().any(|a| a.name == name && !a.s.is_empty() && a.s != usual.as_bytes())
    }

    /// Two sizes, or `default`; none where the attribute is no pair of sizes.
    pub(super) fn pair(&self, name: &str, default: [usize; 2]) -> Option<[usize; 2]> {
        let Some(found) = self.0.attribute.iter().find(|a| a.name == name) else { return Some(default) };
        match found.ints[..] {
            [vertical, horizontal] => Some([usize::try_from(vertical).ok()?, usize::try_from(horizontal).ok()?]),
            _ => None,
        }
    }

    /// Padding as vertical and horizontal; none where the sides differ.
    pub(super) fn padding(&self) -> Option<[usize; 2]> {
        let Some(found) = self.0.attribute.iter().find(|a| a.name == "pads") else { return Some([0, 0]) };
        match found.ints[..] {
            [top, left, bottom, right] if top == bottom && left == right => {
                Some([usize::try_from(top).ok()?, usize::try_from(left).ok()?])
            }
            _ => None,
        }
    }
}
