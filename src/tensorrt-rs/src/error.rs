//! What can go wrong with TensorRT and CUDA, with cause and remedy.

use std::fmt;
use std::path::PathBuf;

use crate::complaint::{LogLines, ParserError};
use crate::cuda::MemoryInfo;
use crate::tensor::{DataType, Shape};
use crate::version::{Flavour, Version, known};

fn update(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::Enterprise => "update TensorRT (JetPack 5.1 brings 8.5, JetPack 6 brings 8.6 or 10)",
        Flavour::Rtx => "update TensorRT for RTX",
    }
}

fn joined<T: fmt::Display>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join("; ")
}

/// A library that cannot be used, a model or plan that is refused, or a call that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorRtError {
    /// No TensorRT library anywhere.
    #[error(
        "no TensorRT library was found (tried {tried}); on a Jetson install it with `sudo apt install tensorrt`, elsewhere from \
         NVIDIA's packages, or name the library or its folder in USHYDRA_TENSORRT_LIB",
        tried = tried.join(", ")
    )]
    NotFound {
        /// What was tried.
        tried: Vec<String>,
    },
    /// The library is there but the dynamic linker refuses it.
    #[error(
        "cannot load {path}: {reason}; install what it needs (JetPack: `sudo apt install --reinstall tensorrt`) or name another \
         library in USHYDRA_TENSORRT_LIB",
        path = path.display()
    )]
    Load {
        /// The library.
        path: PathBuf,
        /// What the dynamic linker said.
        reason: String,
    },
    /// A library without TensorRT's functions.
    #[error(
        "{path} is not a TensorRT library: it has no function `{symbol}`; name libnvinfer.so.10 or its like",
        path = path.display()
    )]
    NotTensorRt {
        /// The library.
        path: PathBuf,
        /// What it lacks.
        symbol: &'static str,
    },
    /// A major version that came after this program.
    #[error(
        "{flavour} {version} at {path} is newer than this program knows ({known}); update this program, or name an older library in \
         USHYDRA_TENSORRT_LIB",
        flavour = version.flavour(), path = path.display(), known = known(version.flavour())
    )]
    TooNew {
        /// The library.
        path: PathBuf,
        /// Its version.
        version: Version,
    },
    /// A version whose interfaces are not served.
    #[error(
        "{flavour} {version} at {path} is too old for this program (it knows {known}); {remedy}",
        flavour = version.flavour(), path = path.display(), known = known(version.flavour()),
        remedy = update(version.flavour())
    )]
    TooOld {
        /// The library.
        path: PathBuf,
        /// Its version.
        version: Version,
    },
    /// A version that is served, but not by this build.
    #[error(
        "{flavour} {version} at {path} is supported, but this program was built without its headers; build it again with \
         USHYDRA_TENSORRT8_INCLUDE naming their folder (JetPack 5: /usr/include/aarch64-linux-gnu)",
        flavour = version.flavour(), path = path.display()
    )]
    NotCompiled {
        /// The library.
        path: PathBuf,
        /// Its version.
        version: Version,
    },
    /// TensorRT gave no object.
    #[error(
        "TensorRT could not create its {what}: {log}; check the GPU driver with `nvidia-smi` (Jetson: `tegrastats`)"
    )]
    Create {
        /// Which object.
        what: &'static str,
        /// What it logged.
        log: LogLines,
    },
    /// The library has no builder, or its parser is missing.
    #[error(
        "{path} cannot build plans: {missing} is missing; install it (JetPack: `sudo apt install tensorrt`), or copy a plan that was built \
         on a board of the same kind",
        path = path.display()
    )]
    NoBuilder {
        /// The library.
        path: PathBuf,
        /// What is missing.
        missing: String,
    },
    /// The parser refuses the model.
    #[error("TensorRT cannot read the model: {errors}; export it with other operators, or use the CPU engine", errors = joined(errors))]
    Parse {
        /// Every complaint, at least one.
        errors: Vec<ParserError>,
    },
    /// An input with a free dimension other than the first.
    #[error(
        "input `{input}` of the model has a free dimension that is not its first; export the model with fixed shapes"
    )]
    FreeDimension {
        /// The input.
        input: String,
    },
    /// The device has no such DLA core.
    #[error("there is no DLA core {core} here, the device has {count}; use the GPU, or a core below that number")]
    Dla {
        /// The core.
        core: u32,
        /// How many there are.
        count: u32,
    },
    /// The library cannot build for this GPU.
    #[error(
        "{flavour} {version} cannot build for {capability}; name a compute capability that it supports, or build on the machine that runs \
         the plan"
    )]
    ComputeCapability {
        /// Product.
        flavour: Flavour,
        /// Version of the library.
        version: Version,
        /// What was asked for.
        capability: String,
    },
    /// The builder gave up.
    #[error("TensorRT could not build a plan: {log}; free memory, allow more workspace, or use the CPU engine")]
    Build {
        /// What it logged.
        log: LogLines,
    },
    /// The caller asked to stop.
    #[error("building the plan was cancelled; nothing was written, start it again when there is time")]
    Cancelled,
    /// The system has no memory left.
    #[error("out of memory while {doing}; close other programs, or add swap space")]
    HostMemory {
        /// What needed it.
        doing: &'static str,
    },
    /// The runtime refuses a plan.
    #[error(
        "TensorRT refuses the plan: {log}; build the plan again on this machine (where CUDA is named, check the GPU driver first)"
    )]
    Plan {
        /// What it logged: another version or GPU, damaged bytes, no driver.
        log: LogLines,
    },
    /// A tensor that the engine does not have.
    #[error("the engine has no tensor `{name}`, only {names}; use one of these", names = names.join(", "))]
    NoTensor {
        /// What was asked for.
        name: String,
        /// What there is.
        names: Vec<String>,
    },
    /// A shape that does not fit.
    #[error(
        "tensor `{name}` cannot have shape {found}, the engine wants {expected}: {log}; use a shape that the plan was built for"
    )]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape in the engine.
        expected: Shape,
        /// What was asked for.
        found: Shape,
        /// What TensorRT logged.
        log: LogLines,
    },
    /// A tensor whose shape is still free.
    #[error("the shape of tensor `{name}` is not known yet ({shape}); set the shapes of all inputs first")]
    ShapeUnknown {
        /// The tensor.
        name: String,
        /// What is known.
        shape: Shape,
    },
    /// Memory of another size than the tensor.
    #[error(
        "tensor `{name}` ({data_type} {shape}) needs {expected} bytes, the memory has {found}; allocate memory of that size"
    )]
    Bytes {
        /// The tensor.
        name: String,
        /// Type of its elements.
        data_type: DataType,
        /// Its shape.
        shape: Shape,
        /// Its size.
        expected: usize,
        /// Size of the memory.
        found: usize,
    },
    /// TensorRT refuses an address.
    #[error(
        "TensorRT refuses the memory for tensor `{name}`: {log}; bind memory of the GPU that the engine was loaded on"
    )]
    Bind {
        /// The tensor.
        name: String,
        /// What it logged.
        log: LogLines,
    },
    /// Work was to start with a tensor without memory.
    #[error("tensor `{name}` has no memory; bind every input and output before the work starts")]
    Unbound {
        /// The tensor.
        name: String,
    },
    /// The execution could not start.
    #[error("TensorRT could not start the network: {log}; run the self-test of the model, then restart the program")]
    Enqueue {
        /// What it logged.
        log: LogLines,
    },
    /// There is no CUDA driver.
    #[error(
        "no CUDA driver was found (tried {tried}); install the GPU driver (a Jetson has it from JetPack; in a container start with \
         `--runtime nvidia` or `--gpus all`)",
        tried = tried.join(", ")
    )]
    NoDriver {
        /// What was tried.
        tried: Vec<String>,
    },
    /// The driver lacks a function.
    #[error("the CUDA driver at {path} has no `{symbol}`; update the driver to CUDA 11.4 or newer (JetPack 5)", path = path.display())]
    OldDriver {
        /// The driver.
        path: PathBuf,
        /// What it lacks.
        symbol: &'static str,
    },
    /// The driver finds no such GPU.
    #[error("there is no GPU {ordinal}, the CUDA driver finds {count}; check `nvidia-smi` and CUDA_VISIBLE_DEVICES")]
    NoDevice {
        /// Number of the GPU.
        ordinal: u32,
        /// How many there are.
        count: u32,
    },
    /// The GPU has no memory left.
    #[error("the GPU has no {bytes} bytes left{memory}; close other programs that use it", memory = free_of(*memory))]
    DeviceMemory {
        /// How many were asked for.
        bytes: usize,
        /// What there is, where the driver still says it.
        memory: Option<MemoryInfo>,
    },
    /// Memory without bytes.
    #[error("memory of 0 bytes was asked for; ask for the size of a tensor")]
    NoBytes,
    /// A buffer of another length than the memory.
    #[error(
        "the memory has {bytes} bytes, the buffer {elements} elements of {element_bytes}; use a buffer of the tensor's size"
    )]
    Length {
        /// Size of the memory.
        bytes: usize,
        /// Length of the buffer.
        elements: usize,
        /// Size of an element.
        element_bytes: usize,
    },
    /// A call that waits for the GPU while its work is only being recorded.
    #[error("the stream records a graph and cannot be waited for; end the capture first")]
    Capturing,
    /// Any other failure of the driver.
    #[error(
        "CUDA's {call} failed with {name} ({code}): {text}; restart the program, and the machine if that does not help"
    )]
    Cuda {
        /// The function.
        call: &'static str,
        /// `CUresult`.
        code: i32,
        /// Its name.
        name: String,
        /// What it means.
        text: String,
    },
}

fn free_of(memory: Option<MemoryInfo>) -> String {
    memory.map(|memory| format!(" ({} of {} are free)", memory.free, memory.total)).unwrap_or_default()
}
