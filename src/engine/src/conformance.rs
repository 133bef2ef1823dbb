//! What every engine must do, as one suite.
//!
//! A backend's tests give [`check`] a loader and [`Case`]s: models with examples whose results were computed by other
//! means. The suite then asks for right values, for the description, for buffers that stay untouched around the results,
//! for refusals that leave the engine usable, for equal results of equal calls, for engines that do not disturb each
//! other, for calls from another thread, and for the right error for files that are no models.

use std::path::{Path, PathBuf};

use prost::Message as _;
use tract_onnx::pb::ModelProto;

use crate::engine::{Engine, ModelInfo};
use crate::error::{EngineError, Side};

/// One call and its result.
#[derive(Clone, Debug)]
pub struct Example {
    /// A buffer for each input.
    pub inputs: Vec<Vec<f32>>,
    /// What each output must be.
    pub outputs: Vec<Vec<f32>>,
}

/// A model with examples.
#[derive(Clone, Debug)]
pub struct Case {
    /// Name for messages and for the model's file.
    pub name: &'static str,
    /// The ONNX file.
    pub model: Vec<u8>,
    /// Inputs and outputs that the engine must describe.
    pub info: ModelInfo,
    /// At least two calls with different results.
    pub examples: Vec<Example>,
    /// Greatest difference, relative to the larger of 1 and the magnitude of the value.
    pub tolerance: f32,
}

/// A demand that an engine does not meet.
#[derive(Debug, thiserror::Error)]
#[error("{case}: {demand}: {found}")]
pub struct Violation {
    /// The model.
    pub case: &'static str,
    /// What the engine must do.
    pub demand: &'static str,
    /// What it did instead.
    pub found: String,
}

/// Loads a model of the suite with the engine under test.
pub type Loader<'a> = &'a dyn Fn(&Path) -> Result<Box<dyn Engine>, EngineError>;

type Demand = fn(&Subject<'_>) -> Result<(), String>;

/// Every demand on an engine that was loaded from a good model.
const DEMANDS: [(&str, Demand); 9] = [
    ("describes its inputs and outputs", describes),
    ("computes the right values", right_values),
    ("writes nothing but its outputs", writes_only_outputs),
    ("refuses wrong numbers and lengths of buffers and stays usable", refuses_wrong_buffers),
    ("refuses inputs that are not finite and stays usable", refuses_non_finite),
    ("gives equal results for equal inputs", repeats),
    ("keeps nothing from one call to the next", keeps_nothing),
    ("runs beside another engine", runs_side_by_side),
    ("runs on another thread", runs_elsewhere),
];

/// Checks the engine that `load` gives against every demand with every case. Model files are written to `folder`.
///
/// # Errors
/// The first demand that is not met.
pub fn check(cases: &[Case], folder: &Path, load: Loader<'_>) -> Result<(), Violation> {
    for case in cases {
        let violation = |demand, found| Violation { case: case.name, demand, found };
        let file = folder.join(case.name).with_extension("onnx");
        write(&file, &case.model).map_err(|found| violation("can be written to a file", found))?;
        let subject = Subject { case, file, load };
        for (demand, meets) in DEMANDS {
            meets(&subject).map_err(|found| violation(demand, found))?;
        }
        refuses_bad_files(&subject, folder).map_err(|found| violation("refuses files that are no models", found))?;
    }
    Ok(())
}

struct Subject<'a> {
    case: &'a Case,
    file: PathBuf,
    load: Loader<'a>,
}

impl Subject<'_> {
    fn engine(&self) -> Result<Box<dyn Engine>, String> {
        (self.load)(&self.file).map_err(|error| error.to_string())
    }

    /// Runs an example and compares.
    fn verify(&self, engine: &mut dyn Engine, example: &Example) -> Result<(), String> {
        let results = call(engine, &example.inputs)?;
        for ((result, expected), tensor) in results.iter().zip(&example.outputs).zip(&self.case.info.outputs) {
            for (index, (found, expected)) in result.iter().zip(expected).enumerate() {
                let difference = (found - expected).abs();
                if difference.is_nan() || difference > self.case.tolerance * expected.abs().max(1.0) {
                    return Err(format!("{} is {found} at {index}, expected {expected}", tensor.name));
                }
            }
        }
        Ok(())
    }
}

fn describes(subject: &Subject<'_>) -> Result<(), String> {
    let engine = subject.engine()?;
    if engine.info() != &subject.case.info {
        return Err(format!("{:?}, expected {:?}", engine.info(), subject.case.info));
    }
    match engine.backend() {
        "" => Err("its backend has no name".to_owned()),
        _ => Ok(()),
    }
}

fn right_values(subject: &Subject<'_>) -> Result<(), String> {
    let mut engine = subject.engine()?;
    subject.case.examples.iter().try_for_each(|example| subject.verify(&mut *engine, example))
}

