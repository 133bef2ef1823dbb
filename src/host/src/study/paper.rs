//! The article's printed figures (Tables 3 to 6), and what is wrong with them by arithmetic alone.

use super::system::System;

/// Measures of Tables 3 and 5 in order: precision, recall, F1, accuracy, area under the curve, in percent.
pub const CLASSIFIED: usize = 5;
/// Measures of Tables 4 and 6 in order: Dice, intersection over union, in percent.
pub const DRAWN: usize = 2;

/// One printed row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Printed {
    /// Table of the article.
    pub table: u8,
    /// System.
    pub system: System,
    /// Data set as printed.
    pub dataset: &'static str,
    /// Figures in percent, in the order of the table's columns.
    pub values: &'static [f64],
}

/// Name of the joint test set.
pub const MIXTURE: &str = "Mixture";

const fn row(table: u8, system: System, dataset: &'static str, values: &'static [f64]) -> Printed {
    Printed { table, system, dataset, values }
}

/// Everything that Tables 3 to 6 print.
pub const PRINTED: [Printed; 54] = [
    row(3, System::Vit, "European", &[83.99, 83.90, 83.92, 83.90, 92.67]),
    row(3, System::Vit, "African", &[72.34, 64.50, 66.25, 64.50, 87.56]),
    row(3, System::Vit, "Macao", &[60.08, 60.00, 60.04, 60.00, 82.40]),
    row(3, System::Vit, MIXTURE, &[73.52, 68.97, 73.02, 75.39, 88.39]),
    row(3, System::UshydraVit, "European", &[93.99, 93.75, 93.71, 93.75, 99.29]),
    row(3, System::UshydraVit, "African", &[84.06, 80.00, 78.91, 80.00, 96.29]),
    row(3, System::UshydraVit, "Macao", &[84.06, 85.05, 80.34, 85.05, 95.00]),
    row(3, System::UshydraVit, MIXTURE, &[92.93, 93.70, 93.68, 93.70, 99.17]),
    row(4, System::Unet, "Camus", &[81.72, 69.09]),
    row(4, System::Unet, "EchoNet", &[91.14, 83.72]),
    row(4, System::Unet, MIXTURE, &[85.60, 78.30]),
    row(4, System::UshydraUnet, "Camus", &[93.95, 88.61]),
    row(4, System::UshydraUnet, "EchoNet", &[91.73, 84.77]),
    row(4, System::UshydraUnet, MIXTURE, &[92.90, 85.84]),
    row(5, System::Resnet50, "European", &[88.04, 88.15, 89.12, 88.15, 94.83]),
    row(5, System::Resnet50, "African", &[78.93, 79.00, 78.89, 79.00, 84.05]),
    row(5, System::Resnet50, "Macao", &[66.80, 68.00, 66.36, 68.00, 82.70]),
    row(5, System::Resnet50, MIXTURE, &[91.79, 91.33, 91.38, 91.33, 98.49]),
    row(5, System::Vgg16, "European", &[86.12, 86.19, 86.20, 86.19, 95.29]),
    row(5, System::Vgg16, "African", &[80.52, 83.00, 79.93, 83.00, 84.00]),
    row(5, System::Vgg16, "Macao", &[77.30, 80.00, 78.60, 80.00, 82.67]),
    row(5, System::Vgg16, MIXTURE, &[87.09, 87.00, 86.72, 87.00, 96.51]),
    row(5, System::Densenet121, "European", &[87.30, 87.10, 87.14, 87.10, 93.77]),
    row(5, System::Densenet121, "African", &[78.01, 78.00, 77.02, 78.00, 84.01]),
    row(5, System::Densenet121, "Macao", &[66.80, 60.00, 68.30, 60.00, 82.25]),
    row(5, System::Densenet121, MIXTURE, &[92.74, 92.76, 92.69, 92.67, 98.75]),
    row(5, System::Resnet18, "European", &[83.99, 83.90, 83.92, 83.90, 92.67]),
    row(5, System::Resnet18, "African", &[72.34, 64.50, 66.25, 64.50, 87.56]),
    row(5, System::Resnet18, "Macao", &[60.08, 60.00, 60.04, 60.00, 82.40]),
    row(5, System::Resnet18, MIXTURE, &[73.52, 68.97, 73.02, 75.39, 88.39]),
    row(5, System::UshydraVit, "European", &[93.99, 93.75, 93.71, 93.75, 99.29]),
    row(5, System::UshydraVit, "African", &[84.06, 80.00, 78.91, 80.00, 96.29]),
    row(5, System::UshydraVit, "Macao", &[84.06, 85.05, 80.34, 85.05, 95.00]),
    row(5, System::UshydraVit, MIXTURE, &[92.93, 93.70, 93.68, 93.70, 99.17]),
    row(6, System::Dofe, "Camus", &[86.86, 76.49]),
    row(6, System::Dofe, "EchoNet", &[87.87, 81.14]),
    row(6, System::Dofe, MIXTURE, &[89.81, 81.62]),
    row(6, System::Dofe, "CardiacUDA", &[77.67, 69.72]),
    row(6, System::Segnet, "Camus", &[90.14, 82.28]),
    row(6, System::Segnet, "EchoNet", &[89.66, 81.26]),
    row(6, System::Segnet, MIXTURE, &[92.90, 85.84]),
    row(6, System::Segnet, "CardiacUDA", &[87.16, 77.25]),
    row(6, System::DeeplabV3, "Camus", &[85.21, 74.23]),
    row(6, System::DeeplabV3, "EchoNet", &[89.31, 80.69]),
    row(6, System::DeeplabV3, MIXTURE, &[89.64, 81.23]),
    row(6, System::DeeplabV3, "CardiacUDA", &[74.62, 66.70]),
    row(6, System::Fcn, "Camus", &[88.44, 79.28]),
    row(6, System::Fcn, "EchoNet", &[88.97, 80.13]),
    row(6, System::Fcn, MIXTURE, &[89.81, 81.51]),
    row(6, System::Fcn, "CardiacUDA", &[80.81, 73.62]),
    row(6, System::UshydraUnet, "Camus", &[93.95, 88.61]),
    row(6, System::UshydraUnet, "EchoNet", &[91.73, 84.77]),
    row(6, System::UshydraUnet, MIXTURE, &[92.90, 85.84]),
    row(6, System::UshydraUnet, "CardiacUDA", &[89.26, 84.14]),
];

