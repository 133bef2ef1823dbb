//! Arguments, and what they set going.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, Parser, Subcommand};
use ushydra_probe_sim::content::ContentSpec;
use ushydra_probe_sim::journal::Journal;
use ushydra_probe_sim::script::{self, Action, Event};
use ushydra_probe_sim::stage::Stage;
use ushydra_probe_sim::usb::Function;
use ushydra_probe_sim::{Camera, CameraSettings, Probe, ProbeSettings, SimError, functionfs, verify, vhci};

/// A simulated ultrasound probe and a simulated USB camera. Events go to standard output, one line each, with the time of
/// CLOCK_MONOTONIC: `t=12.345678 event=plugged port=0 speed=high`.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plug a device into this machine through vhci_hcd.
    #[command(subcommand)]
    Vhci(Vhci),
    /// Be a device on the USB device port of this board, through FunctionFS.
    #[command(subcommand)]
    Gadget(Device),
    /// Compare what a host received with what was sent.
    Verify(Verify),
}

#[derive(Debug, Subcommand)]
enum Vhci {
    /// A probe that speaks USHydra's protocol.
    Probe(WithPort<ProbeArguments>),
    /// A camera of the USB video class.
    Camera(WithPort<CameraArguments>),
}

#[derive(Debug, Subcommand)]
enum Device {
    /// A probe that speaks USHydra's protocol.
    Probe(ProbeArguments),
}

#[derive(Debug, Args)]
struct WithPort<A: Args> {
    /// Port of the virtual controller, counted from 0 among those of the device's speed.
    #[arg(long, default_value_t = 0)]
    port: usize,
    #[command(flatten)]
    device: A,
}

#[derive(Debug, Args)]
struct Play {
    /// Seed of the content, in place of the one in --content.
    #[arg(long)]
    seed: Option<u64>,
    /// Script of faults, one `after N frames ACTION` or `after TIME ACTION` per line.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// A line of a script; may be given several times, played after --script.
    #[arg(long, value_name = "LINE")]
    fault: Vec<String>,
    /// End after this many frames, over all replugs.
    #[arg(long, value_name = "N")]
    frames: Option<u64>,
}

#[derive(Debug, Args)]
struct ProbeArguments {
    /// pattern[:SEED], phantom:VIEW[:DOMAIN[:SEED]] or file:PATH.
    #[arg(long, default_value = "pattern")]
    content: String,
    /// Formats that are offered: grey8, grey16, rgb8, mjpeg, lines8, lines16, with commas between them, or all.
    #[arg(long, default_value = "grey8")]
    format: String,
    /// Columns and rows; samples and lines of the formats lines8 and lines16.
    #[arg(long, default_value = "640x480")]
    size: String,
    /// Frames per second; 0 for as fast as the host reads.
    #[arg(long, default_value = "0")]
    rate: String,
    /// Serial number.
    #[arg(long, default_value = "SIM-0001")]
    serial: String,
    /// Speed of the connection: high or super.
    #[arg(long, default_value = "high")]
    speed: String,
    /// How lines lie: sector, curved or linear.
    #[arg(long, default_value = "sector")]
    array: String,
    #[command(flatten)]
    play: Play,
}

#[derive(Debug, Args)]
struct CameraArguments {
    /// pattern[:SEED], phantom:VIEW[:DOMAIN[:SEED]] or file:PATH.
    #[arg(long, default_value = "pattern")]
    content: String,
    /// Formats that are offered: grey, yuyv, mjpeg, with commas between them, or all.
    #[arg(long, default_value = "grey")]
    format: String,
    /// Columns and rows.
    #[arg(long, default_value = "640x480")]
    size: String,
    /// Frames per second.
    #[arg(long, default_value = "30")]
    rate: String,
    /// Serial number.
    #[arg(long, default_value = "SIM-CAM-0001")]
    serial: String,
    /// Speed of the connection: high or super.
    #[arg(long, default_value = "high")]
    speed: String,
    #[command(flatten)]
    play: Play,
}

#[derive(Debug, Args)]
struct Verify {
    /// What was sent: pattern[:SEED], phantom:VIEW[:DOMAIN[:SEED]] or file:PATH.
    #[arg(long, default_value = "pattern")]
    content: String,
    /// Seed of the content, in place of the one in --content.
    #[arg(long)]
    seed: Option<u64>,
    /// The pictures went through JPEG: grey values may differ a little.
    #[arg(long)]
    jpeg: bool,
    /// Fail unless there are at least this many frames.
    #[arg(long, value_name = "N", default_value_t = 1)]
    frames: u64,
    /// Fail if a sequence number is missing, or does not grow.
    #[arg(long)]
    no_gaps: bool,
    /// Frames of the protocol, or netpbm pictures, one after the other; - for standard input.
    file: PathBuf,
}

