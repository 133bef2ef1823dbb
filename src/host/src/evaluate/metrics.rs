//! Accuracy, F1, confusion.

/// Index of the largest value; the first of equals.
#[must_use]
pub fn argmax(values: &[f64]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

/// Counts of (truth, answer) pairs, `classes x classes`, rows are truths.
#[must_use]
pub fn confusion(pairs: &[(usize, usize)], classes: usize) -> Vec<Vec<usize>> {
    let mut matrix = vec![vec![0; classes]; classes];
    for &(truth, answer) in pairs {
        matrix[truth][answer] += 1;
    }
    matrix
}

/// Mean over the classes of `2 TP / (2 TP + FP + FN)`; classes that neither occur nor are answered are left out.
#[must_use]
pub fn macro_f1(confusion: &[Vec<usize>]) -> f64 {
    let mut scores = Vec::new();
    for (class, row) in confusion.iter().enumerate() {
        let right = row[class];
        let truths: usize = row.iter().sum();
        let answers: usize = confusion.iter().map(|r| r[class]).sum();
        if truths + answers > 0 {
            scores.push(2.0 * right as f64 / (truths + answers) as f64);
        }
    }
    scores.iter().sum::<f64>() / scores.len().max(1) as f64
}

/// Probability that a random member of `positive` scores above one of `negative` (ties count half): the area under
/// the receiver operating characteristic. None where a side is empty.
#[must_use]
pub fn area_under_curve(positive: &[f64], negative: &[f64]) -> Option<f64> {
    if positive.is_empty() || negative.is_empty() {
        return None;
    }
    let mut wins = 0.0;
    for p in positive {
        for n in negative {
            wins += if p > n { 1.0 } else { 0.5 * f64::from(u8::from(p == n)) };
        }
    }
    Some(wins / (positive.len() * negative.len()) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(argmax(&[0.2, 0.5, 0.5]), 1);
        let pairs = [(0, 0), (0, 1), (1, 1), (1, 1), (2, 0)];
        let matrix = confusion(&pairs, 3);
        assert_eq!(matrix, [[1, 1, 0], [0, 2, 0], [1, 0, 0]]);
        // F1: 2*1/(2+2) = 0.5, 2*2/(2+3) = 0.8, 0.
        assert!((macro_f1(&matrix) - 1.3 / 3.0).abs() < 1e-12);
        assert_eq!(area_under_curve(&[0.9, 0.5], &[0.5, 0.1]), Some(0.875));
        assert_eq!(area_under_curve(&[], &[0.5]), None);
    }
}
