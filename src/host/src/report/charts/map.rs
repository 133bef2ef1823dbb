//! The domain map: every test frame between the centres of the domains.

use super::super::chart::{Axis, Chart, Colour, Entry, Layer, Marker, Style};
use super::super::collect::Group;
use super::{Section, slug};
use crate::study::record::CellRecord;

const SIZE: [u32; 2] = [560, 500];

/// A map per system that routes; the first split and seed, because every training has a plane of its own.
#[must_use]
pub fn section(groups: &[Group<'_>]) -> Section {
    let charts = groups.iter().filter_map(|g| g.records.iter().find_map(|r| map(r))).collect();
    Section::new(
        "Domain map",
        "Where the router sees every test picture: the plane through the centres of the domains in the router's own whitened \
         space. Colour and shape tell the true domain, a black cross lies on a picture that went to another domain's decoder, \
         large rings are the centres.",
        "No system of this study leaves positions of its pictures (only routed systems do).",
        charts,
    )
}

fn map(record: &CellRecord) -> Option<Chart> {
    let mut layers = Vec::new();
    let mut legend = Vec::new();
    let mut words = Vec::new();
    let mut strays = Vec::new();
    for (domain, name) in record.domains.iter().enumerate() {
        let own: Vec<_> = record.frames.iter().filter(|f| f.domain == domain).collect();
        let points: Vec<[f64; 2]> = own.iter().filter_map(|f| f.position).collect();
        let wrong = own.iter().filter(|f| f.decoder.is_some_and(|d| d != domain));
        let wrong: Vec<[f64; 2]> = wrong.filter_map(|f| f.position).collect();
        let (colour, marker, _) = super::look(domain);
        words.push(format!("{name}: {} pictures, {} to another decoder", points.len(), wrong.len()));
        strays.extend(wrong);
        layers.push(Layer::Points { points, colour, marker, size: 4 });
        legend.push(Entry { name: name.clone(), style: Style::Marker { colour, marker } });
    }
    let places = || {
        let frames = record.frames.iter().filter_map(|f| f.position);
        frames.chain(record.domain_positions.iter().copied())
    };
    record.frames.iter().find(|f| f.position.is_some())?;
    if !strays.is_empty() {
        let style = Style::Marker { colour: Colour::Ink, marker: Marker::Cross };
        legend.push(Entry { name: "another domain's decoder".to_owned(), style });
        layers.push(Layer::Points { points: strays, colour: Colour::Ink, marker: Marker::Cross, size: 4 });
    }
    for (domain, centre) in record.domain_positions.iter().enumerate() {
        let (colour, ..) = super::look(domain);
        for (size, colour) in [(10, Colour::Ink), (8, colour)] {
            layers.push(Layer::Points { points: vec![*centre], colour, marker: Marker::Ring, size });
        }
    }
    Some(Chart {
        name: slug(&["domains", &record.key.system]),
        title: format!("{} - {}, seed {}", record.key.system, record.key.split, record.key.seed),
        description: format!("Scatter of test pictures by domain. {}.", words.join("; ")),
        size: SIZE,
        x: Axis::over("first axis", places().map(|p| p[0])),
        y: Axis::over("second axis", places().map(|p| p[1])),
        layers,
        legend,
    })
}
