//! One line of text per frame.

use std::borrow::Cow;
use std::fmt;

use ushydra_core::Verdict;

use super::measured::brief;
use crate::pipeline::{FrameResult, Identity};

/// Columns of [`row`].
#[must_use]
pub fn header() -> String {
    format!(
        "{:<44} {:>5}  {:<30} {:>6}  {:<10} {:>8} {:>9}",
        "source", "frame", "result", "prob.", "decoder", "margin", "time"
    )
}

/// The result as an operator may see it: no guess where the gate withheld the answer.
#[must_use]
pub fn answer<'a>(identity: &'a Identity, result: &FrameResult) -> Cow<'a, str> {
    let text = match result.verdict {
        Verdict::Show => {
            let label = identity.label(result.answer.label());
            return brief(result).map_or(Cow::Borrowed(label), |measured| format!("{label}: {measured}").into());
        }
        Verdict::OutOfDomain => "outside the known domains",
        Verdict::Unsure => "unsure",
        Verdict::Stale => "too old to be shown",
    };
    text.into()
}

/// One frame as a row of a table.
#[must_use]
pub fn row<'a>(identity: &'a Identity, result: &'a FrameResult) -> impl fmt::Display + 'a {
    Row { identity, result }
}

struct Row<'a> {
    identity: &'a Identity,
    result: &'a FrameResult,
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { identity, result } = *self;
        write!(f, "{:<44} {:>5}  {:<30} ", tail(&result.source, 44), result.index, answer(identity, result))?;
        // A probability beside "outside the known domains" would read as one.
        match result.verdict {
            Verdict::Show | Verdict::Unsure => write!(f, "{:>6.3}", result.answer.probability())?,
            Verdict::OutOfDomain | Verdict::Stale => write!(f, "{:>6}", "-")?,
        }
        write!(f, "  {:<10} ", identity.domain(result.decoder))?;
        match result.decision.margin {
            margin if margin.is_finite() => write!(f, "{margin:>8.3}")?,
            _ => write!(f, "{:>8}", "-")?,
        }
        write!(f, " {:>6.1} ms", result.timing.total.as_secs_f64() * 1e3)
    }
}

/// The last `width` characters of a path that is too long for its column.
fn tail(path: &str, width: usize) -> String {
    let length = path.chars().count();
    if length <= width {
        return path.to_owned();
    }
    format!("...{}", path.chars().skip(length - (width - 3)).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_keep_their_end() {
        assert_eq!(tail("short.png", 12), "short.png");
        assert_eq!(tail("folder/sub/picture.png", 14), "...picture.png");
        assert_eq!(tail("ordner/größe/bild.png", 12), ".../bild.png");
    }
}
