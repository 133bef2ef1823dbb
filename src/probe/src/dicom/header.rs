//! The attributes of an image that matter here.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::FORMAT;
use super::syntax::Syntax;
use super::walk::{Element, Walk};
use crate::error::Fault;
use crate::kind::DICOM_PREAMBLE;
use crate::stream::Stream;

/// Group of the file meta information.
const META_GROUP: u16 = 0x0002;
/// Marker behind the preamble.
const MARKER_BYTES: u64 = 4;
/// Ultrasound regions that are looked at.
const MAX_REGIONS: usize = 64;
/// `RegionSpatialFormat` of a two-dimensional picture, and `PhysicalUnits` of centimetres (PS3.3 C.8.5.5).
const SPATIAL_2D: u16 = 1;
const UNITS_CM: u16 = 3;
const MM_PER_CM: f64 = 10.0;
/// Distances between pixels that are believed, in mm.
const SPACING_MM: std::ops::RangeInclusive<f64> = 1e-4..=100.0;

/// Calibration of one part of the picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Region {
    spatial_format: u16,
    /// Left, top, right, bottom in pixels, both ends inside.
    bounds: [u32; 4],
    units: [u16; 2],
    /// Physical distance per pixel, along a row and between rows.
    delta: [f64; 2],
}

/// Colour table of one channel: entries, first mapped value, bits per entry; and the entries.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PaletteChannel {
    pub(super) descriptor: Option<[u16; 3]>,
    pub(super) entries: Vec<u8>,
}

/// Where the pixels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pixels {
    pub(super) start: u64,
    /// Bytes; `None` for fragments.
    pub(super) length: Option<u32>,
}

/// Attributes as they stand in the file, not yet judged.
#[derive(Clone, Debug)]
pub(super) struct Attributes {
    pub(super) syntax: Syntax,
    pub(super) photometric: String,
    pub(super) samples: Option<u16>,
    pub(super) planar: bool,
    /// `NumberOfFrames`; 1 where it is missing.
    pub(super) frames: u32,
    pub(super) rows: Option<u16>,
    pub(super) columns: Option<u16>,
    pub(super) allocated: Option<u16>,
    pub(super) stored: Option<u16>,
    pub(super) high_bit: Option<u16>,
    pub(super) signed: bool,
    pub(super) window_centre: Option<f64>,
    pub(super) window_width: Option<f64>,
    pub(super) window_function: String,
    pub(super) slope: Option<f64>,
    pub(super) intercept: Option<f64>,
    /// In milliseconds.
    pub(super) frame_time: Option<f64>,
    /// In milliseconds, each since the frame before.
    pub(super) frame_times: Vec<f64>,
    /// In frames per second.
    pub(super) cine_rate: Option<f64>,
    pub(super) display_rate: Option<f64>,
    pub(super) palette: [PaletteChannel; 3],
    /// First bytes of the frames, counted from the first fragment.
    pub(super) offsets: Vec<u64>,
    pub(super) pixels: Pixels,
    pixel_spacing: Option<[f64; 2]>,
    regions: Vec<Region>,
}

impl Attributes {
    /// Reads the file meta information and the data set up to its pixels.
    pub(super) fn read(stream: &mut Stream) -> Result<Self, Fault> {
        let (uid, start) = read_meta(stream)?;
        let syntax = Syntax::from_uid(&uid)?;
        let mut attributes = Self::empty(syntax);
        let mut walk = Walk::new(stream, start, syntax.implicit);
        let mut item = 0;
        while let Some(element) = walk.next(is_of_interest)? {
            match walk.outermost() {
                None if element.tag == tags::PIXEL_DATA => {
                    attributes.pixels = Pixels { start: element.start, length: element.length };
                    return Ok(attributes);
                }
                None => attributes.top_level(&mut walk, &element)?,
                Some(tags::SEQUENCE_OF_ULTRASOUND_REGIONS) => {
                    let begins = std::mem::replace(&mut item, walk.items()) != walk.items();
                    attributes.region(&mut walk, &element, begins)?;
                }
                Some(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE) => attributes.shared(&mut walk, &element)?,
                Some(_) => {}
            }
        }
        Err(Fault::NoPixels)
    }

    fn empty(syntax: Syntax) -> Self {
        Self {
            syntax,
            photometric: String::new(),
            samples: None,
            planar: false,
            frames: 1,
            rows: None,
            columns: None,
            allocated: None,
            stored: None,
            high_bit: None,
            signed: false,
            window_centre: None,
            window_width: None,
            window_function: String::new(),
            slope: None,
            intercept: None,
            frame_time: None,
            frame_times: Vec::new(),
            cine_rate: None,
            display_rate: None,
            palette: Default::default(),
            offsets: Vec::new(),
            pixels: Pixels { start: 0, length: None },
            pixel_spacing: None,
            regions: Vec::new(),
        }
    }

