//! `report` on a made study: structure, safety and sameness of the page and its plots.

#![allow(clippy::unwrap_used, reason = "tests")]

mod made;
mod shown;

use std::fs;
use std::path::Path;

use resvg::usvg::roxmltree::{self, Document};
use ushydra_host::HostError;
use ushydra_host::report::{Collected, Written, write};
use ushydra_host::study::record::CellRecord;

/// Fewer resamples than a real report's, for the sake of time.
const RESAMPLES: usize = 200;

fn report(cells: &[CellRecord], folder: &Path) -> (String, Written) {
    made::write(folder, cells);
    again(folder)
}

fn again(folder: &Path) -> (String, Written) {
    let mut study = Collected::read(folder).unwrap();
    study.draws.resamples = RESAMPLES;
    let out = folder.join("report.html");
    let written = write(&study, None, &out, None).unwrap();
    (fs::read_to_string(out).unwrap(), written)
}

/// The SVG pictures of a page.
fn pictures(page: &str) -> Vec<&str> {
    page.match_indices("<svg").map(|(at, _)| &page[at..at + page[at..].find("</svg>").unwrap() + 6]).collect()
}

#[test]
fn page_holds_every_part_and_asks_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (page, written) = report(&made::cells(), dir.path());
    assert_eq!((written.cells, written.problems.len()), (19, 0), "{:?}", written.problems);
    for heading in [
        "Systems side by side",
        "Paired differences",
        "Where the classifiers look",
        "Outlines of the worst and the best masks",
        "Confusion",
        "Receiver operating characteristic",
        "Reliability",
        "Domain map",
        "Ablations",
        "Degraded pictures",
        "Training",
        "Distribution by domain",
        "Size and time",
        "Method",
    ] {
        assert!(page.contains(&format!(">{heading}</h")), "{heading}");
    }
    let charts = pictures(&page);
    assert_eq!(charts.len(), written.charts);
    for chart in &charts {
        let document = Document::parse(chart).unwrap();
        let root = document.root_element();
        assert_eq!(root.attribute("role"), Some("img"));
        assert!(root.attribute("aria-label").is_some_and(|label| !label.is_empty()));
        let said = root.children().find(|c| c.has_tag_name("desc") || c.tag_name().name() == "desc");
        assert!(said.and_then(|d| d.text()).is_some_and(|text| text.len() > 20));
    }
    // Nothing is loaded: the only addresses are the names of SVG's own language.
    let rest = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for forbidden in ["http:", "https:", "<script", "<link", "@import", "url(", " src=\"/", "javascript:"] {
        assert!(!rest.contains(forbidden), "{forbidden}");
    }
    // Words of the study are words, not markup.
    assert!(page.contains("&lt;routed&gt; decoders &amp; one decoder") && !page.contains("<routed>"));
    assert!(page.contains("article: African") && page.contains("64.50 (a)"));
    // Everything in the contents is there, once.
    for (at, _) in page.match_indices("href=\"#") {
        let id = page[at + 7..].split('"').next().unwrap();
        assert_eq!(page.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
    }
    // Confusion: 120 pictures, one of them without a label, two splits.
    assert!(page.contains("macro AUC"));
}

#[test]
fn same_study_same_bytes() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut cells = made::cells();
    let first = report(&cells, a.path()).0;
    cells.reverse();
    assert!(first == report(&cells, b.path()).0);
}

#[test]
fn numbers_of_a_confusion_stand_in_its_cells() {
    let dir = tempfile::tempdir().unwrap();
    made::write(dir.path(), &made::cells()[..4]);
    let mut study = Collected::read(dir.path()).unwrap();
    study.draws.resamples = RESAMPLES;
    let plots = dir.path().join("plots");
    write(&study, None, &dir.path().join("r.html"), Some(&plots)).unwrap();
    let mut paths = fs::read_dir(&plots).unwrap().map(|e| e.unwrap().path());
    let path = paths
        .find(|p| p.file_name().unwrap().to_string_lossy().starts_with("confusion") && p.extension().unwrap() == "svg");
    let text = fs::read_to_string(path.unwrap()).unwrap();
    let document = Document::parse(&text).unwrap();
    let heights = |anchor: &str| -> Vec<f64> {
        let wanted = |n: &roxmltree::Node<'_, '_>| {
            n.has_tag_name("text") && n.attribute("dy") == Some("0.5ex") && n.attribute("text-anchor") == Some(anchor)
        };
        document.descendants().filter(wanted).map(|n| n.attribute("y").unwrap().parse().unwrap()).collect()
    };
    let (rows, numbers) = (heights("end"), heights("middle"));
    assert!(!rows.is_empty() && numbers.len() == rows.len() * rows.len(), "{rows:?} {numbers:?}");
    // Heights are in units of the file, four to a pixel.
    assert!(numbers.iter().all(|y| rows.iter().any(|row| (row - y).abs() <= 4.0)), "{rows:?} {numbers:?}");
}

