//! DICOM images and cines: codings, photometric interpretations, windows, times, spacing, and every way to be broken.

use std::time::Duration;

use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use dicom_pixeldata::PixelDecoder;
use jpeg_encoder::{ColorType, SamplingFactor};
use ushydra_core::PixelFormat;
use ushydra_probe::{Fault, Frame};

use crate::fixtures::dicom::{Dicom, Pixels, planes, region, rle};
use crate::fixtures::{greatest_difference, grey, jpeg, read_all, read_error, read_one, rgb};

const EXPLICIT: &str = uids::EXPLICIT_VR_LITTLE_ENDIAN;
const IMPLICIT: &str = uids::IMPLICIT_VR_LITTLE_ENDIAN;
const RLE: &str = uids::RLE_LOSSLESS;
const BASELINE: &str = uids::JPEG_BASELINE8_BIT;
const LOSSLESS: &str = uids::JPEG_LOSSLESS_SV1;
const SIZE: (u16, u16) = (36, 22);
const PIXELS: usize = 36 * 22;

fn grey_frame() -> Vec<u8> {
    grey(SIZE.0.into(), SIZE.1.into())
}

fn rgb_frame() -> Vec<u8> {
    rgb(SIZE.0.into(), SIZE.1.into())
}

/// `count` frames, each darker than the one before.
fn darker(frame: &[u8], count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| frame.iter().map(|value| value.saturating_sub(number as u8 * 20)).collect()).collect()
}

fn fragments(fragments: Vec<Vec<u8>>) -> Pixels {
    Pixels::Fragments { table: Vec::new(), fragments }
}

fn data(bytes: Vec<u8>) -> Vec<Vec<u8>> {
    let (frames, error) = read_all(bytes);
    assert!(error.is_none(), "{}", error.unwrap());
    frames.into_iter().map(|frame| frame.data).collect()
}

/// RGB to full-range luminance and chrominance.
fn ybr(rgb: &[u8]) -> Vec<u8> {
    let pixel = |p: &[u8]| {
        let [r, g, b] = [p[0], p[1], p[2]].map(f64::from);
        let y = 0.299 * r + 0.587 * g + 0.114 * b;
        [y, (b - y) / 1.772 + 128.0, (r - y) / 1.402 + 128.0].map(|v| v.round() as u8)
    };
    rgb.chunks(3).flat_map(pixel).collect()
}

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
fn fragments_find_their_frames() {
    let frames: Vec<Vec<u8>> = darker(&grey_frame(), 3).iter().map(|frame| jpeg::grey(SIZE.0, SIZE.1, frame)).collect();
    let even = |mut part: Vec<u8>| {
        part.resize(part.len().next_multiple_of(2), 0);
        part
    };
    // Every frame in two fragments, the first of even length.
    let split: Vec<Vec<u8>> =
        frames.iter().flat_map(|frame| [frame[..100].to_vec(), even(frame[100..].to_vec())]).collect();
    let mut table = Vec::new();
    let mut at = 0;
    for (number, part) in split.iter().enumerate() {
        if number % 2 == 0 {
            table.push(at);
        }
        at += part.len() as u32 + 8;
    }
    let whole = data(Dicom::new(BASELINE, "MONOCHROME2", SIZE, 3, fragments(frames)).write());
    assert_eq!(whole.len(), 3);
    let cine = |table: Vec<u32>| {
        Dicom::new(BASELINE, "MONOCHROME2", SIZE, 3, Pixels::Fragments { table, fragments: split.clone() })
    };
    assert_eq!(data(cine(table.clone()).write()), whole, "by the offset table");
    assert_eq!(data(cine(Vec::new()).write()), whole, "by the start marker");
    assert_eq!(data(cine(vec![0, 2, 4]).write()), whole, "with a useless offset table");
    let mut extended = cine(Vec::new());
    let wide: Vec<u64> = table.iter().map(|&offset| offset.into()).collect();
    extended.object.put(DataElement::new(tags::EXTENDED_OFFSET_TABLE, VR::OV, PrimitiveValue::U64(wide.into())));
    assert_eq!(data(extended.write()), whole, "by the extended offset table");
    let single = Dicom::new(BASELINE, "MONOCHROME2", SIZE, 1, fragments(split[..2].to_vec()));
    assert_eq!(data(single.write()), whole[..1], "one frame in two fragments");

    // Cut within the second frame: the first is whole.
    let file = cine(table).write();
    let (read, error) = read_all(file[..file.len() - split[5].len() - split[4].len() - split[3].len()].to_vec());
    assert_eq!(read.len(), 1);
    assert!(error.unwrap().to_string().contains("only 1 of its 3 frames"));
}

