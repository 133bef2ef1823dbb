//! Codings and photometric interpretations.

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_pixeldata::PixelDecoder;
use jpeg_encoder::{ColorType, SamplingFactor};
use ushydra_core::PixelFormat;

use super::{
    BASELINE, EXPLICIT, IMPLICIT, LOSSLESS, PIXELS, RLE, SIZE, darker, data, fragments, grey_frame, rgb_frame, ybr,
};
use crate::fixtures::dicom::{Dicom, Pixels, planes, rle};
use crate::fixtures::{greatest_difference, jpeg, read_one};

#[test]
fn lossless_codings_give_the_stored_samples() {
    let (g, c) = (darker(&grey_frame(), 3), darker(&rgb_frame(), 3));
    let planar = |frame: &Vec<u8>| planes(frame, 3).concat();
    let lossless = |frame: &Vec<u8>, channels| {
        let samples: Vec<u16> = frame.iter().map(|&v| v.into()).collect();
        jpeg::lossless(SIZE.0, SIZE.1, channels, 8, &samples)
    };
    let cases = [
        ("explicit", Dicom::new(EXPLICIT, "MONOCHROME2", SIZE, 3, Pixels::Bytes(g.concat())), &g),
        ("implicit", Dicom::new(IMPLICIT, "MONOCHROME2", SIZE, 3, Pixels::Bytes(g.concat())), &g),
        ("colour", Dicom::new(EXPLICIT, "RGB", SIZE, 3, Pixels::Bytes(c.concat())), &c),
        (
            "planar colour",
            {
                let pixels = Pixels::Bytes(c.iter().flat_map(planar).collect());
                let mut dicom = Dicom::new(EXPLICIT, "RGB", SIZE, 3, pixels);
                dicom.short(tags::PLANAR_CONFIGURATION, 1);
                dicom
            },
            &c,
        ),
        (
            "encapsulated",
            Dicom::new(uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN, "RGB", SIZE, 3, fragments(c.clone())),
            &c,
        ),
        (
            "run lengths",
            Dicom::new(RLE, "MONOCHROME2", SIZE, 3, fragments(g.iter().map(|f| rle(&planes(f, 1))).collect())),
            &g,
        ),
        (
            "run lengths in colour",
            Dicom::new(RLE, "RGB", SIZE, 3, fragments(c.iter().map(|f| rle(&planes(f, 3))).collect())),
            &c,
        ),
        (
            "lossless",
            Dicom::new(LOSSLESS, "MONOCHROME2", SIZE, 3, fragments(g.iter().map(|f| lossless(f, 1)).collect())),
            &g,
        ),
        (
            "lossless colour",
            Dicom::new(LOSSLESS, "RGB", SIZE, 3, fragments(c.iter().map(|f| lossless(f, 3)).collect())),
            &c,
        ),
    ];
    for (name, dicom, expected) in cases {
        assert_eq!(&data(dicom.write()), expected, "{name}");
    }
}

