//! Circumferences of the HC18 masks against the published ones, where the data lies beside the repository.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use ushydra_measure::ellipse::{boundary, moments};
use ushydra_measure::fetal::{Curve, HC18_OUTLINE_PX, HeadBiometry};
use ushydra_measure::{Cleaner, Ellipse, Mask, Spacing, fit_ellipse_mm};

fn data() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("USHYDRA_DATA").map_or_else(beside, PathBuf::from);
    let table = root.join("fetal-head.csv");
    if table.exists() {
        return Some(root);
    }
    eprintln!("SKIPPED hc18: {} does not exist", table.display());
    None
}

struct Head {
    mask: Mask,
    pixel_mm: f64,
    hc_mm: f64,
}

/// Columns image,mask,domain,patient,pixel_mm,head_circumference_mm; rows without a published circumference are left out.
fn heads(root: &Path) -> impl Iterator<Item = Head> {
    let table = std::fs::read_to_string(root.join("fetal-head.csv")).unwrap();
    let rows: Vec<(PathBuf, f64, f64)> = table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            Some((root.join(fields.get(1)?), fields.get(4)?.parse().ok()?, fields.get(5)?.trim().parse().ok()?))
        })
        .collect();
    rows.into_iter().map(|(path, pixel_mm, hc_mm)| {
        let picture = image::open(path).unwrap().into_luma8();
        let mask = Mask::from_bytes(
            &picture.iter().map(|&value| u8::from(value > 127)).collect::<Vec<_>>(),
            picture.width(),
            picture.height(),
        );
        Head { mask: mask.unwrap(), pixel_mm, hc_mm }
    })
}

/// Median of the differences and of their sizes, mean size, and the 95th percentile of the sizes.
fn summary(mut differences: Vec<f64>) -> [f64; 4] {
    differences.sort_by(f64::total_cmp);
    let middle = differences[differences.len() / 2];
    let mut sizes: Vec<f64> = differences.into_iter().map(f64::abs).collect();
    sizes.sort_by(f64::total_cmp);
    let mean = sizes.iter().sum::<f64>() / sizes.len() as f64;
    [middle, sizes[sizes.len() / 2], mean, sizes[sizes.len() * 95 / 100]]
}

#[test]
fn published_circumferences() {
    let Some(root) = data() else { return };
    let mut columns: [(&str, Vec<f64>); 5] = [
        ("moments", Vec::new()),
        ("outline", Vec::new()),
        ("outline less the stroke", Vec::new()),
        ("offset of moments, px", Vec::new()),
        ("offset of outline, px", Vec::new()),
    ];
    let mut cleaner = Cleaner::new();
    let mut dated = 0;
    for mut head in heads(&root) {
        let area = head.mask.area_px();
        cleaner.clean(&mut head.mask);
        assert_eq!(head.mask.area_px(), area, "the published masks are one component without holes");
        let spacing = Spacing { x_mm: head.pixel_mm, y_mm: head.pixel_mm };
        let hc = |ellipse: Option<Ellipse>| ellipse.unwrap().perimeter() - head.hc_mm;
        let (moments, outline) = (hc(moments::fit(&head.mask, spacing)), hc(boundary::fit(&head.mask, spacing)));
        assert_eq!(hc(fit_ellipse_mm(&head.mask, spacing)), outline);
        let biometry = HeadBiometry::of_mask(&head.mask, spacing, HC18_OUTLINE_PX).unwrap().unwrap();
        assert!((60.0..100.0).contains(&biometry.cephalic_index), "{biometry:?}");
        dated += usize::from(biometry.age(Curve::Hadlock1984).is_ok());
        let around = std::f64::consts::TAU * head.pixel_mm;
        let values = [moments, outline, biometry.hc_mm - head.hc_mm, moments / around, outline / around];
        for ((_, column), value) in columns.iter_mut().zip(values) {
            column.push(value);
        }
    }
    let count = columns[0].1.len();
    println!("{count} heads, {dated} within Hadlock's range; HC minus published in mm (offsets in pixels of radius):");
    let mut medians = Vec::new();
    for (name, column) in columns {
        let [middle, size, mean, high] = summary(column);
        println!("{name}: median {middle:.3}, median size {size:.3}, mean size {mean:.3}, 95th percentile {high:.3}");
        medians.push((middle, size));
    }
    assert!(count > 300);
    assert!(medians[1].1 < 1.05, "outline: {medians:?}");
    assert!(medians[2].1 < 0.03, "less the stroke: {medians:?}");
    assert!((medians[4].0 - HC18_OUTLINE_PX).abs() < 0.01, "offset: {medians:?}");
}
