//! A study made from numbers: three classifiers, two segmenters, two domains, ablations. The same every time.

use std::collections::BTreeMap;
use std::path::Path;

use ushydra_host::evaluate::bootstrap::Estimate;
use ushydra_host::files;
use ushydra_host::rng::Rng;
use ushydra_host::study::explain::{Case, Detail, EXPLAINED, End, Explained, Grid, Mean, Method, Ring};
use ushydra_host::study::figures::Measure;
use ushydra_host::study::record::{Answer, CellKey, CellRecord, Epoch, Frame, Task};
use ushydra_host::study::table::{Column, PrintedRow, Row, Table};

const LABELS: [&str; 4] = ["brain", "abdomen", "femur", "thorax"];
const DOMAINS: [&str; 2] = ["low", "medium"];
const PATIENTS: usize = 40;

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|w| (*w).to_owned()).collect()
}

/// A cell whose classifier is as good as `skill`.
pub(crate) fn classifier(system: &str, split: &str, variant: &str, skill: f64, routed: bool) -> CellRecord {
    let mut rng = Rng::labelled(7, &[system, split, variant]);
    let frames = (0..3 * PATIENTS).map(|i| {
        // The truth belongs to the picture, not to the system.
        let label = (i * 7 + i / 11) % LABELS.len();
        let domain = usize::from(i % 3 == 0);
        let logits: Vec<f64> = (0..LABELS.len()).map(|c| rng.normal() + if c == label { skill } else { 0.0 }).collect();
        let sum: f64 = logits.iter().map(|l| l.exp()).sum();
        let centre = if domain == 0 { -2.0 } else { 2.0 };
        Frame {
            name: format!("picture-{i}.png"),
            patient: format!("patient-{}", i % PATIENTS),
            domain,
            device: format!("device <{}>", i % 2),
            decoder: routed.then(|| if rng.chance(0.05) { 1 - domain } else { domain }),
            in_domain: routed.then_some(true),
            position: routed.then(|| [centre + rng.normal(), 0.8 * rng.normal()]),
            answer: Answer::Class {
                label: (i != 5).then_some(label),
                probabilities: logits.iter().map(|l| l.exp() / sum).collect(),
            },
        }
    });
    let frames = frames.collect();
    let epochs = if system == "resnet18" {
        let at = |e: usize| (-0.2 * e as f64).exp();
        let epoch = |e| Epoch {
            training_loss: 1.3 * at(e),
            validation_loss: 1.3 * at(e) + 0.1 + 0.004 * e as f64,
            validation_score: 0.9 - 0.5 * at(e),
        };
        (0..20).map(epoch).collect()
    } else {
        Vec::new()
    };
    record(system, split, variant, Task::Classify, &LABELS, frames, epochs, routed)
}

/// A cell whose masks have Dice around `dice`.
pub(crate) fn segmenter(system: &str, variant: &str, dice: f64, routed: bool) -> CellRecord {
    let mut rng = Rng::labelled(9, &[system, variant]);
    let frames = (0..2 * PATIENTS).map(|i| {
        let value = (dice + 0.05 * rng.normal()).clamp(0.0, 1.0);
        Frame {
            name: format!("head-{i}.png"),
            patient: format!("patient-{}", i % PATIENTS),
            domain: i % 2,
            device: String::new(),
            decoder: routed.then_some(i % 2),
            in_domain: None,
            position: None,
            answer: Answer::Mask {
                dice: value,
                iou: value / (2.0 - value),
                hd95_px: (i != 3).then(|| 3.0 + 4.0 * rng.unit()),
                hd95_mm: None,
            },
        }
    });
    let frames = frames.collect();
    let epoch = |e: usize| Epoch {
        training_loss: 0.5 / (e + 1) as f64,
        validation_loss: 0.5 / (e + 1) as f64 + 0.05,
        validation_score: 0.95 - 0.4 / (e + 1) as f64,
    };
    record(system, "split-0", variant, Task::Segment, &["head"], frames, (0..12).map(epoch).collect(), routed)
}

#[allow(clippy::too_many_arguments, reason = "one place where a record is filled in")]
fn record(
    system: &str,
    split: &str,
    variant: &str,
    task: Task,
    labels: &[&str],
    frames: Vec<Frame>,
    epochs: Vec<Epoch>,
    routed: bool,
) -> CellRecord {
    CellRecord {
        key: CellKey { system: system.into(), split: split.into(), seed: 1, variant: variant.into() },
        task,
        labels: words(labels),
        domains: words(&DOMAINS),
        parameters: 11_178_564,
        pictures: [360, 120, frames.len()],
        patients: [120, 40, PATIENTS],
        training_seconds: 432.0,
        versions: BTreeMap::from([("ushydra-host".to_owned(), "0.1.0".to_owned())]),
        epochs,
        domain_positions: if routed && task == Task::Classify { vec![[-2.0, 0.0], [2.0, 0.0]] } else { Vec::new() },
        frames,
    }
}

