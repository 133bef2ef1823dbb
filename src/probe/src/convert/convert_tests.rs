#![allow(clippy::unwrap_used, reason = "tests")]

use jpeg_encoder::{ColorType, Encoder};
use proptest::prelude::*;
use ushydra_wire::{MAX_SIDE, Shape, encode_frame};

use super::*;

fn header(format: Format, width: u16, height: u16, setup: u8) -> Header {
    Header { format, flags: 0, setup, sequence: 0, width, height, payload: 0, captured_ns: 0, crc: 0 }
}

fn state(setup: u8, white: u16) -> State {
    let spacing_um = Some([250.0, 125.0]);
    State { setup, streaming: true, frozen: false, white, spacing_um, depth_mm: None, gain_ddb: 0 }
}

fn jpeg(width: u16, height: u16, samples: &[u8], color: ColorType) -> Vec<u8> {
    let mut out = Vec::new();
    Encoder::new(&mut out, 100).encode(samples, width, height, color).unwrap();
    out
}

fn lines(scan: Scan, samples: &[u8]) -> Vec<u8> {
    [scan.encode().as_slice(), samples].concat()
}

const LINEAR: Scan = Scan { shape: Shape::Linear { aperture_mm: 2.0 }, start_mm: 0.0, end_mm: 2.0 };

#[test]
fn every_format_becomes_a_frame() {
    struct Case {
        format: Format,
        size: (u16, u16),
        payload: Vec<u8>,
        expected: &'static [u8],
        layout: PixelFormat,
    }
    let words = |values: &[u16]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let nine = [0, 10, 20, 30, 40, 50, 60, 70, 80];
    let turned: &[u8] = &[0, 30, 60, 10, 40, 70, 20, 50, 80];
    let cases = [
        Case {
            format: Format::Grey8,
            size: (2, 1),
            payload: vec![7, 9],
            expected: &[7, 9],
            layout: PixelFormat::Grey8,
        },
        Case {
            format: Format::Grey16,
            size: (3, 1),
            payload: words(&[0, 500, 1001]),
            expected: &[0, 128, 255],
            layout: PixelFormat::Grey8,
        },
        Case {
            format: Format::Rgb8,
            size: (2, 1),
            payload: vec![1, 2, 3, 4, 5, 6],
            expected: &[1, 2, 3, 4, 5, 6],
            layout: PixelFormat::Rgb8,
        },
        Case {
            format: Format::Rgb8,
            size: (2, 1),
            payload: vec![3, 3, 3, 4, 4, 4],
            expected: &[3, 4],
            layout: PixelFormat::Grey8,
        },
        Case {
            format: Format::Mjpeg,
            size: (2, 2),
            payload: jpeg(2, 2, &[90; 4], ColorType::Luma),
            expected: &[90; 4],
            layout: PixelFormat::Grey8,
        },
        Case {
            format: Format::Lines8,
            size: (3, 3),
            payload: lines(LINEAR, &nine),
            expected: turned,
            layout: PixelFormat::Grey8,
        },
        Case {
            format: Format::Lines16,
            size: (3, 3),
            payload: lines(LINEAR, &words(&nine.map(|v| u16::from(v) * 4))),
            expected: &[0, 31, 61, 10, 41, 71, 20, 51, 82],
            layout: PixelFormat::Grey8,
        },
    ];
    let (mut converter, mut frame) = (Converter::default(), Frame::new());
    for case in cases {
        let header = header(case.format, case.size.0, case.size.1, 1);
        converter.convert(&header, &case.payload, Some(&state(1, 1000)), &mut frame).unwrap();
        assert_eq!(frame.data, case.expected, "{:?}", case.format);
        assert_eq!(frame.geometry.format, case.layout);
        assert_eq!((frame.geometry.width, frame.geometry.height), (case.size.0.into(), case.size.1.into()));
        assert!(frame.view().is_ok());
        let scanned = matches!(case.format, Format::Lines8 | Format::Lines16);
        assert_eq!(frame.spacing_mm, Some(if scanned { [1.0, 1.0] } else { [0.25, 0.125] }));
    }
}

#[test]
fn a_scale_is_only_taken_from_the_state_of_the_frame() {
    let (mut converter, mut frame) = (Converter::default(), Frame::new());
    let header = header(Format::Grey16, 1, 1, 7);
    for (state, spacing, pixel) in [
        (Some(state(7, 1000)), Some([0.25, 0.125]), 255),
        (Some(state(6, 1000)), None, 255),
        (Some(State { spacing_um: None, ..state(7, 2000) }), None, 128),
        (None, None, 4),
    ] {
        converter.convert(&header, &1000_u16.to_le_bytes(), state.as_ref(), &mut frame).unwrap();
        assert_eq!((frame.spacing_mm, frame.data[0]), (spacing, pixel), "{state:?}");
    }
}

