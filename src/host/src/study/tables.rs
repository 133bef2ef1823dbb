//! The main tables of a study: those of the article with our figures, what the systems cost, and paired differences.

use std::collections::BTreeMap;

use super::ablation::Variant;
use super::config::TaskConfig;
use super::figures::{Draws, Measure, difference, figure};
use super::paper::{MIXTURE, Mark, marks, printed};
use super::plan::Planned;
use super::record::{CellRecord, Frame, Task};
use super::system::System;
use super::table::{Column, PrintedRow, Row, Table, exact};

/// A finished cell with its plan.
pub(super) type Finished<'a> = (&'a Planned, CellRecord);

const CLASSIFIED: [Measure; 7] = [
    Measure::Precision,
    Measure::Recall,
    Measure::F1,
    Measure::Accuracy,
    Measure::Auc,
    Measure::MacroF1,
    Measure::Calibration,
];
const DRAWN: [Measure; 3] = [Measure::Dice, Measure::Iou, Measure::Hd95];
const ROUTED: [Measure; 2] = [Measure::OwnDecoder, Measure::InDomain];

/// What all tables of one task need.
pub(super) struct Context<'a> {
    /// The task.
    pub(super) task: Task,
    /// Its configuration.
    pub(super) config: &'a TaskConfig,
    /// Name of the study.
    pub(super) study: &'a str,
    /// Labels.
    pub(super) labels: &'a [String],
    /// Domains in the recipe's order.
    pub(super) domains: &'a [String],
    /// Finished cells of the task.
    pub(super) cells: Vec<&'a Finished<'a>>,
    /// How intervals are drawn.
    pub(super) draws: Draws,
}

/// One of the article's tables.
struct Form {
    number: u8,
    title: &'static str,
    systems: &'static [System],
}

const FORMS: [(Task, Form); 4] = [
    (
        Task::Classify,
        Form {
            number: 3,
            title: "the routed decoders against one decoder on the same encoder",
            systems: &[System::Vit, System::UshydraVit],
        },
    ),
    (
        Task::Classify,
        Form {
            number: 5,
            title: "classifiers",
            systems: &[System::Resnet50, System::Vgg16, System::Densenet121, System::Resnet18, System::UshydraVit],
        },
    ),
    (
        Task::Segment,
        Form {
            number: 4,
            title: "the routed decoders against one decoder",
            systems: &[System::Unet, System::UshydraUnet],
        },
    ),
    (
        Task::Segment,
        Form {
            number: 6,
            title: "segmenters",
            systems: &[System::Dofe, System::Segnet, System::DeeplabV3, System::Fcn, System::UshydraUnet],
        },
    ),
];

