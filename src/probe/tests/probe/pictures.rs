//! Picture files: every bit depth and colour type, and every way to be broken.

use image::{ExtendedColorType as Color, ImageFormat};
use ushydra_core::PixelFormat;
use ushydra_probe::{Fault, FileOptions, Limits};

use crate::fixtures::picture::{bmp, encode, indexed_png, narrow_grey_png, palette_bmp, png, resize_png_header};
use crate::fixtures::{self, greatest_difference, grey, read_all, read_error, read_one, read_with, rgb};

const WIDTH: u32 = 37;
const HEIGHT: u32 = 21;

#[test]
fn every_colour_type_is_read_as_grey_or_rgb() {
    struct Case {
        name: &'static str,
        file: Vec<u8>,
        format: PixelFormat,
        expected: Vec<u8>,
    }
    let (g, c) = (grey(WIDTH, HEIGHT), rgb(WIDTH, HEIGHT));
    let wide = |bytes: &[u8]| bytes.iter().flat_map(|&v| (u16::from(v) * 257).to_ne_bytes()).collect::<Vec<u8>>();
    let with_alpha = |bytes: &[u8], channels: usize| {
        bytes.chunks(channels).flat_map(|p| p.iter().copied().chain([128])).collect::<Vec<u8>>()
    };
    let half = |bytes: &[u8]| bytes.iter().map(|&v| ((u32::from(v) * 128 + 127) / 255) as u8).collect::<Vec<u8>>();
    let triple = |bytes: &[u8]| bytes.iter().flat_map(|&v| [v; 3]).collect::<Vec<u8>>();
    let palette: [[u8; 3]; 16] = std::array::from_fn(|i| [i as u8 * 16, 255 - i as u8 * 16, i as u8]);
    let indices: Vec<u8> = g.iter().map(|v| v / 16).collect();
    let indexed: Vec<u8> = indices.iter().flat_map(|&i| palette[usize::from(i)]).collect();
    let cases = [
        Case {
            name: "PNG L8",
            file: png(WIDTH, HEIGHT, Color::L8, &g),
            format: PixelFormat::Grey8,
            expected: g.clone(),
        },
        Case {
            name: "PNG RGB",
            file: png(WIDTH, HEIGHT, Color::Rgb8, &c),
            format: PixelFormat::Rgb8,
            expected: c.clone(),
        },
        Case {
            name: "PNG RGB with equal channels",
            file: png(WIDTH, HEIGHT, Color::Rgb8, &triple(&g)),
            format: PixelFormat::Grey8,
            expected: g.clone(),
        },
        Case {
            name: "PNG LA",
            file: png(WIDTH, HEIGHT, Color::La8, &with_alpha(&g, 1)),
            format: PixelFormat::Grey8,
            expected: half(&g),
        },
        Case {
            name: "PNG RGBA",
            file: png(WIDTH, HEIGHT, Color::Rgba8, &with_alpha(&c, 3)),
            format: PixelFormat::Rgb8,
            expected: half(&c),
        },
        Case {
            name: "PNG L16",
            file: png(WIDTH, HEIGHT, Color::L16, &wide(&g)),
            format: PixelFormat::Grey8,
            expected: g.clone(),
        },
        Case {
            name: "PNG RGB16",
            file: png(WIDTH, HEIGHT, Color::Rgb16, &wide(&c)),
            format: PixelFormat::Rgb8,
            expected: c.clone(),
        },
        Case {
            name: "PNG palette",
            file: indexed_png(WIDTH, HEIGHT, &palette, &indices),
            format: PixelFormat::Rgb8,
            expected: indexed.clone(),
        },
        Case {
            name: "PNG 1 bit",
            file: narrow_grey_png(8, 2, png::BitDepth::One, &[0b1010_0001]),
            format: PixelFormat::Grey8,
            expected: [255, 0, 255, 0, 0, 0, 0, 255].repeat(2),
        },
        Case {
            name: "PNG 4 bits",
            file: narrow_grey_png(2, 3, png::BitDepth::Four, &[0xf3]),
            format: PixelFormat::Grey8,
            expected: [255, 51].repeat(3),
        },
        Case {
            name: "BMP RGB",
            file: bmp(WIDTH, HEIGHT, Color::Rgb8, &c),
            format: PixelFormat::Rgb8,
            expected: c.clone(),
        },
        Case {
            name: "BMP palette",
            file: palette_bmp(WIDTH, HEIGHT, &palette, &indices),
            format: PixelFormat::Rgb8,
            expected: indexed,
        },
        Case {
            name: "BMP grey palette",
            file: bmp(WIDTH, HEIGHT, Color::L8, &g),
            format: PixelFormat::Grey8,
            expected: g.clone(),
        },
        Case {
            name: "TIFF L8",
            file: encode(ImageFormat::Tiff, WIDTH, HEIGHT, Color::L8, &g),
            format: PixelFormat::Grey8,
            expected: g.clone(),
        },
        Case {
            name: "TIFF L16",
            file: encode(ImageFormat::Tiff, WIDTH, HEIGHT, Color::L16, &wide(&g)),
            format: PixelFormat::Grey8,
            expected: g.clone(),
        },
        Case {
            name: "TIFF RGB",
            file: encode(ImageFormat::Tiff, WIDTH, HEIGHT, Color::Rgb8, &c),
            format: PixelFormat::Rgb8,
            expected: c.clone(),
        },
        Case { name: "1x1", file: png(1, 1, Color::L8, &[9]), format: PixelFormat::Grey8, expected: vec![9] },
    ];
    for case in cases {
        let frame = read_one(case.file);
        assert_eq!(frame.geometry.format, case.format, "{}", case.name);
        assert_eq!(frame.data, case.expected, "{}", case.name);
        assert_eq!((frame.index, frame.recorded, frame.spacing_mm), (0, None, None), "{}", case.name);
    }
}

