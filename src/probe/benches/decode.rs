//! Time from the bytes of a file to a frame: pictures, DICOM and AVI of 640x480, and a picture of the size of a scanner's
//! screenshot. `PNG, codec alone` is the `png` crate into a buffer, the floor of the PNG path.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that fails may panic")]

use std::hint::black_box;
use std::io::Cursor;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dicom_dictionary_std::{tags, uids};
use image::{ExtendedColorType as Color, ImageFormat};
use ushydra_probe::{FileOptions, FileSource, Frame, FrameSource};

#[path = "../tests/probe/fixtures/mod.rs"]
#[allow(dead_code, unreachable_pub, clippy::panic, clippy::expect_used, reason = "shared with the tests")]
mod fixtures;

use fixtures::dicom::{Dicom, Pixels, planes, rle};

const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
const SIZE: (u16, u16) = (640, 480);
/// A large picture of the fetal-planes data.
const SCREENSHOT: (u32, u32) = (959, 661);

/// A picture as hard to compress as ultrasound: the gradient of the tests under speckle.
fn speckle(samples: Vec<u8>) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let mut noise = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state % 32
    };
    samples.into_iter().map(|value| (u32::from(value) * 7 / 8 + noise()) as u8).collect()
}

/// Replays `file` again and again; one iteration is one frame.
fn bench(criterion: &mut Criterion, name: &str, size: (u32, u32), file: Vec<u8>) {
    let options = FileOptions { looping: true, ..FileOptions::default() };
    let mut source = FileSource::from_bytes(name, file, options);
    let mut frame = Frame::new();
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(u64::from(size.0 * size.1)));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let next = source.next(&mut frame, Duration::ZERO).unwrap();
            black_box((next, frame.data.as_ptr()))
        });
    });
    group.finish();
}

fn pictures(criterion: &mut Criterion) {
    let grey = speckle(fixtures::grey(WIDTH, HEIGHT));
    let rgb = speckle(fixtures::rgb(WIDTH, HEIGHT));
    let screenshot = speckle(fixtures::grey(SCREENSHOT.0, SCREENSHOT.1));
    let file = |color, samples: &[u8]| fixtures::picture::png(WIDTH, HEIGHT, color, samples);
    let large = fixtures::picture::png(SCREENSHOT.0, SCREENSHOT.1, Color::L8, &screenshot);
    bench(criterion, "PNG grey", (WIDTH, HEIGHT), file(Color::L8, &grey));
    bench(criterion, "PNG RGB", (WIDTH, HEIGHT), file(Color::Rgb8, &rgb));
    let triple: Vec<u8> = grey.iter().flat_map(|&value| [value; 3]).collect();
    bench(criterion, "PNG RGB with equal channels", (WIDTH, HEIGHT), file(Color::Rgb8, &triple));
    bench(criterion, "PNG grey 959x661", SCREENSHOT, large.clone());
    let bmp = fixtures::picture::encode(ImageFormat::Bmp, WIDTH, HEIGHT, Color::L8, &grey);
    bench(criterion, "BMP grey", (WIDTH, HEIGHT), bmp);
    bench(criterion, "JPEG grey", (WIDTH, HEIGHT), fixtures::jpeg::grey(SIZE.0, SIZE.1, &grey));
    bench(criterion, "JPEG RGB", (WIDTH, HEIGHT), fixtures::jpeg::rgb(SIZE.0, SIZE.1, &rgb));

    let mut out = vec![0; screenshot.len()];
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(u64::from(SCREENSHOT.0 * SCREENSHOT.1)));
    group.bench_function("PNG grey 959x661, codec alone", |bencher| {
        bencher.iter(|| png::Decoder::new(Cursor::new(&large)).read_info().unwrap().next_frame(&mut out).unwrap());
    });
    group.finish();
}

fn cines(criterion: &mut Criterion) {
    const FRAMES: u32 = 8;
    let grey = speckle(fixtures::grey(WIDTH, HEIGHT));
    let rgb = speckle(fixtures::rgb(WIDTH, HEIGHT));
    let fragments = |fragment: Vec<u8>| Pixels::Fragments { table: vec![], fragments: vec![fragment; FRAMES as usize] };
    let cine = |syntax, photometric, pixels| Dicom::new(syntax, photometric, SIZE, FRAMES, pixels);
    let explicit = uids::EXPLICIT_VR_LITTLE_ENDIAN;
    let jpeg = fixtures::jpeg::rgb(SIZE.0, SIZE.1, &rgb);
    let samples: Vec<u16> = grey.iter().map(|&value| value.into()).collect();
    let mut wide = cine(explicit, "MONOCHROME2", Pixels::Words(samples.repeat(FRAMES as usize)));
    wide.text(tags::WINDOW_CENTER, dicom_core::VR::DS, "128").text(tags::WINDOW_WIDTH, dicom_core::VR::DS, "256");
    wide.bits(16, 16);
    let lossless = fixtures::jpeg::lossless(SIZE.0, SIZE.1, 1, 8, &samples);
    for (name, dicom) in [
        ("DICOM native grey", cine(explicit, "MONOCHROME2", Pixels::Bytes(grey.repeat(FRAMES as usize)))),
        ("DICOM native 16 bits", wide),
        ("DICOM native YBR", cine(explicit, "YBR_FULL", Pixels::Bytes(rgb.repeat(FRAMES as usize)))),
        ("DICOM RLE RGB", cine(uids::RLE_LOSSLESS, "RGB", fragments(rle(&planes(&rgb, 3))))),
        ("DICOM JPEG", cine(uids::JPEG_BASELINE8_BIT, "YBR_FULL_422", fragments(jpeg.clone()))),
        ("DICOM lossless JPEG", cine(uids::JPEG_LOSSLESS_SV1, "MONOCHROME2", fragments(lossless))),
    ] {
        bench(criterion, name, (WIDTH, HEIGHT), dicom.write());
    }
    let frames = vec![jpeg; FRAMES as usize];
    bench(criterion, "AVI", (WIDTH, HEIGHT), fixtures::avi::Avi::new((WIDTH, HEIGHT), &frames).write());
    let small = fixtures::jpeg::rgb(112, 112, &speckle(fixtures::rgb(112, 112)));
    let frames = vec![small; 64];
    bench(criterion, "AVI 112x112", (112, 112), fixtures::avi::Avi::new((112, 112), &frames).write());
}

criterion_group!(benches, pictures, cines);
criterion_main!(benches);
