//! Ctrl-C and termination end a run cleanly; a second one ends it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::Failure;

/// What shells expect of a program that was interrupted: 128 + SIGINT.
const INTERRUPTED: i32 = 130;

/// Whether the operator or the system asked for the end.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(Arc<AtomicBool>);

impl Shutdown {
    /// Listens for SIGINT, SIGTERM and SIGHUP.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the system refuses the handler.
    pub fn listen() -> Result<Self, Failure> {
        let shutdown = Self::default();
        let asked = Arc::clone(&shutdown.0);
        let handler = move || {
            if asked.swap(true, Ordering::SeqCst) {
                std::process::exit(INTERRUPTED);
            }
        };
        ctrlc::set_handler(handler).map_err(|e| Failure::Internal(format!("no handler for Ctrl-C: {e}")))?;
        Ok(shutdown)
    }

    /// Whether the end was asked for.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
