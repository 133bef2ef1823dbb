//! Heat maps as they are kept: small, one byte per cell.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma};
use serde::{Deserialize, Serialize};
use ushydra_bundle::Rect;

/// Cells along either side of a grid.
pub const SIDE: u32 = 32;
/// Steps of a cell's value.
const STEPS: f32 = 255.0;

/// Weights of the parts of a picture, 0 to 1, on [`SIDE`] x [`SIDE`] cells over what the network saw of it: grids of pictures of any
/// size can be averaged.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat(Vec<f32>);

impl Heat {
    /// From a map over a network's whole input, row by row, of which `fitted` shows the picture: that part is averaged or
    /// interpolated to the grid and divided by its greatest weight. None for a map of another size.
    #[must_use]
    pub fn new(values: Vec<f32>, [width, height]: [u32; 2], fitted: Rect) -> Option<Self> {
        let map = ImageBuffer::<Luma<f32>, Vec<f32>>::from_raw(width, height, values)?;
        let inside = fitted.x.checked_add(fitted.width)? <= width && fitted.y.checked_add(fitted.height)? <= height;
        if !inside || fitted.width == 0 || fitted.height == 0 {
            return None;
        }
        let mut shown = imageops::crop_imm(&map, fitted.x, fitted.y, fitted.width, fitted.height).to_image();
        // The resampler takes values from 0 to 1 and cuts what lies beyond.
        let even = to_greatest(&shown);
        shown.copy_from_slice(&even);
        Some(Self(to_greatest(&imageops::resize(&shown, SIDE, SIDE, FilterType::Triangle))))
    }

    /// Cell by cell over several pictures, each of which counts alike; none for no picture.
    #[must_use]
    pub fn mean(of: &[Self]) -> Option<Self> {
        let mut sum = of.first()?.clone();
        for heat in &of[1..] {
            sum.0.iter_mut().zip(&heat.0).for_each(|(sum, value)| *sum += value);
        }
        sum.0.iter_mut().for_each(|sum| *sum /= of.len() as f32);
        Some(sum)
    }

    /// Rounded to what is kept.
    #[must_use]
    pub fn kept(&self) -> Grid {
        Grid(self.0.iter().map(|v| (v.clamp(0.0, 1.0) * STEPS).round() as u8).collect())
    }
}

/// Divided by the greatest; weights below 0 are none.
fn to_greatest(values: &[f32]) -> Vec<f32> {
    let greatest = values.iter().copied().fold(0.0, f32::max);
    let scale = if greatest > 0.0 { 1.0 / greatest } else { 0.0 };
    values.iter().map(|v| v.max(0.0) * scale).collect()
}

/// A kept heat map: 0 (nothing) to 255 (the greatest weight of the picture), row by row. In files its bytes are base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Grid(Vec<u8>);

impl Grid {
    /// Row by row, [`SIDE`] x [`SIDE`].
    #[must_use]
    pub fn values(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<String> for Grid {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let values = STANDARD.decode(text).map_err(|e| format!("a heat map is no base64: {e}"))?;
        let wanted = (SIDE * SIDE) as usize;
        if values.len() == wanted { Ok(Self(values)) } else { Err(format!("a heat map has {} cells", values.len())) }
    }
}

impl From<Grid> for String {
    fn from(grid: Grid) -> Self {
        STANDARD.encode(grid.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
        Rect { x, y, width, height }
    }

    #[test]
    fn only_what_shows_the_picture_counts() {
        // 64 x 8 input, the picture in its right half: a ramp from 0 to 31; what lies beside it is greater.
        let values: Vec<f32> = (0..64 * 8).map(|i| if i % 64 < 32 { 99.0 } else { (i % 64 - 32) as f32 }).collect();
        let heat = Heat::new(values.clone(), [64, 8], rect(32, 0, 32, 8)).unwrap();
        let grid = heat.kept();
        assert_eq!(grid.values().len(), 1024);
        assert_eq!((grid.values()[0], grid.values()[31]), (0, 255));
        assert!(grid.values()[..32].windows(2).all(|w| w[0] < w[1]));
        for bad in [rect(33, 0, 32, 8), rect(0, 0, 0, 8), rect(u32::MAX, 0, 2, 2)] {
            assert!(Heat::new(values.clone(), [64, 8], bad).is_none());
        }
        assert!(Heat::new(values, [64, 9], rect(0, 0, 64, 9)).is_none());
    }

    #[test]
    fn even_maps_stay_even_and_means_weigh_alike() {
        let even = |v: f32| Heat::new(vec![v; 16 * 16], [16, 16], rect(0, 0, 16, 16)).unwrap();
        assert!(even(0.25).kept().values().iter().all(|v| *v == 255));
        assert!(even(0.0).kept().values().iter().all(|v| *v == 0));
        let mean = Heat::mean(&[even(3.0), even(0.0)]).unwrap().kept();
        // Half a step either way is rounding.
        assert!(mean.values().iter().all(|v| (127..=128).contains(v)));
        assert!(Heat::mean(&[]).is_none());
    }

    #[test]
    fn files_hold_grids_of_one_size() {
        let grid = Grid((0..1024_u32).map(|i| (i % 256) as u8).collect());
        let text = serde_json::to_string(&grid).unwrap();
        assert_eq!(serde_json::from_str::<Grid>(&text).unwrap(), grid);
        for bad in ["\"AAAA\"", "\"<>\"", "7"] {
            assert!(serde_json::from_str::<Grid>(bad).is_err(), "{bad}");
        }
    }
}
