//! Which of a camera's formats and sizes to take.

use ushydra_v4l2::{FormatInfo, SizeInfo, Sizes, Wanted};

use super::settings::{CameraFormat, CameraSettings};
use crate::error::Fault;

/// Below this rate a picture cannot guide a hand.
const LEAST_RATE: f32 = 10.0;
/// Rates are rounded by drivers.
const RATE_SLACK: f32 = 0.98;
/// More pixels than the networks can use.
const MOST_PIXELS: u64 = 1920 * 1080;

/// The best of the formats that the camera offers and the settings allow, and its size.
///
/// # Errors
/// [`Fault::NoFormat`], which names what the camera has.
pub(super) fn choose(formats: &[FormatInfo], settings: &CameraSettings) -> Result<(CameraFormat, Wanted), Fault> {
    let allowed = CameraFormat::ALL.into_iter().filter(|format| settings.format.is_none_or(|wanted| wanted == *format));
    for format in allowed {
        let fourcc = format.fourcc();
        let Some(offer) = formats.iter().find(|offer| offer.fourcc == fourcc) else { continue };
        match settings.size {
            None => return Ok((format, Wanted { fourcc, size: best(&offer.sizes, settings.rate) })),
            // Some drivers list no sizes; they are asked.
            Some(size) if offer.sizes.is_empty() || offer.sizes.iter().any(|info| has(&info.sizes, size)) => {
                return Ok((format, Wanted { fourcc, size: Some(size) }));
            }
            Some(_) => {}
        }
    }
    let format = settings.format.map_or("grey, yuyv or mjpeg", CameraFormat::name);
    let size = settings.size.map_or(String::new(), |(width, height)| format!(" of {width}x{height}"));
    Err(Fault::NoFormat { wanted: format!("{format}{size}"), offered: offered(formats) })
}

/// Everything the camera offers, one entry per format and size.
pub(super) fn listed(formats: &[FormatInfo]) -> impl Iterator<Item = String> {
    formats.iter().flat_map(|format| {
        let plain = format.sizes.is_empty().then(|| format.fourcc.to_string());
        let sized = format.sizes.iter().map(|info| match info.most_rate() {
            0.0 => format!("{} {}", format.fourcc, info.sizes),
            rate => format!("{} {} up to {} Hz", format.fourcc, info.sizes, (rate * 100.0).round() / 100.0),
        });
        plain.into_iter().chain(sized)
    })
}

fn offered(formats: &[FormatInfo]) -> String {
    let listed: Vec<String> = listed(formats).collect();
    if listed.is_empty() { "none".to_owned() } else { listed.join(", ") }
}

/// The largest size that is fast enough; none where the list does not help, which leaves the camera its own.
fn best(sizes: &[SizeInfo], rate: Option<f32>) -> Option<(u32, u32)> {
    let least = rate.map_or(LEAST_RATE, |rate| rate * RATE_SLACK);
    let discrete = sizes.iter().filter_map(|info| match info.sizes {
        Sizes::One(width, height) => Some((width, height, info)),
        Sizes::Range { .. } => None,
    });
    discrete
        .filter(|(_, _, info)| info.intervals.is_empty() || info.most_rate() >= least)
        .map(|(width, height, _)| (width, height))
        .filter(|(width, height)| (1..=MOST_PIXELS).contains(&(u64::from(*width) * u64::from(*height))))
        .max_by_key(|(width, height)| u64::from(*width) * u64::from(*height))
}

fn has(sizes: &Sizes, (width, height): (u32, u32)) -> bool {
    match *sizes {
        Sizes::One(w, h) => (w, h) == (width, height),
        Sizes::Range { least, most, .. } => (least.0..=most.0).contains(&width) && (least.1..=most.1).contains(&height),
    }
}
