//! Turning points of the area curve.

/// A turning point of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    /// Index into the curve.
    pub at: usize,
    /// Value there.
    pub value: f64,
    /// Maximum (end-diastole of an area curve) or minimum (end-systole).
    pub maximum: bool,
    /// Whether the curve was seen to rise and fall on both sides. The first and last turn of a cine may be ends of the recording.
    pub confirmed: bool,
}

/// Writes the alternating turning points whose rise or fall is at least `threshold` into `turns` (cleared first).
///
/// A candidate follows the curve while it goes on in one direction and becomes a turn when the curve comes back by `threshold`;
/// smaller waves are passed over, whatever their length. The first turn and a last one that the recording ends after are
/// given as unconfirmed where they lie `threshold` away from their neighbour.
pub fn turning_points(curve: &[f64], threshold: f64, turns: &mut Vec<Turn>) {
    turns.clear();
    let Some(&first) = curve.first() else { return };
    if threshold.is_nan() || threshold <= 0.0 {
        return;
    }
    let (mut high, mut low) = ((0, first), (0, first));
    // Before the first large move both a maximum and a minimum may come.
    let mut seeking: Option<bool> = None;
    for (at, &value) in curve.iter().enumerate() {
        if value > high.1 {
            high = (at, value);
        }
        if value < low.1 {
            low = (at, value);
        }
        let falls = high.1 - value >= threshold && seeking != Some(false);
        let rises = value - low.1 >= threshold && seeking != Some(true);
        if falls {
            turns.push(Turn { at: high.0, value: high.1, maximum: true, confirmed: seeking.is_some() });
            low = (at, value);
            seeking = Some(false);
        } else if rises {
            turns.push(Turn { at: low.0, value: low.1, maximum: false, confirmed: seeking.is_some() });
            high = (at, value);
            seeking = Some(true);
        }
    }
    match seeking {
        Some(true) => turns.push(Turn { at: high.0, value: high.1, maximum: true, confirmed: false }),
        Some(false) => turns.push(Turn { at: low.0, value: low.1, maximum: false, confirmed: false }),
        None => {}
    }
}

/// Median of a slice, which is sorted in place; `None` for an empty one.
pub fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { upper } else { f64::midpoint(values[middle - 1], upper) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_of_simple_curves() {
        struct Case {
            name: &'static str,
            curve: &'static [f64],
            turns: &'static [(usize, bool, bool)],
        }
        let cases = [
            Case { name: "empty", curve: &[], turns: &[] },
            Case { name: "flat", curve: &[5.0; 9], turns: &[] },
            Case { name: "small waves", curve: &[5.0, 5.5, 5.0, 5.6, 5.1], turns: &[] },
            Case {
                name: "one beat from end-diastole",
                curve: &[9.0, 7.0, 4.0, 2.0, 4.0, 8.0, 9.0],
                turns: &[(0, true, false), (3, false, true), (6, true, false)],
            },
            Case {
                name: "a notch is no beat",
                curve: &[9.0, 6.0, 6.4, 2.0, 4.0, 3.8, 8.0, 9.0, 5.0],
                turns: &[(0, true, false), (3, false, true), (7, true, true), (8, false, false)],
            },
            Case { name: "half a beat", curve: &[9.0, 6.0, 2.0], turns: &[(0, true, false), (2, false, false)] },
        ];
        for case in cases {
            let mut turns = Vec::new();
            turning_points(case.curve, 2.0, &mut turns);
            let found: Vec<_> = turns.iter().map(|turn| (turn.at, turn.maximum, turn.confirmed)).collect();
            assert_eq!(found, case.turns, "{}", case.name);
        }
    }

    #[test]
    fn medians() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0]), Some(3.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 9.0]), Some(3.0));
    }
}
