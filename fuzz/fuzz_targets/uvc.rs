//! Any bytes as the buffer of a camera: GREY and YUYV with any window, or Motion-JPEG.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ushydra_probe::Frame;
use ushydra_probe::fuzzing::{camera_luminance, camera_mjpeg};

fuzz_target!(|bytes: &[u8]| {
    ushydra_fuzz::let_codecs_panic();
    let Some((&[mode, width, height], picture)) = bytes.split_first_chunk() else { return };
    if mode & 1 == 1 {
        let Some((&[start, stride, step], packed)) = picture.split_first_chunk() else { return };
        let mut out = vec![0; (usize::from(width) * usize::from(height)).min(1 << 14)];
        let window = [start, stride, width, 1 + step % 2].map(usize::from);
        camera_luminance(packed, window, mode & 2 == 2, &mut out);
        return;
    }
    let (mut scratch, mut frame) = (Vec::new(), Frame::new());
    let size = (u16::from(width) + 1, u16::from(height) + 1);
    match camera_mjpeg(picture, size, &mut scratch, &mut frame) {
        Ok(()) => {
            assert!(frame.view().is_ok());
            assert_eq!((frame.geometry.width, frame.geometry.height), (size.0.into(), size.1.into()));
        }
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
});