#[test]
fn wrong_payloads_are_faults() {
    let good = jpeg(8, 8, &[50; 64], ColorType::Luma);
    let mut scan = LINEAR.encode();
    scan[4..8].copy_from_slice(&f32::NAN.to_le_bytes());
    let mut second = good.clone();
    second.truncate(good.len() - 9);
    second.extend([0xff, 0xd9]);
    let cases = [
        ("too few pixels", Format::Grey8, (2, 2), vec![1; 3]),
        ("too many pixels", Format::Rgb8, (2, 2), vec![1; 13]),
        ("half a sample", Format::Grey16, (2, 2), vec![1; 7]),
        ("no picture", Format::Mjpeg, (8, 8), vec![1; 99]),
        ("nothing", Format::Mjpeg, (8, 8), vec![]),
        ("another size", Format::Mjpeg, (8, 9), good.clone()),
        ("a cut picture", Format::Mjpeg, (8, 8), good[..good.len() - 2].to_vec()),
        ("no geometry", Format::Lines8, (1, 1), vec![0; SCAN_BYTES + 1]),
        ("impossible geometry", Format::Lines8, (1, 1), [scan.as_slice(), &[1]].concat()),
    ];
    let (mut converter, mut frame) = (Converter::default(), Frame::new());
    for (name, format, (width, height), payload) in cases {
        let header = header(format, width, height, 0);
        let error = converter.convert(&header, &payload, None, &mut frame).unwrap_err();
        assert!(matches!(error, Fault::LivePicture { .. } | Fault::Block(_)), "{name}: {error:?}");
        assert!(error.to_string().contains("firmware") || matches!(error, Fault::Block(_)), "{name}: {error}");
    }
    // A picture whose data ends too early is a fault, or at worst the same picture: never a panic.
    let _ = converter.convert(&header(Format::Mjpeg, 8, 8, 0), &second, None, &mut frame);
    // And the next frame is as good as the first.
    converter.convert(&header(Format::Mjpeg, 8, 8, 0), &good, None, &mut frame).unwrap();
    assert_eq!(frame.data, [50; 64]);
}

#[test]
fn padding_behind_a_picture_is_left_alone() {
    let mut padded = jpeg(16, 16, &[200; 256], ColorType::Luma);
    padded.extend([0; 1000]);
    let (mut scratch, mut frame) = (Vec::new(), Frame::new());
    mjpeg::decode(&padded, (16, 16), &mut scratch, &mut frame).unwrap();
    assert_eq!(frame.data, [200; 256]);
}

#[test]
fn buffers_are_kept() {
    let (mut converter, mut frame) = (Converter::default(), Frame::new());
    let payload = lines(LINEAR, &[9; 2 * 64 * 64]);
    let header = header(Format::Lines16, 64, 64, 0);
    let mut places = Vec::new();
    for _ in 0..3 {
        converter.convert(&header, &payload, None, &mut frame).unwrap();
        places.push((frame.data.as_ptr(), converter.scratch.as_ptr(), converter.scan.buffers()));
    }
    assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_payload_panics(
        format in prop::sample::select(Format::ALL.to_vec()), width in 1_u16..40, height in 1_u16..40, white: u16,
        exact in any::<bool>(), bytes in prop::collection::vec(any::<u8>(), 0..200), scan in prop::array::uniform32(any::<u8>()),
    ) {
        let length = format.payload_bytes(width, height).unwrap_or(200) as usize;
        let mut payload: Vec<u8> = bytes.iter().copied().cycle().take(if exact && !bytes.is_empty() { length } else { bytes.len() }).collect();
        if payload.len() > SCAN_BYTES {
            payload[..SCAN_BYTES].copy_from_slice(&scan);
            payload[0] &= 3;
        }
        let (mut converter, mut frame) = (Converter::default(), Frame::new());
        let state = state(0, white);
        let header = header(format, width, height, 0);
        let outcome = converter.convert(&header, &payload, Some(&state), &mut frame);
        if outcome.is_ok() {
            prop_assert!(frame.view().is_ok());
        }
        prop_assert!(u32::from(MAX_SIDE) >= frame.geometry.width);
        prop_assert!(encode_frame(header, &payload).is_ok() || outcome.is_err());
    }
}

/// Writes a first corpus for the fuzz targets of live frames.
#[test]
#[ignore = "writes into the fuzz folder; run it before fuzzing"]
fn write_fuzz_corpus() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), bytes).unwrap();
    };
    let pixels: Vec<u8> = (0..=255).collect();
    let picture = jpeg(16, 16, &pixels, ColorType::Luma);
    let colour = jpeg(8, 8, &pixels[..192], ColorType::Rgb);
    let curved =
        Scan { shape: Shape::Sector { first_rad: -0.5, last_rad: 0.5, radius_mm: 40.0 }, start_mm: 1.0, end_mm: 20.0 };
    let payloads = [
        (Format::Grey8, (16, 16), pixels.clone()),
        (Format::Grey16, (16, 8), pixels.clone()),
        (Format::Rgb8, (17, 5), pixels[..255].to_vec()),
        (Format::Mjpeg, (16, 16), picture.clone()),
        (Format::Lines8, (16, 16), lines(curved, &pixels)),
        (Format::Lines16, (16, 8), lines(LINEAR, &pixels)),
    ];
    for (format, (width, height), payload) in payloads {
        let head = encode_frame(header(format, width, height, 0), &payload).unwrap();
        let frame = [head.as_slice(), &payload].concat();
        // Room, mode, then two transfers with their lengths and the lengths of their pieces.
        let transfer = |bytes: &[u8], piece: u8| [&(bytes.len() as u16).to_le_bytes()[..], &[piece], bytes].concat();
        let input = [vec![0, 0x20, 0], transfer(&frame, 255), transfer(&frame[..40], 9), transfer(&frame, 60)].concat();
        write("packets", format.name(), &input);
    }
    write("uvc", "grey", &[&[1, 16, 16, 0, 16, 1], pixels.as_slice()].concat());
    write("uvc", "yuyv", &[&[3, 8, 8, 0, 16, 2], pixels.as_slice()].concat());
    write("uvc", "mjpeg", &[&[0, 15, 15], picture.as_slice()].concat());
    write("uvc", "mjpeg-colour", &[&[0, 7, 7], colour.as_slice()].concat());
}
