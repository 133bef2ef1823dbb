//! Distance between pixels.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::value::{double, long, short};

/// Ultrasound regions that are looked at.
const MAX_REGIONS: usize = 64;
/// `RegionSpatialFormat` of a two-dimensional picture, and `PhysicalUnits` of centimetres (PS3.3 C.8.5.5).
const SPATIAL_2D: u16 = 1;
const UNITS_CM: u16 = 3;
const MM_PER_CM: f64 = 10.0;
/// Distances between pixels that are believed, in mm.
const CREDIBLE_MM: std::ops::RangeInclusive<f64> = 1e-4..=100.0;

/// What the file says about distances.
#[derive(Clone, Debug, Default)]
pub(super) struct Spacing {
    /// `PixelSpacing` in mm, `[along a row, between rows]`.
    pub(super) pixel: Option<[f64; 2]>,
    regions: Vec<Region>,
}

/// Calibration of one part of the picture.
#[derive(Clone, Debug, Default, PartialEq)]
struct Region {
    spatial_format: u16,
    /// Left, top, right, bottom in pixels, both ends inside.
    bounds: [u32; 4],
    units: [u16; 2],
    /// Physical distance per pixel, along a row and between rows.
    delta: [f64; 2],
}

impl Spacing {
    /// Whether [`Self::region_element`] wants the value of this element.
    pub(super) fn wants(tag: Tag) -> bool {
        matches!(
            tag,
            tags::REGION_SPATIAL_FORMAT
                | tags::REGION_LOCATION_MIN_X0
                | tags::REGION_LOCATION_MIN_Y0
                | tags::REGION_LOCATION_MAX_X1
                | tags::REGION_LOCATION_MAX_Y1
                | tags::PHYSICAL_UNITS_X_DIRECTION
                | tags::PHYSICAL_UNITS_Y_DIRECTION
                | tags::PHYSICAL_DELTA_X
                | tags::PHYSICAL_DELTA_Y
        )
    }

    /// Another item of `SequenceOfUltrasoundRegions` begins.
    pub(super) fn begin_region(&mut self) {
        if self.regions.len() < MAX_REGIONS {
            self.regions.push(Region::default());
        }
    }

    /// Takes over an element of the last region.
    pub(super) fn region_element(&mut self, tag: Tag, value: &[u8]) {
        let Some(region) = self.regions.last_mut() else { return };
        match tag {
            tags::REGION_SPATIAL_FORMAT => region.spatial_format = short(value).unwrap_or(0),
            tags::REGION_LOCATION_MIN_X0 => region.bounds[0] = long(value),
            tags::REGION_LOCATION_MIN_Y0 => region.bounds[1] = long(value),
            tags::REGION_LOCATION_MAX_X1 => region.bounds[2] = long(value),
            tags::REGION_LOCATION_MAX_Y1 => region.bounds[3] = long(value),
            tags::PHYSICAL_UNITS_X_DIRECTION => region.units[0] = short(value).unwrap_or(0),
            tags::PHYSICAL_UNITS_Y_DIRECTION => region.units[1] = short(value).unwrap_or(0),
            tags::PHYSICAL_DELTA_X => region.delta[0] = double(value),
            tags::PHYSICAL_DELTA_Y => region.delta[1] = double(value),
            _ => {}
        }
    }

    /// Distance between pixels in mm, `[along a row, between rows]`: of the largest two-dimensional ultrasound region that
    /// is calibrated in centimetres, else `PixelSpacing`.
    ///
    /// A region that reaches beyond the picture was measured before the picture was scaled down (some scanners export
    /// cines at half size with the calibration of the full size): its distances do not belong to these pixels, and none
    /// are better than wrong ones.
    pub(super) fn mm(&self, columns: u32, rows: u32) -> Option<[f32; 2]> {
        let spatial = |region: &&Region| region.spatial_format == SPATIAL_2D && region.units == [UNITS_CM; 2];
        let inside = |region: &Region| region.bounds[2] <= columns && region.bounds[3] <= rows;
        let spacing = match self.regions.iter().filter(spatial).max_by_key(|region| region.area()) {
            Some(region) if inside(region) => Some(region.delta.map(|cm| cm.abs() * MM_PER_CM)),
            Some(region) => {
                log::info!(
                    "pixel spacing ignored: the ultrasound region {:?} reaches beyond the picture of {columns}x{rows}",
                    region.bounds
                );
                None
            }
            None => self.pixel,
        };
        spacing.filter(|mm| mm.iter().all(|mm| CREDIBLE_MM.contains(mm))).map(|mm| mm.map(|mm| mm as f32))
    }
}

impl Region {
    fn area(&self) -> u64 {
        let [left, top, right, bottom] = self.bounds.map(u64::from);
        right.saturating_sub(left) * bottom.saturating_sub(top)
    }
}