fn writes_only_outputs(subject: &Subject<'_>) -> Result<(), String> {
    const GUARD: usize = 64;
    const MARK: f32 = 1234.5;
    let mut engine = subject.engine()?;
    for example in &subject.case.examples {
        let lengths = example.outputs.iter().map(Vec::len);
        let mut guarded = lengths.map(|length| vec![MARK; length + 2 * GUARD]).collect::<Vec<_>>();
        let mut views = guarded.iter_mut().map(|buffer| inner_mut(buffer, GUARD)).collect::<Vec<_>>();
        let before = example.inputs.clone();
        let inputs = example.inputs.iter().map(Vec::as_slice).collect::<Vec<_>>();
        engine.run(&inputs, &mut views).map_err(|error| error.to_string())?;
        if before != example.inputs {
            return Err("an input changed".to_owned());
        }
        for buffer in &guarded {
            let outside = buffer.iter().take(GUARD).chain(buffer.iter().rev().take(GUARD));
            if outside.into_iter().any(|value| *value != MARK) {
                return Err("values around an output changed".to_owned());
            }
        }
    }
    Ok(())
}

fn refuses_wrong_buffers(subject: &Subject<'_>) -> Result<(), String> {
    let mut engine = subject.engine()?;
    let example = first(subject)?;
    let expect = |what: &str, inputs: &[Vec<f32>], lengths: &[usize], engine: &mut dyn Engine| {
        let mut outputs = lengths.iter().map(|length| vec![0.0; *length]).collect::<Vec<_>>();
        let inputs = inputs.iter().map(Vec::as_slice).collect::<Vec<_>>();
        let mut outputs = outputs.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>();
        match engine.run(&inputs, &mut outputs) {
            Err(EngineError::Count { .. } | EngineError::Length { .. }) => Ok(()),
            Err(other) => Err(format!("{what}: the error is \"{other}\"")),
            Ok(()) => Err(format!("{what}: accepted")),
        }
    };
    let lengths = example.outputs.iter().map(Vec::len).collect::<Vec<_>>();
    let changed = |change: fn(&mut Vec<f32>)| {
        let mut inputs = example.inputs.clone();
        inputs.iter_mut().take(1).for_each(change);
        inputs
    };
    let shorter = changed(|input| input.truncate(input.len() - 1));
    let longer = changed(|input| input.push(0.0));
    let empty = changed(Vec::clear);
    let additional = example.inputs.iter().cloned().chain([vec![0.0]]).collect::<Vec<_>>();
    for (what, inputs) in [
        ("an input one too short", shorter),
        ("an input one too long", longer),
        ("an empty input", empty),
        ("no input", Vec::new()),
        ("an input too many", additional),
    ] {
        expect(what, &inputs, &lengths, &mut *engine)?;
    }
    let resized = |change: fn(usize) -> usize| {
        let rest = lengths.iter().copied().skip(1);
        lengths.iter().take(1).map(|length| change(*length)).chain(rest).collect::<Vec<_>>()
    };
    for (what, lengths) in [
        ("an output one too short", resized(|length| length - 1)),
        ("an output one too long", resized(|length| length + 1)),
        ("no output", Vec::new()),
        ("an output too many", lengths.iter().copied().chain([1]).collect()),
    ] {
        expect(what, &example.inputs, &lengths, &mut *engine)?;
    }
    subject.verify(&mut *engine, example)
}

fn refuses_non_finite(subject: &Subject<'_>) -> Result<(), String> {
    let mut engine = subject.engine()?;
    let example = first(subject)?;
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for number in 0..example.inputs.len() {
            let mut inputs = example.inputs.clone();
            let last = inputs[number].len() - 1;
            inputs[number][last] = bad;
            let mut outputs = example.outputs.clone();
            let views = inputs.iter().map(Vec::as_slice).collect::<Vec<_>>();
            let mut results = outputs.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>();
            match engine.run(&views, &mut results) {
                Err(EngineError::NonFinite { side: Side::Input, index, .. }) if index == last => {}
                Err(other) => return Err(format!("{bad}: the error is \"{other}\"")),
                Ok(()) => return Err(format!("{bad}: accepted")),
            }
        }
    }
    subject.verify(&mut *engine, example)
}

fn repeats(subject: &Subject<'_>) -> Result<(), String> {
    const TIMES: usize = 3;
    let mut engine = subject.engine()?;
    for example in &subject.case.examples {
        let expected = call(&mut *engine, &example.inputs)?;
        for _ in 1..TIMES {
            if call(&mut *engine, &example.inputs)? != expected {
                return Err("two calls differ".to_owned());
            }
        }
    }
    Ok(())
}