fn times(configure: impl FnOnce(&mut Dicom)) -> Vec<Option<Duration>> {
    let mut dicom = Dicom::new(EXPLICIT, "MONOCHROME2", SIZE, 3, Pixels::Bytes(grey_frame().repeat(3)));
    configure(&mut dicom);
    read_all(dicom.write()).0.iter().map(|frame| frame.recorded).collect()
}

#[test]
fn times_come_from_the_best_attribute() {
    let ms = |values: [u64; 3]| values.map(|value| Some(Duration::from_millis(value))).to_vec();
    assert_eq!(times(|_| {}), [None; 3]);
    assert_eq!(
        times(|d| {
            d.text(tags::FRAME_TIME, VR::DS, "20");
        }),
        ms([0, 20, 40])
    );
    assert_eq!(
        times(|d| {
            d.text(tags::FRAME_TIME_VECTOR, VR::DS, "0\\20\\50");
        }),
        ms([0, 20, 70])
    );
    assert_eq!(
        times(|d| {
            d.text(tags::FRAME_TIME_VECTOR, VR::DS, "0\\20");
        }),
        ms([0, 20, 40])
    );
    assert_eq!(
        times(|d| {
            d.text(tags::CINE_RATE, VR::IS, "25");
        }),
        ms([0, 40, 80])
    );
    assert_eq!(
        times(|d| {
            d.text(tags::RECOMMENDED_DISPLAY_FRAME_RATE, VR::IS, "50");
        }),
        ms([0, 20, 40])
    );
    assert_eq!(
        times(|d| {
            d.text(tags::CINE_RATE, VR::IS, "25").text(tags::FRAME_TIME, VR::DS, "10");
        }),
        ms([0, 10, 20])
    );
    for nonsense in ["0", "-5", "1e300", "nan", "fast"] {
        assert_eq!(
            times(|d| {
                d.text(tags::FRAME_TIME, VR::DS, nonsense);
            }),
            [None; 3],
            "{nonsense}"
        );
    }
    assert_eq!(
        times(|d| {
            d.text(tags::FRAME_TIME_VECTOR, VR::DS, "0\\-20\\50").text(tags::FRAME_TIME, VR::DS, "5");
        }),
        ms([0, 5, 10])
    );
}

fn spacing(configure: impl FnOnce(&mut Dicom)) -> Option<[f32; 2]> {
    let mut dicom = Dicom::new(EXPLICIT, "MONOCHROME2", SIZE, 1, Pixels::Bytes(grey_frame()));
    configure(&mut dicom);
    read_one(dicom.write()).spacing_mm
}

#[test]
fn spacing_comes_from_the_region_or_the_pixel_spacing() {
    let all = [0, 0, 35, 21];
    let regions = |items: Vec<InMemDicomObject>| {
        spacing(|d| {
            d.sequence(tags::SEQUENCE_OF_ULTRASOUND_REGIONS, items).text(tags::PIXEL_SPACING, VR::DS, "9\\9");
        })
    };
    assert_eq!(spacing(|_| {}), None);
    assert_eq!(
        spacing(|d| {
            d.text(tags::PIXEL_SPACING, VR::DS, "0.5\\0.25");
        }),
        Some([0.25, 0.5])
    );
    assert_eq!(regions(vec![region(all, [0.03, -0.04], 1)]), Some([0.3, 0.4]));
    // The largest two-dimensional region; a trace below it has other axes.
    let items =
        vec![region([0, 0, 9, 9], [0.5, 0.5], 1), region([0, 0, 30, 15], [0.01, 0.02], 1), region(all, [7.0, 7.0], 3)];
    assert_eq!(regions(items), Some([0.1, 0.2]));
    // Measured on a larger picture: not the spacing of these pixels.
    assert_eq!(regions(vec![region([84, 31, 595, 414], [0.05, 0.05], 1)]), None);
    assert_eq!(regions(vec![region(all, [0.0, 0.05], 1)]), None);
    assert_eq!(
        spacing(|d| {
            d.text(tags::PIXEL_SPACING, VR::DS, "0.5");
        }),
        None
    );
}

