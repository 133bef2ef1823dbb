//! Places of frames, cut files, and files that cannot be read.

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use ushydra_probe::{Fault, Frame};

use super::{BASELINE, EXPLICIT, PIXELS, RLE, SIZE, darker, data, fragments, grey_frame};
use crate::fixtures::dicom::{Dicom, Pixels, rle};
use crate::fixtures::{jpeg, read_all, read_error};

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