fn keeps_nothing(subject: &Subject<'_>) -> Result<(), String> {
    let mut engine = subject.engine()?;
    let forward = results(&subject.case.examples, &mut *engine, false)?;
    let mut backward = results(&subject.case.examples, &mut *engine, true)?;
    backward.reverse();
    if forward == backward { Ok(()) } else { Err("the order of calls changes their results".to_owned()) }
}

fn runs_side_by_side(subject: &Subject<'_>) -> Result<(), String> {
    let (mut one, mut other) = (subject.engine()?, subject.engine()?);
    let alone = results(&subject.case.examples, &mut *one, false)?;
    for (example, expected) in subject.case.examples.iter().zip(&alone) {
        if &call(&mut *other, &example.inputs)? != expected || &call(&mut *one, &example.inputs)? != expected {
            return Err("two engines of one model differ".to_owned());
        }
    }
    let examples = &subject.case.examples;
    std::thread::scope(|scope| {
        let together = [one, other].map(|mut engine| scope.spawn(move || results(examples, &mut *engine, false)));
        for handle in together {
            let found = handle.join().map_err(|_| "a thread panicked".to_owned())??;
            if found != alone {
                return Err("engines that run at the same time differ".to_owned());
            }
        }
        Ok(())
    })
}

fn runs_elsewhere(subject: &Subject<'_>) -> Result<(), String> {
    let mut engine = subject.engine()?;
    let example = first(subject)?;
    let here = call(&mut *engine, &example.inputs)?;
    let inputs = example.inputs.clone();
    let there = std::thread::spawn(move || call(&mut *engine, &inputs)).join();
    match there.map_err(|_| "the thread panicked".to_owned())?? == here {
        true => Ok(()),
        false => Err("the result differs there".to_owned()),
    }
}

fn refuses_bad_files(subject: &Subject<'_>, folder: &Path) -> Result<(), String> {
    const UNKNOWN: &str = "NoSuchOperator";
    let model = &subject.case.model;
    let mut foreign = ModelProto::decode(&**model).map_err(|error| error.to_string())?;
    let mut node = String::new();
    for last in foreign.graph.iter_mut().filter_map(|graph| graph.node.last_mut()) {
        UNKNOWN.clone_into(&mut last.op_type);
        node.clone_from(&last.name);
    }
    let refused = |name: &str, content: Option<&[u8]>| {
        let file = folder.join(name);
        if let Some(content) = content {
            write(&file, content)?;
        }
        (subject.load)(&file).err().ok_or_else(|| format!("{name}: accepted"))
    };
    match refused("missing.onnx", None)? {
        EngineError::NotFound { .. } => {}
        other => return Err(format!("a missing file: the error is \"{other}\"")),
    }
    for (name, content) in [
        ("empty.onnx", &[][..]),
        ("text.onnx", b"this is no model, only a text that was given the wrong name"),
        ("cut.onnx", &model[..model.len() / 2]),
    ] {
        match refused(name, Some(content))? {
            EngineError::NotOnnx { .. } => {}
            other => return Err(format!("{name}: the error is \"{other}\"")),
        }
    }
    match refused("foreign.onnx", Some(&foreign.encode_to_vec()))? {
        EngineError::UnsupportedOperator { operator, node: found, .. } if operator == UNKNOWN && found == node => {
            Ok(())
        }
        other => Err(format!("an operator that does not exist: the error is \"{other}\"")),
    }
}

/// Results of every example, in order or from the last to the first.
fn results(examples: &[Example], engine: &mut dyn Engine, backward: bool) -> Result<Vec<Vec<Vec<f32>>>, String> {
    match backward {
        false => examples.iter().map(|example| call(engine, &example.inputs)).collect(),
        true => examples.iter().rev().map(|example| call(engine, &example.inputs)).collect(),
    }
}

fn call(engine: &mut dyn Engine, inputs: &[Vec<f32>]) -> Result<Vec<Vec<f32>>, String> {
    let mut outputs = engine.info().outputs.iter().map(|output| vec![f32::NAN; output.elements()]).collect::<Vec<_>>();
    let views = inputs.iter().map(Vec::as_slice).collect::<Vec<_>>();
    let mut results = outputs.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>();
    engine.run(&views, &mut results).map_err(|error| error.to_string())?;
    Ok(outputs)
}

fn first<'a>(subject: &Subject<'a>) -> Result<&'a Example, String> {
    subject.case.examples.first().ok_or_else(|| "the case has no example".to_owned())
}

fn inner_mut(buffer: &mut [f32], guard: usize) -> &mut [f32] {
    let length = buffer.len();
    &mut buffer[guard..length - guard]
}

fn write(file: &Path, content: &[u8]) -> Result<(), String> {
    std::fs::write(file, content).map_err(|error| format!("{}: {error}", file.display()))
}