#[test]
fn plots_are_svg_and_png_of_one_size() {
    let dir = tempfile::tempdir().unwrap();
    made::write(dir.path(), &made::cells()[..4]);
    let mut study = Collected::read(dir.path()).unwrap();
    study.draws.resamples = RESAMPLES;
    let plots = dir.path().join("plots");
    let written = write(&study, None, &dir.path().join("r.html"), Some(&plots)).unwrap();
    let of = |ending: &str| {
        let entries = fs::read_dir(&plots).unwrap().map(|e| e.unwrap().path());
        let mut paths: Vec<_> = entries.filter(|p| p.extension().is_some_and(|e| e == ending)).collect();
        paths.sort();
        paths
    };
    // Two charts of one name would leave one file.
    assert_eq!((of("svg").len(), of("png").len()), (written.charts, written.charts));
    for (svg, png) in of("svg").iter().zip(of("png")) {
        let text = fs::read_to_string(svg).unwrap();
        let document = Document::parse(&text).unwrap();
        let side = |name: &str| document.root_element().attribute(name).unwrap().parse::<u32>().unwrap();
        let picture = image::open(&png).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (2 * side("width"), 2 * side("height")), "{}", png.display());
        // Letters were found: the title's line holds ink.
        let ink = |x: u32, y: u32| picture.get_pixel(x, y).0.iter().all(|c| *c < 128);
        assert!((16..200).any(|x| (16..50).any(|y| ink(x, y))), "{}", png.display());
    }
}

#[test]
fn what_is_missing_is_said() {
    let cells = made::cells();
    let dir = tempfile::tempdir().unwrap();
    let (page, _) = report(&cells[..1], dir.path());
    assert!(page.contains("holds no finished cell of this task"));
    assert!(page.contains("No ablation cell.") && page.contains("No cell with degraded pictures."));
    // One class never shown, no labelled picture at all, no picture at all.
    let mut absent = cells[2].clone();
    absent.labels.push("cervix".into());
    for frame in &mut absent.frames {
        if let ushydra_host::study::Answer::Class { probabilities, .. } = &mut frame.answer {
            probabilities.push(0.0);
        }
    }
    let dir = tempfile::tempdir().unwrap();
    assert!(report(&[absent], dir.path()).0.contains("cervix: no picture"));
    let mut unlabelled = cells[2].clone();
    for frame in &mut unlabelled.frames {
        if let ushydra_host::study::Answer::Class { label, .. } = &mut frame.answer {
            *label = None;
        }
    }
    let dir = tempfile::tempdir().unwrap();
    assert!(report(&[unlabelled], dir.path()).0.contains("No finished classification cell with labelled pictures."));
    let mut empty = vec![cells[0].clone(), cells[5].clone()];
    empty.iter_mut().for_each(|c| c.frames.clear());
    let dir = tempfile::tempdir().unwrap();
    report(&empty, dir.path());
}

#[test]
fn damaged_cells_are_named_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    made::write(dir.path(), &made::cells()[..3]);
    let cells = dir.path().join("cells");
    let text = fs::read_to_string(cells.join("vit.split-0.1/cell.json")).unwrap();
    for (name, text) in [
        ("cut", text[..text.len() / 2].to_owned()),
        ("domain", text.replacen("\"domain\": 1", "\"domain\": 9", 1)),
        ("label", text.replacen("\"label\": 0", "\"label\": 9", 1)),
        ("labels", text.replacen("\"brain\",", "", 1)),
        ("empty", String::new()),
    ] {
        fs::create_dir(cells.join(name)).unwrap();
        fs::write(cells.join(name).join("cell.json"), text).unwrap();
    }
    fs::write(dir.path().join("tables/bad.json"), "{").unwrap();
    let (page, written) = again(dir.path());
    assert_eq!((written.cells, written.problems.len()), (3, 6), "{:?}", written.problems);
    for name in ["cut", "domain", "label", "labels", "empty"] {
        let problem = written.problems.iter().find(|p| p.contains(&format!("{name}/cell.json"))).unwrap();
        assert!(problem.contains("damaged") && problem.contains("delete it"), "{problem}");
        assert!(page.contains(&format!("{name}/cell.json")), "{name}");
    }
}

#[test]
fn no_study_is_refused_with_a_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let error = Collected::read(dir.path()).unwrap_err();
    assert!(matches!(error, HostError::Missing { .. }) && error.to_string().contains("compare --out"), "{error}");
}
