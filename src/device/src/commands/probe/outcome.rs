//! What a test found, as JSON and as text with histograms.

use serde::Serialize;
use ushydra_probe::LinkCounters;

use crate::failure::Failure;
use crate::report::Output;

/// Bars of the histogram of grey values.
pub(super) const BINS: usize = 16;
/// Edges of the bars of the jitter, as shares of the median interval.
pub(super) const EDGES: [f64; 7] = [0.5, 0.8, 0.95, 1.05, 1.25, 2.0, 4.0];
/// Length of the longest bar.
const BAR: usize = 40;

#[derive(Serialize)]
pub(super) struct Percentiles {
    pub(super) p1: Option<u32>,
    pub(super) p50: Option<u32>,
    pub(super) p99: Option<u32>,
    pub(super) max: Option<u32>,
}

/// [`LinkCounters`] as JSON: they know no serde, as they are part of a crate for firmware too.
#[derive(Serialize)]
#[serde(remote = "LinkCounters")]
struct LinkFields {
    received: u64,
    received_bytes: u64,
    short: u64,
    crc_failed: u64,
    bad_header: u64,
    skipped_bytes: u64,
    out_of_sequence: u64,
    dropped: u64,
    late: u64,
}

#[derive(Serialize)]
pub(super) struct Link(#[serde(with = "LinkFields")] pub(super) LinkCounters);

#[derive(Serialize)]
pub(super) struct Grey {
    pub(super) mean: f64,
    /// Share of samples that are 0.
    pub(super) black: f64,
    /// Share of samples that are 255.
    pub(super) white: f64,
    pub(super) histogram: [u64; BINS],
}

#[derive(Serialize)]
pub(super) struct Outcome {
    pub(super) source: String,
    pub(super) geometry: String,
    pub(super) frames: u64,
    pub(super) seconds: f64,
    pub(super) rate_hz: f64,
    pub(super) megabytes_per_s: f64,
    pub(super) interval_us: Percentiles,
    /// Intervals in the bars of [`EDGES`].
    pub(super) jitter: [u64; EDGES.len() + 1],
    /// From capture, by the probe's clock, to a filled frame.
    pub(super) latency_p50_us: Option<u64>,
    pub(super) latency_p99_us: Option<u64>,
    /// From the last byte to a filled frame.
    pub(super) decode_p50_us: Option<u64>,
    pub(super) decode_p99_us: Option<u64>,
    /// How often the device went away and had to be waited for.
    pub(super) losses: u64,
    pub(super) faults: Vec<String>,
    pub(super) link: Option<Link>,
    pub(super) grey: Grey,
}

impl Outcome {
    pub(super) fn print(&self, output: &mut Output) -> Result<(), Failure> {
        let ms = |us: Option<u64>| us.map_or("-".to_owned(), |us| format!("{:.2}", us as f64 / 1e3));
        let interval = |us: Option<u32>| ms(us.map(u64::from));
        output.text(format_args!("source    {}", self.source))?;
        if self.frames == 0 {
            return output.text("frames    none");
        }
        output.text(format_args!(
            "frames    {} of {} in {:.2} s: {:.2} Hz, {:.1} MB/s",
            self.frames, self.geometry, self.seconds, self.rate_hz, self.megabytes_per_s
        ))?;
        let Percentiles { p1, p50, p99, max } = &self.interval_us;
        output.text(format_args!(
            "interval  p1 {} p50 {} p99 {} max {} ms",
            interval(*p1),
            interval(*p50),
            interval(*p99),
            interval(*max)
        ))?;
        for (index, count) in self.jitter.iter().enumerate() {
            let label = match (index.checked_sub(1).map(|i| EDGES[i]), EDGES.get(index)) {
                (None, Some(high)) => format!("below {high} of the median"),
                (Some(low), Some(high)) => format!("{low} to {high}"),
                (low, None) => format!("{} and more", low.unwrap_or_default()),
            };
            bar(output, &label, *count, &self.jitter)?;
        }
        output.text(format_args!(
            "latency   from capture p50 {} p99 {} ms; from the last byte p50 {} p99 {} ms",
            ms(self.latency_p50_us),
            ms(self.latency_p99_us),
            ms(self.decode_p50_us),
            ms(self.decode_p99_us)
        ))?;
        if let Some(link) = &self.link {
            output.text(format_args!("link      {}", link.0))?;
        }
        let grey = &self.grey;
        output.text(format_args!(
            "grey      mean {:.1}, {:.1} % black, {:.1} % white",
            grey.mean,
            grey.black * 100.0,
            grey.white * 100.0
        ))?;
        for (index, count) in grey.histogram.iter().enumerate() {
            let width = 256 / BINS;
            bar(output, &format!("{} to {}", index * width, (index + 1) * width - 1), *count, &grey.histogram)?;
        }
        output.text(format_args!("losses    {}", self.losses))?;
        self.faults.iter().try_for_each(|fault| output.text(format_args!("fault     {fault}")))
    }
}

/// A bar of a histogram with its count.
fn bar(output: &mut Output, label: &str, count: u64, all: &[u64]) -> Result<(), Failure> {
    let most = all.iter().copied().max().unwrap_or(0).max(1);
    let length = (count as f64 / most as f64 * BAR as f64).ceil() as usize;
    output.text(format_args!("    {label:<24} {count:>10} {}", "#".repeat(length)))
}
