//! Classification: confusion, receiver operating characteristic, reliability.

use super::super::chart::{Axis, Chart, Colour, Entry, Layer, Marker, Style};
use super::super::collect::Group;
use super::{Section, slug};
use crate::evaluate::bootstrap::Patients;
use crate::evaluate::metrics::Classified;
use crate::study::record::Answer;

const SQUARE: [u32; 2] = [390, 400];
/// Bins with fewer answers than this are drawn hollow.
const FEW: f64 = 5.0;

/// The answers of one system.
#[must_use]
pub fn classified(group: &Group<'_>) -> Classified {
    let frames = group.frames();
    let patients = Patients::new(frames.iter().map(|f| f.patient.as_str()));
    let answers = frames.iter().map(|f| match &f.answer {
        Answer::Class { label, probabilities } => (*label, probabilities.as_slice()),
        Answer::Mask { .. } => (None, &[][..]),
    });
    Classified::new(group.labels().len(), &patients, answers)
}

/// The three sections of a classification.
#[must_use]
pub fn sections(groups: &[Group<'_>]) -> [Section; 3] {
    let answers: Vec<(&Group<'_>, Classified)> =
        groups.iter().map(|g| (g, classified(g))).filter(|(_, c)| !c.is_empty()).collect();
    let missing = "No finished classification cell with labelled pictures.";
    [
        Section::new(
            "Confusion",
            "Rows are true planes, columns answers. A cell says the number of pictures, its shade their share of the row.",
            missing,
            answers.iter().map(|(g, c)| confusion(g, c)).collect(),
        ),
        Section::new(
            "Receiver operating characteristic",
            "One plane against the rest; AUC is the area under the curve. The dashed diagonal is chance.",
            missing,
            answers.iter().map(|(g, c)| curves(g, c)).collect(),
        ),
        Section::new(
            "Reliability",
            "How often an answer of some probability is right, in 15 bins of equal width. On the dashed diagonal probabilities \
             are true; below it the system is too sure of itself. Rings are bins with fewer than five pictures. ECE is the \
             expected calibration error.",
            missing,
            answers.iter().map(|(g, c)| reliability(g, c)).collect(),
        ),
    ]
}

fn confusion(group: &Group<'_>, answers: &Classified) -> Chart {
    let labels = group.labels();
    let matrix = answers.confusion(&answers.everyone());
    let mut layers = Vec::new();
    let mut words = Vec::new();
    for (truth, row) in matrix.iter().enumerate() {
        let total: usize = row.iter().sum();
        for (answer, &count) in row.iter().enumerate() {
            let percent = (100 * count).checked_div(total).unwrap_or(0) as u8;
            let (x, y) = (answer as f64, truth as f64);
            layers.push(Layer::Box {
                from: [x - 0.48, y - 0.48],
                to: [x + 0.48, y + 0.48],
                colour: Colour::Shade(percent),
                opacity: 1.0,
            });
            layers.push(Layer::Text { at: [x, y], text: count.to_string(), colour: Colour::on(percent) });
        }
        words.push(format!("{}: {} of {total} right", labels[truth], row[truth]));
    }
    Chart {
        name: slug(&["confusion", group.system]),
        title: group.system.to_owned(),
        description: format!("Confusion matrix. {}.", words.join("; ")),
        size: SQUARE,
        x: Axis::names("answer", labels),
        y: Axis::names("truth", labels).reversed(),
        layers,
        legend: Vec::new(),
    }
}

fn diagonal() -> Layer {
    Layer::Line { points: vec![[0.0, 0.0], [1.0, 1.0]], colour: Colour::Ink, dashed: true }
}

fn curves(group: &Group<'_>, answers: &Classified) -> Chart {
    let areas = answers.areas(&answers.everyone());
    let mut layers = vec![diagonal()];
    let mut legend = Vec::new();
    let mut words = Vec::new();
    for (class, label) in group.labels().iter().enumerate() {
        let Some(area) = areas.as_ref().and_then(|a| a.classes.get(class).copied().flatten()) else {
            words.push(format!("{label}: no picture, no curve"));
            legend.push(Entry { name: format!("{label}: no picture"), style: super::line_style(class) });
            continue;
        };
        let (colour, _, dashed) = super::look(class);
        let points = answers.curve(class).iter().map(|p| [p.false_positive_rate, p.true_positive_rate]).collect();
        layers.push(Layer::Line { points, colour, dashed });
        legend.push(Entry { name: format!("{label} {area:.3}"), style: super::line_style(class) });
        words.push(format!("{label}: AUC {area:.3}"));
    }
    let mean = areas.map_or_else(String::new, |a| format!(" - macro AUC {:.3}", a.macro_average));
    Chart {
        name: slug(&["roc", group.system]),
        title: format!("{}{mean}", group.system),
        description: format!("ROC curves, one class against the rest. {}.", words.join("; ")),
        size: [SQUARE[0], SQUARE[1] + 40],
        x: Axis::share("false positive rate"),
        y: Axis::share("true positive rate"),
        layers,
        legend,
    }
}

fn reliability(group: &Group<'_>, answers: &Classified) -> Chart {
    let everyone = answers.everyone();
    let bins = answers.reliability(&everyone);
    let error = answers.calibration_error(&everyone).unwrap_or_default();
    let place = |few: bool| -> Vec<[f64; 2]> {
        let bins = bins.iter().filter(|b| b.count > 0.0 && (b.count < FEW) == few);
        bins.map(|b| [b.confidence, b.accuracy]).collect()
    };
    let line = bins.iter().filter(|b| b.count > 0.0).map(|b| [b.confidence, b.accuracy]).collect();
    let colour = Colour::Series(0);
    let words: Vec<String> = bins
        .iter()
        .filter(|b| b.count > 0.0)
        .map(|b| format!("{:.2}: {:.2} of {}", b.confidence, b.accuracy, b.count))
        .collect();
    Chart {
        name: slug(&["reliability", group.system]),
        title: format!("{} - ECE {:.1} %", group.system, 100.0 * error),
        description: format!("Mean probability: share right of pictures. {}.", words.join("; ")),
        size: SQUARE,
        x: Axis::share("probability of the answer"),
        y: Axis::share("share of right answers"),
        layers: vec![
            diagonal(),
            Layer::Line { points: line, colour, dashed: false },
            Layer::Points { points: place(false), colour, marker: Marker::Circle, size: 4 },
            Layer::Points { points: place(true), colour, marker: Marker::Ring, size: 4 },
        ],
        legend: vec![
            Entry { name: "answers".to_owned(), style: Style::Marker { colour, marker: Marker::Circle } },
            Entry { name: "fewer than 5".to_owned(), style: Style::Marker { colour, marker: Marker::Ring } },
        ],
    }
}
