//! NIfTI and MetaImage.

use std::path::Path;

use ushydra_probe::{FileOptions, FileSource, Frame, FrameSource, Limits, Next, Volume};

use crate::fixtures::volume::{Nifti, gzip, meta, zlib};
use crate::fixtures::{PATIENCE, picture, read_all, read_error, read_one, read_with};

fn words<T, const N: usize>(values: &[T], bytes: impl Fn(&T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(bytes).collect()
}

/// All frames of a file on disk.
fn read_file(path: &Path) -> Result<Vec<Frame>, String> {
    let mut source = FileSource::open_with(&[path.to_owned()], FileOptions::default()).unwrap();
    let mut frames = Vec::new();
    let mut frame = Frame::new();
    loop {
        match source.next(&mut frame, PATIENCE) {
            Ok(Next::Frame) => frames.push(frame.clone()),
            Ok(_) => return Ok(frames),
            Err(error) => return Err(error.to_string()),
        }
    }
}

#[test]
fn nifti_slices_are_frames_in_stored_order() {
    let nifti = Nifti::new(&[3, 2, 2], (1..=12).map(|v| v * 20).collect());
    for file in [nifti.write(), nifti.gzip()] {
        let (frames, error) = read_all(file);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(frames.len(), 2);
        for (index, frame) in frames.iter().enumerate() {
            assert_eq!((frame.geometry.width, frame.geometry.height, frame.index as usize), (3, 2, index));
            assert_eq!(frame.spacing_mm, Some([0.308, 0.154]));
            let first = index as u8 * 120;
            assert_eq!(frame.data, [20, 40, 60, 80, 100, 120].map(|v| v + first));
        }
    }
}

#[test]
fn every_sample_type_in_both_byte_orders() {
    struct Case {
        name: &'static str,
        datatype: i16,
        bits: i16,
        /// Little-endian.
        samples: Vec<u8>,
        expected: [u8; 4],
    }
    let cases = [
        Case { name: "u8", datatype: 2, bits: 8, samples: vec![0, 9, 100, 200], expected: [0, 9, 100, 200] },
        Case { name: "i8", datatype: 256, bits: 8, samples: vec![0x80, 0, 0, 0x7f], expected: [0, 128, 128, 255] },
        Case {
            name: "i16",
            datatype: 4,
            bits: 16,
            samples: words(&[-1000_i16, 0, 0, 1000], |v| v.to_le_bytes()),
            expected: [0, 128, 128, 255],
        },
        Case {
            name: "u16",
            datatype: 512,
            bits: 16,
            samples: words(&[0_u16, 0, 0, 65_535], |v| v.to_le_bytes()),
            expected: [0, 0, 0, 255],
        },
        Case {
            name: "i16 grey",
            datatype: 4,
            bits: 16,
            samples: words(&[0_i16, 7, 70, 210], |v| v.to_le_bytes()),
            expected: [0, 7, 70, 210],
        },
        Case {
            name: "i32",
            datatype: 8,
            bits: 32,
            samples: words(&[0_i32, 0, 500_000, 1_000_000], |v| v.to_le_bytes()),
            expected: [0, 0, 128, 255],
        },
        Case {
            name: "u32",
            datatype: 768,
            bits: 32,
            samples: words(&[0_u32, 0, 0, u32::MAX], |v| v.to_le_bytes()),
            expected: [0, 0, 0, 255],
        },
        Case {
            name: "i64",
            datatype: 1024,
            bits: 64,
            samples: words(&[0_i64, 1, 2, 255], |v| v.to_le_bytes()),
            expected: [0, 1, 2, 255],
        },
        Case {
            name: "f32",
            datatype: 16,
            bits: 32,
            samples: words(&[0.0_f32, 0.25, 0.5, 1.0], |v| v.to_le_bytes()),
            expected: [0, 64, 128, 255],
        },
        Case {
            name: "f64",
            datatype: 64,
            bits: 64,
            samples: words(&[0.0_f64, f64::NAN, 0.5, 1.0], |v| v.to_le_bytes()),
            expected: [0, 0, 128, 255],
        },
    ];
    for case in cases {
        let little = Nifti { datatype: case.datatype, bits: case.bits, ..Nifti::new(&[2, 2], case.samples.clone()) };
        assert_eq!(read_one(little.write()).data, case.expected, "{}", case.name);
        let swapped = case.samples.chunks(case.bits as usize / 8).flat_map(|v| v.iter().rev().copied()).collect();
        let big = Nifti { big_endian: true, samples: swapped, ..little };
        let frame = read_one(big.gzip());
        assert_eq!((&*frame.data, frame.spacing_mm), (case.expected.as_slice(), Some([0.308, 0.154])), "{}", case.name);
    }
}

#[test]
fn slope_counts_for_grey_levels_and_not_for_labels() {
    let nifti = Nifti { slope: [2.0, 10.0], ..Nifti::new(&[2, 2], vec![0, 1, 2, 100]) };
    assert_eq!(read_one(nifti.write()).data, [10, 12, 14, 210]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("labels.nii.gz");
    std::fs::write(&path, nifti.gzip()).unwrap();
    let volume = Volume::open(&path, &Limits::default()).unwrap();
    assert_eq!(volume.labels(0).unwrap(), [0, 1, 2, 100]);
    let geometry = Volume::geometry_of(&path, &Limits::default()).unwrap();
    assert_eq!(geometry, volume.geometry());
    assert_eq!((geometry.width, geometry.height, geometry.slices), (2, 2, 1));
    let error = volume.labels(1).unwrap_err().to_string();
    assert!(error.contains("labels.nii.gz: slice 1 of a volume with 1 slices"), "{error}");

    let floats = Nifti { datatype: 16, bits: 32, ..Nifti::new(&[2, 1], words(&[1.0_f32, 0.5], |v| v.to_le_bytes())) };
    std::fs::write(&path, floats.gzip()).unwrap();
    let error = Volume::open(&path, &Limits::default()).unwrap().labels(0).unwrap_err().to_string();
    assert!(error.contains("the value 0.5 in a label map"), "{error}");
}

#[test]
fn spacing_is_believed_only_where_it_says_something() {
    struct Case {
        spacing: [f32; 2],
        units: u8,
        expected: Option<[f32; 2]>,
    }
    let cases = [
        Case { spacing: [0.3, 0.2], units: 2, expected: Some([0.3, 0.2]) },
        Case { spacing: [0.3, 0.2], units: 0, expected: Some([0.3, 0.2]) },
        Case { spacing: [-0.3, 0.2], units: 10, expected: Some([0.3, 0.2]) },
        Case { spacing: [300.0, 200.0], units: 3, expected: Some([0.3, 0.2]) },
        Case { spacing: [1.0, 1.0], units: 2, expected: None },
        Case { spacing: [0.0, 0.2], units: 2, expected: None },
        Case { spacing: [f32::NAN, 0.2], units: 2, expected: None },
        Case { spacing: [0.3, 0.2], units: 7, expected: None },
    ];
    for case in cases {
        let nifti = Nifti { spacing: case.spacing, units: case.units, ..Nifti::new(&[1, 1], vec![9]) };
        assert_eq!(read_one(nifti.write()).spacing_mm, case.expected, "{:?} in {}", case.spacing, case.units);
    }
}

#[test]
fn wrong_nifti_headers_are_refused() {
    struct Case {
        at: usize,
        bytes: &'static [u8],
        expected: &'static str,
    }
    let cases = [
        Case { at: 0, bytes: &[0x5d, 1, 0, 0], expected: "its header claims 349 bytes, NIfTI-1 has 348" },
        Case { at: 0, bytes: &[0x1c, 2, 0, 0], expected: "NIfTI-2 is not supported" },
        Case { at: 344, bytes: b"nope", expected: "its magic is \"nope\"" },
        Case { at: 344, bytes: b"ni1\0", expected: "a pair of .hdr and .img is not supported" },
        Case { at: 40, bytes: &[9, 0], expected: "it claims 9 axes" },
        Case { at: 40, bytes: &[1, 0], expected: "it claims 1 axes" },
        Case { at: 42, bytes: &[0, 0], expected: "an axis of 0 samples" },
        Case { at: 42, bytes: &[0xff, 0xff], expected: "an axis of -1 samples" },
        Case { at: 44, bytes: &[0xff, 0x7f], expected: "it has 4 of 65534 announced bytes" },
        Case { at: 70, bytes: &[128, 0], expected: "data type 128 (RGB) is not supported" },
        Case { at: 72, bytes: &[16, 0], expected: "it claims 16 bits per sample, its data type has 8" },
        Case { at: 108, bytes: &[0, 0, 0xc0, 0x7f], expected: "its samples are said to begin at byte NaN" },
        Case { at: 108, bytes: &[0, 0, 0x80, 0x3f], expected: "its samples are said to begin at byte 1;" },
        Case { at: 108, bytes: &[0, 0, 0x80, 0x44], expected: "it ends before its samples, which begin at byte 1024" },
    ];
    for case in cases {
        let mut file = Nifti::new(&[2, 2], vec![1, 2, 3, 4]).write();
        file[case.at..case.at + case.bytes.len()].copy_from_slice(case.bytes);
        for file in [gzip(&file), file] {
            let error = read_error(file);
            assert!(error.contains(case.expected), "{error}");
        }
    }
    assert!(read_error(Nifti::new(&[2, 2], vec![]).write()[..200].to_vec()).contains("its header alone 348"));
    let limits = Limits { max_pixels: 3, ..Limits::default() };
    let (_, error) =
        read_with(Nifti::new(&[2, 2], vec![0; 4]).write(), FileOptions { limits, ..FileOptions::default() });
    assert!(error.unwrap().to_string().contains("2x2 pixels are more than the limit of 3"));
}

#[test]
fn damaged_compression_is_refused() {
    let whole = Nifti::new(&[64, 64], (0..4096_u32).map(|v| (v * v % 251) as u8).collect()).gzip();
    assert!(read_error(whole[..whole.len() / 2].to_vec()).contains("cut"));
    let mut wrong = whole.clone();
    let checksum = wrong.len() - 8;
    wrong[checksum] ^= 1;
    assert!(read_error(wrong).contains("its compressed data is wrong"));
    // A header in a bomb: 512 MiB are announced, a few bytes come; and 1 GiB is more than the limit.
    let small = Nifti::new(&[8000, 8000, 8], vec![0; 9]).gzip();
    assert!(read_error(small).contains("it has 9 of 512000000 announced bytes"));
    let large = Nifti::new(&[8000, 8000, 16], vec![0; 9]).gzip();
    assert!(read_error(large).contains("more than the limit"));
    assert!(read_error(gzip(b"just text")).contains("a gzip archive is not a type that can be read"));
}

#[test]
fn metaimage_in_all_its_forms() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mhd");
    let put = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
    put("a.raw", &[10, 20, 30, 40, 50, 60]);
    put("behind.raw", &[1, 2, 3, 10, 20, 30, 40, 50, 60]);
    put("a.zraw", &zlib(&[10, 20, 30, 40, 50, 60]));
    put("wide.raw", &words(&[10_u16, 20, 30, 40, 50, 60], |v| v.to_be_bytes()));
    put("float.raw", &words(&[10.0_f32, 20.0, 30.0, 40.0, 50.0, 60.0], |v| v.to_le_bytes()));
    let uchar = "ElementType = MET_UCHAR\n";
    let cases = [
        meta("3 2", uchar, "a.raw"),
        meta("3 2 1", uchar, "a.raw"),
        meta("3 2", &format!("{uchar}HeaderSize = 3\n"), "behind.raw"),
        meta("3 2", &format!("{uchar}HeaderSize = -1\n"), "behind.raw"),
        meta("3 2", uchar, "a.zraw").replace("CompressedData = False", "CompressedData = True"),
        meta("3 2", "ElementType = MET_USHORT\n", "wide.raw").replace("MSB = False", "MSB = True"),
        meta("3 2", "ElementType = MET_FLOAT\n", "float.raw"),
        meta("3 2", uchar, "a.raw").replace('\n', "\r\n"),
    ];
    for header in cases {
        std::fs::write(&path, &header).unwrap();
        let frames = read_file(&path).unwrap_or_else(|error| panic!("{error}\n{header}"));
        assert_eq!(frames.len(), 1, "{header}");
        assert_eq!(
            (&*frames[0].data, frames[0].spacing_mm),
            ([10, 20, 30, 40, 50, 60].as_slice(), Some([0.308, 0.154]))
        );
        assert_eq!(Volume::open(&path, &Limits::default()).unwrap().labels(0).unwrap(), [10, 20, 30, 40, 50, 60]);
    }
    // Samples behind the header need no other file.
    let local = [meta("3 1 2", uchar, "LOCAL").as_bytes(), &[10, 20, 30, 40, 50, 60]].concat();
    let (frames, error) = read_all(local);
    assert!(error.is_none());
    assert_eq!(frames.iter().map(|f| f.data.clone()).collect::<Vec<_>>(), [[10, 20, 30], [40, 50, 60]]);
}

#[test]
fn a_picture_stands_in_for_missing_samples() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mhd");
    std::fs::write(&path, meta("3 2 1", "ElementType = MET_UCHAR\n", "a.raw")).unwrap();
    let error = read_file(&path).unwrap_err();
    assert!(error.contains("its samples are in the file a.raw, which is not beside the header"), "{error}");

    let png = |width, height, pixels: &[u8]| picture::png(width, height, image::ExtendedColorType::L8, pixels);
    std::fs::write(dir.path().join("a.png"), png(3, 2, &[1, 2, 3, 4, 5, 6])).unwrap();
    let frames = read_file(&path).unwrap();
    assert_eq!((&*frames[0].data, frames[0].spacing_mm), ([1, 2, 3, 4, 5, 6].as_slice(), Some([0.308, 0.154])));

    std::fs::write(dir.path().join("a.png"), png(2, 2, &[1, 2, 3, 4])).unwrap();
    let error = read_file(&path).unwrap_err();
    assert!(error.contains("the picture in their place is 2x2 instead of 3x2"), "{error}");
}

