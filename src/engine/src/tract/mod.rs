//! The CPU engine: [tract](https://github.com/sonos/tract) 0.23.
//!
//! # Threads
//! tract splits matrix products, softmax and element-wise operators over a thread pool. The whole run takes place on a
//! thread of that pool, so that each of its several hundred operators hands out work without waking a sleeping caller.
//! Engines with the same number of threads share one pool and take turns on it.
//!
//! # Convolutions
//! tract has a direct convolution for wide rows of few channels, which [`EngineOptions::direct_convolution`] allows and
//! which is off by default: everything else goes through its matrix product. The environment variable
//! `TRACT_DISABLE_DIRECT_SPATIAL` that tract documents for this is read while a model is prepared; the same setting is
//! given here for one model, through tract's own scope, without touching the environment.
//!
//! # Buffers
//! Each engine keeps one state and its input tensors from run to run. Inputs are copied in, results are copied out; what
//! tract allocates in between is its own.

mod softmax;
mod tiles;
mod windows;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::ThreadPool;
use tract_linalg::multithread::Executor;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{SimplePlan, SimpleState};
use tract_onnx::tract_core::knobs::KnobScope;

use crate::engine::{Engine, ModelInfo, TensorInfo};
use crate::error::{EngineError, Side};
use crate::model::{MAX_ELEMENTS, Model};
use crate::options::{Backend, EngineOptions};

/// Name of this backend.
pub const NAME: &str = "tract";
/// More threads than this are a mistake.
const MAX_THREADS: usize = 256;

/// A model that runs on the CPU.
pub struct TractEngine {
    info: ModelInfo,
    state: SimpleState<TypedFact, Box<dyn TypedOp>>,
    inputs: Vec<Tensor>,
    threads: Threads,
}

impl TractEngine {
    /// Loads an ONNX model.
    ///
    /// # Errors
    /// See [`crate::load`].
    pub fn load(file: &Path, options: &EngineOptions) -> Result<Self, EngineError> {
        let model = Model::read(file)?;
        let threads = Threads::shared(options.threads)?;
        let onnx = tract_onnx::onnx();
        if let Some((node, operator)) = model.operators().find(|(_, name)| !onnx.op_register.0.contains_key(*name)) {
            return Err(EngineError::UnsupportedOperator {
                backend: NAME,
                file: file.to_owned(),
                node: node.to_owned(),
                operator: operator.to_owned(),
            });
        }
        let refuse = |reason: String| EngineError::Prepare { backend: NAME, file: file.to_owned(), reason };
        let (inputs, outputs) = (model.inputs.clone(), model.outputs.clone());
        let disabled = if options.direct_convolution { "false" } else { "true" };
        let scope =
            KnobScope::new([("TRACT_DISABLE_DIRECT_SPATIAL", disabled)]).map_err(|error| refuse(chain(&error)))?;
        let executor = threads.executor();
        let state = guarded(|| scope.enter(|| prepare(onnx, model, executor))).map_err(refuse)?;
        let outputs = describe_outputs(file, outputs, state.model())?;
        let tensors = inputs
            .iter()
            .map(|input| Tensor::zero::<f32>(&input.shape))
            .collect::<TractResult<_>>()
            .map_err(|error| refuse(chain(&error)))?;
        log::debug!("{} prepared for {} threads", file.display(), threads.count);
        Ok(Self { info: ModelInfo { inputs, outputs }, state, inputs: tensors, threads })
    }
}

