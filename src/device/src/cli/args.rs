//! Arguments of the program.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};
use ushydra_engine::{Backend, Precision};

use super::bundle_args::BundleCommand;
use crate::config::{MAX_THREADS, known_board};
use crate::live::{Replay, SourceChoice};
use crate::routing::RoutingChoice;
use crate::spacing::PixelSpacing;

const AFTER_HELP: &str = "\
Exit codes: 0 ok, 2 usage, 3 input, 4 bundle, 5 backend, 6 probe, 70 internal.
Bundles are searched for in $USHYDRA_MODELS, ./models, `models` beside the program, the store of
installed bundles ($USHYDRA_STORE, else /var/lib/ushydra/models) and /usr/share/ushydra/models, in this order.

USHydra is research software and not a medical device.";

/// Quality-routed AI for handheld ultrasound.
#[derive(Debug, Parser)]
#[command(name = "ushydra", version, about, after_help = AFTER_HELP, propagate_version = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Configuration file (TOML); the command line wins over it.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Arguments of every command.
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of every command.
#[derive(Debug, Args)]
pub struct Common {
    /// Bundle folder, or the bare name of an installed bundle [default: fetal-planes; for `run` cardiac-lv, where it is
    /// installed].
    #[arg(long, global = true, value_name = "DIR")]
    pub bundle: Option<PathBuf>,
    /// Inference backend: auto, tensorrt or tract [default: auto].
    #[arg(long, global = true, value_name = "BACKEND")]
    pub backend: Option<Backend>,
    /// What the decoders compute with: auto, f32, f16 (TensorRT) or int8 [default: auto, the fastest that was measured or built
    /// here by `engine build` and passes the parity gate].
    #[arg(long, global = true, value_name = "PRECISION", value_parser = Precision::or_auto)]
    pub precision: Option<PrecisionChoice>,
    /// How the decoder is chosen: vector, paper, released, `fixed:<domain>` or `oracle:<csv>`, a csv with the columns
    /// `file` and `domain` [default: as the bundle says].
    #[arg(long, global = true, value_name = "ROUTING")]
    pub routing: Option<RoutingChoice>,
    /// Threads of the engine; 0 means all cores [default: 0].
    #[arg(long, global = true, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// Core of the deep learning accelerator that TensorRT may use, 0 or 1 [default: the GPU alone].
    #[arg(long, global = true, value_name = "CORE", value_parser = clap::value_parser!(u32).range(0..=1))]
    pub dla: Option<u32>,
    /// Profile of the board for `run`, `board` and `doctor`, instead of recognising it [default: auto].
    #[arg(long, global = true, value_name = "NAME", value_parser = |name: &str| known_board(name).map(str::to_owned))]
    pub board: Option<String>,
    /// Results as JSON, one object per line.
    #[arg(long, global = true)]
    pub json: bool,
    /// More log output on standard error; up to three times.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// A precision, or none for `auto`.
pub(super) type PrecisionChoice = Option<Precision>;

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads) if threads <= MAX_THREADS => Ok(threads),
        _ => Err(format!("0 to {MAX_THREADS} threads are possible")),
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge a live source, newest frame first, until it ends or Ctrl-C.
    Run(RunArguments),
    /// Judge pictures, folders of pictures and cines, frame by frame.
    Infer(InferArguments),
    /// Look at probes and cameras, and test the way of their frames.
    #[command(subcommand)]
    Probe(ProbeCommand),
    /// Look at bundles, check, sign, install them, and go back.
    #[command(subcommand)]
    Bundle(BundleCommand),
    /// Look at inference backends, build and measure engines for this machine.
    #[command(subcommand)]
    Engine(EngineCommand),
    /// Look at the board: profile, power mode, clocks, temperatures, battery.
    #[command(subcommand)]
    Board(BoardCommand),
    /// Measure every stage on the demo cine.
    Bench(BenchArguments),
    /// Say what this machine has, what is missing and how to get it.
    Doctor,
    /// Check the bundle, the routing and the frame path on this machine.
    Selftest,
}