#[test]
fn jpeg_is_read_within_its_own_error() {
    let (g, c) = (grey(WIDTH, HEIGHT), rgb(WIDTH, HEIGHT));
    let frame = read_one(fixtures::jpeg::grey(WIDTH as u16, HEIGHT as u16, &g));
    assert_eq!(frame.geometry.format, PixelFormat::Grey8);
    assert!(greatest_difference(&frame.data, &g) < 30);
    let frame = read_one(fixtures::jpeg::rgb(WIDTH as u16, HEIGHT as u16, &c));
    assert_eq!(frame.geometry.format, PixelFormat::Rgb8);
    assert!(greatest_difference(&frame.data, &c) < 40);
    // Grey stored as colour comes back as grey.
    let triple: Vec<u8> = g.iter().flat_map(|&v| [v; 3]).collect();
    let frame = read_one(fixtures::jpeg::rgb(WIDTH as u16, HEIGHT as u16, &triple));
    assert_eq!(frame.geometry.format, PixelFormat::Grey8);
}

#[test]
fn a_header_that_claims_too_much_is_refused_before_memory_is_taken() {
    let mut png_bomb = png(WIDTH, HEIGHT, Color::L8, &grey(WIDTH, HEIGHT));
    resize_png_header(&mut png_bomb, 10_000, 10_000);
    let mut jpeg_bomb = fixtures::jpeg::grey(8, 8, &grey(8, 8));
    let frame_header = jpeg_bomb.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg_bomb[frame_header + 5..frame_header + 9].fill(0xff);
    let mut bmp_bomb = bmp(WIDTH, HEIGHT, Color::L8, &grey(WIDTH, HEIGHT));
    bmp_bomb[18..22].copy_from_slice(&20_000_u32.to_le_bytes());
    bmp_bomb[22..26].copy_from_slice(&20_000_u32.to_le_bytes());
    for (file, size) in [(png_bomb, "10000x10000"), (jpeg_bomb, "65535x65535"), (bmp_bomb, "20000x20000")] {
        let message = read_error(file);
        assert!(message.contains(size) && message.contains("limit of 64000000 pixels"), "{message}");
    }
}

#[test]
fn limits_can_be_set() {
    let file = png(WIDTH, HEIGHT, Color::L8, &grey(WIDTH, HEIGHT));
    let pixels = u64::from(WIDTH * HEIGHT);
    for (limits, good) in [
        (Limits { max_pixels: pixels, ..Limits::default() }, true),
        (Limits { max_pixels: pixels - 1, ..Limits::default() }, false),
        (Limits { max_encoded_bytes: file.len() as u64, ..Limits::default() }, true),
        (Limits { max_encoded_bytes: file.len() as u64 - 1, ..Limits::default() }, false),
    ] {
        let (frames, error) = read_with(file.clone(), FileOptions { limits, ..FileOptions::default() });
        assert_eq!((frames.len() == 1, error.is_none()), (good, good), "{limits:?}");
    }
}

#[test]
fn cut_pictures_are_refused() {
    let (g, c) = (grey(WIDTH, HEIGHT), rgb(WIDTH, HEIGHT));
    let files = [
        ("PNG", png(WIDTH, HEIGHT, Color::L8, &g)),
        ("BMP", bmp(WIDTH, HEIGHT, Color::Rgb8, &c)),
        ("TIFF", encode(ImageFormat::Tiff, WIDTH, HEIGHT, Color::L8, &g)),
        ("JPEG", fixtures::jpeg::rgb(WIDTH as u16, HEIGHT as u16, &c)),
    ];
    for (name, file) in files {
        for part in [50, 90] {
            let message = read_error(file[..file.len() * part / 100].to_vec());
            assert!(message.contains(name), "{name} at {part} %: {message}");
            assert!(message.contains("copy it again"), "{name} at {part} %: {message}");
        }
    }
    let jpeg = fixtures::jpeg::rgb(WIDTH as u16, HEIGHT as u16, &c);
    let (_, error) = read_all(jpeg[..jpeg.len() - 2].to_vec());
    assert!(matches!(error.unwrap().fault(), Fault::Cut { format: "JPEG", .. }));
}

#[test]
fn unknown_content_is_named() {
    for (bytes, part) in [
        (&b""[..], "an empty file"),
        (b"GIF89a\x01\0\x01\0", "a GIF picture"),
        (b"just some text", "the content of this file"),
    ] {
        let message = read_error(bytes.to_vec());
        assert!(message.contains(part) && message.contains("convert the file"), "{message}");
    }
}
