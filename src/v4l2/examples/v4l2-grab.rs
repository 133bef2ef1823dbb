//! Lists cameras, or grabs frames and says how they came.
//!
//!     v4l2-grab                                              all cameras with formats, sizes and rates
//!     v4l2-grab PATH FORMAT [WIDTHxHEIGHT|-] [FRAMES] [--hashes]
//!
//! Prints rate, gaps of the driver's sequence numbers, damaged frames and an FNV-1a hash over all bytes; with `--hashes` also
//! one line per frame. Exits with 1 after a fault, so that scripts can wait for an unplug.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ushydra_v4l2::{Device, FourCc, Intervals, Linux, Wanted, list};

const TIMEOUT: Duration = Duration::from_secs(5);
const BUFFERS: u32 = 4;

/// FNV-1a, 64 bits, continued from `hash`.
fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

fn print_list() -> Result<(), Box<dyn std::error::Error>> {
    for candidate in list(&Linux::default())? {
        let path = candidate.path.display();
        match candidate.camera {
            Err(error) => println!("{path} {}: {error}", candidate.name.unwrap_or_default()),
            Ok((identity, formats)) => {
                println!("{path} {identity} driver {} bus {}", identity.driver, identity.bus);
                for format in formats {
                    for size in &format.sizes {
                        let rates: Vec<_> = size
                            .intervals
                            .iter()
                            .map(|intervals| match intervals {
                                Intervals::One(interval) => format!("{:.1}", interval.rate()),
                                Intervals::Range { shortest, longest } => {
                                    format!("{:.1} to {:.1}", longest.rate(), shortest.rate())
                                }
                            })
                            .collect();
                        println!("  {} {} at {} /s", format.fourcc, size.sizes, rates.join(", "));
                    }
                }
            }
        }
    }
    Ok(())
}

fn grab(arguments: &[String], hashes: bool) -> Result<(), Box<dyn std::error::Error>> {
    let usage = "usage: v4l2-grab PATH FORMAT [WIDTHxHEIGHT|-] [FRAMES] [--hashes]";
    let [path, format, rest @ ..] = arguments else { return Err(usage.into()) };
    let fourcc = FourCc(format.as_bytes().try_into().map_err(|_| "a format has four characters, such as YUYV")?);
    let size = match rest.first().map(String::as_str) {
        None | Some("-") => None,
        Some(text) => {
            let (width, height) = text.split_once('x').ok_or(usage)?;
            Some((width.parse()?, height.parse()?))
        }
    };
    let frames: u32 = rest.get(1).map_or(Ok(100), |text| text.parse())?;
    let mut device = Device::open(&Linux::default(), Path::new(path))?;
    println!(
        "{} driver {} bus {}",
        device.capabilities().card,
        device.capabilities().driver,
        device.capabilities().bus
    );
    let format = device.set_format(Wanted { fourcc, size })?;
    println!("{format} stride {} image {} {:?}", format.stride, format.image_bytes, format.quantization);
    let mut capture = device.stream(format, BUFFERS)?;

    let (mut gaps, mut damaged, mut bytes, mut hash) = (0_u64, 0_u32, 0_u64, FNV_START);
    let (mut last, mut first_at, mut last_at) = (None::<u32>, None::<Instant>, None::<Instant>);
    let (mut longest, mut oldest) = (Duration::ZERO, Duration::ZERO);
    for index in 0..frames {
        let Some(buffer) = capture.next(TIMEOUT)? else {
            return Err(format!("no frame for {TIMEOUT:?} after {index} frames").into());
        };
        let now = Instant::now();
        oldest = oldest.max(now.saturating_duration_since(buffer.captured()));
        if let Some(before) = last_at.replace(now) {
            longest = longest.max(now - before);
        }
        first_at.get_or_insert(now);
        let sequence = buffer.sequence();
        if let Some(last) = last.replace(sequence) {
            gaps += u64::from(sequence.wrapping_sub(last).wrapping_sub(1));
        }
        damaged += u32::from(buffer.is_damaged());
        bytes += buffer.bytes().len() as u64;
        hash = fnv(hash, buffer.bytes());
        if hashes {
            println!("frame {sequence} {} {:016x}", buffer.bytes().len(), fnv(FNV_START, buffer.bytes()));
        }
    }
    let seconds = first_at.zip(last_at).map_or(0.0, |(first, last)| (last - first).as_secs_f64());
    let rate = if seconds > 0.0 { f64::from(frames.saturating_sub(1)) / seconds } else { 0.0 };
    println!(
        "frames {frames} rate {rate:.2} /s bytes {bytes} gaps {gaps} damaged {damaged} longest wait {:.1} ms oldest {:.1} ms \
         fnv {hash:016x}",
        longest.as_secs_f64() * 1e3,
        oldest.as_secs_f64() * 1e3
    );
    Ok(())
}

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let hashes = arguments.iter().any(|argument| argument == "--hashes");
    arguments.retain(|argument| argument != "--hashes");
    let outcome = if arguments.is_empty() { print_list() } else { grab(&arguments, hashes) };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("v4l2-grab: {error}");
            ExitCode::FAILURE
        }
    }
}
