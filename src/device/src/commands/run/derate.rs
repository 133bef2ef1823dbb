//! What the live loop gives up: frames by waiting, precision by the decoders' cheaper form.

use std::time::{Duration, Instant};

use ushydra_board::{Derating, Identity, Root};
use ushydra_bundle::Bundle;

use crate::cli::Settings;
use crate::config::BoardConfig;
use crate::failure::Failure;
use crate::live::{BoardWatch, Pacer};
use crate::overlay::Overlays;
use crate::pipeline::Pipeline;

/// Shortest time before a step is taken back, where the configuration does not say.
const DWELL: Duration = Duration::from_secs(30);

/// The watch over the board, and what follows from it.
#[derive(Debug, Default)]
pub(super) struct Derater {
    watch: BoardWatch,
    pub(super) pacer: Pacer,
    seen: Derating,
    mourned: bool,
}

impl Derater {
    /// Recognises the board and watches it, unless the configuration forbids it.
    pub(super) fn start(settings: &Settings, config: &BoardConfig, pipeline: &Pipeline) -> Result<Self, Failure> {
        if config.derating == Some(false) {
            log::warn!("derating is switched off: nothing is given up on a hot board or an empty battery");
            return Ok(Self::default());
        }
        let root = Root::from_environment();
        let wanted = settings.board.as_deref();
        let board = Identity::find(&root, std::env::consts::ARCH, wanted).map_err(|e| Failure::Usage(e.to_string()))?;
        if let Some(warning) = &board.warning {
            log::warn!("{warning}");
        }
        let dwell = config.dwell_s.map_or(DWELL, Duration::from_secs);
        let watch = BoardWatch::start(root, &board, pipeline.has_cheaper(), dwell)?;
        Ok(Self { watch, ..Self::default() })
    }

    /// What is given up at the moment; a change reaches the decoders and the overlays here.
    pub(super) fn look(&mut self, pipeline: &mut Pipeline, overlays: Option<&mut Overlays>) -> Derating {
        if !self.mourned && self.watch.has_died() {
            self.mourned = true;
            log::error!("the watch over the board ended; derating stays as it is until the next start");
        }
        let state = self.watch.state();
        if state != self.seen {
            pipeline.use_cheaper(state.cheaper);
            if let Some(overlays) = overlays {
                overlays.notice(state.is_active().then(|| state.to_string()));
            }
            self.seen = state;
        }
        state
    }

    /// Time until the next frame may be taken.
    pub(super) fn hold(&self) -> Duration {
        self.pacer.wait(Instant::now())
    }
}

/// Loads the cheaper form of the decoders, which a hot board falls back to. Without it the rate alone is given up.
pub(super) fn load_cheaper(pipeline: &mut Pipeline, bundle: &Bundle, settings: &Settings, config: &BoardConfig) {
    if config.derating == Some(false) {
        return;
    }
    match pipeline.load_cheaper(bundle, &settings.engine()) {
        Ok(true) => log::info!("a hot board falls back to int8 decoders"),
        Ok(false) => log::info!("there are no cheaper decoders; a hot board gives up frame rate alone"),
        Err(error) => log::warn!("{error}; a hot board gives up frame rate alone"),
    }
}
