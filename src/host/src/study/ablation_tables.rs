//! Tables and curves of the ablations.

use super::ablation::Variant;
use super::degrade::Degradation;
use super::figures::{Measure, difference, figure};
use super::record::{Answer, CellRecord, Frame, Task};
use super::system::System;
use super::table::{Column, Row, Table, exact};
use super::tables::{Context, pairs};

/// One ablation: cells whose variants belong together.
struct Group {
    name: &'static str,
    title: &'static str,
    note: &'static str,
    holds: fn(&Variant) -> bool,
}

const GROUPS: [Group; 6] = [
    Group {
        name: "routing",
        title: "ways to a decoder",
        note: "Same decoders, same test pictures; only the way a picture finds its decoder differs. `oracle` knows the true domain.",
        holds: |v| matches!(v, Variant::Routing(_)),
    },
    Group {
        name: "std",
        title: "weight of the standard deviation in Eq. (11), mode `paper`",
        note: "The article's weight is 10.",
        holds: |v| matches!(v, Variant::Std(_)),
    },
    Group {
        name: "quality",
        title: "evidence of the router",
        note: "Pixel moments alone, features alone, both, by mode; statistics are made anew from the same training pictures.",
        holds: |v| matches!(v, Variant::Evidence(..)),
    },
    Group {
        name: "int8",
        title: "int8 decoders against f32",
        note: "The router reads the same features; only the decoders are quantised, with training pictures alone.",
        holds: |v| matches!(v, Variant::Int8),
    },
    Group {
        name: "others",
        title: "share of the other domains in the training of a decoder",
        note: "0 is the article's one-hot weighting of Eq. (1) and (2), 1 trains every decoder on all pictures alike.",
        holds: |v| matches!(v, Variant::Others(_)),
    },
    Group {
        name: "domains",
        title: "number of domains",
        note: "Same split of the patients; decoders and router are made anew for the other division. Own decoder counts the new domains.",
        holds: |v| matches!(v, Variant::Domains(_)),
    },
];

/// All ablations of a task that have finished cells.
#[must_use]
pub(super) fn tables(context: &Context<'_>) -> Vec<Table> {
    let mut tables: Vec<Table> = GROUPS.iter().filter_map(|group| one(context, group)).collect();
    tables.extend(strangers(context));
    tables.extend(curves(context));
    tables
}

fn measures(task: Task) -> &'static [Measure] {
    match task {
        Task::Classify => &[
            Measure::Accuracy,
            Measure::MacroF1,
            Measure::Auc,
            Measure::Calibration,
            Measure::OwnDecoder,
            Measure::InDomain,
        ],
        Task::Segment => &[Measure::Dice, Measure::Iou, Measure::Hd95, Measure::OwnDecoder, Measure::InDomain],
    }
}

/// The main cell that an ablation's cell is laid beside.
fn base<'c>(context: &'c Context<'_>, record: &CellRecord) -> Option<&'c CellRecord> {
    let same = |r: &&CellRecord| (&r.key.split, r.key.seed) == (&record.key.split, record.key.seed);
    context.main(System::named(&record.key.system)?).find(same)
}

fn one(context: &Context<'_>, group: &Group) -> Option<Table> {
    let cells: Vec<_> = context.cells.iter().filter(|(plan, _)| (group.holds)(&plan.variant)).collect();
    let mut rows = Vec::new();
    let mut shown = Vec::new();
    for (plan, record) in cells {
        let main = base(context, record);
        if let Some(main) = main
            && !shown.contains(&plan.system)
        {
            shown.push(plan.system);
            rows.push(row(context, plan.system, "as compared", main, None));
        }
        rows.push(row(context, plan.system, &plan.key.variant, record, main));
    }
    if rows.is_empty() {
        return None;
    }
    Some(Table {
        name: format!("ablation-{}-{}", group.name, context.task.name()),
        title: format!("{}: {}", context.study, group.title),
        heads: vec!["Methods".to_owned(), "Setting".to_owned()],
        columns: columns(context),
        rows,
        notes: vec![group.note.to_owned(), change_note(context)],
    })
}

fn change_note(context: &Context<'_>) -> String {
    format!(
        "The last columns: {} minus that of the setting as compared, paired on the same pictures, and its two-sided p. 95 % \
         intervals over {} resamples of the patients.",
        context.first().title().trim_end_matches(" (%)"),
        context.draws.resamples
    )
}

fn columns(context: &Context<'_>) -> Vec<Column> {
    let mut columns: Vec<Column> = measures(context.task).iter().map(|m| Column::of(*m)).collect();
    columns.push(Column {
        title: "Change (points)".to_owned(),
        name: "change".to_owned(),
        ..Column::of(context.first())
    });
    columns.push(Column::number("p", 4));
    columns
}

fn row(context: &Context<'_>, system: System, setting: &str, record: &CellRecord, main: Option<&CellRecord>) -> Row {
    let frames = seen(context, record);
    let labels = context.labels.len();
    let mut figures: Vec<_> =
        measures(context.task).iter().map(|m| figure(&frames, labels, *m, context.draws)).collect();
    let change = main.and_then(|main| {
        let pairs = pairs(&[record], &[main], |records| records.iter().flat_map(|r| seen(context, r)).collect());
        difference(&pairs, labels, context.first(), context.draws)
    });
    figures.push(change.map(|c| c.difference));
    figures.push(change.map(|c| exact(c.p)));
    Row { labels: vec![system.title().to_owned(), setting.to_owned()], figures, printed: None }
}

