//! One model on the GPU.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tensorrt_rs::cuda::{Event, Graph, Memory, Stream};
use tensorrt_rs::{Context, DataType, Direction, TensorDesc, TensorRtError};

use super::{Gpu, NAME, prepare_error, run_error};
use crate::engine::{Engine, ModelInfo, TensorInfo};
use crate::error::{EngineError, Side};
use crate::model::Model;
use crate::options::EngineOptions;

/// A model that runs on the GPU.
pub(crate) struct TensorRtEngine {
    info: ModelInfo,
    /// What [`Engine::run`] is called with: [`Self::info`], but empty where a tensor stays on the GPU.
    call: ModelInfo,
    /// Work of one run; none until the first, and after memory changed hands. Dropped before what it works with.
    graph: Option<Graph>,
    /// Whether the network can be recorded; found out with the first run.
    recordable: bool,
    context: Context,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    /// Before and after the last run, where its time is measured.
    events: Option<[Event; 2]>,
    gpu: Arc<Gpu>,
}

/// Memory of one tensor.
struct Port {
    memory: Memory,
    /// Whether the tensor passes through the caller's buffers.
    copied: bool,
}

impl TensorRtEngine {
    /// Gives a loaded engine its memory. `model` is the file that it was built from, whose order of tensors is kept.
    pub(super) fn new(
        gpu: &Arc<Gpu>,
        engine: &tensorrt_rs::Engine,
        model: &Model,
        file: &Path,
        options: &EngineOptions,
    ) -> Result<Self, EngineError> {
        let refuse = |error| prepare_error(file, error);
        let mut context = engine.context().map_err(refuse)?;
        let inputs = model.inputs.clone();
        let outputs = model.outputs.iter().map(|name| describe(engine.tensors(), name, file));
        let info = ModelInfo { inputs, outputs: outputs.collect::<Result<_, _>>()? };
        let mut ports = |tensors: &[TensorInfo], direction| {
            let port = |tensor: &TensorInfo| {
                known(engine.tensors(), tensor, direction, file)?;
                let memory = Memory::new(&gpu.cuda, tensor.elements() * size_of::<f32>()).map_err(refuse)?;
                context.bind(&tensor.name, &memory).map_err(refuse)?;
                Ok::<_, EngineError>(Port { memory, copied: true })
            };
            tensors.iter().map(port).collect::<Result<Vec<_>, _>>()
        };
        let inputs = ports(&info.inputs, Direction::Input)?;
        let outputs = ports(&info.outputs, Direction::Output)?;
        let event = || Event::new(&gpu.cuda).map_err(refuse);
        let events = if options.device_times { Some([event()?, event()?]) } else { None };
        let (call, gpu, recordable) = (info.clone(), Arc::clone(gpu), !options.single_calls);
        Ok(Self { info, call, graph: None, recordable, context, inputs, outputs, events, gpu })
    }

    /// Gives the work of one run to the stream.
    fn work(context: &mut Context, inputs: &[Port], outputs: &[Port], stream: &Stream) -> Result<(), TensorRtError> {
        for port in inputs.iter().filter(|port| port.copied) {
            port.memory.upload(stream)?;
        }
        context.enqueue(stream)?;
        for port in outputs.iter().filter(|port| port.copied) {
            port.memory.download(stream)?;
        }
        Ok(())
    }

    fn start(&mut self) -> Result<(), TensorRtError> {
        let Self { graph, recordable, context, inputs, outputs, gpu, .. } = self;
        if let Some(graph) = graph {
            return graph.launch(&gpu.stream);
        }
        // TensorRT sets up in the first run what cannot be recorded, so that this run counts and the next ones are replayed.
        Self::work(context, inputs, outputs, &gpu.stream)?;
        if *recordable {
            gpu.stream.synchronize()?;
            match Graph::capture(&gpu.stream, |stream| Self::work(context, inputs, outputs, stream)) {
                Ok(recorded) => *graph = Some(recorded),
                Err(error) => {
                    log::warn!("{error}; every run of this model is started call by call, which takes longer");
                    *recordable = false;
                }
            }
        }
        Ok(())
    }
}