#[test]
fn attributes_inside_other_sequences_do_not_count() {
    // An icon with its own size and pixels, with lengths and without (the writer leaves them open).
    let icon = || Dicom::new(EXPLICIT, "MONOCHROME2", (2, 2), 1, Pixels::Bytes(vec![9; 4])).object;
    let compressed_icon = || {
        let pixels = fragments(vec![jpeg::grey(8, 8, &[7; 64])]);
        Dicom::new(BASELINE, "MONOCHROME2", (8, 8), 1, pixels).object
    };
    for syntax in [EXPLICIT, IMPLICIT] {
        let mut dicom = Dicom::new(syntax, "MONOCHROME2", SIZE, 1, Pixels::Bytes(grey_frame()));
        dicom.sequence(tags::ICON_IMAGE_SEQUENCE, vec![icon()]);
        assert_eq!(data(dicom.write()), [grey_frame()], "{syntax}");
    }
    let mut dicom =
        Dicom::new(BASELINE, "MONOCHROME2", SIZE, 1, fragments(vec![jpeg::grey(SIZE.0, SIZE.1, &grey_frame())]));
    dicom.sequence(tags::ICON_IMAGE_SEQUENCE, vec![compressed_icon()]);
    assert!(greatest_difference(&data(dicom.write())[0], &grey_frame()) < 30);
}

#[test]
fn an_enhanced_image_has_its_window_and_spacing_in_the_shared_groups() {
    let text = |tag, value: &str| DataElement::new(tag, VR::DS, PrimitiveValue::from(value));
    let nested = |tag: Tag, elements: Vec<_>| {
        let item = InMemDicomObject::from_element_iter(elements);
        DataElement::new(tag, VR::SQ, crate::fixtures::dicom::DataSetSequence::from(vec![item]))
    };
    let shared = InMemDicomObject::from_element_iter([
        nested(tags::PIXEL_MEASURES_SEQUENCE, vec![text(tags::PIXEL_SPACING, "0.2\\0.1")]),
        nested(tags::FRAME_VOILUT_SEQUENCE, vec![text(tags::WINDOW_CENTER, "100"), text(tags::WINDOW_WIDTH, "1")]),
    ]);
    let mut dicom = Dicom::new(EXPLICIT, "MONOCHROME2", SIZE, 1, Pixels::Bytes(grey_frame()));
    dicom.sequence(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![shared]);
    let frame = read_one(dicom.write());
    assert_eq!(frame.spacing_mm, Some([0.1, 0.2]));
    let expected: Vec<u8> = grey_frame().iter().map(|&v| if f64::from(v) > 99.5 { 255 } else { 0 }).collect();
    assert_eq!(frame.data, expected);
}

