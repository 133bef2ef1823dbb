//! The demo cine: a real SonoSite recording, JPEG baseline, `YBR_FULL_422`.

use std::path::PathBuf;
use std::time::Duration;

use dicom_pixeldata::PixelDecoder;
use ushydra_core::PixelFormat;

use crate::fixtures::{greatest_difference, read_all};

/// Ships with the project.
const DEMO: &str = "../../models/demo/sonosite-a4c.dcm";

#[test]
fn the_demo_cine_is_read_like_dicom_rs_reads_it() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(DEMO);
    let file = std::fs::read(&path).unwrap();
    let (frames, error) = read_all(file);
    assert!(error.is_none());
    assert_eq!(frames.len(), 30);
    let object = dicom_object::open_file(&path).unwrap();
    for (index, frame) in frames.iter().enumerate() {
        assert_eq!((frame.geometry.width, frame.geometry.height), (320, 240));
        assert_eq!(frame.geometry.format, PixelFormat::Rgb8);
        let recorded = frame.recorded.unwrap();
        assert!(recorded.abs_diff(Duration::from_micros(33_333 * index as u64)) < Duration::from_micros(1));
        // Its region of 512x384 pixels was measured before the scanner halved the picture.
        assert_eq!(frame.spacing_mm, None);
        let theirs = object.decode_pixel_data_frame(index as u32).unwrap();
        // The two decoders interpolate chrominance differently at edges of colour.
        let mean: f64 = frame.data.iter().zip(theirs.data()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
        assert!(mean / (frame.data.len() as f64) < 0.5, "frame {index}: {mean}");
        assert!(greatest_difference(&frame.data, theirs.data()) < 64, "frame {index}");
    }
}
