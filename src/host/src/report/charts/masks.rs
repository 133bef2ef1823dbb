//! Segmentation: how Dice and surface distance are distributed in every domain.

use super::super::chart::{Axis, Chart, Colour, Layer, Marker};
use super::super::collect::Group;
use super::{Section, slug};
use crate::calibrate::quantile;
use crate::study::record::{Answer, Frame};

const WIDTH: u32 = 620;
const ROW: u32 = 30;
const AROUND: u32 = 96;
/// Golden ratio: the fractional parts of its multiples spread points evenly without chance.
const SPREAD: f64 = 0.618_033_988_749_895;

/// Strips with quartiles: one row per system and domain.
#[must_use]
pub fn section(groups: &[Group<'_>]) -> Section {
    let dice: fn(&Frame) -> Option<f64> = |f| match &f.answer {
        Answer::Mask { dice, .. } => Some(*dice),
        Answer::Class { .. } => None,
    };
    let distance: fn(&Frame) -> Option<f64> = |f| match &f.answer {
        Answer::Mask { hd95_px, .. } => *hd95_px,
        Answer::Class { .. } => None,
    };
    let charts = [("dice", "Dice", dice), ("hd95", "HD95 (px)", distance)];
    let charts = charts.into_iter().filter_map(|(name, title, value)| strips(name, title, groups, value)).collect();
    Section::new(
        "Distribution by domain",
        "Every point is a picture; the box reaches from the first to the third quartile, the stroke is the median. HD95 is known \
         only where both masks are there.",
        "No finished segmentation cell.",
        charts,
    )
}

fn strips(name: &str, title: &str, groups: &[Group<'_>], value: fn(&Frame) -> Option<f64>) -> Option<Chart> {
    let mut rows: Vec<(String, usize, Vec<f64>)> = Vec::new();
    for group in groups {
        for (domain, label) in group.domains().iter().enumerate() {
            let frames = group.frames().into_iter().filter(|f| f.domain == domain);
            let values: Vec<f64> = frames.filter_map(value).collect();
            if !values.is_empty() {
                rows.push((format!("{}, {label}", group.system), domain, values));
            }
        }
    }
    if rows.is_empty() {
        return None;
    }
    let mut layers = Vec::new();
    let mut words = Vec::new();
    for (row, (label, domain, values)) in rows.iter().enumerate() {
        let y = row as f64;
        let [first, median, third] = [0.25, 0.5, 0.75].map(|q| quantile(values.clone(), q));
        let colour = Colour::Series(*domain);
        layers.push(Layer::Box { from: [first, y - 0.36], to: [third, y + 0.36], colour, opacity: 0.25 });
        let jitter = |i: usize| y + 0.56 * ((i as f64 * SPREAD).fract() - 0.5);
        let points = values.iter().enumerate().map(|(i, v)| [*v, jitter(i)]).collect();
        layers.push(Layer::Points { points, colour, marker: Marker::Circle, size: 2 });
        let stroke = vec![[median, y - 0.36], [median, y + 0.36]];
        layers.push(Layer::Line { points: stroke, colour: Colour::Ink, dashed: false });
        words.push(format!(
            "{label}: median {median:.3}, quartiles {first:.3} and {third:.3}, {} pictures",
            values.len()
        ));
    }
    let names: Vec<String> = rows.iter().map(|r| r.0.clone()).collect();
    Some(Chart {
        name: slug(&["distribution", name]),
        title: title.to_owned(),
        description: format!("{title} of every picture. {}.", words.join("; ")),
        size: [WIDTH, AROUND + ROW * rows.len() as u32],
        x: Axis::over(title, rows.iter().flat_map(|r| r.2.iter().copied())),
        y: Axis::names("", &names).reversed(),
        layers,
        legend: Vec::new(),
    })
}