    fn top_level(&mut self, walk: &mut Walk<'_>, element: &Element) -> Result<(), Fault> {
        match element.tag {
            tags::PHOTOMETRIC_INTERPRETATION => self.photometric = text(&walk.value(element)?),
            tags::SAMPLES_PER_PIXEL => self.samples = short(&walk.value(element)?),
            tags::PLANAR_CONFIGURATION => self.planar = short(&walk.value(element)?) == Some(1),
            tags::NUMBER_OF_FRAMES => self.frames = frames(&walk.value(element)?)?,
            tags::ROWS => self.rows = short(&walk.value(element)?),
            tags::COLUMNS => self.columns = short(&walk.value(element)?),
            tags::BITS_ALLOCATED => self.allocated = short(&walk.value(element)?),
            tags::BITS_STORED => self.stored = short(&walk.value(element)?),
            tags::HIGH_BIT => self.high_bit = short(&walk.value(element)?),
            tags::PIXEL_REPRESENTATION => self.signed = short(&walk.value(element)?) == Some(1),
            tags::FRAME_TIME => self.frame_time = number(&walk.value(element)?),
            tags::FRAME_TIME_VECTOR => self.frame_times = numbers(&walk.value(element)?),
            tags::CINE_RATE => self.cine_rate = number(&walk.value(element)?),
            tags::RECOMMENDED_DISPLAY_FRAME_RATE => self.display_rate = number(&walk.value(element)?),
            tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR => self.descriptor(0, walk, element)?,
            tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR => self.descriptor(1, walk, element)?,
            tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR => self.descriptor(2, walk, element)?,
            tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA => self.palette[0].entries = walk.value(element)?,
            tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA => self.palette[1].entries = walk.value(element)?,
            tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA => self.palette[2].entries = walk.value(element)?,
            tags::EXTENDED_OFFSET_TABLE => {
                let value = walk.value(element)?;
                self.offsets = value.as_chunks().0.iter().map(|&bytes| u64::from_le_bytes(bytes)).collect();
            }
            _ => self.of_all_frames(walk, element, true)?,
        }
        Ok(())
    }

    /// What an enhanced image says about all its frames, unless the top level says it too.
    fn shared(&mut self, walk: &mut Walk<'_>, element: &Element) -> Result<(), Fault> {
        self.of_all_frames(walk, element, false)
    }

    fn of_all_frames(&mut self, walk: &mut Walk<'_>, element: &Element, wins: bool) -> Result<(), Fault> {
        fn put<T>(slot: &mut Option<T>, value: Option<T>, wins: bool) {
            if wins || slot.is_none() {
                *slot = value;
            }
        }
        match element.tag {
            tags::WINDOW_CENTER => put(&mut self.window_centre, number(&walk.value(element)?), wins),
            tags::WINDOW_WIDTH => put(&mut self.window_width, number(&walk.value(element)?), wins),
            tags::RESCALE_SLOPE => put(&mut self.slope, number(&walk.value(element)?), wins),
            tags::RESCALE_INTERCEPT => put(&mut self.intercept, number(&walk.value(element)?), wins),
            tags::VOILUT_FUNCTION if wins || self.window_function.is_empty() => {
                self.window_function = text(&walk.value(element)?);
            }
            tags::PIXEL_SPACING => {
                let spacing = match *numbers(&walk.value(element)?).as_slice() {
                    [between_rows, along_row] => Some([along_row, between_rows]),
                    _ => None,
                };
                put(&mut self.pixel_spacing, spacing, wins);
            }
            _ => {}
        }
        Ok(())
    }

