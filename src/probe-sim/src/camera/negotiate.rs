//! Probe and commit (UVC 1.0, 4.3.1.1): host and camera agree on a format and a rate.
//!
//! The block of 26 bytes: hint 0..2, format 2, frame 3, interval in 100 ns 4..8, compression 8..16, delay 16..18, largest
//! frame 18..22, largest payload transfer 22..26.

use super::{CameraFormat, CameraSettings, HEADER};
use crate::usb::Setup;

const BYTES: usize = 26;
/// Interface that streams.
const STREAMING: u8 = 1;
/// Controls of the streaming interface.
const PROBE: u8 = 1;
const COMMIT: u8 = 2;
/// Control of the control interface: why the last request stalled.
const ERROR_CODE: u8 = 2;
/// Requests.
const SET_CUR: u8 = 0x01;
const GET_CUR: u8 = 0x81;
const GET_MIN: u8 = 0x82;
const GET_MAX: u8 = 0x83;
const GET_RES: u8 = 0x84;
const GET_LEN: u8 = 0x85;
const GET_INFO: u8 = 0x86;
const GET_DEF: u8 = 0x87;

/// Frame intervals that are offered, in 100 ns: of the rate and of half of it.
pub(super) fn intervals(rate_mhz: u32) -> [u32; 2] {
    let interval = u32::try_from(10_000_000_000 / u64::from(rate_mhz.max(1))).unwrap_or(u32::MAX).max(1);
    [interval, interval.saturating_mul(2)]
}

/// Most bytes of a frame. JPEG pictures of noise are larger than their pixels.
pub(super) fn max_frame_bytes(settings: &CameraSettings, format: CameraFormat) -> u32 {
    let pixels = u32::from(settings.size.0) * u32::from(settings.size.1);
    match format {
        CameraFormat::Grey => pixels,
        CameraFormat::Yuyv => 2 * pixels,
        CameraFormat::Mjpeg => 2 * pixels + 4096,
    }
}

/// What host and camera agreed on so far.
#[derive(Clone, Debug)]
pub(super) struct Negotiation {
    settings: CameraSettings,
    /// Index of the format, and of the interval, from 0.
    chosen: (usize, usize),
}

impl Negotiation {
    pub(super) fn new(settings: &CameraSettings) -> Self {
        Self { settings: settings.clone(), chosen: (0, 0) }
    }

    pub(super) fn format(&self) -> CameraFormat {
        self.settings.formats.get(self.chosen.0).copied().unwrap_or(CameraFormat::Grey)
    }

    fn interval(&self, index: usize) -> u32 {
        intervals(self.settings.rate_mhz)[index.min(1)]
    }

    pub(super) fn rate_mhz(&self) -> u32 {
        (10_000_000_000 / u64::from(self.interval(self.chosen.1))) as u32
    }

    fn block(&self, interval: u32) -> Vec<u8> {
        let bytes = max_frame_bytes(&self.settings, self.format());
        let mut block = vec![1, 0, self.chosen.0 as u8 + 1, 1];
        block.extend(interval.to_le_bytes());
        block.extend([0; 10]);
        block.extend(bytes.to_le_bytes());
        block.extend((bytes + HEADER as u32).to_le_bytes());
        block
    }

    /// Answers a request for data; none for what does not exist.
    pub(super) fn get(&self, setup: &Setup) -> Option<Vec<u8>> {
        let [_, control] = setup.value.to_le_bytes();
        let [interface, entity] = setup.index.to_le_bytes();
        match (interface, entity, control, setup.request) {
            (STREAMING, 0, PROBE | COMMIT, GET_CUR) => Some(self.block(self.interval(self.chosen.1))),
            (STREAMING, 0, PROBE, GET_MIN | GET_DEF) => Some(self.block(self.interval(0))),
            (STREAMING, 0, PROBE, GET_MAX) => Some(self.block(self.interval(1))),
            (STREAMING, 0, PROBE, GET_RES) => Some(vec![0; BYTES]),
            (STREAMING, 0, PROBE | COMMIT, GET_LEN) => Some(vec![BYTES as u8, 0]),
            (STREAMING, 0, PROBE | COMMIT, GET_INFO) => Some(vec![3]),
            (0, 0, ERROR_CODE, GET_CUR) => Some(vec![0]),
            (0, 0, ERROR_CODE, GET_INFO) => Some(vec![1]),
            _ => None,
        }
    }

    /// Takes a wish; what cannot be becomes the nearest that can. True where frames flow from now on, none for what does
    /// not exist.
    pub(super) fn set(&mut self, setup: &Setup, data: &[u8]) -> Option<bool> {
        let [_, control] = setup.value.to_le_bytes();
        if setup.index != STREAMING.into() || setup.request != SET_CUR || !matches!(control, PROBE | COMMIT) {
            return None;
        }
        let block: &[u8; 8] = data.first_chunk()?;
        let wanted = u32::from_le_bytes([block[4], block[5], block[6], block[7]]);
        let format = usize::from(block[2]).clamp(1, self.settings.formats.len()) - 1;
        let distance = |index: &usize| self.interval(*index).abs_diff(wanted);
        // An interval of 0 leaves the choice to the camera.
        let interval = if wanted == 0 { 0 } else { [0, 1].into_iter().min_by_key(distance).unwrap_or(0) };
        self.chosen = (format, interval);
        Some(control == COMMIT)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn request(request: u8, control: u8) -> Setup {
        let request_type = if request & 0x80 != 0 { 0xa1 } else { 0x21 };
        Setup { request_type, request, value: u16::from(control) << 8, index: 1, length: 26 }
    }

    #[test]
    fn wishes_become_what_the_camera_has() {
        let settings = CameraSettings { formats: CameraFormat::ALL.to_vec(), ..CameraSettings::default() };
        for (format, interval, chosen, rate) in [
            (1, 333_333, CameraFormat::Grey, 30_000),
            (2, 600_000, CameraFormat::Yuyv, 15_000),
            (3, 0, CameraFormat::Mjpeg, 30_000),
            (9, 1, CameraFormat::Mjpeg, 30_000),
            (0, u32::MAX, CameraFormat::Grey, 15_000),
        ] {
            let mut negotiation = Negotiation::new(&settings);
            let mut block = vec![0; BYTES];
            block[2] = format;
            block[4..8].copy_from_slice(&interval.to_le_bytes());
            assert_eq!(negotiation.set(&request(SET_CUR, PROBE), &block), Some(false));
            let answer = negotiation.get(&request(GET_CUR, PROBE)).unwrap();
            assert_eq!(negotiation.set(&request(SET_CUR, COMMIT), &answer), Some(true));
            assert_eq!((answer.len(), negotiation.format(), negotiation.rate_mhz()), (BYTES, chosen, rate));
        }
        let mut negotiation = Negotiation::new(&settings);
        assert_eq!(negotiation.set(&request(SET_CUR, PROBE), &[0; 7]), None);
        assert_eq!(negotiation.set(&request(SET_CUR, 9), &[0; 26]), None);
        assert_eq!(negotiation.get(&request(GET_CUR, 9)), None);
    }
}
