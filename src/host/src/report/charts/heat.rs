//! Where the classifiers looked: mean heat by label, and over pictures where these are given.

use image::imageops::{self, FilterType};
use image::{GrayImage, Rgb, RgbImage};

use super::super::chart::palette;
use super::super::collect::{Collected, Group};
use super::super::gallery::{Content, Figure, Gallery, Legend};
use super::super::images::Images;
use super::{Section, cases, slug};
use crate::error::Result;
use crate::study::explain::grid::SIDE;
use crate::study::explain::{Case, Detail, Explained, Grid, Mean, Method};
use crate::study::record::CellRecord;

/// Side of a mean map in CSS pixels, and longest side of a picture.
const MAP: u32 = 200;
const PICTURE: u32 = 224;
/// How much of a picture's pixel the greatest heat covers.
const COVER: f32 = 0.6;

/// Mean maps of every system; with `images` also the worst and the best cases. Pictures that cannot be shown are added to
/// `problems`.
#[must_use]
pub fn section(
    study: &Collected,
    groups: &[Group<'_>],
    images: Option<&Images>,
    problems: &mut Vec<String>,
) -> Section {
    let mut galleries = means(study, groups);
    if let Some(images) = images {
        galleries.extend(cases(study, groups, legend, problems, |record, (_, case), said, _| {
            over(record, case, said, images)
        }));
    }
    Section::shown(
        "Where the classifiers look",
        "Mean over the test pictures that truly show a plane, in the frame that the network sees (the cropped picture). Convolutional \
         networks: Grad-CAM, what speaks for that plane in the last convolutional map. ViTs: attention rollout, what of the picture \
         reaches the class token through all blocks; it knows no planes and belongs to the encoder. Before the mean, a \
         picture's Grad-CAM is divided by its greatest weight; attention is stretched between its 5th and 95th percentile, because such \
         encoders put most of it on a few patches without content (Darcet et al. 2024). A map tells where a network looked, not whether it was right to. Worst and best cases stand \
         by the probability of the truth; their map explains the answer.",
        "No heat maps: `ushydra-host compare --explain` makes them from finished cells, without training.",
        galleries,
    )
}

/// One gallery per different set of maps: systems on one frozen encoder share theirs.
fn means(study: &Collected, groups: &[Group<'_>]) -> Vec<Gallery> {
    let mut found: Vec<(Vec<&str>, &CellRecord, &Explained)> = Vec::new();
    for (record, explained) in groups.iter().filter_map(|g| study.explained(g)).filter(|(_, e)| !e.means.is_empty()) {
        match found.iter_mut().find(|(_, _, known)| known.method == explained.method && known.means == explained.means)
        {
            Some((systems, ..)) => systems.push(&record.key.system),
            None => found.push((vec![&record.key.system], record, explained)),
        }
    }
    let gallery = |(systems, record, explained): (Vec<&str>, &CellRecord, &Explained)| {
        let shared = if systems.len() > 1 { " of the encoder that they share" } else { "" };
        let heading = format!("{}: {}{shared}", systems.join(", "), method(explained.method));
        let figures = explained.means.iter().map(|mean| figure(record, mean)).collect();
        Gallery { heading, legend: legend(explained.method), figures }
    };
    found.into_iter().map(gallery).collect()
}

const fn legend(method: Method) -> Legend {
    match method {
        Method::AttentionRollout => Legend::Attention,
        Method::GradCam | Method::Outlines => Legend::Heat,
    }
}

const fn method(method: Method) -> &'static str {
    match method {
        Method::GradCam => "Grad-CAM",
        Method::AttentionRollout => "attention rollout",
        Method::Outlines => "outlines",
    }
}

fn figure(record: &CellRecord, mean: &Mean) -> Figure {
    let label = record.labels.get(mean.label).map_or("", String::as_str);
    let greatest = mean.grid.values().iter().max().copied().unwrap_or(0);
    let caption = format!("{label}: mean of {} pictures, at most {:.2}", mean.pictures, f32::from(greatest) / 255.0);
    let name = slug(&["heat", &record.key.system, label]);
    let content = Content::Raster { pixels: coloured(&mean.grid), size: [MAP, MAP] };
    Figure { name, caption, source: false, content }
}

/// The grid as colours, a pixel per cell: browsers and [`super::super::write`] enlarge it smoothly.
fn coloured(grid: &Grid) -> RgbImage {
    let values = grid.values();
    RgbImage::from_fn(SIDE, SIDE, |x, y| {
        let value = values.get((y * SIDE + x) as usize).copied().unwrap_or(0);
        Rgb(palette::heat(f32::from(value) / 255.0))
    })
}

/// A case's heat over its picture; none for a case of another kind.
fn over(record: &CellRecord, case: &Case, said: &str, images: &Images) -> Result<Option<Figure>> {
    let Detail::Heat { crop, grid } = &case.detail else { return Ok(None) };
    let picture = images.read(case)?;
    let pixels = blended(&picture, *crop, grid);
    let size = [pixels.width(), pixels.height()];
    Ok(Some(Figure {
        name: slug(&["case", &record.key.system, &case.name]),
        caption: format!("{said}; {}", case.name),
        source: true,
        content: Content::Raster { pixels, size },
    }))
}

/// The picture, no side longer than [`PICTURE`], with the heat over `crop` (x, y, width, height in its pixels): the more weight,
/// the less of the picture.
fn blended(picture: &GrayImage, [x, y, width, height]: [u32; 4], grid: &Grid) -> RgbImage {
    let shrink = f64::from(PICTURE) / f64::from(picture.width().max(picture.height()));
    let at = |length: u32| ((f64::from(length) * shrink.min(1.0)).round() as u32).max(1);
    let small = imageops::resize(picture, at(picture.width()), at(picture.height()), FilterType::Triangle);
    let map = GrayImage::from_fn(SIDE, SIDE, |x, y| {
        image::Luma([grid.values().get((y * SIDE + x) as usize).copied().unwrap_or(0)])
    });
    let map = imageops::resize(&map, at(width), at(height), FilterType::Triangle);
    let (left, top) =
        ((f64::from(x) * shrink.min(1.0)).round() as u32, (f64::from(y) * shrink.min(1.0)).round() as u32);
    RgbImage::from_fn(small.width(), small.height(), |x, y| {
        let grey = f32::from(small.get_pixel(x, y).0[0]);
        let inside = x.checked_sub(left).zip(y.checked_sub(top)).and_then(|(x, y)| map.get_pixel_checked(x, y));
        let heat = inside.map_or(0.0, |p| f32::from(p.0[0]) / 255.0);
        let cover = COVER * heat;
        Rgb(palette::heat(heat).map(|c| (grey + cover * (f32::from(c) - grey)).round() as u8))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn heat_lies_on_the_crop() {
        let half: Vec<u8> = (0..SIDE * SIDE).map(|i| if i % SIDE < SIDE / 2 { 255 } else { 0 }).collect();
        let grid = Grid::try_from(STANDARD.encode(half)).unwrap();
        let picture = GrayImage::from_pixel(448, 224, image::Luma([100]));
        let found = blended(&picture, [224, 0, 224, 224], &grid);
        assert_eq!(found.dimensions(), (224, 112));
        let grey = Rgb([100, 100, 100]);
        // Left half: not seen by the network. Of the right half, the left part is hot.
        assert_eq!((*found.get_pixel(100, 50), *found.get_pixel(220, 50)), (grey, grey));
        let [r, g, b] = found.get_pixel(130, 50).0;
        assert!(r > 150 && g > 150 && b < 100, "{r} {g} {b}");
        // A small picture is not enlarged.
        assert_eq!(blended(&GrayImage::new(3, 2), [0, 0, 3, 2], &grid).dimensions(), (3, 2));
    }
}