/// What cannot be right about a printed figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Row after row equals another system's.
    Copied,
    /// Above the mean of precision and recall.
    F1,
    /// Recall is not accuracy.
    Recall,
    /// The whole lies above all of its parts.
    Mixture,
    /// Below `Dice / (2 - Dice)`.
    Overlap,
    /// The text says otherwise.
    Text,
}

impl Mark {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Copied, Self::F1, Self::Recall, Self::Mixture, Self::Overlap, Self::Text];

    /// Letter beside the figure.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Copied => 'a',
            Self::F1 => 'b',
            Self::Recall => 'c',
            Self::Mixture => 'd',
            Self::Overlap => 'e',
            Self::Text => 'f',
        }
    }

    /// Why the figure cannot be right.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Copied => {
                "the same figures stand for another system: Table 3 prints for the ViT what Table 5 prints for ResNet18, and \
                 Table 6 prints for SegNet on the mixture what it prints for USHydra-UNet"
            }
            Self::F1 => {
                "F1 above the mean of precision and recall: a class's F1 is the harmonic mean of its two, so that no average \
                 over classes, plain or weighted, can lie there"
            }
            Self::Recall => {
                "recall and accuracy differ, although every other row prints one number for both (recall weighted by the \
                 classes' sizes is accuracy)"
            }
            Self::Mixture => {
                "the joint test set lies above each of its parts, which no mean over its pictures can: the parts, or the \
                 models, are not the same"
            }
            Self::Overlap => {
                "intersection over union below Dice / (2 - Dice): the mean over pictures cannot be, the function is convex"
            }
            Self::Text => "the article's text gives 91.87 and 84.74 for this row",
        }
    }
}