/// Runs the program with the process's arguments.
pub(crate) fn run() -> Result<ExitCode, SimError> {
    match Arguments::parse().command {
        Command::Vhci(Vhci::Probe(arguments)) => {
            let settings = arguments.device.settings()?;
            plug(arguments.port, &arguments.device.play, probe_maker(settings))
        }
        Command::Vhci(Vhci::Camera(arguments)) => {
            let settings = arguments.device.settings()?;
            plug(arguments.port, &arguments.device.play, camera_maker(settings))
        }
        Command::Gadget(Device::Probe(arguments)) => {
            let stop = stop_flag()?;
            let (journal, make) = (Journal::stdout(), probe_maker(arguments.settings()?));
            let (stage, mut make) = prepare(&arguments.play, journal, make)?;
            functionfs::run(&mut make, stage, &stop)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Verify(arguments) => arguments.run(),
    }
}

impl ProbeArguments {
    fn settings(&self) -> Result<ProbeSettings, SimError> {
        let mut settings = ProbeSettings::default();
        let values = [
            ("content", &self.content),
            ("format", &self.format),
            ("size", &self.size),
            ("rate", &self.rate),
            ("serial", &self.serial),
            ("speed", &self.speed),
            ("array", &self.array),
        ];
        values.into_iter().try_for_each(|(name, value)| settings.set(name, value))?;
        settings.content = seeded(settings.content, self.play.seed);
        settings.check()?;
        Ok(settings)
    }
}

impl CameraArguments {
    fn settings(&self) -> Result<CameraSettings, SimError> {
        let mut settings = CameraSettings::default();
        let values = [
            ("content", &self.content),
            ("format", &self.format),
            ("size", &self.size),
            ("rate", &self.rate),
            ("serial", &self.serial),
            ("speed", &self.speed),
        ];
        values.into_iter().try_for_each(|(name, value)| settings.set(name, value))?;
        settings.content = seeded(settings.content, self.play.seed);
        settings.check()?;
        Ok(settings)
    }
}

fn seeded(content: ContentSpec, seed: Option<u64>) -> ContentSpec {
    match seed {
        Some(seed) => content.seeded(seed),
        None => content,
    }
}

/// Makes devices whose settings change from one to the next; with `dry` it only checks the settings.
type Maker = Box<dyn FnMut(&[(String, String)], u64, &Journal, bool) -> Result<Option<Box<dyn Function>>, SimError>>;

fn probe_maker(settings: ProbeSettings) -> Maker {
    let mut current = settings;
    Box::new(move |changes, frames, journal, dry| {
        let mut wanted = current.clone();
        changes.iter().try_for_each(|(name, value)| wanted.set(name, value))?;
        wanted.check()?;
        if dry {
            return Ok(None);
        }
        current = wanted;
        Ok(Some(Box::new(Probe::new(current.clone(), journal.clone())?.counting_from(frames))))
    })
}

fn camera_maker(settings: CameraSettings) -> Maker {
    let mut current = settings;
    Box::new(move |changes, frames, journal, dry| {
        let mut wanted = current.clone();
        changes.iter().try_for_each(|(name, value)| wanted.set(name, value))?;
        wanted.check()?;
        if dry {
            return Ok(None);
        }
        current = wanted;
        Ok(Some(Box::new(Camera::new(current.clone(), journal.clone())?.counting_from(frames))))
    })
}

type Made = Box<dyn FnMut(&[(String, String)], u64) -> Result<Box<dyn Function>, SimError>>;

/// The script, read and checked, and what makes its devices.
fn prepare(play: &Play, journal: Journal, mut maker: Maker) -> Result<(Stage, Made), SimError> {
    let events = play.events()?;
    for event in &events {
        if let Action::Replug(_, changes) = &event.action {
            maker(changes, 0, &journal, true)?;
        }
    }
    let stage = Stage::new(events, play.frames, journal.clone());
    let make = move |changes: &[(String, String)], frames: u64| {
        let made = maker(changes, frames, &journal, false)?;
        made.ok_or_else(|| SimError::Verify("no device was made".into()))
    };
    Ok((stage, Box::new(make)))
}

fn plug(port: usize, play: &Play, maker: Maker) -> Result<ExitCode, SimError> {
    let stop = stop_flag()?;
    let driver = vhci::Driver::open(Path::new(vhci::DRIVER), port)?;
    let (mut stage, mut make) = prepare(play, Journal::stdout(), maker)?;
    vhci::run(&driver, &mut make, &mut stage, &stop)?;
    Ok(ExitCode::SUCCESS)
}

impl Play {
    fn events(&self) -> Result<Vec<Event>, SimError> {
        let mut text = match &self.script {
            Some(path) => fs::read_to_string(path).map_err(|error| SimError::Io {
                action: format!("read {}", path.display()),
                error,
                remedy: "check the path",
            })?,
            None => String::new(),
        };
        for line in &self.fault {
            text.push('\n');
            text.push_str(line);
        }
        script::parse(&text)
    }
}

/// Set by SIGINT and SIGTERM.
fn stop_flag() -> Result<Arc<AtomicBool>, SimError> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).map_err(|error| SimError::Io {
        action: "watch for signals".into(),
        error: io::Error::other(error),
        remedy: "start the program again",
    })?;
    Ok(stop)
}

impl Verify {
    fn run(&self) -> Result<ExitCode, SimError> {
        let content = seeded(self.content.parse()?, self.seed);
        let tolerance = if self.jpeg { verify::JPEG_TOLERANCE } else { 0 };
        let report = if self.file == Path::new("-") {
            verify::verify(io::stdin().lock(), &content, tolerance)?
        } else {
            let file = File::open(&self.file).map_err(|error| SimError::Io {
                action: format!("read {}", self.file.display()),
                error,
                remedy: "check the path",
            })?;
            verify::verify(file, &content, tolerance)?
        };
        let number = |number: Option<u32>| number.map_or_else(|| "-".into(), |number| number.to_string());
        println!(
            "frames={} first={} last={} missing={} back={} wrong={}",
            report.frames,
            number(report.first),
            number(report.last),
            report.missing,
            report.back,
            report.wrong
        );
        if let Some(detail) = &report.detail {
            eprintln!("{detail}");
        }
        let gaps = self.no_gaps && report.missing + report.back > 0;
        let well = report.wrong == 0 && report.frames >= self.frames && !gaps;
        Ok(if well { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}