/// Arguments of `run`.
#[derive(Debug, Default, Args)]
pub struct RunArguments {
    /// Where frames come from: `auto` (a probe, or else a camera), `usb[:SERIAL]`, `v4l:/dev/videoN`, `file:PATH` with a
    /// picture, a folder or a cine, or `phantom:VIEW[:DOMAIN[:SEED[:FRAMES]]]` with a simulated patient (views a4c and
    /// fetal-head, domains low and high) [default: file: with the demo cine; auto under a service manager].
    #[arg(long, value_name = "SOURCE")]
    pub source: Option<SourceChoice>,
    /// `recorded`: at the recorded rate, late frames are dropped; `fast`: every frame, as fast as results come
    /// [default: recorded].
    #[arg(long, value_enum)]
    pub replay: Option<Replay>,
    /// Start again at the end of the source.
    #[arg(long = "loop")]
    pub looping: bool,
    /// Stop after this many results.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub frames: Option<u64>,
    /// Write every judged frame with its result drawn in; not with --loop, which would never stop writing.
    #[arg(long, value_name = "DIR")]
    pub overlay: Option<PathBuf>,
    /// Distance between pixels in mm, for sources that do not say it.
    #[arg(long, value_name = "MM|X,Y")]
    pub spacing: Option<PixelSpacing>,
}

/// Arguments of `infer`.
#[derive(Debug, Args)]
pub struct InferArguments {
    /// Pictures (PNG, JPEG, BMP, TIFF), DICOM or AVI cines, or folders of them.
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// Write every frame with its result drawn in: `<stem>.png`, for a cine `<stem>_<frame>.png`.
    #[arg(long, value_name = "DIR")]
    pub overlay: Option<PathBuf>,
    /// Write the masks of a segmentation bundle, black and white, named as the overlays are.
    #[arg(long, value_name = "DIR")]
    pub masks: Option<PathBuf>,
    /// Distance between pixels in mm, for inputs that do not say it.
    #[arg(long, value_name = "MM|X,Y")]
    pub spacing: Option<PixelSpacing>,
    /// A csv with the columns `file` and `pixel_mm`: the distance between pixels of each file; it wins over --spacing.
    #[arg(long, value_name = "FILE")]
    pub spacing_csv: Option<PathBuf>,
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArguments {
    /// Frames to measure, after warm-up.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub frames: u64,
    /// Measure on this source instead of the demo cine: file:PATH or phantom:VIEW.
    #[arg(long, value_name = "SOURCE")]
    pub source: Option<SourceChoice>,
}

/// Commands on probes.
#[derive(Debug, Subcommand)]
pub enum ProbeCommand {
    /// List every probe and camera with formats, speed, and what keeps it from being used.
    List,
    /// Read frames without judging them: rate, jitter, losses and grey values.
    Test(ProbeTestArguments),
}

/// Arguments of `probe test`.
#[derive(Debug, Args)]
pub struct ProbeTestArguments {
    /// Source to test, as for `run`.
    #[arg(long, value_name = "SOURCE", default_value = "auto")]
    pub source: SourceChoice,
    /// How long to read, in seconds, from the first frame on.
    #[arg(long, value_name = "S", default_value_t = 10.0, value_parser = seconds)]
    pub seconds: f64,
    /// Stop after this many frames.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub frames: Option<u64>,
    /// How long to wait for the first frame, in seconds.
    #[arg(long, value_name = "S", default_value_t = 5.0, value_parser = seconds)]
    pub wait: f64,
    /// Write every frame as a netpbm picture (P5 or P6), one behind the other, for a check elsewhere.
    #[arg(long, value_name = "FILE")]
    pub dump: Option<PathBuf>,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("0.1 to 86400 seconds are possible".to_owned()),
    }
}

/// Commands on the board.
#[derive(Debug, Subcommand)]
pub enum BoardCommand {
    /// Say which board this is, what is known of its kind, and what its sensors say.
    Show,
    /// Check what a device in the field needs: power mode, temperature, memory, clock, store, keys, rules.
    Check {
        /// Test the bundle as well, and remember the success in the state folder; once that is done, do nothing.
        #[arg(long)]
        first_boot: bool,
    },
}

/// Commands on backends.
#[derive(Debug, Subcommand)]
pub enum EngineCommand {
    /// List the backends, whether each can be used here and why not, and what was built for this machine.
    List,
    /// Build what the first start would otherwise wait for: TensorRT engines (minutes per model), parity figures against the
    /// CPU engine, and which decoders are faster in int8 here.
    Build {
        /// Pictures, cines or folders on which answers are compared, beside the golden picture and the demo cine.
        #[arg(long, value_name = "INPUT", num_args = 1..)]
        calibration: Vec<PathBuf>,
    },
    /// Remove everything that was built for this machine; it is built again when it is needed.
    Clean,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn common_arguments_stand_before_or_after_the_command() {
        let before = ["ushydra", "--json", "--backend", "tract", "infer", "a.png"];
        let after = ["ushydra", "infer", "a.png", "--json", "--backend", "tract"];
        for line in [before, after] {
            let parsed = Arguments::try_parse_from(line);
            assert!(parsed.is_ok_and(|a| a.common.json && a.common.backend.is_some()), "{line:?}");
        }
    }
}
