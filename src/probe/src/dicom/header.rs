//! The attributes of an image that matter here.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::FORMAT;
use super::spacing::Spacing;
use super::syntax::Syntax;
use super::value::{frames, number, numbers, short, text};
use super::walk::{Element, Walk};
use crate::error::Fault;
use crate::kind::DICOM_PREAMBLE;
use crate::stream::Stream;

/// Group of the file meta information.
const META_GROUP: u16 = 0x0002;
/// Marker behind the preamble.
const MARKER_BYTES: u64 = 4;
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
    pub(super) spacing: Spacing,
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
                    if std::mem::replace(&mut item, walk.items()) != walk.items() {
                        attributes.spacing.begin_region();
                    }
                    if Spacing::wants(element.tag) {
                        let value = walk.value(&element)?;
                        attributes.spacing.region_element(element.tag, &value);
                    }
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
            spacing: Spacing::default(),
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
                put(&mut self.spacing.pixel, spacing, wins);
            }
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
