//! Outlines of the best and the worst masks, over pictures where these are given.

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage};
use maud::html;

use super::super::chart::palette::{self, Colour};
use super::super::collect::{Collected, Group};
use super::super::gallery::{Content, Figure, Legend, data_uri, png};
use super::super::images::Images;
use super::{Section, cases, slug};
use crate::error::Result;
use crate::study::explain::{Case, Detail, Ring};
use crate::study::record::CellRecord;

/// Longest side in CSS pixels.
const SIDE: u32 = 224;
/// Width of a line in CSS pixels, and of the dark line below it on a picture.
const LINE: f64 = 2.0;
const UNDER: f64 = 3.5;
/// System and publisher.
const DRAWN: Colour = Colour::Series(1);
const PUBLISHED: Colour = Colour::Series(0);

/// The cases of every segmenter. Pictures that cannot be shown are added to `problems`, and their outlines stand alone.
#[must_use]
pub fn section(
    study: &Collected,
    groups: &[Group<'_>],
    images: Option<&Images>,
    problems: &mut Vec<String>,
) -> Section {
    let galleries = cases(
        study,
        groups,
        |_| Legend::Outlines,
        problems,
        |record, (index, case), said, problems| {
            let picture =
                images.and_then(|images| images.read(case).map_err(|error| problems.push(error.to_string())).ok());
            figure(record, (index, case), said, picture.as_ref())
        },
    );
    Section::shown(
        "Outlines of the worst and the best masks",
        "The least and the greatest Dice of the test part, in the picture's own pixels, after the device's clean-up. Outlines are \
         kept within one pixel.",
        "No outlines: `ushydra-host compare --explain` draws them from finished cells, without training.",
        galleries,
    )
}

/// None for a case of another kind.
fn figure(
    record: &CellRecord,
    (index, case): (usize, &Case),
    said: &str,
    picture: Option<&GrayImage>,
) -> Result<Option<Figure>> {
    let Detail::Outlines { reference, prediction } = &case.detail else { return Ok(None) };
    let name = slug(&["outlines", &record.key.system, &(index + 1).to_string()]);
    let nothing = if prediction.is_empty() { "; nothing drawn" } else { "" };
    let caption = format!("{said}{nothing}; {}", case.name);
    let below = picture.map(|picture| small(&name, picture)).transpose()?;
    let svg = drawn(case.size, &caption, [prediction, reference], below.as_deref());
    Ok(Some(Figure { name, caption, source: picture.is_some(), content: Content::Svg(svg) }))
}

/// A picture as an address that holds it, no side longer than [`SIDE`].
fn small(name: &str, picture: &GrayImage) -> Result<String> {
    let shrink = (f64::from(SIDE) / f64::from(picture.width().max(picture.height()))).min(1.0);
    let at = |length: u32| ((f64::from(length) * shrink).round() as u32).max(1);
    let small = imageops::resize(picture, at(picture.width()), at(picture.height()), FilterType::Triangle);
    Ok(data_uri(&png(name, &DynamicImage::from(small).into_rgb8())?))
}

/// The document: lines in pixels of the picture, as wide as they are on the page.
fn drawn(
    [width, height]: [u32; 2],
    caption: &str,
    [prediction, reference]: [&[Ring]; 2],
    below: Option<&str>,
) -> String {
    let scale = f64::from(width.max(height)) / f64::from(SIDE);
    let shown = [width, height].map(|side| (f64::from(side) / scale).round().max(1.0) as u32);
    let px = |css: f64| format!("{:.2}", css * scale);
    // On a picture, which is dark, lines have the colours for dark paper in either theme.
    let colour = |of: Colour| palette::hex(if below.is_some() { of.dark() } else { of.light() });
    let dashes = format!("{} {}", px(6.0), px(4.0));
    let lines = [(prediction, DRAWN, None), (reference, PUBLISHED, Some(&dashes))];
    let markup = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(shown[0]) height=(shown[1]) viewBox=(format!("0 0 {width} {height}")) role="img"
            aria-label=(caption) {
            title { (caption) }
            desc { "Outline of the system and published outline. " (caption) }
            @if let Some(picture) = below {
                image href=(picture) width=(width) height=(height) preserveAspectRatio="none" {}
            } @else {
                rect width=(width) height=(height) fill="none" stroke=(palette::hex(Colour::Grid.light())) stroke-width=(px(2.0)) {}
            }
            @for (rings, of, dashes) in lines {
                @for ring in rings {
                    @if below.is_some() {
                        polygon points=(ring) fill="none" stroke="#000000" stroke-opacity="0.6" stroke-width=(px(UNDER)) {}
                    }
                    polygon points=(ring) fill="none" stroke=(colour(of)) stroke-width=(px(LINE)) stroke-dasharray=[dashes] {}
                }
            }
        }
    };
    markup.into_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use resvg::usvg::roxmltree::Document;

    use super::*;

    #[test]
    fn outlines_alone_and_on_a_picture() {
        let ring = Ring::try_from("0,0 100,0 100,50".to_owned()).unwrap();
        let one = std::slice::from_ref(&ring);
        let alone = drawn([448, 224], "a <b> & \"c\"", [one, one], None);
        let document = Document::parse(&alone).unwrap();
        let root = document.root_element();
        assert_eq!((root.attribute("width"), root.attribute("height")), (Some("224"), Some("112")));
        assert_eq!(root.attribute("aria-label"), Some("a <b> & \"c\""));
        let lines: Vec<_> =
            root.children().filter(|c| c.has_tag_name("polygon") || c.tag_name().name() == "polygon").collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].attribute("stroke-dasharray").is_none() && lines[1].attribute("stroke-dasharray").is_some());
        assert!(
            lines
                .iter()
                .all(|l| l.attribute("points") == Some("0,0 100,0 100,50")
                    && l.attribute("stroke-width") == Some("4.00"))
        );
        let over = drawn([448, 224], "c", [&[], one], Some("data:,"));
        assert!(
            over.contains("<image href=\"data:,\"") && over.matches("<polygon").count() == 2 && !over.contains("<rect")
        );
    }
}
