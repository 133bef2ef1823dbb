//! The order of the files in a folder.

use std::cmp::Ordering;

/// Compares names as people count: runs of digits by their value (`frame2` before `frame10`), everything else byte by
/// byte. Names that are equal in this sense (`1` and `01`) are compared byte by byte, so the order is total.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    loop {
        match (left.first(), right.first()) {
            (Some(l), Some(r)) if l.is_ascii_digit() && r.is_ascii_digit() => {
                let (left_digits, left_rest) = split_number(left);
                let (right_digits, right_rest) = split_number(right);
                // Without leading zeros the longer number is the greater one.
                let order = left_digits.len().cmp(&right_digits.len()).then_with(|| left_digits.cmp(right_digits));
                if order.is_ne() {
                    return order;
                }
                (left, right) = (left_rest, right_rest);
            }
            (Some(l), Some(r)) if l == r => (left, right) = (&left[1..], &right[1..]),
            (l, r) => return l.cmp(&r).then_with(|| a.cmp(b)),
        }
    }
}

/// The digits at the beginning without leading zeros, and what follows them.
fn split_number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    (&digits[zeros..], rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_count_by_value() {
        let mut names = ["b", "frame10.png", "frame2.png", "frame02.png", "a10b2", "a10b10", "a9", "frame", "10", "9"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(
            names,
            ["9", "10", "a9", "a10b2", "a10b10", "b", "frame", "frame02.png", "frame2.png", "frame10.png"]
        );
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in "[ab019]{0,6}", b in "[ab019]{0,6}", c in "[ab019]{0,6}") {
            prop_assert_eq!(natural(&a, &b), natural(&b, &a).reverse());
            prop_assert_eq!(natural(&a, &b).is_eq(), a == b);
            if natural(&a, &b).is_le() && natural(&b, &c).is_le() {
                prop_assert!(natural(&a, &c).is_le());
            }
        }
    }
}