    fn region(&mut self, walk: &mut Walk<'_>, element: &Element, begins: bool) -> Result<(), Fault> {
        if begins && self.regions.len() < MAX_REGIONS {
            self.regions.push(Region::default());
        }
        let Some(region) = self.regions.last_mut() else { return Ok(()) };
        match element.tag {
            tags::REGION_SPATIAL_FORMAT => region.spatial_format = short(&walk.value(element)?).unwrap_or(0),
            tags::REGION_LOCATION_MIN_X0 => region.bounds[0] = long(&walk.value(element)?),
            tags::REGION_LOCATION_MIN_Y0 => region.bounds[1] = long(&walk.value(element)?),
            tags::REGION_LOCATION_MAX_X1 => region.bounds[2] = long(&walk.value(element)?),
            tags::REGION_LOCATION_MAX_Y1 => region.bounds[3] = long(&walk.value(element)?),
            tags::PHYSICAL_UNITS_X_DIRECTION => region.units[0] = short(&walk.value(element)?).unwrap_or(0),
            tags::PHYSICAL_UNITS_Y_DIRECTION => region.units[1] = short(&walk.value(element)?).unwrap_or(0),
            tags::PHYSICAL_DELTA_X => region.delta[0] = double(&walk.value(element)?),
            tags::PHYSICAL_DELTA_Y => region.delta[1] = double(&walk.value(element)?),
            _ => {}
        }
        Ok(())
    }

    fn descriptor(&mut self, channel: usize, walk: &mut Walk<'_>, element: &Element) -> Result<(), Fault> {
        let value = walk.value(element)?;
        if let Some(&[e0, e1, f0, f1, b0, b1]) = value.first_chunk() {
            let words = [[e0, e1], [f0, f1], [b0, b1]].map(u16::from_le_bytes);
            self.palette[channel].descriptor = Some(words);
        }
        Ok(())
    }

    /// Distance between pixels in mm, `[along a row, between rows]`: of the largest two-dimensional ultrasound region that
    /// is calibrated in centimetres, else `PixelSpacing`.
    ///
    /// A region that reaches beyond the picture was measured before the picture was scaled down (some scanners export
    /// cines at half size with the calibration of the full size): its distances do not belong to these pixels, and none
    /// are better than wrong ones.
    pub(super) fn spacing_mm(&self, columns: u32, rows: u32) -> Option<[f32; 2]> {
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
            None => self.pixel_spacing,
        };
        spacing.filter(|mm| mm.iter().all(|mm| SPACING_MM.contains(mm))).map(|mm| mm.map(|mm| mm as f32))
    }
}

impl Region {
    fn area(&self) -> u64 {
        let [left, top, right, bottom] = self.bounds.map(u64::from);
        right.saturating_sub(left) * bottom.saturating_sub(top)
    }
}

/// Sequences with attributes of interest: ultrasound regions, and what holds for all frames of an enhanced image.
fn is_of_interest(sequence: Tag) -> bool {
    matches!(
        sequence,
        tags::SEQUENCE_OF_ULTRASOUND_REGIONS
            | tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE
            | tags::PIXEL_MEASURES_SEQUENCE
            | tags::FRAME_VOILUT_SEQUENCE
            | tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE
    )
}

/// Reads the file meta information; returns the transfer syntax and where the data set begins.
fn read_meta(stream: &mut Stream) -> Result<(String, u64), Fault> {
    let mut walk = Walk::new(stream, DICOM_PREAMBLE as u64 + MARKER_BYTES, false);
    let mut uid = None;
    let mut start = walk.position();
    // Its group length is often wrong; its group number is not.
    while let Some(element) = walk.next_in_group(META_GROUP)? {
        if element.tag == tags::TRANSFER_SYNTAX_UID {
            uid = Some(text(&walk.value(&element)?));
        }
        start = walk.position();
    }
    let uid = uid.ok_or_else(|| Fault::damaged(FORMAT, "its transfer syntax is missing"))?;
    Ok((uid, start))
}

/// Text without its padding.
fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_matches(['\0', ' ']).to_owned()
}

/// First of the numbers in a text value.
fn number(value: &[u8]) -> Option<f64> {
    numbers(value).first().copied()
}

/// Numbers in a text value, separated by backslashes. Ends before the first that is none.
fn numbers(value: &[u8]) -> Vec<f64> {
    let finite = |number: &f64| number.is_finite();
    text(value).split('\\').map_while(|part| part.trim().parse().ok().filter(finite)).collect()
}

fn frames(value: &[u8]) -> Result<u32, Fault> {
    let text = text(value);
    match text.parse() {
        Ok(frames @ 1..) => Ok(frames),
        _ if text.is_empty() => Ok(1),
        _ => Err(Fault::damaged(FORMAT, format!("its number of frames is `{text}`"))),
    }
}

fn short(value: &[u8]) -> Option<u16> {
    value.first_chunk().copied().map(u16::from_le_bytes)
}

fn long(value: &[u8]) -> u32 {
    value.first_chunk().copied().map_or(0, u32::from_le_bytes)
}

fn double(value: &[u8]) -> f64 {
    value.first_chunk().copied().map_or(0.0, f64::from_le_bytes)
}