#[test]
fn photometric_interpretations_become_grey_or_rgb() {
    let (g, c) = (grey_frame(), rgb_frame());
    let inverse: Vec<u8> = g.iter().map(|v| 255 - v).collect();
    assert_eq!(data(Dicom::new(EXPLICIT, "MONOCHROME1", SIZE, 1, Pixels::Bytes(g.clone())).write()), [inverse]);

    let full = data(Dicom::new(EXPLICIT, "YBR_FULL", SIZE, 1, Pixels::Bytes(ybr(&c))).write());
    assert!(greatest_difference(&full[0], &c) <= 2);
    let by_runs = Dicom::new(RLE, "YBR_FULL", SIZE, 1, fragments(vec![rle(&planes(&ybr(&c), 3))]));
    assert_eq!(data(by_runs.write()), full);

    // Chrominance shared by pairs: exact where both pixels have the same colour.
    let pairs: Vec<u8> = c.chunks(6).flat_map(|pair| [&pair[..3], &pair[..3]].concat()).collect();
    let shared = ybr(&pairs).chunks(6).flat_map(|p| [p[0], p[3], p[1], p[2]]).collect();
    let read = data(Dicom::new(EXPLICIT, "YBR_FULL_422", SIZE, 1, Pixels::Bytes(shared)).write());
    assert!(greatest_difference(&read[0], &pairs) <= 2);

    let mut palette = Dicom::new(EXPLICIT, "PALETTE COLOR", SIZE, 1, Pixels::Bytes(g.clone()));
    let words = |values: Vec<u16>| PrimitiveValue::U16(values.into());
    for (channel, (descriptor, table)) in [
        (tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA),
        (tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA),
        (tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA),
    ]
    .into_iter()
    .enumerate()
    {
        let entries = (0..256_u16).map(|entry| if channel == 1 { (255 - entry) << 8 } else { entry << 8 }).collect();
        palette.object.put(DataElement::new(descriptor, VR::US, words(vec![256, 0, 16])));
        palette.object.put(DataElement::new(table, VR::OW, words(entries)));
    }
    let expected: Vec<u8> = g.iter().flat_map(|&v| [v, 255 - v, v]).collect();
    assert_eq!(data(palette.write()), [expected]);
}

#[test]
fn jpeg_colours_follow_the_stream_and_then_the_data_set() {
    let c = rgb_frame();
    let ycc = jpeg::rgb(SIZE.0, SIZE.1, &c);
    let unmarked_ycc = jpeg::without(&ycc, 0xe0);
    let unmarked_rgb = jpeg::without(
        &jpeg::encode(SIZE.0, SIZE.1, &c, ColorType::Ycbcr, |encoder| {
            encoder.set_sampling_factor(SamplingFactor::F_1_1)
        }),
        0xe0,
    );
    let marked_rgb = jpeg::with_segment(&unmarked_rgb, 0xee, &jpeg::adobe(0));
    for (name, photometric, stream) in [
        ("JFIF", "YBR_FULL_422", &ycc),
        ("JFIF against the data set", "RGB", &ycc),
        ("without markers, YBR", "YBR_FULL_422", &unmarked_ycc),
        ("without markers, RGB", "RGB", &unmarked_rgb),
        ("Adobe against the data set", "YBR_FULL", &marked_rgb),
    ] {
        let file = Dicom::new(BASELINE, photometric, SIZE, 1, fragments(vec![stream.clone()])).write();
        let difference = greatest_difference(&data(file)[0], &c);
        assert!(difference < 40, "{name}: {difference}");
    }
    let g = grey_frame();
    let inverted = Dicom::new(BASELINE, "MONOCHROME1", SIZE, 1, fragments(vec![jpeg::grey(SIZE.0, SIZE.1, &g)]));
    let inverse: Vec<u8> = g.iter().map(|v| 255 - v).collect();
    assert!(greatest_difference(&data(inverted.write())[0], &inverse) < 30);
}

