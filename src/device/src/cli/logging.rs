//! Log to standard error, and what happens to panics.

use std::panic;
use std::sync::{Mutex, PoisonError};

use env_logger::{Builder, Env};
use log::LevelFilter;

/// Where the last panic happened.
static LAST_PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Libraries whose own messages only matter to whoever works on them.
const LOUD_LIBRARIES: [&str; 2] = ["tract", "dicom"];

/// Messages that belong to the ordinary output: why nothing else happens for minutes.
const ALWAYS_HEARD: &str = "ushydra_engine::build";

/// Starts logging: 0 warnings, 1 information, 2 debugging, 3 everything. `RUST_LOG` refines it.
pub(super) fn start(verbosity: u8) {
    let level = match verbosity {
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    let mut builder = Builder::new();
    builder.filter_level(level);
    for library in LOUD_LIBRARIES {
        builder.filter_module(library, if verbosity > 2 { LevelFilter::Debug } else { LevelFilter::Error });
    }
    builder.filter_module(ALWAYS_HEARD, level.max(LevelFilter::Info));
    builder.parse_env(Env::default());
    // Fails only where a test harness has set a logger before.
    let _ = builder.try_init();
}

/// Decoders of foreign files run guarded, and a panic inside one is an ordinary refusal of its file. So a panic is noted
/// here and logged for those who ask; whether it ends the program is decided where it is caught.
pub(super) fn quiet_panics() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string);
        log::debug!("panic: {info}");
        *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }));
}

pub(super) fn last_panic_place() -> Option<String> {
    LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