/// All cells of the made study.
pub(crate) fn cells() -> Vec<CellRecord> {
    let mut cells = vec![
        classifier("ushydra-vit", "split-0", "", 3.0, true),
        classifier("ushydra-vit", "split-1", "", 3.0, true),
        classifier("vit", "split-0", "", 2.8, false),
        classifier("resnet18", "split-0", "", 1.6, false),
        classifier("ushydra-vit", "without-egypt", "", 1.5, true),
        segmenter("ushydra-unet", "", 0.94, true),
        segmenter("unet", "", 0.93, false),
    ];
    for (variant, skill) in [("routing=paper", 2.4), ("routing=oracle", 3.1), ("std=1", 2.5), ("std=10", 2.4)] {
        cells.push(classifier("ushydra-vit", "split-0", variant, skill, true));
    }
    for (variant, skill) in [("noise=0.05", 2.5), ("noise=0.1", 1.8), ("noise=0.2", 0.6), ("gain=0.5", 2.7)] {
        cells.push(classifier("ushydra-vit", "split-0", variant, skill, true));
        cells.push(classifier("vit", "split-0", variant, skill - 0.4, false));
    }
    cells
}

/// A table as `compare` writes it, with words that HTML must not take for its own.
pub(crate) fn table() -> Table {
    let estimate = |mean: f64| Some(Estimate { mean, low: mean - 0.04, high: mean + 0.03 });
    Table {
        name: "table-3-classify".into(),
        title: "Table 3: <routed> decoders & one decoder".into(),
        heads: words(&["Methods", "Dataset"]),
        columns: vec![Column::of(Measure::F1), Column::of(Measure::Accuracy)],
        rows: vec![
            Row {
                labels: words(&["ViT", "low"]),
                figures: vec![estimate(0.91), None],
                printed: Some(PrintedRow { dataset: "African".into(), figures: vec![Some((64.5, "a".into())), None] }),
            },
            Row {
                labels: words(&["USHydra-ViT", "low"]),
                figures: vec![estimate(0.94), estimate(0.945)],
                printed: None,
            },
        ],
        notes: vec!["a: equals another table's row.".into()],
    }
}

/// Writes the study below `folder`.
pub(crate) fn write(folder: &Path, cells: &[CellRecord]) {
    for cell in cells {
        files::write_json(&folder.join("cells").join(cell.key.slug()).join("cell.json"), cell).unwrap();
    }
    // A cell that is under way.
    std::fs::create_dir_all(folder.join("cells/vit.split-1.1")).unwrap();
    table().write(&folder.join("tables")).unwrap();
}

/// Explains a written main cell: heat that grows to the right, or a square drawn too far to the right. Pictures are 40 x 30.
pub(crate) fn explain(folder: &Path, cell: &CellRecord) {
    let at = folder.join("cells").join(cell.key.slug());
    let heat = (0..32 * 32).map(|i| (i % 32 * 8) as u8).collect::<Vec<u8>>();
    let grid = || Grid::try_from(base64(&heat)).unwrap();
    let ring = |left: u32| Ring::try_from(format!("{left},5 {0},5 {0},25 {left},25", left + 20)).unwrap();
    let detail = || match cell.task {
        Task::Classify => Detail::Heat { crop: [4, 0, 32, 30], grid: grid() },
        Task::Segment => Detail::Outlines { reference: vec![ring(5)], prediction: vec![ring(10)] },
    };
    let case = |index: usize, end: End| Case {
        name: cell.frames[index].name.clone(),
        file: format!("pictures/{}", cell.frames[index].name),
        frame: 0,
        size: [40, 30],
        end,
        detail: detail(),
    };
    let labels = if cell.task == Task::Classify { cell.labels.len() } else { 0 };
    let method = match (cell.task, cell.key.system.as_str()) {
        (Task::Segment, _) => Method::Outlines,
        (_, "resnet18") => Method::GradCam,
        _ => Method::AttentionRollout,
    };
    let explained = Explained {
        record: files::sha256_file(&at.join("cell.json")).unwrap(),
        method,
        means: (0..labels).map(|label| Mean { label, pictures: 30, grid: grid() }).collect(),
        cases: vec![case(0, End::Worst), case(1, End::Best)],
    };
    files::write_json(&at.join(EXPLAINED), &explained).unwrap();
}

fn base64(bytes: &[u8]) -> String {
    let value = |i: usize| u32::from(bytes.get(i).copied().unwrap_or(0));
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for at in (0..bytes.len()).step_by(3) {
        let word = (value(at) << 16) | (value(at + 1) << 8) | value(at + 2);
        let filled = (bytes.len() - at).min(3) + 1;
        text.extend(
            (0..4).map(|i| if i < filled { char::from(letters[((word >> (18 - 6 * i)) & 63) as usize]) } else { '=' }),
        );
    }
    text
}
