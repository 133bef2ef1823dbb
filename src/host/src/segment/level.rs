//! The level of a decoder's logits: its masks are as large as the true ones.
//!
//! A loss with a Dice term rewards masks that are a little too large where the edge is unsure. The last bias of a decoder is
//! therefore moved until the area cut at probability one half equals the true area over the validation pictures.

/// The value `t` for which as many `logits` lie above it as `area`, the sum of the covered shares, says. Moving the logits
/// by `-t` makes the cut at 0 right. None without a logit, or for an area that no cut gives.
pub(crate) fn level(logits: &mut [f32], area: f64) -> Option<f32> {
    let wanted = area.round();
    if !(wanted >= 1.0 && wanted < logits.len() as f64) {
        return None;
    }
    // The `wanted` largest stand before this place.
    let (_, cut, _) = logits.select_nth_unstable_by(wanted as usize, |a, b| b.total_cmp(a));
    cut.is_finite().then_some(*cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_lie_above_as_wanted() {
        let values = [3.0, -1.0, 0.5, 2.0, -4.0, 0.25];
        for (area, expected) in [(1.0, 2.0), (2.2, 0.5), (4.0, -1.0)] {
            let cut = level(&mut values.clone(), area);
            assert_eq!(cut, Some(expected));
            let above = values.iter().filter(|v| **v > expected).count();
            assert!((above as f64 - area).abs() < 0.5, "{area}");
        }
        assert_eq!(level(&mut values.clone(), 6.0), None);
        assert_eq!(level(&mut values.clone(), 0.0), None);
        assert_eq!(level(&mut [], 1.0), None);
    }
}
