//! Descriptors of the camera (UVC 1.0, chapter 3; payload formats: Uncompressed 1.0 and MJPEG 1.0).

use super::negotiate::{intervals, max_frame_bytes};
use super::{CameraFormat, CameraSettings};
use crate::usb::{ASSOCIATED, BULK_IN, Descriptors};

/// Product identification: pid.codes keeps 1209:0001 to 1209:0010 for tests.
const PRODUCT: u16 = 0x0002;
/// Class-specific interface descriptor.
const INTERFACE: u8 = 0x24;
/// The rest of the identifiers of uncompressed formats, after their four letters.
const GUID_TAIL: [u8; 12] = [0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

pub(super) fn build(settings: &CameraSettings) -> Descriptors {
    // Association of both interfaces; control interface: header, camera terminal 1, streaming terminal 2.
    let mut body = vec![8, 0x0b, 0, 2, 0x0e, 3, 0, 0, 9, 4, 0, 0, 0, 0x0e, 1, 0, 0];
    body.extend([13, INTERFACE, 1, 0, 1, 40, 0, 0x00, 0x6c, 0xdc, 0x02, 1, 1]);
    body.extend([18, INTERFACE, 2, 1, 0x01, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0]);
    body.extend([9, INTERFACE, 3, 2, 0x01, 0x01, 0, 1, 0]);
    // Streaming interface: input header, then each format with its one size.
    body.extend([9, 4, 1, 0, 1, 0x0e, 2, 0, 0]);
    let formats: Vec<u8> =
        (1..).zip(&settings.formats).flat_map(|(index, format)| self::format(settings, index, *format)).collect();
    let count = settings.formats.len() as u8;
    let total = u16::try_from(13 + usize::from(count) + formats.len()).unwrap_or(u16::MAX).to_le_bytes();
    body.extend([13 + count, INTERFACE, 1, count, total[0], total[1], BULK_IN, 0, 2, 0, 0, 0, 1]);
    body.extend(vec![0; count.into()]);
    body.extend(formats);
    body.extend(Descriptors::endpoint(settings.speed));
    let product = (PRODUCT, "Simulated camera");
    Descriptors::new(settings.speed, ASSOCIATED, product, &settings.serial, 2, &body)
}

fn format(settings: &CameraSettings, index: u8, format: CameraFormat) -> Vec<u8> {
    let letters = match format {
        CameraFormat::Grey => Some(*b"Y800"),
        CameraFormat::Yuyv => Some(*b"YUY2"),
        CameraFormat::Mjpeg => None,
    };
    let (mut out, frame_type) = match letters {
        Some(letters) => {
            let mut out = vec![27, INTERFACE, 4, index, 1];
            out.extend(letters);
            out.extend(GUID_TAIL);
            out.extend([format.bits(), 1, 0, 0, 0, 0]);
            (out, 5)
        }
        None => (vec![11, INTERFACE, 6, index, 1, 0, 1, 0, 0, 0, 0], 7),
    };
    let intervals = intervals(settings.rate_mhz);
    let bytes = max_frame_bytes(settings, format);
    let bits = |interval: u32| (u64::from(bytes) * 8 * 10_000_000 / u64::from(interval)).try_into().unwrap_or(u32::MAX);
    out.extend([26 + 4 * intervals.len() as u8, INTERFACE, frame_type, 1, 0]);
    out.extend(settings.size.0.to_le_bytes());
    out.extend(settings.size.1.to_le_bytes());
    for word in [bits(intervals[1]), bits(intervals[0]), bytes, intervals[0]] {
        out.extend(word.to_le_bytes());
    }
    out.push(intervals.len() as u8);
    out.extend(intervals.iter().flat_map(|interval| interval.to_le_bytes()));
    out
}