#[test]
fn what_cannot_be_read_is_named() {
    let g = grey_frame();
    let cine = |syntax, photometric| Dicom::new(syntax, photometric, SIZE, 1, Pixels::Bytes(g.clone()));
    let with = |configure: fn(&mut Dicom)| {
        let mut dicom = cine(EXPLICIT, "MONOCHROME2");
        configure(&mut dicom);
        dicom.write()
    };
    // One attribute per line: longer lines hide what is tested.
    let no_pixels = with(|d| {
        d.object.remove_element(tags::PIXEL_DATA);
    });
    let no_rows = with(|d| {
        d.object.remove_element(tags::ROWS);
    });
    let zero_rows = with(|d| {
        d.short(tags::ROWS, 0);
    });
    let huge = with(|d| {
        d.short(tags::ROWS, 65_535).short(tags::COLUMNS, 65_535);
    });
    let bits = with(|d| {
        d.short(tags::BITS_ALLOCATED, 32);
    });
    let stored = with(|d| {
        d.short(tags::BITS_STORED, 12);
    });
    let frames = with(|d| {
        d.text(tags::NUMBER_OF_FRAMES, VR::IS, "-3");
    });
    let samples = with(|d| {
        d.short(tags::SAMPLES_PER_PIXEL, 3);
    });
    let photometric = with(|d| {
        d.text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "YBR_PARTIAL_420");
    });
    let no_photometric = with(|d| {
        d.object.remove_element(tags::PHOTOMETRIC_INTERPRETATION);
    });
    let no_palette = with(|d| {
        d.text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "PALETTE COLOR");
    });
    let other_size = Dicom::new(BASELINE, "MONOCHROME2", SIZE, 1, fragments(vec![jpeg::grey(8, 8, &[0; 64])]));
    let runs = Dicom::new(RLE, "MONOCHROME2", SIZE, 1, fragments(vec![rle(&[vec![0; PIXELS], vec![0; PIXELS]])]));
    let short_runs = Dicom::new(RLE, "MONOCHROME2", SIZE, 1, fragments(vec![rle(&[vec![0; PIXELS - 1]])]));
    for (file, part) in [
        (no_pixels, "no pixel data"),
        (no_rows, "attribute Rows is missing"),
        (zero_rows, "36x0"),
        (huge, "limit of 64000000 pixels"),
        (bits, "32 bits allocated"),
        (stored, "12 bits up to bit 7 do not fit 8 bits"),
        (frames, "number of frames is `-3`"),
        (samples, "3 samples per pixel do not make `MONOCHROME2`"),
        (photometric, "`YBR_PARTIAL_420`"),
        (no_photometric, "PhotometricInterpretation is missing"),
        (no_palette, "palette is missing"),
        (other_size.write(), "its JPEG is 8x8 with 1 components where 36x22"),
        (runs.write(), "2 segments where 1 are needed"),
        (short_runs.write(), "holds 791 of 792 bytes"),
        (cine(uids::JPEG2000, "MONOCHROME2").write(), "JPEG 2000"),
        (cine(BASELINE, "MONOCHROME2").write(), "not in fragments"),
    ] {
        let message = read_error(file);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_cut_cine_gives_its_whole_frames_and_then_an_error() {
    let frames = darker(&grey_frame(), 4);
    let native = Dicom::new(EXPLICIT, "MONOCHROME2", SIZE, 4, Pixels::Bytes(frames.concat())).write();
    let compressed: Vec<Vec<u8>> = frames.iter().map(|f| jpeg::grey(SIZE.0, SIZE.1, f)).collect();
    let last = compressed[3].len();
    let compressed = Dicom::new(BASELINE, "MONOCHROME2", SIZE, 4, fragments(compressed)).write();
    for (file, missing) in [(native, PIXELS + PIXELS / 2), (compressed, last + 100)] {
        let (read, error): (Vec<Frame>, _) = read_all(file[..file.len() - missing].to_vec());
        assert_eq!(read.len(), 2);
        let error = error.unwrap();
        assert!(matches!(error.fault(), Fault::Cut { format: "DICOM", .. }));
        assert!(error.to_string().contains("only 2 of its 4 frames are whole"), "{error}");
    }
}

#[test]
fn the_frame_format_follows_the_photometric_interpretation() {
    // A colour cine stays RGB where a frame happens to be grey: its geometry must not jump.
    let frame = read_one(Dicom::new(EXPLICIT, "RGB", SIZE, 1, Pixels::Bytes(vec![5; PIXELS * 3])).write());
    assert_eq!(frame.geometry.format, PixelFormat::Rgb8);
}
