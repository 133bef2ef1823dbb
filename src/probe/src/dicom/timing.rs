//! When the frames of a cine were recorded.

use std::time::Duration;

use super::header::Attributes;

const MILLISECONDS: f64 = 1e3;
/// Shortest and longest time between frames that is believed, in seconds.
const INTERVAL: std::ops::RangeInclusive<f64> = 1e-4..=60.0;

/// Times of the frames since the first.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Timing {
    /// The file does not say.
    Unknown,
    /// Seconds from each frame to the next.
    Constant(f64),
    /// Seconds since the first frame, for each frame; at least one, rising.
    Each(Vec<f64>),
}

impl Timing {
    /// `FrameTimeVector`, else `FrameTime`, else `CineRate`, else `RecommendedDisplayFrameRate`: the measured times come
    /// before the wishes for the display.
    pub(super) fn new(attributes: &Attributes) -> Self {
        let credible = |seconds: &f64| INTERVAL.contains(seconds);
        if let Some(times) = running_times(&attributes.frame_times) {
            return Self::Each(times);
        }
        let of_time = attributes.frame_time.map(|milliseconds| milliseconds / MILLISECONDS).filter(credible);
        let of_rate = |rate: Option<f64>| rate.map(f64::recip).filter(credible);
        of_time
            .or_else(|| of_rate(attributes.cine_rate))
            .or_else(|| of_rate(attributes.display_rate))
            .map_or(Self::Unknown, Self::Constant)
    }

    /// Time of frame `index`; behind the last, the time at which the next would have followed.
    pub(super) fn of(&self, index: u32) -> Option<Duration> {
        let seconds = match self {
            Self::Unknown => return None,
            Self::Constant(interval) => f64::from(index) * interval,
            Self::Each(times) => {
                let index = index as usize;
                let last = times.len().checked_sub(1)?;
                let step = times[last] - times[last.saturating_sub(1)];
                times[index.min(last)] + index.saturating_sub(last) as f64 * step
            }
        };
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// Sums up `increments` (ms, the first belongs to the first frame); `None` where they are none or not credible.
fn running_times(increments: &[f64]) -> Option<Vec<f64>> {
    let (_, increments) = increments.split_first()?;
    let mut time = 0.0;
    let mut times = vec![time];
    for milliseconds in increments {
        let seconds = milliseconds / MILLISECONDS;
        if !(0.0..=*INTERVAL.end()).contains(&seconds) {
            return None;
        }
        time += seconds;
        times.push(time);
    }
    (time > 0.0).then_some(times)
}