/// Half a unit of the last printed digit, for every figure that enters a comparison.
const ROUNDING: f64 = 0.005;

/// Everything that is wrong with one figure of a row.
#[must_use]
pub fn marks(row: &Printed, column: usize) -> Vec<Mark> {
    let mut marks = Vec::new();
    let value = row.values[column];
    if PRINTED
        .iter()
        .any(|other| other.system != row.system && other.dataset == row.dataset && other.values == row.values)
    {
        marks.push(Mark::Copied);
    }
    if let [precision, recall, f1, accuracy, _] = *row.values {
        if column == 2 && f1 > f64::midpoint(precision, recall) + 2.0 * ROUNDING {
            marks.push(Mark::F1);
        }
        if column == 1 && (recall - accuracy).abs() > 2.0 * ROUNDING {
            marks.push(Mark::Recall);
        }
    }
    // Only means over pictures are bound by their parts: accuracy (and the recall that equals it), Dice, overlap.
    let is_mean = row.values.len() == DRAWN || column == 3;
    if row.dataset == MIXTURE && is_mean {
        let parts = PRINTED.iter().filter(|p| {
            (p.table, p.system) == (row.table, row.system) && p.dataset != MIXTURE && p.dataset != "CardiacUDA"
        });
        if parts.clone().count() > 0 && parts.clone().all(|p| p.values[column] + 2.0 * ROUNDING < value) {
            marks.push(Mark::Mixture);
        }
    }
    if row.values.len() == DRAWN {
        let dice = (row.values[0] - ROUNDING) / 100.0;
        if column == 1 && value + ROUNDING < 100.0 * dice / (2.0 - dice) {
            marks.push(Mark::Overlap);
        }
        if row.system == System::UshydraUnet && row.dataset == MIXTURE {
            marks.push(Mark::Text);
        }
    }
    marks
}

/// The printed row of a system and data set in a table.
#[must_use]
pub fn printed(table: u8, system: System, dataset: &str) -> Option<&'static Printed> {
    PRINTED.iter().find(|p| (p.table, p.system) == (table, system) && p.dataset == dataset)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_arithmetic_finds() {
        let found = |mark: Mark| -> Vec<String> {
            let mut found = Vec::new();
            for row in &PRINTED {
                if (0..row.values.len()).any(|column| marks(row, column).contains(&mark)) {
                    found.push(format!("{} {} {}", row.table, row.system.name(), row.dataset));
                }
            }
            found
        };
        let copied = found(Mark::Copied);
        assert_eq!(copied.len(), 8 + 3, "{copied:?}");
        assert_eq!(
            found(Mark::F1),
            [
                "3 vit Mixture",
                "3 ushydra-vit Mixture",
                "5 resnet50 European",
                "5 vgg16 European",
                "5 densenet121 Macao",
                "5 resnet18 Mixture",
                "5 ushydra-vit Mixture",
            ]
        );
        assert_eq!(found(Mark::Recall), ["3 vit Mixture", "5 densenet121 Mixture", "5 resnet18 Mixture"]);
        assert_eq!(
            found(Mark::Mixture),
            [
                "5 resnet50 Mixture",
                "5 vgg16 Mixture",
                "5 densenet121 Mixture",
                "6 dofe Mixture",
                "6 segnet Mixture",
                "6 deeplab-v3 Mixture",
                "6 fcn Mixture",
            ]
        );
        assert_eq!(
            found(Mark::Overlap),
            ["4 ushydra-unet Mixture", "6 dofe Camus", "6 segnet Mixture", "6 ushydra-unet Mixture"]
        );
        assert_eq!(found(Mark::Text).len(), 2);
        let lengths = |table: u8| if table % 2 == 1 { CLASSIFIED } else { DRAWN };
        assert!(PRINTED.iter().all(|row| row.values.len() == lengths(row.table)));
        assert_eq!(printed(6, System::Dofe, "CardiacUDA").unwrap().values, [77.67, 69.72]);
    }
}
