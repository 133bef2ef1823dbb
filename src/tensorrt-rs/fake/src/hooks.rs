//! `cpp/hooks.h` in Rust: what the fake libraries ask.

use std::ffi::{CString, c_char, c_void};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::{ptr, slice};

use crate::library::{LOADED, Library};
use crate::model::{Model, c_string};
use crate::plan;
use crate::session::{STATE, versions};

type Bytes = Vec<u8>;

/// `FakePlanOptions`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PlanOptions {
    pub(crate) fp16: i32,
    pub(crate) int8: i32,
    pub(crate) dla_core: i32,
    pub(crate) gpu_fallback: i32,
    pub(crate) optimization_level: i32,
    pub(crate) compute_capability: i32,
    pub(crate) batch: i32,
    reserved: i32,
    pub(crate) workspace: u64,
}

impl PlanOptions {
    pub(crate) const NUMBERS: usize = 7;

    pub(crate) fn numbers(&self) -> [i32; Self::NUMBERS] {
        [
            self.fp16,
            self.int8,
            self.dla_core,
            self.gpu_fallback,
            self.optimization_level,
            self.compute_capability,
            self.batch,
        ]
    }

    pub(crate) fn from_numbers(numbers: [i32; Self::NUMBERS], workspace: u64) -> Self {
        let [fp16, int8, dla_core, gpu_fallback, optimization_level, compute_capability, batch] = numbers;
        Self {
            fp16,
            int8,
            dla_core,
            gpu_fallback,
            optimization_level,
            compute_capability,
            batch,
            reserved: 0,
            workspace,
        }
    }
}

pub(crate) type Submit = unsafe extern "C" fn(
    *mut c_void,
    unsafe extern "C" fn(*mut c_void) -> i32,
    unsafe extern "C" fn(*mut c_void),
    *mut c_void,
    *const u64,
    *const usize,
    i32,
) -> i32;
pub(crate) type IsCapturing = unsafe extern "C" fn(*mut c_void) -> i32;
pub(crate) type LaunchFails = unsafe extern "C" fn() -> i32;

/// `FakeHooks`.
#[repr(C)]
pub(crate) struct Hooks {
    version: unsafe extern "C" fn(i32, i32) -> i32,
    live: unsafe extern "C" fn(i32, i32),
    driver_present: unsafe extern "C" fn() -> i32,
    dla_cores: unsafe extern "C" fn() -> i32,

    model_parse: unsafe extern "C" fn(*const c_void, usize) -> *mut Model,
    model_refusal:
        unsafe extern "C" fn(*const Model, *mut *const c_char, *mut *const c_char, *mut *const c_char) -> i32,
    model_tensors: unsafe extern "C" fn(*const Model) -> i32,
    model_tensor: unsafe extern "C" fn(*const Model, i32, *mut *const c_char, *mut i32, *mut i32, *mut i64),
    model_free: unsafe extern "C" fn(*mut Model),
    model_run: unsafe extern "C" fn(*const Model, *const *mut c_void, i64) -> i32,

    plan_write: unsafe extern "C" fn(i32, *const Model, *const PlanOptions) -> *mut Bytes,
    plan_read: unsafe extern "C" fn(i32, *const c_void, usize, *mut PlanOptions, *mut *const c_char) -> *mut Model,
    cache_write: unsafe extern "C" fn(i32, *const c_void, usize) -> *mut Bytes,
    bytes_data: unsafe extern "C" fn(*const Bytes) -> *const c_void,
    bytes_size: unsafe extern "C" fn(*const Bytes) -> usize,
    bytes_free: unsafe extern "C" fn(*mut Bytes),

    submit: Submit,
    is_capturing: IsCapturing,
    launch_fails: LaunchFails,
}

impl Hooks {
    pub(crate) fn new(submit: Submit, is_capturing: IsCapturing, launch_fails: LaunchFails) -> Self {
        Self {
            version,
            live,
            driver_present,
            dla_cores,
            model_parse,
            model_refusal,
            model_tensors,
            model_tensor,
            model_free,
            model_run,
            plan_write,
            plan_read,
            cache_write,
            bytes_data,
            bytes_size,
            bytes_free,
            submit,
            is_capturing,
            launch_fails,
        }
    }
}

fn version_of(library: Library) -> [u32; 4] {
    versions().get(library as usize).copied().unwrap_or_default()
}

unsafe extern "C" fn version(library: i32, part: i32) -> i32 {
    let version = version_of(Library::from_number(library));
    usize::try_from(part).ok().and_then(|part| version.get(part)).map_or(0, |part| *part as i32)
}

unsafe extern "C" fn live(kind: i32, change: i32) {
    if let Some(count) = usize::try_from(kind).ok().and_then(|kind| STATE.live.get(kind)) {
        count.fetch_add(change, Ordering::SeqCst);
    }
}

unsafe extern "C" fn driver_present() -> i32 {
    i32::from(STATE.driver_present.load(Ordering::SeqCst))
}

unsafe extern "C" fn dla_cores() -> i32 {
    STATE.dla_cores.load(Ordering::SeqCst)
}

/// # Safety
/// `data` has `size` readable bytes, or is null and `size` 0.
unsafe fn bytes(data: *const c_void, size: usize) -> Vec<u8> {
    if data.is_null() {
        return Vec::new();
    }
    // SAFETY: as the caller promises.
    unsafe { slice::from_raw_parts(data.cast::<u8>(), size) }.to_vec()
}