#[test]
fn wrong_metaimage_headers_are_refused() {
    struct Case {
        header: String,
        expected: &'static str,
    }
    let uchar = "ElementType = MET_UCHAR\n";
    let good = meta("2 2", uchar, "LOCAL");
    let cases = [
        Case { header: good.replace("Image", "Mesh"), expected: "ObjectType = Mesh" },
        Case { header: good.replace("NDims = 2", "NDims = 3"), expected: "DimSize has 2 numbers" },
        Case { header: good.replace("2 2", "2 two"), expected: "DimSize = 2 two are no numbers" },
        Case { header: good.replace("DimSize", "Size"), expected: "DimSize is missing" },
        Case { header: good.replace("2 2", "2 -2"), expected: "an axis of -2 samples" },
        Case { header: meta("99999 99999", uchar, "LOCAL"), expected: "more than the limit" },
        Case { header: good.replace("UCHAR", "LONG"), expected: "ElementType = MET_LONG is not supported" },
        Case { header: good.replace("BinaryData = True", "BinaryData = False"), expected: "samples as text" },
        Case {
            header: meta("2 2", "ElementNumberOfChannels = 3\nElementType = MET_UCHAR\n", "LOCAL"),
            expected: "MetaImage with 3 channels",
        },
        Case { header: meta("2 2", uchar, "slice%03d.raw 0 9 1"), expected: "one file per slice" },
        Case { header: meta("2 2", uchar, "../a.raw"), expected: "put the samples beside the header" },
        Case { header: meta("2 2", uchar, "/etc/hostname"), expected: "put the samples beside the header" },
        Case { header: meta("2 2", uchar, "a.raw"), expected: "a MetaImage header in memory" },
        Case { header: good.clone(), expected: "it has 0 of 4 announced bytes" },
        Case {
            header: good.replace("ElementDataFile", "DataFile"),
            expected: "its header ends without ElementDataFile",
        },
    ];
    for case in cases {
        let error = read_error(case.header.into_bytes());
        assert!(error.contains(case.expected), "{error}");
    }
}
