//! From an ONNX model to a plan.

#![allow(unsafe_code, reason = "calls the shim")]

use std::ffi::c_void;
use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;
use std::{ptr, slice, thread};

use crate::complaint::{LogLines, ParserError};
use crate::error::TensorRtError;
use crate::ffi::{self, text};
use crate::library::TensorRt;
use crate::messages::Mark;
use crate::progress::{Monitor, Progress, answer, on_progress};
use crate::version::Flavour;

/// Precisions that the builder may choose from, layer by layer, in TensorRT up to 10. Later versions and TensorRT for RTX compute in
/// the types of the ONNX model, see [`TensorRt::strongly_typed`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32-bit floats (and TF32, which is TensorRT's default).
    #[default]
    Fp32,
    /// 16-bit floats where they are faster.
    Fp16,
    /// 8-bit integers where the model has `QuantizeLinear` and `DequantizeLinear`, 16-bit floats elsewhere.
    Int8,
}

/// A deep-learning accelerator of Jetson boards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dla {
    /// Number of the core, from 0.
    pub core: u32,
    /// Whether the GPU takes the layers that the accelerator cannot; otherwise such a model is refused.
    pub gpu_fallback: bool,
}

/// How a plan is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildOptions {
    /// Precisions that are allowed.
    pub precision: Precision,
    /// Most scratch memory that a layer may use, in bytes; `None`: all of the GPU's.
    pub workspace_bytes: Option<u64>,
    /// Measurements of an earlier build ([`Built::timing_cache`]); those of another version or GPU are passed over.
    pub timing_cache: Vec<u8>,
    /// An accelerator instead of the GPU.
    pub dla: Option<Dla>,
    /// 0 (quick to build) to 5 (quick to run); `None`: TensorRT's default. TensorRT 8.5 has no such level.
    pub optimization_level: Option<u8>,
    /// Compute capability (major, minor) that the plan is for, in TensorRT for RTX; `None`: this machine's GPU. The others always build
    /// for this machine's.
    pub compute_capability: Option<(u8, u8)>,
    /// Batch size of inputs whose first dimension is free.
    pub batch: u16,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            precision: Precision::default(),
            workspace_bytes: None,
            timing_cache: Vec::new(),
            dla: None,
            optimization_level: None,
            compute_capability: None,
            batch: 1,
        }
    }
}

/// What a build gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The plan, for [`TensorRt::deserialize`].
    pub plan: Vec<u8>,
    /// Measurements that make the next build quicker, for [`BuildOptions::timing_cache`]; empty in TensorRT for
    /// RTX, which measures nothing.
    pub timing_cache: Vec<u8>,
}