fn give(model: Model) -> *mut Model {
    Box::into_raw(Box::new(model))
}

unsafe extern "C" fn model_parse(onnx: *const c_void, size: usize) -> *mut Model {
    // SAFETY: the caller of the parser gave these bytes.
    give(Model::new(unsafe { bytes(onnx, size) }))
}

unsafe extern "C" fn model_refusal(
    model: *const Model,
    node: *mut *const c_char,
    operator: *mut *const c_char,
    message: *mut *const c_char,
) -> i32 {
    // SAFETY: the libraries keep a model as long as they use it, and give room for the results.
    unsafe {
        let Some(texts) = &(*model).refusal else { return 0 };
        let [first, second, third] = texts.each_ref().map(|text| text.as_ptr());
        *node = first;
        *operator = second;
        *message = third;
    }
    1
}

unsafe extern "C" fn model_tensors(model: *const Model) -> i32 {
    // SAFETY: as in `model_refusal`.
    unsafe { &*model }.names.len() as i32
}

unsafe extern "C" fn model_tensor(
    model: *const Model,
    index: i32,
    name: *mut *const c_char,
    is_input: *mut i32,
    rank: *mut i32,
    extents: *mut i64,
) {
    /// `Dims::MAX_DIMS`, the room at `extents`.
    const MAX_RANK: usize = 8;
    // SAFETY: as in `model_refusal`.
    let model = unsafe { &*model };
    let index = index as usize;
    let description = &model.description;
    let tensor = description.inputs.iter().chain(&description.outputs).nth(index);
    let (Some((_, shape)), Some(c_name)) = (tensor, model.names.get(index)) else { return };
    // SAFETY: as in `model_refusal`; `extents` has room for `MAX_RANK`.
    unsafe {
        *name = c_name.as_ptr();
        *is_input = i32::from(index < description.inputs.len());
        *rank = shape.len().min(MAX_RANK) as i32;
        for (axis, extent) in shape.iter().take(MAX_RANK).enumerate() {
            *extents.add(axis) = *extent;
        }
    }
}

unsafe extern "C" fn model_free(model: *mut Model) {
    if !model.is_null() {
        // SAFETY: came from `give` and is freed once.
        drop(unsafe { Box::from_raw(model) });
    }
}

unsafe extern "C" fn model_run(model: *const Model, addresses: *const *mut c_void, batch: i64) -> i32 {
    // SAFETY: as in `model_refusal`; there is one address for every tensor.
    let (model, addresses) = unsafe {
        let model = &*model;
        (model, slice::from_raw_parts(addresses.cast::<*mut f32>(), model.names.len()))
    };
    i32::from(model.run(addresses, batch).is_err())
}

unsafe extern "C" fn plan_write(library: i32, model: *const Model, options: *const PlanOptions) -> *mut Bytes {
    if STATE.fail_builds.load(Ordering::SeqCst) {
        return ptr::null_mut();
    }
    let library = Library::from_number(library);
    // SAFETY: as in `model_refusal`.
    let (model, options) = unsafe { (&*model, &*options) };
    let plan = plan::write(version_of(library), &LOADED.control.name(), options, &model.onnx);
    Box::into_raw(Box::new(plan))
}

/// The text of the last refusal, which its reader copies at once.
static REFUSAL: Mutex<Option<CString>> = Mutex::new(None);

unsafe extern "C" fn plan_read(
    library: i32,
    data: *const c_void,
    size: usize,
    options: *mut PlanOptions,
    error: *mut *const c_char,
) -> *mut Model {
    let library = Library::from_number(library);
    let loaded = if STATE.refuse_plans.load(Ordering::SeqCst) {
        Err("the engine plan is refused".to_owned())
    } else {
        // SAFETY: the caller of the runtime gave these bytes.
        let plan = unsafe { bytes(data, size) };
        plan::load(library, version_of(library), &LOADED.control.name(), &plan)
    };
    let refused = match loaded {
        Ok((found, onnx)) => {
            let model = Model::new(onnx);
            match &model.refusal {
                None => {
                    // SAFETY: as in `model_refusal`.
                    unsafe { *options = found };
                    return give(model);
                }
                Some([_, _, message]) => message.clone(),
            }
        }
        Err(reason) => c_string(&reason),
    };
    let mut last = REFUSAL.lock().unwrap_or_else(PoisonError::into_inner);
    let text = last.insert(refused);
    // SAFETY: as in `model_refusal`.
    unsafe { *error = text.as_ptr() };
    ptr::null_mut()
}

unsafe extern "C" fn cache_write(library: i32, old: *const c_void, size: usize) -> *mut Bytes {
    let library = Library::from_number(library);
    // SAFETY: the caller of the builder gave these bytes.
    let old = unsafe { bytes(old, size) };
    plan::cache(library, version_of(library), &old).map_or(ptr::null_mut(), |cache| Box::into_raw(Box::new(cache)))
}

unsafe extern "C" fn bytes_data(bytes: *const Bytes) -> *const c_void {
    // SAFETY: the library holds the bytes.
    unsafe { &*bytes }.as_ptr().cast()
}

unsafe extern "C" fn bytes_size(bytes: *const Bytes) -> usize {
    // SAFETY: as above.
    unsafe { &*bytes }.len()
}

unsafe extern "C" fn bytes_free(bytes: *mut Bytes) {
    if !bytes.is_null() {
        // SAFETY: came from `Box::into_raw` and is freed once.
        drop(unsafe { Box::from_raw(bytes) });
    }
}
