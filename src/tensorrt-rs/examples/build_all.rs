//! Builds plans of ONNX models with the TensorRT library of this machine, and checks how it refuses what is no model and no plan.
//!
//! ```text
//! cargo run --release -p tensorrt-rs --example build_all -- [OPTION ...] MODEL.onnx ...
//!     --library PATH       TensorRT library or its folder (default: USHYDRA_TENSORRT_LIB, then the usual places)
//!     --capability X.Y     compute capability to build for; TensorRT for RTX only, which then needs no GPU
//!     --precision P        fp32 | fp16 | int8, where precision is a choice of the builder (TensorRT 8 and 10)
//! ```
//!
//! One line per model: bytes of the model, milliseconds, bytes of the plan and of the timing cache, milliseconds of a second build with that
//! cache. Exit code 1 where a model could not be built or a refusal was not as expected.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the console")]

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use tensorrt_rs::{BuildOptions, Locations, Precision, Progress, TensorRt, TensorRtError};

type Failure = Box<dyn std::error::Error>;

struct Arguments {
    locations: Locations,
    options: BuildOptions,
    models: Vec<PathBuf>,
}

fn arguments() -> Result<Arguments, Failure> {
    let mut found = Arguments { locations: Locations::default(), options: BuildOptions::default(), models: Vec::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--library" => found.locations = Locations::at(Path::new(&value()?)),
            "--capability" => {
                let text = value()?;
                let (major, minor) = text.split_once('.').ok_or("--capability is written like 8.6")?;
                found.options.compute_capability = Some((major.parse()?, minor.parse()?));
            }
            "--precision" => {
                found.options.precision = match value()?.as_str() {
                    "fp32" => Precision::Fp32,
                    "fp16" => Precision::Fp16,
                    "int8" => Precision::Int8,
                    other => return Err(format!("`{other}` is no precision; use fp32, fp16 or int8").into()),
                }
            }
            option if option.starts_with('-') => return Err(format!("unknown option {option}").into()),
            model => found.models.push(model.into()),
        }
    }
    if found.models.is_empty() { Err("name at least one ONNX file".into()) } else { Ok(found) }
}

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn,tensorrt=off")).init();
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failures) => {
            eprintln!("{failures} failed");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Number of failures.
fn run() -> Result<usize, Failure> {
    let arguments = arguments()?;
    let tensorrt = TensorRt::open(&arguments.locations)?;
    println!("{tensorrt:?}{}", if tensorrt.strongly_typed() { ", precision from the model's types" } else { "" });
    let mut failures = 0;
    for model in &arguments.models {
        if let Err(error) = build(&tensorrt, &arguments.options, model) {
            println!("{}: FAILED: {error}", model.display());
            failures += 1;
        }
    }
    let first = arguments.models.first().map(fs::read).transpose()?.unwrap_or_default();
    for (what, refused) in [
        ("an operator that there is none of", refuses_operator(&tensorrt, &arguments.options, first.clone())),
        ("a build that is stopped", stops(&tensorrt, &arguments.options, &first)),
        ("bytes that are no model", refuses_bad_model(&tensorrt, &arguments.options)),
        ("bytes that are no plan", refuses_bad_plan(&tensorrt)),
    ] {
        match refused {
            Ok(message) => println!("{what}: refused: {message}"),
            Err(message) => {
                println!("{what}: FAILED: {message}");
                failures += 1;
            }
        }
    }
    Ok(failures)
}

fn build(tensorrt: &TensorRt, options: &BuildOptions, model: &Path) -> Result<(), Failure> {
    let onnx = fs::read(model)?;
    let mut events = 0_u32;
    let mut progress = |_: &Progress| {
        events += 1;
        ControlFlow::Continue(())
    };
    let start = Instant::now();
    let built = tensorrt.build(options, &onnx, &mut progress)?;
    let first = start.elapsed();
    let again = BuildOptions { timing_cache: built.timing_cache.clone(), ..options.clone() };
    let start = Instant::now();
    tensorrt.build(&again, &onnx, &mut progress)?;
    println!(
        "{}: {} bytes, {:.0} ms, plan {} bytes, timing cache {} bytes, again {:.0} ms, {events} progress events",
        model.display(),
        onnx.len(),
        first.as_secs_f64() * 1e3,
        built.plan.len(),
        built.timing_cache.len(),
        start.elapsed().as_secs_f64() * 1e3,
    );
    // Without a GPU it cannot be loaded, but it must not be taken for a damaged one.
    match tensorrt.deserialize(&built.plan, None) {
        Ok(engine) => println!("    loaded: {} tensors", engine.tensors().len()),
        Err(error) => log::info!("not loaded here: {error}"),
    }
    Ok(())
}

/// The first operator of the model renamed in its bytes; the parser has to name it and its node.
fn refuses_operator(tensorrt: &TensorRt, options: &BuildOptions, mut onnx: Vec<u8>) -> Result<String, String> {
    /// Field 4 of `NodeProto`, its length, and an operator that every model of this project has one of.
    const OPERATORS: [&[u8]; 3] = [b"\x22\x04Conv", b"\x22\x06MatMul", b"\x22\x04Gemm"];
    let found = OPERATORS.iter().find_map(|operator| {
        Some((onnx.windows(operator.len()).position(|window| window == *operator)?, operator.len()))
    });
    let (at, length) = found.ok_or("the first model has no operator that can be renamed")?;
    let name = &mut onnx[at + 2..at + length];
    name[0] = b'Z';
    let name = String::from_utf8_lossy(name).into_owned();
    match tensorrt.build(options, &onnx, &mut |_| ControlFlow::Continue(())) {
        Err(TensorRtError::Parse { errors }) if errors.iter().any(|error| error.operator == name) => {
            Ok(TensorRtError::Parse { errors }.to_string())
        }
        Err(error) => Err(format!("another error than expected: {error}")),
        Ok(_) => Err("a plan was built".to_owned()),
    }
}

fn stops(tensorrt: &TensorRt, options: &BuildOptions, onnx: &[u8]) -> Result<String, String> {
    match tensorrt.build(options, onnx, &mut |_| ControlFlow::Break(())) {
        Err(error @ TensorRtError::Cancelled) => Ok(error.to_string()),
        Err(error) => Err(format!("another error than expected: {error}")),
        Ok(_) => Err("it went on to the end".to_owned()),
    }
}

fn refuses_bad_model(tensorrt: &TensorRt, options: &BuildOptions) -> Result<String, String> {
    match tensorrt.build(options, b"not a model", &mut |_| ControlFlow::Continue(())) {
        Err(error @ TensorRtError::Parse { .. }) => Ok(error.to_string()),
        Err(error) => Err(format!("another error than expected: {error}")),
        Ok(_) => Err("a plan was built".to_owned()),
    }
}

fn refuses_bad_plan(tensorrt: &TensorRt) -> Result<String, String> {
    match tensorrt.deserialize(b"not a plan, but long enough for the header of one", None) {
        Err(error @ TensorRtError::Plan { .. }) => Ok(error.to_string()),
        Err(error) => Err(format!("another error than expected: {error}")),
        Ok(_) => Err("it was loaded".to_owned()),
    }
}