impl TensorRt {
    /// Builds a plan from the bytes of an ONNX model. Takes seconds to minutes and the whole GPU.
    ///
    /// `progress` is called on this thread, while TensorRT works on another; [`ControlFlow::Break`] cancels the build after the
    /// step that runs. TensorRT 8.5 reports no progress and cannot be stopped.
    ///
    /// # Errors
    /// [`TensorRtError::NoBuilder`], [`TensorRtError::Parse`], [`TensorRtError::FreeDimension`], [`TensorRtError::Dla`],
    /// [`TensorRtError::ComputeCapability`], [`TensorRtError::Create`] (above all where there is no GPU), [`TensorRtError::Build`],
    /// [`TensorRtError::Cancelled`], [`TensorRtError::HostMemory`].
    pub fn build(
        &self,
        options: &BuildOptions,
        onnx: &[u8],
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Built, TensorRtError> {
        if !self.can_build() {
            return Err(self.no_builder());
        }
        if self.strongly_typed() && options.precision != Precision::Fp32 {
            log::debug!("{self:?} takes the precision from the model, not from {:?}", options.precision);
        }
        thread::scope(|scope| {
            // No buffer: TensorRT waits until the caller has seen an event, so that its answer counts for this step.
            let (events, inbox) = sync_channel(0);
            let worker = thread::Builder::new()
                .name("tensorrt-build".to_owned())
                .spawn_scoped(scope, move || self.build_here(options, onnx, &Monitor::new(events)))
                .map_err(|_| TensorRtError::HostMemory { doing: "starting a thread to build the plan" })?;
            answer(&inbox, progress);
            drop(inbox);
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn no_builder(&self) -> TensorRtError {
        let missing = match &self.inner.parser {
            Ok(_) => "its builder".to_owned(),
            Err(tried) if tried.is_empty() => "the ONNX parser".to_owned(),
            Err(tried) => {
                let tried: Vec<_> = tried.iter().map(|path| path.display().to_string()).collect();
                format!("the ONNX parser (tried {})", tried.join(", "))
            }
        };
        TensorRtError::NoBuilder { path: self.inner.path.clone(), missing }
    }

    fn build_here(&self, options: &BuildOptions, onnx: &[u8], monitor: &Monitor) -> Result<Built, TensorRtError> {
        let raw_options = raw_options(options, monitor);
        let api = self.inner.api;
        let mark = Mark::now();
        let mut raw = ptr::null_mut();
        // SAFETY: the library is open, the slices and `monitor` outlive the call, and `on_progress` takes a `Monitor`.
        let status = unsafe {
            (api.build)(self.inner.raw, onnx.as_ptr().cast(), onnx.len(), &raw const raw_options, &raw mut raw)
        };
        let build = RawBuild { api, raw };
        match status {
            ffi::OK => {
                Ok(Built { plan: build.bytes(api.build_plan), timing_cache: build.bytes(api.build_timing_cache) })
            }
            ffi::PARSE_FAILED => Err(TensorRtError::Parse { errors: build.parser_errors(mark) }),
            ffi::FREE_DIMENSION => Err(TensorRtError::FreeDimension { input: build.subject() }),
            ffi::NO_DLA => Err(self.no_dla(options.dla.map_or(0, |dla| dla.core))),
            ffi::BAD_CAPABILITY => Err(TensorRtError::ComputeCapability {
                flavour: self.flavour(),
                version: self.version(),
                capability: options.compute_capability.map_or_else(
                    || "this machine's GPU".to_owned(),
                    |(major, minor)| format!("compute capability {major}.{minor}"),
                ),
            }),
            ffi::CANCELLED => Err(TensorRtError::Cancelled),
            ffi::OUT_OF_MEMORY => Err(TensorRtError::HostMemory { doing: "building a plan" }),
            ffi::NO_BUILDER | ffi::NO_PARSER => Err(self.no_builder()),
            ffi::CREATE_FAILED => Err(TensorRtError::Create { what: "builder", log: LogLines(mark.since()) }),
            _ => {
                debug_assert!(status == ffi::BUILD_FAILED || status > ffi::OUT_OF_MEMORY, "status {status}");
                Err(TensorRtError::Build { log: LogLines(mark.since()) })
            }
        }
    }

    pub(crate) fn no_dla(&self, core: u32) -> TensorRtError {
        TensorRtError::Dla { core, count: if self.flavour() == Flavour::Rtx { 0 } else { self.dla_cores() } }
    }
}

fn raw_options(options: &BuildOptions, monitor: &Monitor) -> ffi::BuildOptions {
    let (allow_fp16, allow_int8) = match options.precision {
        Precision::Fp32 => (0, 0),
        Precision::Fp16 => (1, 0),
        Precision::Int8 => (1, 1),
    };
    ffi::BuildOptions {
        workspace_bytes: options.workspace_bytes.unwrap_or(0),
        timing_cache: options.timing_cache.as_ptr().cast(),
        timing_cache_bytes: options.timing_cache.len(),
        progress: Some(on_progress),
        progress_user: ptr::from_ref(monitor).cast_mut().cast(),
        allow_fp16,
        allow_int8,
        dla_core: options.dla.map_or(-1, |dla| i32::try_from(dla.core).unwrap_or(i32::MAX)),
        gpu_fallback: i32::from(options.dla.is_some_and(|dla| dla.gpu_fallback)),
        optimization_level: options.optimization_level.map_or(-1, i32::from),
        compute_capability: options
            .compute_capability
            .map_or(0, |(major, minor)| i32::from(major) * 10 + i32::from(minor)),
        batch: i32::from(options.batch),
        reserved: 0,
    }
}

/// Owns what a build made; null where it made nothing.
struct RawBuild {
    api: &'static ffi::Api,
    raw: *mut ffi::Build,
}

impl Drop for RawBuild {
    fn drop(&mut self) {
        // SAFETY: the shim takes null, and nothing else frees it.
        unsafe { (self.api.build_free)(self.raw) }
    }
}

impl RawBuild {
    fn bytes(&self, get: unsafe extern "C" fn(*const ffi::Build, *mut usize) -> *const c_void) -> Vec<u8> {
        if self.raw.is_null() {
            return Vec::new();
        }
        let mut length = 0;
        // SAFETY: the build lives; the bytes belong to it and are copied at once.
        unsafe {
            let data = get(self.raw, &raw mut length).cast::<u8>();
            if data.is_null() { Vec::new() } else { slice::from_raw_parts(data, length).to_vec() }
        }
    }

    /// At least one: where the parser has none, what it logged stands in.
    fn parser_errors(&self, mark: Mark) -> Vec<ParserError> {
        let mut errors = Vec::new();
        if !self.raw.is_null() {
            // SAFETY: the build lives, and with it the parser that owns the texts.
            unsafe {
                for index in 0..(self.api.build_error_count)(self.raw) {
                    let mut raw = ffi::ParserError {
                        node_name: ptr::null(),
                        node_operator: ptr::null(),
                        description: ptr::null(),
                        code: 0,
                        node: -1,
                    };
                    if (self.api.build_error)(self.raw, index, &raw mut raw) != 0 {
                        errors.push(ParserError {
                            node: text(raw.node_name),
                            operator: text(raw.node_operator),
                            index: u32::try_from(raw.node).ok(),
                            code: raw.code,
                            description: text(raw.description),
                        });
                    }
                }
            }
        }
        if errors.is_empty() {
            errors.push(ParserError { description: LogLines(mark.since()).to_string(), ..Default::default() });
        }
        errors
    }

    fn subject(&self) -> String {
        if self.raw.is_null() {
            return String::new();
        }
        // SAFETY: the build lives, and with it the network that owns the name.
        unsafe { text((self.api.build_subject)(self.raw)) }
    }
}
