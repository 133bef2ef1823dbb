//! Command line of the host program.

mod adapt;
mod compare;
mod dataset;
mod evaluate;
mod make;
mod phantom;
mod quantize;
mod report;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, Parser, Subcommand};
use ushydra_host::HostError;
use ushydra_host::progress::Progress;
use ushydra_host::recipe::Recipe;
use ushydra_host::segment::{SegmentRecipe, SegmentRun};

/// Exit codes of the project's contract.
mod code {
    pub(super) const USAGE: u8 = 2;
    pub(super) const INPUT: u8 = 3;
    pub(super) const BUNDLE: u8 = 4;
    pub(super) const BACKEND: u8 = 5;
    pub(super) const INTERNAL: u8 = 70;
    /// 128 + SIGINT, as shells report it.
    pub(super) const STOPPED: u8 = 130;
}

/// Train, calibrate, evaluate and export USHydra model bundles. Not a medical device.
#[derive(Debug, Parser)]
#[command(name = "ushydra-host", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// More messages on stderr (-vv for all).
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// No progress bars.
    #[arg(short, long, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add a domain and a decoder to a bundle from a small folder of new images.
    Adapt(Box<adapt::Adapt>),
    /// Look at a data set before training on it.
    #[command(subcommand)]
    Dataset(dataset::Command),
    /// Turn pretrained weights (DINOv2, ViT of timm or torchvision; safetensors or .pth) into encoder.onnx.
    Import(make::Import),
    /// Train the decoders of a recipe into a run folder; run again to go on after a stop.
    Train(make::Train),
    /// Compute domain statistics and in-domain thresholds of a trained run.
    Calibrate(make::Calibrate),
    /// Cross-validate a run's whole pipeline, or judge a finished bundle on a data set.
    Evaluate(evaluate::Evaluate),
    /// Train and judge many systems on the same splits, and write the article's tables and the ablations.
    Compare(compare::Compare),
    /// Write the bundle of a run and test it as the device would open it.
    Export(make::Export),
    /// Give a bundle's decoders int8 forms, where they lose next to nothing.
    Quantize(quantize::Quantize),
    /// Turn the study that `compare` made into one HTML page and plots.
    Report(report::Report),
    /// Simulate pictures with exact masks: hearts in four-chamber views, fetal heads.
    Phantom(phantom::Phantom),
}

/// Data csv files.
#[derive(Args, Clone, Debug)]
struct Data {
    /// Csv with file,label,domain,patient[,device][,split], or the csv of FETAL_PLANES_DB or of the African set. Several
    /// may be given.
    #[arg(long = "data", value_name = "CSV", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
}

/// A run and how to work on it.
#[derive(Args, Clone, Debug)]
struct OpenRun {
    /// Run folder made by `train`.
    #[arg(long, value_name = "DIR")]
    run: PathBuf,
    /// Recipe that replaces the run's own; it may differ in everything that training does not depend on.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Pictures worked on at the same time [default: all cores].
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

impl OpenRun {
    /// The run, where it is one of a segmentation.
    fn segment(&self) -> ushydra_host::Result<Option<SegmentRun>> {
        let recipe = self.run.join("recipe.toml");
        if !recipe.exists() || !SegmentRecipe::is_meant(&recipe)? {
            return Ok(None);
        }
        let replacement = self.config.as_deref().map(SegmentRecipe::read).transpose()?;
        SegmentRun::open(&self.run, replacement).map(Some)
    }

    fn recipe(&self) -> ushydra_host::Result<Option<Recipe>> {
        self.config.as_deref().map(Recipe::read).transpose()
    }
}

fn jobs(wanted: Option<usize>) -> usize {
    wanted.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).max(1)
}

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let level = match cli.verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    // tract and burn speak at `warn` about things that no operator can change.
    let filter = format!("error,ushydra_host={level}");
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(filter)).format_timestamp(None).init();
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            // The second wish is not negotiable.
            std::process::exit(i32::from(code::STOPPED));
        }
    });
    if let Err(error) = handler {
        log::warn!("Ctrl-C will end the program at once: {error}");
    }
    let progress = if cli.quiet { Progress::quiet(stop) } else { Progress::visible(stop) };
    match run(cli.command, &progress) {
        Ok(code) => code,
        Err(error) => {
            log::logger().flush();
            // Nothing is left to do where even stderr is gone.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::from(exit_code(&error))
        }
    }
}

fn run(command: Command, progress: &Progress) -> anyhow::Result<ExitCode> {
    match command {
        Command::Adapt(command) => command.run(progress),
        Command::Dataset(command) => command.run(progress),
        Command::Import(command) => command.run().map(|()| ExitCode::SUCCESS),
        Command::Train(command) => command.run(progress).map(|()| ExitCode::SUCCESS),
        Command::Calibrate(command) => command.run(progress).map(|()| ExitCode::SUCCESS),
        Command::Evaluate(command) => command.run(progress).map(|()| ExitCode::SUCCESS),
        Command::Compare(command) => command.run(progress).map(|()| ExitCode::SUCCESS),
        Command::Export(command) => command.run().map(|()| ExitCode::SUCCESS),
        Command::Quantize(command) => command.run(progress).map(|()| ExitCode::SUCCESS),
        Command::Report(command) => command.run(),
        Command::Phantom(command) => command.run(progress).map(|()| ExitCode::SUCCESS),
    }
}

fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<HostError>() {
        Some(HostError::Config { .. } | HostError::Missing { .. }) => code::USAGE,
        Some(
            HostError::Io { .. }
            | HostError::Csv { .. }
            | HostError::Dataset(_)
            | HostError::Weights { .. }
            | HostError::Damaged { .. }
            | HostError::Picture { .. }
            | HostError::Calibration(_)
            | HostError::Probe(_),
        ) => code::INPUT,
        Some(HostError::Bundle(_)) => code::BUNDLE,
        Some(HostError::Engine(_) | HostError::Cluster(_)) => code::BACKEND,
        Some(HostError::Stopped) => code::STOPPED,
        Some(HostError::Diverged(_) | HostError::Onnx(_) | HostError::Plot { .. } | HostError::Route(_)) | None => {
            code::INTERNAL
        }
    }
}

/// Writes to stdout; a closed pipe is the reader's choice, not an error.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
