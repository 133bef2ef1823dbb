//! `ushydra run`: newest frame first, until the source ends or the operator stops. Under a service manager it waits for a probe for
//! ever and tells the manager how it is.

mod derate;
mod session;

use std::time::{Duration, Instant};

use ushydra_board::Step;
use ushydra_probe::{Frame, LiveChoice, Pace};

use super::{open_bundle_in, open_pipeline};
use crate::cli::{RunArguments, Settings};
use crate::config::Config;
use crate::failure::Failure;
use crate::live::{Capture, Replay, Shutdown, SourceChoice, Taken};
use crate::locate;
use crate::overlay::Overlays;
use crate::pipeline::FrameFault;
use crate::report::Output;
use crate::service::Service;
use crate::spacing::Spacing;
use derate::{Derater, load_cheaper};
use session::Session;

/// Longest wait for a frame before signals, faults and the status line get their turn.
const POLL: Duration = Duration::from_millis(100);

pub(super) fn run(
    arguments: &RunArguments,
    settings: &Settings,
    config: &Config,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut service = Service::from_environment();
    let outcome = serve(arguments, settings, config, &mut service, output);
    if let Err(failure) = &outcome {
        service.status(format_args!("stopped: {failure}"));
    }
    outcome
}

fn serve(
    arguments: &RunArguments,
    settings: &Settings,
    config: &Config,
    service: &mut Service,
    output: &mut Output,
) -> Result<(), Failure> {
    let (config, board) = (&config.run, &config.board);
    let replay = arguments.replay.or(config.replay).unwrap_or_default();
    let looping = arguments.looping || config.looping.unwrap_or(false);
    if looping && arguments.overlay.is_some() {
        return Err(Failure::Usage("--overlay would never stop writing with --loop; leave one of them out".to_owned()));
    }
    let configured = config.source.as_deref().map(|s| s.parse().map_err(Failure::Usage)).transpose()?;
    let folder = locate::live_bundle(settings.bundle.as_deref())?;
    let chosen = match arguments.source.clone().or(configured) {
        Some(chosen) => chosen,
        // A service has no operator who would know a demonstration from a patient.
        None if service.is_managed() => SourceChoice::Live(LiveChoice::Auto),
        None => SourceChoice::File(locate::demo_cine(Some(&folder))?),
    };
    let pace = match replay {
        Replay::Recorded => Pace::Recorded,
        Replay::Fast => Pace::AsFastAsPossible,
    };
    let spacing = Spacing::new(arguments.spacing, None)?;
    let mut overlays = arguments.overlay.as_deref().map(Overlays::new).transpose()?;

    let shutdown = Shutdown::listen()?;
    service.status(format_args!("loading {}", folder.display()));
    let bundle = open_bundle_in(&folder)?;
    // A recording that waits for its results cannot be late.
    let mut pipeline = open_pipeline(&bundle, settings, replay == Replay::Recorded)?;
    load_cheaper(&mut pipeline, &bundle, settings, board);
    drop(bundle);
    let mut derater = Derater::start(settings, board, &pipeline)?;
    let source = chosen.open(pace, looping)?;
    log::info!("source: {}", source.describe());
    let mut capture = Capture::start(source, replay)?;
    let mut session = Session::start(output);
    let mut frame = Frame::new();
    let identity = pipeline.identity().clone();
    let wait = service.longest_wait(POLL);
    while !shutdown.asked() {
        session.faults(&capture)?;
        let derating = derater.look(&mut pipeline, overlays.as_mut());
        session.derated(derating)?;
        let paused = derating.step == Step::Paused;
        // A recording that waits for its results waits for the board as well; of a live source the newest frames pass by unjudged.
        let hold = if paused && replay == Replay::Fast { wait } else { derater.hold().min(wait) };
        let taken = if hold.is_zero() {
            capture.slot().take(&mut frame, wait)
        } else {
            std::thread::sleep(hold);
            Taken::Timeout
        };
        match taken {
            Taken::Frame if paused => session.held += 1,
            Taken::Frame => {
                derater.pacer.taken(Instant::now(), derating.max_fps);
                spacing.apply(&mut frame);
                match pipeline.process(&frame) {
                    Ok(result) => {
                        session.show(&identity, result, capture.slot().counters().dropped)?;
                        if let Some(overlays) = &mut overlays {
                            let view = frame.view().map_err(|e| Failure::Internal(e.to_string()))?;
                            overlays.write(view, &identity, result)?;
                        }
                    }
                    Err(FrameFault::Engine(error)) => return Err(error.into()),
                    Err(fault) => session.refuse(&frame.source, &fault)?,
                }
            }
            Taken::Timeout => {}
            Taken::Ended => break,
        }
        session.status(&identity, &capture, service);
        service.turn(capture.turns());
        if arguments.frames.is_some_and(|frames| session.tally.judged() >= frames) {
            break;
        }
    }
    service.stopping();
    let ended = capture.stop();
    session.faults(&capture)?;
    session.summary(&identity, &capture)?;
    ended?;
    // A service that was stopped while it waited for a probe did what it was there for.
    let waited = service.is_managed() && shutdown.asked();
    if capture.is_live() && session.tally.judged() == 0 && !waited {
        let cause = session.last_fault.take();
        return Err(Failure::NoProbe(cause.unwrap_or_else(|| {
            format!("no frame came from {chosen}; plug the probe in, and see `ushydra probe list`")
        })));
    }
    session.refusals.finish(session.tally.judged())
}
