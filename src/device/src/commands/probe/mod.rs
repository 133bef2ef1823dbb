//! `ushydra probe list`: what is plugged in; and `probe test`.

mod dump;
mod outcome;
mod reading;
mod test;

use ushydra_probe::{Candidate, CandidateKind, candidates};

use crate::cli::ProbeCommand;
use crate::failure::Failure;
use crate::report::Output;

pub(super) fn probe(command: &ProbeCommand, output: &mut Output) -> Result<(), Failure> {
    match command {
        ProbeCommand::List => list(output),
        ProbeCommand::Test(arguments) => test::test(arguments, output),
    }
}

fn list(output: &mut Output) -> Result<(), Failure> {
    let found = candidates().map_err(|fault| Failure::NoProbe(fault.to_string()))?;
    if output.is_json() {
        return found.iter().try_for_each(|candidate| output.json(candidate));
    }
    if found.is_empty() {
        return output.text(
            "no probe and no camera is plugged in; plug one in, check the cable and that it has power, and see `lsusb` \
             for what the system sees",
        );
    }
    found.iter().try_for_each(|candidate| describe(candidate, output))
}

fn describe(candidate: &Candidate, output: &mut Output) -> Result<(), Failure> {
    let kind = match candidate.kind {
        CandidateKind::Probe => "probe",
        CandidateKind::Camera => "camera",
    };
    output.text(format_args!("{}  ({kind}) {}", candidate.source, candidate.name))?;
    let speed = candidate.speed.as_deref().map(|speed| format!(", {speed}")).unwrap_or_default();
    output.text(format_args!("    at {}{speed}", candidate.place))?;
    for format in &candidate.formats {
        output.text(format_args!("    {format}"))?;
    }
    candidate.problem.iter().try_for_each(|problem| output.text(format_args!("    PROBLEM: {problem}")))
}
