//! The csv, and what is refused.

use super::*;
use crate::masks::check::{Finding, check};
use crate::masks::stats::stats;

const CSV: &str = "image,mask,domain,patient,pixel_mm";

#[test]
fn a_csv_gives_frames_and_masks() {
    let set = Set::new();
    set.png("a.png", 3, &[10, 20, 30, 40, 50, 60]);
    set.png("m.png", 3, &[0, 255, 255, 0, 0, 0]);
    let text =
        format!("{CSV},head_circumference_mm,split\na.png,m.png,high,p1,0.1,180.5,val\na.png,m.png,low,p2,0.3x0.2,,\n");
    let csv = set.write("d.csv", text);
    let samples = MaskDataset::read(&[csv]).unwrap().samples;
    assert_eq!((samples[0].pixel_mm, samples[1].pixel_mm), (Some([0.1, 0.1]), Some([0.3, 0.2])));
    assert_eq!((samples[0].head_circumference_mm, samples[0].part), (Some(180.5), Some(Part::Validation)));
    assert_eq!((&*samples[1].domain, &*samples[1].patient, samples[1].part), ("low", "p2", None));
    let loaded = samples[0].load().unwrap();
    assert_eq!((loaded.width, loaded.height), (3, 2));
    assert_eq!(loaded.image, [10, 20, 30, 40, 50, 60]);
    assert_eq!(loaded.mask, [0, 1, 1, 0, 0, 0]);
}

#[test]
fn csv_refusals_name_the_cause() {
    let cases = [
        ("image,domain,patient,pixel_mm\na,b,c,1\n".to_owned(), "column mask is missing"),
        ("image,mask,domain,patient\na,b,c,d\n".to_owned(), "column pixel_mm is missing"),
        (format!("{CSV}\na.png,,high,p,\n"), "line 2: the field `mask` is empty"),
        (format!("{CSV}\na.png,m.png,high,p,zero\n"), "`zero` in column `pixel_mm`"),
        (format!("{CSV}\na.png,m.png,high,p,-0.1\n"), "`-0.1` in column `pixel_mm`"),
        (format!("{CSV}\na.png,m.png,high,p,0.1xno\n"), "`0.1xno` in column `pixel_mm`"),
        (format!("{CSV},split\na.png,m.png,high,p,,maybe\n"), "`maybe` in column `split`"),
        (format!("{CSV},frame\na.png,m.png,high,p,,-1\n"), "`-1` in column `frame`"),
        (format!("{CSV}\na.png,m.png\n"), "line 2"),
        (CSV.to_owned(), "no picture with a mask"),
    ];
    for (text, expected) in cases {
        let set = Set::new();
        let error = MaskDataset::read(&[set.write("d.csv", &text)]).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("d.csv"), "{text}: {error}");
    }
    let empty = Set::new();
    assert!(MaskDataset::read(&[empty.root()]).unwrap_err().to_string().contains("no picture with a mask"));
    assert!(MaskDataset::read(&[]).is_err());
}

#[test]
fn masks_of_two_values_load_and_all_others_are_refused() {
    struct Case {
        mask: &'static [u8],
        expected: std::result::Result<&'static [u8], &'static str>,
    }
    let cases = [
        Case { mask: &[0, 255, 0, 255], expected: Ok(&[0, 1, 0, 1]) },
        Case { mask: &[0, 1, 1, 0], expected: Ok(&[0, 1, 1, 0]) },
        Case { mask: &[7, 7, 90, 7], expected: Ok(&[0, 0, 1, 0]) },
        Case { mask: &[255; 4], expected: Ok(&[1; 4]) },
        Case { mask: &[0; 4], expected: Err("m.png: the mask is empty") },
        Case { mask: &[0, 254, 255, 0], expected: Err("m.png: the mask has 3 grey values, 254 among them") },
        Case { mask: &[0, 255], expected: Err("m.png: the mask is 2x1 but its picture 2x2") },
    ];
    for case in cases {
        let set = Set::new();
        set.png("a.png", 2, &[1, 2, 3, 4]);
        set.png("m.png", 2, case.mask);
        let csv = set.write("d.csv", format!("{CSV}\na.png,m.png,high,p,\n"));
        let sample = MaskDataset::read(&[csv]).unwrap().samples.remove(0);
        match case.expected {
            Ok(mask) => assert_eq!(sample.load().unwrap().mask, mask),
            Err(expected) => assert!(refusal(&sample).contains(expected), "{}", refusal(&sample)),
        }
    }
}