impl Engine for TensorRtEngine {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn run(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), EngineError> {
        self.call.check_call(inputs, outputs)?;
        let mut run = || {
            for (port, values) in self.inputs.iter().zip(inputs).filter(|(port, _)| port.copied) {
                port.memory.write(values)?;
            }
            if let Some([before, _]) = &self.events {
                before.record(&self.gpu.stream)?;
            }
            self.start()?;
            if let Some([_, after]) = &self.events {
                after.record(&self.gpu.stream)?;
            }
            for (port, values) in self.outputs.iter().zip(outputs.iter_mut()).filter(|(port, _)| port.copied) {
                port.memory.read(values)?;
            }
            Ok(())
        };
        run().map_err(|error: TensorRtError| run_error(&error))?;
        self.call.check_results(outputs)
    }

    fn device_time(&self) -> Option<Duration> {
        let [before, after] = self.events.as_ref()?;
        after.synchronize().ok()?;
        after.elapsed_ms(before).ok()?.map(|ms| Duration::from_secs_f32(ms.max(0.0) / 1e3))
    }

    fn link(&mut self, input: usize, producer: &mut dyn Engine, output: usize) -> bool {
        let Some(producer) = producer.as_any().downcast_mut::<Self>() else { return false };
        let (Some(own), Some(theirs)) = (self.inputs.get_mut(input), producer.outputs.get(output)) else {
            return false;
        };
        let alike = self.info.inputs[input].shape == producer.info.outputs[output].shape;
        // One stream keeps the order of writing and reading.
        if !alike || !Arc::ptr_eq(&self.gpu, &producer.gpu) {
            return false;
        }
        if let Err(error) = self.context.bind(&self.info.inputs[input].name, &theirs.memory) {
            log::warn!("{error}; the tensor is copied instead");
            return false;
        }
        *own = Port { memory: theirs.memory.clone(), copied: false };
        empty(&mut self.call.inputs[input]);
        self.graph = None;
        true
    }

    fn keep(&mut self, output: usize) -> bool {
        let Some(port) = self.outputs.get_mut(output) else { return false };
        port.copied = false;
        empty(&mut self.call.outputs[output]);
        self.graph = None;
        true
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// No values pass through the caller.
fn empty(tensor: &mut TensorInfo) {
    tensor.shape = vec![0];
}

/// Shape of an output, which the ONNX file need not state.
fn describe(tensors: &[TensorDesc], name: &str, file: &Path) -> Result<TensorInfo, EngineError> {
    let found = tensors.iter().find(|tensor| tensor.name == name);
    let shape = found.and_then(|tensor| {
        tensor.shape.0.iter().map(|extent| usize::try_from(*extent).ok()).collect::<Option<Vec<_>>>()
    });
    match shape {
        Some(shape) => Ok(TensorInfo { name: name.to_owned(), shape }),
        None => Err(EngineError::Tensor {
            file: file.to_owned(),
            side: Side::Output,
            name: name.to_owned(),
            found: found.map_or_else(|| "not in the plan".to_owned(), |tensor| format!("of shape {}", tensor.shape)),
        }),
    }
}

/// Refuses a tensor that is not in the plan as it is in the file.
fn known(tensors: &[TensorDesc], tensor: &TensorInfo, direction: Direction, file: &Path) -> Result<(), EngineError> {
    let side = if direction == Direction::Input { Side::Input } else { Side::Output };
    let refuse =
        |found: String| Err(EngineError::Tensor { file: file.to_owned(), side, name: tensor.name.clone(), found });
    match tensors.iter().find(|found| found.name == tensor.name && found.direction == direction) {
        None => refuse("not in the plan".to_owned()),
        Some(found) if found.data_type != DataType::F32 => refuse(format!("of type {} in the plan", found.data_type)),
        Some(found) if found.shape.elements() != Some(tensor.elements()) => {
            refuse(format!("of shape {} in the plan", found.shape))
        }
        Some(_) => Ok(()),
    }
}
