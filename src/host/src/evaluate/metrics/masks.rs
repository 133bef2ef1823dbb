//! How a mask compares with the true one.

use serde::{Deserialize, Serialize};
use ushydra_measure::{Mask, Spacing};

use super::distance::hausdorff95;

/// Overlap and distance of two masks, in the picture's own pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaskScores {
    /// Dice coefficient `2 |A n B| / (|A| + |B|)`; 1 where both are empty.
    pub dice: f64,
    /// Intersection over union `|A n B| / |A u B|`, which is `dice / (2 - dice)`; 1 where both are empty.
    pub iou: f64,
    /// 95th percentile of the symmetric surface distances in pixels; none where a mask is empty.
    pub hd95_px: Option<f64>,
    /// The same in millimetres, by the spacing of columns and rows; none without spacing.
    pub hd95_mm: Option<f64>,
}

/// Compares two masks of one size; none for different sizes.
#[must_use]
pub fn compare(answer: &Mask, truth: &Mask, spacing: Option<Spacing>) -> Option<MaskScores> {
    let dice = answer.dice(truth)?;
    Some(MaskScores {
        dice,
        iou: dice / (2.0 - dice),
        hd95_px: hausdorff95(answer, truth, [1.0, 1.0]),
        hd95_mm: spacing.and_then(|s| hausdorff95(answer, truth, [s.x_mm, s.y_mm])),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let mask = |bytes: &[u8]| Mask::from_bytes(bytes, 4, 1).unwrap();
        let spacing = Some(Spacing { x_mm: 0.5, y_mm: 2.0 });
        let found = compare(&mask(&[1, 1, 0, 0]), &mask(&[0, 1, 1, 0]), spacing).unwrap();
        assert!((found.dice - 0.5).abs() < 1e-12 && (found.iou - 1.0 / 3.0).abs() < 1e-12);
        // Distances 1, 0, 0, 1: the 95th percentile of four is 1.
        assert_eq!((found.hd95_px, found.hd95_mm), (Some(1.0), Some(0.5)));
        let empty = compare(&mask(&[0; 4]), &mask(&[0; 4]), None).unwrap();
        assert_eq!(empty, MaskScores { dice: 1.0, iou: 1.0, hd95_px: None, hd95_mm: None });
        let missed = compare(&mask(&[0; 4]), &mask(&[1; 4]), spacing).unwrap();
        assert_eq!(missed, MaskScores { dice: 0.0, iou: 0.0, hd95_px: None, hd95_mm: None });
        assert!(compare(&mask(&[0; 4]), &Mask::new(2, 2), None).is_none());
    }
}