impl Engine for TractEngine {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn run(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), EngineError> {
        self.info.check_call(inputs, outputs)?;
        let Self { info, state, inputs: tensors, threads } = self;
        let mut run = || guarded(|| run(state, tensors, inputs, outputs));
        let result = match &threads.pool {
            Some(pool) => {
                let _turn = threads.turn.lock().unwrap_or_else(PoisonError::into_inner);
                pool.install(run)
            }
            None => run(),
        };
        if let Err(reason) = result {
            // A turn that was broken off leaves its values behind; the next one starts clean.
            self.state =
                guarded(|| self.state.plan().spawn()).map_err(|reason| EngineError::Run { backend: NAME, reason })?;
            return Err(EngineError::Run { backend: NAME, reason });
        }
        info.check_results(outputs)
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// One turn: copies in, computes, copies out. The tensors come back from tract when the turn is over and are only
/// allocated again where it kept one.
fn run(
    state: &mut SimpleState<TypedFact, Box<dyn TypedOp>>,
    tensors: &mut [Tensor],
    inputs: &[&[f32]],
    outputs: &mut [&mut [f32]],
) -> TractResult<()> {
    let mut turn = TVec::with_capacity(tensors.len());
    for (tensor, input) in tensors.iter_mut().zip(inputs) {
        tensor.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?.copy_from_slice(input);
        turn.push(Arc::new(std::mem::take(tensor)));
    }
    let results = state.run(turn.iter().map(|tensor| tensor.clone().into_tvalue()).collect());
    for (tensor, shared) in tensors.iter_mut().zip(turn) {
        *tensor = Arc::try_unwrap(shared).or_else(|shared| Tensor::zero::<f32>(shared.shape()))?;
    }
    for (result, output) in results?.iter().zip(outputs) {
        output.copy_from_slice(result.try_as_plain_ram()?.as_slice::<f32>()?);
    }
    Ok(())
}

fn prepare(
    onnx: tract_onnx::Onnx,
    model: Model,
    executor: Executor,
) -> TractResult<SimpleState<TypedFact, Box<dyn TypedOp>>> {
    let Model { proto, inputs, .. } = model;
    let mut graph = onnx.with_ignore_output_shapes(true).model_for_proto_model(&proto)?;
    drop(proto);
    for (index, input) in inputs.iter().enumerate() {
        graph.set_input_fact(index, f32::fact(&input.shape).into())?;
    }
    let mut graph = graph.into_typed()?.into_decluttered()?;
    softmax::replace(&mut graph)?;
    let mut graph = graph.into_optimized()?;
    windows::replace(&mut graph)?;
    let options = RunOptions { executor: Some(executor), ..RunOptions::default() };
    SimplePlan::new_with_options(graph, &options)?.spawn()
}

/// Shapes of the outputs after tract's shape inference, and a look at every tensor in between: none may be larger than
/// the limit.
fn describe_outputs(file: &Path, names: Vec<String>, graph: &TypedModel) -> Result<Vec<TensorInfo>, EngineError> {
    let too_large = graph.nodes().iter().find(|node| {
        node.outputs.iter().any(|output| match output.fact.shape.as_concrete() {
            Some(shape) => {
                shape.iter().try_fold(1_usize, |all, size| all.checked_mul(*size)).is_none_or(|all| all > MAX_ELEMENTS)
            }
            None => true,
        })
    });
    if let Some(node) = too_large {
        let reason = format!("node `{}` gives more than {MAX_ELEMENTS} elements or a variable shape", node.name);
        return Err(EngineError::Prepare { backend: NAME, file: file.to_owned(), reason });
    }
    let describe = |(name, outlet): (String, &OutletId)| {
        let fact = graph.outlet_fact(*outlet).ok();
        match fact.filter(|fact| fact.datum_type == f32::datum_type()).and_then(|fact| fact.shape.as_concrete()) {
            Some(shape) => Ok(TensorInfo { name, shape: shape.to_vec() }),
            None => Err(EngineError::Tensor {
                file: file.to_owned(),
                side: Side::Output,
                name,
                found: fact.map_or_else(|| "unknown".to_owned(), |fact| format!("{fact:?}")),
            }),
        }
    };
    names.into_iter().zip(&graph.outputs).map(describe).collect()
}

/// The threads of an engine.
#[derive(Clone)]
struct Threads {
    count: usize,
    pool: Option<Arc<ThreadPool>>,
    /// Held by the engine that runs. A thread of the pool that waits for a part of one run would otherwise begin the next
    /// run in between, and tract's scratch memory, one per thread, does not allow that.
    turn: Arc<Mutex<()>>,
}

impl Threads {
    /// The pool of `count` threads that this process has, or a new one; `count` 0 is one per core.
    fn shared(count: usize) -> Result<Self, EngineError> {
        static POOLS: Mutex<Vec<Threads>> = Mutex::new(Vec::new());
        let unavailable = |reason: String| EngineError::Unavailable {
            backend: Backend::Tract,
            reason,
            remedy: "ask for fewer threads".to_owned(),
        };
        let count = match count {
            0 => std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS),
            1..=MAX_THREADS => count,
            _ => return Err(unavailable(format!("{count} threads are more than {MAX_THREADS}"))),
        };
        let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = pools.iter().find(|known| known.count == count) {
            return Ok(known.clone());
        }
        let pool = match count {
            1 => None,
            _ => {
                let builder = rayon::ThreadPoolBuilder::new().num_threads(count);
                let pool = builder.thread_name(|index| format!("tract-{index}")).build();
                Some(Arc::new(pool.map_err(|error| unavailable(error.to_string()))?))
            }
        };
        let threads = Self { count, pool, turn: Arc::default() };
        pools.push(threads.clone());
        Ok(threads)
    }

    fn executor(&self) -> Executor {
        self.pool.clone().map_or(Executor::SingleThread, Executor::MultiThread)
    }
}

/// Runs code that reads a model file and turns its errors, and the panics it should not have, into a text.
fn guarded<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| chain(&error)),
        Err(panic) => Err(panic_text(&*panic)),
    }
}

fn chain(error: &TractError) -> String {
    format!("{error:#}")
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("internal error of tract: {}", text.unwrap_or("of unknown cause"))
}
