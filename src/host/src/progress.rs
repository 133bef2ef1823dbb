//! Progress bars and the wish to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::{HostError, Result};

/// How often a bar is drawn while a step takes long.
const REDRAW: Duration = Duration::from_millis(250);

/// What long work reports to and asks whether to go on.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    stop: Arc<AtomicBool>,
    visible: bool,
}

impl Progress {
    /// Draws bars on stderr (lines of text where stderr is no terminal).
    #[must_use]
    pub fn visible(stop: Arc<AtomicBool>) -> Self {
        Self { stop, visible: true }
    }

    /// Draws nothing but can be stopped.
    #[must_use]
    pub const fn quiet(stop: Arc<AtomicBool>) -> Self {
        Self { stop, visible: false }
    }

    /// Says nothing; for tests and for use as a library.
    #[must_use]
    pub fn silent() -> Self {
        Self::default()
    }

    /// Draws nothing, and stops when this work is to stop.
    #[must_use]
    pub fn hidden(&self) -> Self {
        Self::quiet(self.stop_flag())
    }

    /// The flag that ends the work at the next safe place.
    #[must_use]
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// # Errors
    /// [`HostError::Stopped`] once the flag is set.
    pub fn check(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) { Err(HostError::Stopped) } else { Ok(()) }
    }

    /// A bar of `length` steps. Where stderr is no terminal, its begin and end are logged instead.
    #[must_use]
    pub fn bar(&self, what: &str, length: usize) -> Bar {
        let bar = if self.visible {
            ProgressBar::with_draw_target(Some(length as u64), ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        // The template is a constant of this file; an unparsable one would fall back to the default look.
        let style = ProgressStyle::with_template("{msg:24} [{bar:32}] {pos}/{len} {elapsed} left {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.set_message(what.to_owned());
        if self.visible {
            bar.enable_steady_tick(REDRAW);
            log::info!("{what}: {length} steps");
        }
        Bar { bar, progress: self.clone() }
    }
}

/// One running bar.
#[derive(Clone, Debug)]
pub struct Bar {
    bar: ProgressBar,
    progress: Progress,
}

impl Bar {
    /// One step done.
    ///
    /// # Errors
    /// [`HostError::Stopped`] once the operator asked to stop.
    pub fn step(&self) -> Result<()> {
        self.bar.inc(1);
        self.progress.check()
    }

    /// For work within a step: says nothing, and stops when this bar's work is to stop.
    #[must_use]
    pub fn quiet(&self) -> Progress {
        Progress::quiet(self.progress.stop_flag())
    }

    /// Removes the bar.
    pub fn done(&self) {
        self.bar.finish_and_clear();
        if self.progress.visible {
            log::info!("{}: done in {:.1?}", self.bar.message(), self.bar.elapsed());
        }
    }
}
