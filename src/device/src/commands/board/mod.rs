//! `ushydra board show|check`: the board, and what a device in the field needs of it.

mod conditions;
mod first_boot;
mod show;
mod surroundings;

use ushydra_board::{Identity, Limits, Readings, Root};

use crate::cli::{BoardCommand, Settings};
use crate::failure::Failure;
use crate::report::{Checks, Output};

/// The board at this moment.
#[derive(Debug)]
pub(super) struct Board {
    root: Root,
    pub(super) identity: Identity,
    readings: Readings,
    limits: Limits,
}

impl Board {
    /// Recognises the board, or takes the profile that was asked for, and asks its sensors.
    pub(super) fn look(settings: &Settings) -> Result<Self, Failure> {
        let root = Root::from_environment();
        let wanted = settings.board.as_deref();
        let identity =
            Identity::find(&root, std::env::consts::ARCH, wanted).map_err(|e| Failure::Usage(e.to_string()))?;
        let readings = Readings::take(&root);
        let limits = Limits::of(&identity.profile, &readings.zones, false);
        Ok(Self { root, identity, readings, limits })
    }

    /// Checks board and surroundings; shared with `doctor`.
    pub(super) fn examine(&self, checks: &mut Checks<'_>, settings: &Settings) -> Result<(), Failure> {
        conditions::examine(self, checks)?;
        surroundings::examine(self, checks, settings)
    }
}

pub(super) fn board(command: &BoardCommand, settings: &Settings, output: &mut Output) -> Result<(), Failure> {
    let board = Board::look(settings)?;
    match command {
        BoardCommand::Show => show::show(&board, output),
        BoardCommand::Check { first_boot: true } => first_boot::check(&board, settings, output),
        BoardCommand::Check { first_boot: false } => {
            let mut checks = Checks::new(output);
            board.examine(&mut checks, settings)?;
            checks.finish(first_boot::Subject::of(&board))
        }
    }
}
