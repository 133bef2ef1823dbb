//! Which answers of a cell are shown: the worst and the best.

use serde::{Deserialize, Serialize};

use crate::evaluate::metrics::argmax;
use crate::study::record::{Answer, CellRecord, Frame};

/// Pictures of a cell that are shown from either end.
const WORST: usize = 4;
const BEST: usize = 2;

/// From which end a picture was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// Little probability of the truth (surely wrong, where there are enough errors), or little Dice.
    Worst,
    /// Much of it.
    Best,
}

impl End {
    /// As captions begin.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Worst => "Worst",
            Self::Best => "Best",
        }
    }
}

/// Indices of frames from both ends, the worst first. Names settle ties, so that the same record shows the same pictures; a picture
/// of no label is neither.
#[must_use]
pub fn chosen(record: &CellRecord) -> Vec<(usize, End)> {
    let frames = record.frames.iter().enumerate();
    let mut judged: Vec<(f64, &str, usize)> =
        frames.filter_map(|(index, f)| Some((goodness(f)?, f.name.as_str(), index))).collect();
    judged.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
    let best = judged.split_off(judged.len().saturating_sub(BEST));
    judged.truncate(WORST);
    let worst = judged.into_iter().map(|(_, _, index)| (index, End::Worst));
    worst.chain(best.into_iter().rev().map(|(_, _, index)| (index, End::Best))).collect()
}

/// How good an answer is: the probability of the truth, or Dice.
fn goodness(frame: &Frame) -> Option<f64> {
    match &frame.answer {
        Answer::Class { label, probabilities } => probabilities.get((*label)?).copied(),
        Answer::Mask { dice, .. } => Some(*dice),
    }
}

/// What a reader should know of an answer.
#[must_use]
pub fn words(record: &CellRecord, frame: &Frame) -> String {
    let name = |list: &[String], index: usize| list.get(index).cloned().unwrap_or_default();
    let domain = name(&record.domains, frame.domain);
    match &frame.answer {
        Answer::Class { label, probabilities } => {
            let answer = argmax(probabilities);
            let said = name(&record.labels, answer);
            let probability = probabilities.get(answer).copied().unwrap_or_default();
            let verdict = match label {
                Some(truth) if *truth == answer => format!("right: {said} ({probability:.2})"),
                Some(truth) => format!("wrong: {said} ({probability:.2}), truth {}", name(&record.labels, *truth)),
                None => format!("{said} ({probability:.2}), truth unknown"),
            };
            format!("{verdict}; domain {domain}")
        }
        Answer::Mask { dice, hd95_px, .. } => {
            let distance = hd95_px.map_or_else(String::new, |d| format!(", HD95 {d:.1} px"));
            format!("Dice {dice:.3}{distance}; domain {domain}")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::study::record::{CellKey, Task};

    fn record(answers: Vec<Answer>) -> CellRecord {
        let frame = |(i, answer)| Frame {
            name: format!("{i:02}"),
            patient: String::new(),
            domain: 0,
            device: String::new(),
            decoder: None,
            in_domain: None,
            position: None,
            answer,
        };
        CellRecord {
            key: CellKey { system: "s".into(), split: "p".into(), seed: 1, variant: String::new() },
            task: Task::Classify,
            labels: vec!["a".into(), "b".into()],
            domains: vec!["low".into()],
            parameters: 0,
            pictures: [0; 3],
            patients: [0; 3],
            training_seconds: 0.0,
            versions: BTreeMap::new(),
            epochs: Vec::new(),
            domain_positions: Vec::new(),
            frames: answers.into_iter().enumerate().map(frame).collect(),
        }
    }

    fn class(label: Option<usize>, a: f64) -> Answer {
        Answer::Class { label, probabilities: vec![a, 1.0 - a] }
    }

    #[test]
    fn surely_wrong_and_surely_right() {
        let answers = [0.9, 0.05, 0.5, 0.01, 0.99, 0.3, 0.02, 0.02].map(|a| class(Some(0), a));
        let mut record = record(answers.to_vec());
        record.frames[0].answer = class(None, 0.0);
        let found = chosen(&record);
        let ends = |end| found.iter().filter(|f| f.1 == end).map(|f| f.0).collect::<Vec<_>>();
        assert_eq!((ends(End::Worst), ends(End::Best)), (vec![3, 6, 7, 1], vec![4, 2]));
        assert_eq!(words(&record, &record.frames[3]), "wrong: b (0.99), truth a; domain low");
        assert_eq!(words(&record, &record.frames[4]), "right: a (0.99); domain low");
        assert_eq!(words(&record, &record.frames[0]), "b (1.00), truth unknown; domain low");
    }

    #[test]
    fn few_pictures_are_not_shown_twice() {
        let mask = |dice| Answer::Mask { dice, iou: dice, hd95_px: None, hd95_mm: None };
        assert_eq!(chosen(&record(vec![mask(0.5)])), [(0, End::Best)]);
        assert_eq!(
            chosen(&record(vec![mask(0.5), mask(0.1), mask(0.9)])),
            [(1, End::Worst), (2, End::Best), (0, End::Best)]
        );
        assert!(chosen(&record(vec![])).is_empty());
    }
}