#[test]
fn sixteen_bits_go_through_rescale_and_window() {
    struct Case {
        name: &'static str,
        configure: fn(&mut Dicom),
        expected: fn(u16) -> f64,
    }
    fn window(dicom: &mut Dicom, centre: &str, width: &str, function: &str) {
        dicom.text(tags::WINDOW_CENTER, VR::DS, centre).text(tags::WINDOW_WIDTH, VR::DS, width);
        if !function.is_empty() {
            dicom.text(tags::VOILUT_FUNCTION, VR::CS, function);
        }
    }
    let cases = [
        Case { name: "full range", configure: |_| {}, expected: |v| f64::from(v) / 65_535.0 },
        Case {
            name: "twelve bits",
            configure: |dicom| {
                dicom.bits(16, 12);
            },
            expected: |v| f64::from(v & 0xfff) / 4095.0,
        },
        Case {
            name: "linear window",
            configure: |dicom| window(dicom, "1000\\5", "501\\6", ""),
            expected: |v| (f64::from(v) - 999.5) / 500.0 + 0.5,
        },
        Case {
            name: "exact window",
            configure: |dicom| window(dicom, "1000", "500", "LINEAR_EXACT"),
            expected: |v| (f64::from(v) - 1000.0) / 500.0 + 0.5,
        },
        Case {
            name: "sigmoid",
            configure: |dicom| window(dicom, "1000", "500", "SIGMOID"),
            expected: |v| 1.0 / (1.0 + (-4.0 * (f64::from(v) - 1000.0) / 500.0).exp()),
        },
        Case {
            name: "rescaled",
            configure: |dicom| {
                window(dicom, "0", "201", "");
                dicom.text(tags::RESCALE_SLOPE, VR::DS, "0.5").text(tags::RESCALE_INTERCEPT, VR::DS, "-400");
            },
            expected: |v| (f64::from(v) * 0.5 - 400.0 + 0.5) / 200.0 + 0.5,
        },
        Case {
            name: "signed",
            configure: |dicom| {
                dicom.short(tags::PIXEL_REPRESENTATION, 1);
            },
            expected: |v| (f64::from(v.cast_signed()) + 32_768.0) / 65_535.0,
        },
    ];
    let words: Vec<u16> = (0..PIXELS).map(|i| (i * i * 7 % 65_536) as u16).collect();
    let low: Vec<u8> = words.iter().map(|w| w.to_le_bytes()[0]).collect();
    let high: Vec<u8> = words.iter().map(|w| w.to_le_bytes()[1]).collect();
    let by_runs = rle(&[high, low]);
    let lossless = jpeg::lossless(SIZE.0, SIZE.1, 1, 16, &words);
    for case in cases {
        let expected: Vec<u8> = words.iter().map(|&w| ((case.expected)(w) * 255.0).round() as u8).collect();
        for (coding, pixels) in [
            (EXPLICIT, Pixels::Words(words.clone())),
            (RLE, fragments(vec![by_runs.clone()])),
            (LOSSLESS, fragments(vec![lossless.clone()])),
        ] {
            let mut dicom = Dicom::new(coding, "MONOCHROME2", SIZE, 1, pixels);
            dicom.bits(16, 16);
            (case.configure)(&mut dicom);
            assert_eq!(data(dicom.write())[0], expected, "{} {coding}", case.name);
        }
    }
}

#[test]
fn pixels_agree_with_dicom_rs() {
    let (g, c) = (grey_frame(), rgb_frame());
    for (name, dicom, tolerance) in [
        (
            "run lengths",
            Dicom::new(RLE, "RGB", SIZE, 2, fragments(darker(&c, 2).iter().map(|f| rle(&planes(f, 3))).collect())),
            0,
        ),
        (
            "lossless",
            {
                let samples: Vec<u16> = g.iter().map(|&v| v.into()).collect();
                Dicom::new(
                    LOSSLESS,
                    "MONOCHROME2",
                    SIZE,
                    1,
                    fragments(vec![jpeg::lossless(SIZE.0, SIZE.1, 1, 8, &samples)]),
                )
            },
            0,
        ),
        // Two decoders round differently.
        ("baseline", Dicom::new(BASELINE, "YBR_FULL_422", SIZE, 1, fragments(vec![jpeg::rgb(SIZE.0, SIZE.1, &c)])), 4),
        (
            "baseline grey",
            Dicom::new(BASELINE, "MONOCHROME2", SIZE, 1, fragments(vec![jpeg::grey(SIZE.0, SIZE.1, &g)])),
            2,
        ),
    ] {
        let file = dicom.write();
        let theirs = dicom_object::from_reader(file.as_slice()).unwrap().decode_pixel_data().unwrap().data().to_vec();
        let ours = data(file).concat();
        assert!(greatest_difference(&ours, &theirs) <= tolerance, "{name}: {}", greatest_difference(&ours, &theirs));
    }
}

#[test]
fn the_frame_format_follows_the_photometric_interpretation() {
    // A colour cine stays RGB where a frame happens to be grey: its geometry must not jump.
    let frame = read_one(Dicom::new(EXPLICIT, "RGB", SIZE, 1, Pixels::Bytes(vec![5; PIXELS * 3])).write());
    assert_eq!(frame.geometry.format, PixelFormat::Rgb8);
}