impl Context<'_> {
    /// Measures of the task.
    #[must_use]
    pub(super) const fn measures(&self) -> &'static [Measure] {
        match self.task {
            Task::Classify => &CLASSIFIED,
            Task::Segment => &DRAWN,
        }
    }

    /// The measure that a single figure stands for.
    #[must_use]
    pub(super) const fn first(&self) -> Measure {
        match self.task {
            Task::Classify => Measure::Accuracy,
            Task::Segment => Measure::Dice,
        }
    }

    /// Main cells of a system.
    pub(super) fn main(&self, system: System) -> impl Iterator<Item = &CellRecord> {
        let cells = self.cells.iter().filter(move |(plan, _)| {
            plan.system == system && plan.variant == Variant::Main && plan.split.rule.is_main()
        });
        cells.map(|(_, record)| record)
    }

    /// All tables of the task.
    #[must_use]
    pub(super) fn tables(&self) -> Vec<Table> {
        let forms = FORMS.iter().filter(|(task, _)| *task == self.task).map(|(_, form)| form);
        let mut tables: Vec<Table> = forms.filter_map(|form| self.table(form)).collect();
        tables.extend(self.differences());
        tables.extend(self.cost());
        tables
    }

    fn table(&self, form: &Form) -> Option<Table> {
        if !form.systems.iter().any(|s| self.main(*s).next().is_some()) {
            return None;
        }
        let mut rows = Vec::new();
        let mut used = Vec::new();
        for &system in form.systems {
            if !self.config.systems.contains(&system) {
                continue;
            }
            let records: Vec<&CellRecord> = self.main(system).collect();
            let datasets = self.domains.iter().map(|d| (d.as_str(), self.config.printed.get(d).map(String::as_str)));
            let unseen =
                self.config.unseen.iter().map(|d| (d.as_str(), self.config.printed.get(d).map(String::as_str)));
            for (dataset, theirs) in datasets.chain([(MIXTURE, Some(MIXTURE))]).chain(unseen) {
                let frames = self.frames(&records, dataset);
                let printed = theirs.and_then(|theirs| printed(form.number, system, theirs)).map(|row| PrintedRow {
                    dataset: row.dataset.to_owned(),
                    figures: (0..row.values.len())
                        .map(|column| {
                            let marks = marks(row, column);
                            used.extend(marks.iter().copied());
                            Some((row.values[column], marks.into_iter().map(Mark::letter).collect()))
                        })
                        .collect(),
                });
                rows.push(Row {
                    labels: vec![system.title().to_owned(), dataset.to_owned()],
                    figures: self.figures(&frames, system.is_routed()),
                    printed,
                });
            }
        }
        let mut columns = vec![Column::number("Pictures", 0)];
        columns.splice(0..0, self.measures().iter().map(|m| Column::of(*m)));
        columns.extend(ROUTED.map(Column::of));
        used.sort_unstable();
        used.dedup();
        let mut notes = self.notes();
        notes.push(
            "Figures of the article stand in italics below ours, quoted as printed. Its data sets are others than ours: the \
             domain that a row is laid beside is only the nearest in kind."
                .to_owned(),
        );
        notes.extend(used.into_iter().map(|m| format!("({}) In the article: {}.", m.letter(), m.reason())));
        Some(Table {
            name: format!("table-{}", form.number),
            title: format!("{}: Table {} of the article, {}", self.study, form.number, form.title),
            heads: vec!["Methods".to_owned(), "Dataset".to_owned()],
            columns,
            rows,
            notes,
        })
    }

    /// Measures, pictures and routing of `frames`.
    fn figures(&self, frames: &[&Frame], routed: bool) -> Vec<Option<crate::evaluate::bootstrap::Estimate>> {
        let draw = |measure: &Measure| figure(frames, self.labels.len(), *measure, self.draws);
        let mut figures: Vec<_> = self.measures().iter().map(draw).collect();
        let labelled = frames.iter().filter(|f| is_labelled(f)).count();
        figures.push((labelled > 0).then(|| exact(labelled as f64)));
        figures.extend(ROUTED.iter().map(|m| if routed { draw(m) } else { None }));
        figures
    }

    /// Test frames of `dataset`: a domain, or all that were trained on.
    fn frames<'r>(&self, records: &[&'r CellRecord], dataset: &str) -> Vec<&'r Frame> {
        let mut frames = Vec::new();
        for record in records {
            let wanted = |frame: &&Frame| {
                let domain = record.domains.get(frame.domain).map_or("", String::as_str);
                if dataset == MIXTURE { !self.config.unseen.iter().any(|u| u == domain) } else { domain == dataset }
            };
            frames.extend(record.frames.iter().filter(wanted).filter(|f| is_labelled(f)));
        }
        frames
    }

    /// Every system minus the routed one on the same pictures.
    fn differences(&self) -> Option<Table> {
        let routed = self.config.systems.iter().copied().find(|s| s.is_routed())?;
        let measures: &[Measure] = match self.task {
            Task::Classify => &[Measure::Accuracy, Measure::MacroF1, Measure::Auc],
            Task::Segment => &[Measure::Dice, Measure::Iou],
        };
        let mut rows = Vec::new();
        for &system in self.config.systems.iter().filter(|s| **s != routed) {
            for dataset in self.domains.iter().map(String::as_str).chain([MIXTURE]) {
                let [ours, theirs] = [routed, system].map(|s| self.main(s).collect::<Vec<_>>());
                let pairs = pairs(&ours, &theirs, |records| self.frames(records, dataset));
                if pairs.is_empty() {
                    continue;
                }
                let mut figures = Vec::new();
                for measure in measures {
                    let found = difference(&pairs, self.labels.len(), *measure, self.draws);
                    figures.push(found.map(|f| f.difference));
                    figures.push(found.map(|f| exact(f.p)));
                }
                let labels = vec![format!("{} − {}", routed.title(), system.title()), dataset.to_owned()];
                rows.push(Row { labels, figures, printed: None });
            }
        }
        if rows.is_empty() {
            return None;
        }
        let columns = measures.iter().flat_map(|m| {
            let column = Column::of(*m);
            let title = column.title.trim_end_matches(" (%)").to_owned();
            let p = Column { name: format!("{}-p", column.name), ..Column::number(&format!("p ({title})"), 4) };
            [Column { title: format!("{title} (points)"), ..column }, p]
        });
        Some(Table {
            name: format!("differences-{}", self.task.name()),
            title: format!("{}: {} minus the other systems on the same test pictures", self.study, routed.title()),
            heads: vec!["Systems".to_owned(), "Dataset".to_owned()],
            columns: columns.collect(),
            rows,
            notes: vec![format!(
                "Paired bootstrap over {} resamples of the patients; p is two-sided and not corrected for the number of comparisons.",
                self.draws.resamples
            )],
        })
    }

    /// What each system needs.
    fn cost(&self) -> Option<Table> {
        let mut rows = Vec::new();
        for &system in &self.config.systems {
            let records: Vec<&CellRecord> = self.main(system).collect();
            let Some(first) = records.first() else { continue };
            let mean = records.iter().map(|r| r.training_seconds).sum::<f64>() / records.len() as f64;
            let epochs = records.iter().map(|r| r.epochs.len()).max().unwrap_or(0);
            rows.push(Row {
                labels: vec![system.title().to_owned()],
                figures: vec![
                    Some(exact(first.parameters as f64 / 1e6)),
                    Some(exact(mean)),
                    (epochs > 0).then(|| exact(epochs as f64)),
                    Some(exact(records.len() as f64)),
                ],
                printed: None,
            });
        }
        if rows.is_empty() {
            return None;
        }
        let mut notes = vec![
            "Seconds of training per cell, on the machine and backend of this study, over interruptions; other work on the \
             machine is in them."
                .to_owned(),
        ];
        if self.config.systems.iter().any(|s| s.is_vit()) {
            notes.push(
                "The ViT systems share one frozen encoder, whose weights are counted; the time of its features, computed once \
                 for all of them, is not."
                    .to_owned(),
            );
        }
        let columns = [("Weights (million)", 2), ("Seconds", 0), ("Epochs", 0), ("Cells", 0)];
        Some(Table {
            name: format!("cost-{}", self.task.name()),
            title: format!("{}: size and time", self.study),
            heads: vec!["Methods".to_owned()],
            columns: columns.map(|(title, digits)| Column::number(title, digits)).to_vec(),
            rows,
            notes,
        })
    }

    /// What every table says about how its figures came about.
    #[must_use]
    pub(super) fn notes(&self) -> Vec<String> {
        let mut parts: BTreeMap<(&str, u64), &CellRecord> = BTreeMap::new();
        for (plan, record) in &self.cells {
            if plan.variant == Variant::Main && plan.split.rule.is_main() {
                parts.insert((&record.key.split, record.key.seed), record);
            }
        }
        let splits = parts.iter().map(|((split, seed), r)| {
            format!(
                "{split}, seed {seed}: {} / {} / {} pictures of {} / {} / {} patients for training, validation and test",
                r.pictures[0], r.pictures[1], r.pictures[2], r.patients[0], r.patients[1], r.patients[2]
            )
        });
        let splits: Vec<String> = splits.collect();
        let averages = match self.task {
            Task::Classify => {
                " Precision, recall and F1 weight the classes by their pictures, as the article's figures do (its recall equals \
                 its accuracy); F1 macro weighs them alike. AUC is the mean over the classes of one against the rest; ECE is the \
                 expected calibration error."
            }
            Task::Segment => {
                " Masks are compared in the pictures' own pixels after the device's clean-up; HD95 leaves out pictures whose mask \
                 is empty."
            }
        };
        vec![
            format!(
                "95 % intervals in brackets: percentile bootstrap over {} resamples of the patients.{averages}",
                self.draws.resamples
            ),
            format!("{}.", splits.join("; ")),
        ]
    }
}

/// Whether a frame counts: pictures of no label show how often an answer is withheld, not how good it is.
fn is_labelled(frame: &Frame) -> bool {
    !matches!(frame.answer, super::record::Answer::Class { label: None, .. })
}

/// Answers of two systems to the same pictures of the same splits and seeds.
pub(super) fn pairs<'r>(
    first: &[&'r CellRecord],
    second: &[&'r CellRecord],
    frames: impl Fn(&[&'r CellRecord]) -> Vec<&'r Frame>,
) -> Vec<(&'r Frame, &'r Frame)> {
    let mut pairs = Vec::new();
    for &a in first {
        let same = |b: &&&CellRecord| (&b.key.split, b.key.seed) == (&a.key.split, a.key.seed);
        let Some(&b) = second.iter().find(same) else { continue };
        let theirs: BTreeMap<&str, &Frame> = frames(&[b]).into_iter().map(|f| (f.name.as_str(), f)).collect();
        pairs.extend(frames(&[a]).into_iter().filter_map(|f| Some((f, *theirs.get(f.name.as_str())?))));
    }
    pairs
}
