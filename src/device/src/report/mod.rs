//! What the program says: one JSON record or one line of text per frame, and the stream that they go to.

mod checks;
mod human;
mod mask;
mod measured;
mod output;
mod record;
mod refusals;

pub use checks::Checks;
pub use human::{answer, header, row};
pub use measured::{Cines, measured};
pub use output::Output;
pub use record::{ErrorRecord, LiveRecord, Record};
pub use refusals::Refusals;