/// Frames that a figure counts: labelled ones of domains that were trained on.
fn seen<'r>(context: &Context<'_>, record: &'r CellRecord) -> Vec<&'r Frame> {
    let unseen = |f: &Frame| record.domains.get(f.domain).is_some_and(|d| context.config.unseen.contains(d));
    let labelled = |f: &Frame| !matches!(f.answer, Answer::Class { label: None, .. });
    record.frames.iter().filter(|f| labelled(f) && !unseen(f)).collect()
}

/// Devices, countries and domains that were left out of the training.
fn strangers(context: &Context<'_>) -> Option<Table> {
    let mut rows = Vec::new();
    let cells: Vec<_> =
        context.cells.iter().filter(|(plan, _)| plan.variant == Variant::Main && !plan.split.rule.is_main()).collect();
    for (plan, record) in &cells {
        // The routed system's control on the same strangers.
        let control = match plan.system {
            System::UshydraVit => Some(System::Vit),
            System::UshydraUnet => Some(System::Unet),
            _ => None,
        };
        let control = control.and_then(|control| {
            let same = |(p, r): &&&&super::tables::Finished<'_>| p.system == control && r.key.split == record.key.split;
            cells.iter().find(same).map(|(_, record)| record)
        });
        let mut row = row(context, plan.system, &plan.split.name, record, control);
        row.figures.insert(0, Some(exact(seen(context, record).len() as f64)));
        rows.push(row);
    }
    if rows.is_empty() {
        return None;
    }
    let mut columns = columns(context);
    columns.insert(0, Column::number("Pictures", 0));
    Some(Table {
        name: format!("ablation-strangers-{}", context.task.name()),
        title: format!("{}: tested on devices, countries and domains that were not trained on", context.study),
        heads: vec!["Methods".to_owned(), "Split".to_owned()],
        columns,
        rows,
        notes: vec![format!(
            "Only the pictures that were left out are judged; the change is that of the routed system against the single decoder on \
             the same pictures. 95 % intervals over {} resamples of the patients.",
            context.draws.resamples
        )],
    })
}

/// Degraded test pictures: the first measure, and which decoder answered, against the strength.
fn curves(context: &Context<'_>) -> Option<Table> {
    let mut points: Vec<(System, &'static str, f64, &CellRecord)> = Vec::new();
    for (plan, record) in &context.cells {
        let Variant::Degraded(degradation) = plan.variant else { continue };
        let (kind, strength, nothing) = match degradation {
            Degradation::Noise(s) => ("noise", s, 0.0),
            Degradation::Blur(s) => ("blur", s, 0.0),
            Degradation::Gain(s) => ("gain", s, 1.0),
        };
        // Every curve begins with the pictures as they are.
        let begun = points.iter().any(|(s, k, ..)| (*s, *k) == (plan.system, kind));
        if let Some(main) = base(context, record).filter(|_| !begun) {
            points.push((plan.system, kind, nothing, main));
        }
        points.push((plan.system, kind, strength, record));
    }
    points.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
    let domains = points.iter().find_map(|(system, _, _, record)| {
        system
            .is_routed()
            .then(|| record.domains.iter().filter(|d| !context.config.unseen.contains(d)).cloned().collect())
    });
    let domains: Vec<String> = domains.unwrap_or_default();
    let mut rows = Vec::new();
    for (system, kind, strength, record) in points {
        let frames = seen(context, record);
        let mut figures: Vec<_> =
            measures(context.task).iter().map(|m| figure(&frames, context.labels.len(), *m, context.draws)).collect();
        for decoder in 0..domains.len() {
            let answered = frames.iter().filter(|f| f.decoder == Some(decoder)).count();
            let share = answered as f64 / frames.len().max(1) as f64;
            figures.push(system.is_routed().then(|| exact(share)));
        }
        let labels = vec![system.title().to_owned(), kind.to_owned(), format!("{strength}")];
        rows.push(Row { labels, figures, printed: None });
    }
    if rows.is_empty() {
        return None;
    }
    let mut columns: Vec<Column> = measures(context.task).iter().map(|m| Column::of(*m)).collect();
    columns.extend(domains.iter().map(|domain| Column {
        title: format!("Decoder {domain} (%)"),
        name: format!("decoder-{domain}"),
        scale: 100.0,
        digits: 1,
    }));
    Some(Table {
        name: format!("ablation-degraded-{}", context.task.name()),
        title: format!("{}: degraded test pictures", context.study),
        heads: vec!["Methods".to_owned(), "Degradation".to_owned(), "Strength".to_owned()],
        columns,
        rows,
        notes: vec![
            "Noise: standard deviation as a share of white, where the frame is not black. Blur: standard deviation as a share of the \
             frame's shorter side. Gain: factor on the grey levels. Every system sees the same degraded pictures."
                .to_owned(),
        ],
    })
}