#[test]
fn label_maps_and_frames_of_volumes() {
    let set = Set::new();
    set.write("v.nii.gz", nifti([2, 2, 2], [0.3, 0.2], &[1, 2, 3, 4, 5, 6, 7, 8]));
    set.write("l.nii.gz", nifti([2, 2, 2], [0.3, 0.2], &[0, 0, 0, 0, 2, 1, 1, 0]));
    let csv = set.write(
        "d.csv",
        format!("{CSV},frame,label\nv.nii.gz,l.nii.gz,low,p,,1,1\nv.nii.gz,l.nii.gz,low,p,,1,2\nv.nii.gz,l.nii.gz,low,p,,0,1\nv.nii.gz,l.nii.gz,low,p,,2,1\n"),
    );
    let samples = MaskDataset::read(&[csv]).unwrap().samples;
    let loaded = samples[0].load().unwrap();
    assert_eq!((loaded.image, loaded.mask), (vec![5, 6, 7, 8], vec![0, 1, 1, 0]));
    assert_eq!(samples[1].load().unwrap().mask, [1, 0, 0, 0]);
    assert!(refusal(&samples[2]).contains("slice 0 has no pixel of label 1"), "{}", refusal(&samples[2]));
    assert!(refusal(&samples[3]).contains("it has 2 frames, but frame 2 is wanted"), "{}", refusal(&samples[3]));
}

#[test]
fn check_finds_each_problem_and_stats_count() {
    let set = Set::new();
    set.png("a.png", 2, &[1, 2, 3, 4]);
    set.png("b.png", 2, &[1, 2, 3, 4]);
    set.png("c.png", 2, &[4, 3, 2, 1]);
    set.png("m.png", 2, &[0, 255, 0, 0]);
    set.png("grey.png", 2, &[0, 255, 9, 0]);
    set.png("none.png", 2, &[0; 4]);
    set.png("big.png", 3, &[0, 255, 0]);
    set.write("bad.png", "no picture");
    let rows = [
        "a.png,m.png,high,p1,0.1,train",
        "b.png,m.png,low,p2,,train",
        "c.png,grey.png,low,p3,,test",
        "c.png,none.png,low,p3,,test",
        "c.png,big.png,low,p3,,test",
        "bad.png,m.png,low,p4,,test",
        "gone.png,m.png,low,p5,,test",
        "a.png,m.png,high,p6,,test",
        "c.png,m.png,low,p1,,validation",
    ];
    let csv = set.write("d.csv", format!("{CSV},split\n{}\n", rows.join("\n")));
    let dataset = MaskDataset::read(&[csv]).unwrap();
    let report = check(&dataset, || Ok(())).unwrap();
    let problems: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    let expected = [
        "3 grey values, 9 among them",
        "the mask is empty",
        "the mask is 3x1 but its picture 2x2",
        "bad.png",
        "gone.png: no such file",
        "b.png: same picture as a.png with another domain",
        "a.png: same picture as a.png, but in another part of the split",
        "patient p1 has pictures in the parts training and validation",
    ];
    for text in expected {
        assert!(problems.iter().any(|p| p.contains(text)), "{text} in {problems:#?}");
    }
    assert!(report.findings.contains(&Finding::Duplicate {
        first: "c.png".into(),
        second: "c.png".into(),
        contradictory: false
    }));
    assert!(problems.iter().any(|p| p.contains("m.png") || p.contains("bad.png")));

    let stats = stats(&dataset, &report.shares);
    assert_eq!((stats.total.pictures, stats.total.patients, stats.total.parts), (9, 6, [2, 1, 6]));
    assert_eq!(stats.domains["high"].with_spacing, 1);
    assert_eq!(stats.domains["high"].mask_share, Some([0.25; 3]));
    assert!(stats.table().contains("25.0 / 25.0 / 25.0"), "{}", stats.table());
}
