//! Times, spacing, and attributes that belong elsewhere.

use std::time::Duration;

use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::{BASELINE, EXPLICIT, IMPLICIT, SIZE, data, fragments, grey_frame};
use crate::fixtures::dicom::{DataSetSequence, Dicom, Pixels, region};
use crate::fixtures::{greatest_difference, jpeg, read_all, read_one};

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
        DataElement::new(tag, VR::SQ, DataSetSequence::from(vec![item]))
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
