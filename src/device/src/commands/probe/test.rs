//! `ushydra probe test`: rate, jitter, losses and grey values of a source, without judging a frame.

use std::time::{Duration, Instant};

use ushydra_probe::{Frame, Next, Pace};

use super::dump::Dump;
use super::reading::Reading;
use crate::cli::ProbeTestArguments;
use crate::failure::Failure;
use crate::live::Shutdown;
use crate::report::Output;

/// Longest wait for a frame before signals and the end of the test get their turn.
const POLL: Duration = Duration::from_millis(100);

pub(super) fn test(arguments: &ProbeTestArguments, output: &mut Output) -> Result<(), Failure> {
    let mut dump = arguments.dump.as_deref().map(Dump::create).transpose()?;
    let shutdown = Shutdown::listen()?;
    let mut source = arguments.source.open(Pace::Recorded, true)?;
    if !output.is_json() {
        output.text(format_args!("testing {}", source.describe()))?;
    }
    let mut reading = Reading::default();
    let mut frame = Frame::new();
    let begin = Instant::now();
    loop {
        let (since, limit) = match reading.first() {
            Some(first) => (first, arguments.seconds),
            None => (begin, arguments.wait),
        };
        let enough = arguments.frames.is_some_and(|frames| reading.frames() >= frames);
        if shutdown.asked() || enough || since.elapsed().as_secs_f64() >= limit {
            break;
        }
        match source.next(&mut frame, POLL) {
            Ok(Next::Frame) => {
                let view = frame.view().map_err(|e| Failure::Internal(e.to_string()))?;
                reading.add(view, &frame);
                dump.as_mut().map_or(Ok(()), |dump| dump.write(view))?;
            }
            Ok(Next::Timeout) => {}
            Ok(Next::Lost) => reading.lost(),
            Ok(Next::End) => break,
            Err(error) => reading.fault(error.to_string()),
        }
    }
    dump.map_or(Ok(()), Dump::finish)?;
    let outcome = reading.outcome(source.describe(), source.link());
    if output.is_json() {
        output.json(&outcome)?;
    } else {
        outcome.print(output)?;
    }
    if outcome.frames > 0 {
        return Ok(());
    }
    Err(Failure::NoProbe(outcome.faults.last().cloned().unwrap_or_else(|| {
        format!(
            "no frame came from {} within {} s; plug the probe in, and see `ushydra probe list`",
            arguments.source, arguments.wait
        )
    })))
}
