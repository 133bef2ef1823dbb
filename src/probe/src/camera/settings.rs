//! Which camera, and what to ask of it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use ushydra_v4l2::FourCc;

const WANTED: &str = "use v4l:/dev/videoN[?format=grey|yuyv|mjpeg&size=WIDTHxHEIGHT&rate=HZ&crop=X,Y,WIDTH,HEIGHT&\
                      range=full|limited]";
/// Greatest frame rate that can be asked for.
const MAX_RATE: f32 = 1000.0;
/// Least frame rate that can be asked for.
const MIN_RATE: f32 = 0.1;

/// Pixel formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CameraFormat {
    /// One byte of grey per pixel.
    Grey,
    /// Luminance and chrominance; the luminance is used.
    Yuyv,
    /// Motion-JPEG, grey or colour.
    Mjpeg,
}

impl CameraFormat {
    /// All of them, the best first: grey needs no work, YUYV twice the bytes, JPEG loses detail and takes milliseconds.
    pub const ALL: [Self; 3] = [Self::Grey, Self::Yuyv, Self::Mjpeg];

    /// Name in settings and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Yuyv => "yuyv",
            Self::Mjpeg => "mjpeg",
        }
    }

    pub(crate) const fn fourcc(self) -> FourCc {
        match self {
            Self::Grey => FourCc::GREY,
            Self::Yuyv => FourCc::YUYV,
            Self::Mjpeg => FourCc::MJPEG,
        }
    }
}

/// What the grey levels of GREY and YUYV mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// 0 is black, 255 is white: taken as they are.
    Full,
    /// 16 is black, 235 is white (ITU-R BT.601): spread over 0 to 255.
    Limited,
}

/// A part of the picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// Pixels left of it.
    pub x: u32,
    /// Rows above it.
    pub y: u32,
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Rect {
    /// Whether it lies in a picture of this size.
    #[must_use]
    pub fn fits(&self, width: u32, height: u32) -> bool {
        self.x.checked_add(self.width).is_some_and(|right| right <= width)
            && self.y.checked_add(self.height).is_some_and(|bottom| bottom <= height)
    }
}

impl fmt::Display for Rect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{},{}", self.x, self.y, self.width, self.height)
    }
}

/// A camera by its node, with what is not left to the program: `PATH[?KEY=VALUE&..]`.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraSettings {
    /// Device node, or a link to it such as those in `/dev/v4l/by-id`. It decides which camera is opened first; from then on
    /// that camera is looked for, whatever node it gets.
    pub path: PathBuf,
    /// Pixel format; else the first of [`CameraFormat::ALL`] that the camera has.
    pub format: Option<CameraFormat>,
    /// Width and height; else the largest one up to 1920x1080 with at least ten frames per second.
    pub size: Option<(u32, u32)>,
    /// Frames per second; else what the camera likes. The camera may take the nearest one that it has.
    pub rate: Option<f32>,
    /// Part of the picture that is used, such as the sector on a scanner's screen; else all of it.
    pub crop: Option<Rect>,
    /// Range of the grey levels; else what the driver says, and the full range where it says nothing. `uvcvideo` never says
    /// it, and cameras of both kinds exist: spreading a picture that is full already would destroy its dark and bright
    /// levels, while a limited one that is taken as full only looks paler.
    pub range: Option<Range>,
}

impl CameraSettings {
    /// The camera at `path`, everything else left to the program.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), format: None, size: None, rate: None, crop: None, range: None }
    }
}

impl FromStr for CameraSettings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (path, options) = text.split_once('?').unwrap_or((text, ""));
        if path.is_empty() {
            return Err(format!("the device node is missing; {WANTED}"));
        }
        let mut settings = Self::new(path);
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let unknown = || format!("`{option}` is no setting of a camera; {WANTED}");
            match option.split_once('=').ok_or_else(unknown)? {
                ("format", name) => {
                    let format = CameraFormat::ALL.into_iter().find(|format| format.name() == name);
                    settings.format = Some(format.ok_or_else(unknown)?);
                }
                ("size", size) => {
                    let sides = size.split_once('x').and_then(|(w, h)| Some((side(w)?, side(h)?)));
                    settings.size = Some(sides.ok_or_else(unknown)?);
                }
                ("rate", rate) => {
                    let rate = rate.parse().ok().filter(|rate| (MIN_RATE..=MAX_RATE).contains(rate));
                    settings.rate = Some(rate.ok_or_else(unknown)?);
                }
                ("crop", crop) => settings.crop = Some(rect(crop).ok_or_else(unknown)?),
                ("range", "full") => settings.range = Some(Range::Full),
                ("range", "limited") => settings.range = Some(Range::Limited),
                _ => return Err(unknown()),
            }
        }
        Ok(settings)
    }
}

fn number(text: &str) -> Option<u32> {
    // A plus sign would not be printed back.
    text.starts_with(|c: char| c.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn side(text: &str) -> Option<u32> {
    number(text).filter(|side| (1..=u32::from(u16::MAX)).contains(side))
}

fn rect(text: &str) -> Option<Rect> {
    let mut parts = text.split(',');
    let rect = Rect {
        x: number(parts.next()?)?,
        y: number(parts.next()?)?,
        width: side(parts.next()?)?,
        height: side(parts.next()?)?,
    };
    parts.next().is_none().then_some(rect)
}

impl fmt::Display for CameraSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        let range = self.range.map(|range| match range {
            Range::Full => "range=full".to_owned(),
            Range::Limited => "range=limited".to_owned(),
        });
        let options: Vec<String> = [
            self.format.map(|format| format!("format={}", format.name())),
            self.size.map(|(width, height)| format!("size={width}x{height}")),
            self.rate.map(|rate| format!("rate={rate}")),
            self.crop.map(|crop| format!("crop={crop}")),
            range,
        ]
        .into_iter()
        .flatten()
        .collect();
        if options.is_empty() { Ok(()) } else { write!(f, "?{}", options.join("&")) }
    }
}
