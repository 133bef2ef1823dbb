//! `shim/abi.h` in Rust, and the shims that were compiled.

#![allow(unsafe_code, reason = "declares and calls the entry points of the compiled shims")]

use std::ffi::{CStr, c_char, c_int, c_void};

use crate::version::Flavour;

/// Number of the interface between this crate and its C++ shim; `TENSORRT_RS_ABI` in `shim/abi.h`.
pub const SHIM_ABI: u32 = 1;
pub(crate) const MAX_RANK: usize = 8;

pub(crate) const OK: i32 = 0;
pub(crate) const NO_BUILDER: i32 = 1;
pub(crate) const NO_PARSER: i32 = 2;
pub(crate) const CREATE_FAILED: i32 = 3;
pub(crate) const PARSE_FAILED: i32 = 4;
pub(crate) const FREE_DIMENSION: i32 = 5;
pub(crate) const NO_DLA: i32 = 6;
pub(crate) const BAD_CAPABILITY: i32 = 7;
pub(crate) const BUILD_FAILED: i32 = 8;
pub(crate) const CANCELLED: i32 = 9;
pub(crate) const OUT_OF_MEMORY: i32 = 10;

pub(crate) const PHASE_STARTED: i32 = 0;
pub(crate) const STEP_DONE: i32 = 1;

pub(crate) type LogCallback = unsafe extern "C" fn(i32, *const c_char);
pub(crate) type ProgressCallback = unsafe extern "C" fn(*mut c_void, i32, *const c_char, *const c_char, i32) -> i32;
pub(crate) type CreateRuntime = unsafe extern "C" fn(*mut c_void, i32) -> *mut c_void;
pub(crate) type CreateParser = unsafe extern "C" fn(*mut c_void, *mut c_void, c_int) -> *mut c_void;

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shape {
    pub(crate) rank: i32,
    pub(crate) reserved: i32,
    pub(crate) extent: [i64; MAX_RANK],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct EntryPoints {
    pub(crate) create_runtime: Option<CreateRuntime>,
    pub(crate) create_builder: Option<CreateRuntime>,
    pub(crate) create_parser: Option<CreateParser>,
    pub(crate) version: i32,
    pub(crate) parser_version: i32,
    pub(crate) minor: i32,
    pub(crate) reserved: i32,
}

#[repr(C)]
pub(crate) struct BuildOptions {
    pub(crate) workspace_bytes: u64,
    pub(crate) timing_cache: *const c_void,
    pub(crate) timing_cache_bytes: usize,
    pub(crate) progress: Option<ProgressCallback>,
    pub(crate) progress_user: *mut c_void,
    pub(crate) allow_fp16: i32,
    pub(crate) allow_int8: i32,
    pub(crate) dla_core: i32,
    pub(crate) gpu_fallback: i32,
    pub(crate) optimization_level: i32,
    pub(crate) compute_capability: i32,
    pub(crate) batch: i32,
    pub(crate) reserved: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct ParserError {
    pub(crate) node_name: *const c_char,
    pub(crate) node_operator: *const c_char,
    pub(crate) description: *const c_char,
    pub(crate) code: i32,
    pub(crate) node: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Tensor {
    pub(crate) name: *const c_char,
    pub(crate) is_input: i32,
    pub(crate) data_type: i32,
    pub(crate) shape: Shape,
}

/// Opaque objects of the shim.
#[repr(C)]
pub(crate) struct Library {
    private: [u8; 0],
}
#[repr(C)]
pub(crate) struct Build {
    private: [u8; 0],
}
#[repr(C)]
pub(crate) struct Engine {
    private: [u8; 0],
}
#[repr(C)]
pub(crate) struct Context {
    private: [u8; 0],
}

/// `TrtApi`.
#[repr(C)]
pub(crate) struct Api {
    pub(crate) abi: u32,
    pub(crate) api_bytes: u32,
    pub(crate) entry_points_bytes: u32,
    pub(crate) options_bytes: u32,
    pub(crate) parser_error_bytes: u32,
    pub(crate) tensor_bytes: u32,
    pub(crate) major: i32,
    pub(crate) minor: i32,
    pub(crate) is_rtx: i32,
    pub(crate) reserved: i32,

    pub(crate) library_open: unsafe extern "C" fn(*const EntryPoints, LogCallback, *mut *mut Library) -> i32,
    pub(crate) library_close: unsafe extern "C" fn(*mut Library),
    pub(crate) dla_cores: unsafe extern "C" fn(*const Library) -> i32,

    pub(crate) build:
        unsafe extern "C" fn(*mut Library, *const c_void, usize, *const BuildOptions, *mut *mut Build) -> i32,
    pub(crate) build_plan: unsafe extern "C" fn(*const Build, *mut usize) -> *const c_void,
    pub(crate) build_timing_cache: unsafe extern "C" fn(*const Build, *mut usize) -> *const c_void,
    pub(crate) build_error_count: unsafe extern "C" fn(*const Build) -> i32,
    pub(crate) build_error: unsafe extern "C" fn(*const Build, i32, *mut ParserError) -> i32,
    pub(crate) build_subject: unsafe extern "C" fn(*const Build) -> *const c_char,
    pub(crate) build_free: unsafe extern "C" fn(*mut Build),

    pub(crate) engine_load: unsafe extern "C" fn(*mut Library, *const c_void, usize, i32, *mut *mut Engine) -> i32,
    pub(crate) engine_free: unsafe extern "C" fn(*mut Engine),
    pub(crate) engine_tensor_count: unsafe extern "C" fn(*const Engine) -> i32,
    pub(crate) engine_tensor: unsafe extern "C" fn(*const Engine, i32, *mut Tensor) -> i32,

    pub(crate) context_create: unsafe extern "C" fn(*mut Engine, *mut *mut Context) -> i32,
    pub(crate) context_free: unsafe extern "C" fn(*mut Context),
    pub(crate) context_set_shape: unsafe extern "C" fn(*mut Context, *const c_char, *const Shape) -> i32,
    pub(crate) context_shape: unsafe extern "C" fn(*const Context, *const c_char, *mut Shape) -> i32,
    pub(crate) context_set_address: unsafe extern "C" fn(*mut Context, *const c_char, *mut c_void) -> i32,
    pub(crate) context_enqueue: unsafe extern "C" fn(*mut Context, *mut c_void) -> i32,
}

include!(concat!(env!("OUT_DIR"), "/shims.rs"));

impl Api {
    /// Whether shim and crate were compiled from the same interface.
    fn agrees(&self) -> bool {
        let is = |bytes: u32, size: usize| usize::try_from(bytes) == Ok(size);
        self.abi == SHIM_ABI
            && is(self.api_bytes, size_of::<Self>())
            && is(self.entry_points_bytes, size_of::<EntryPoints>())
            && is(self.options_bytes, size_of::<BuildOptions>())
            && is(self.parser_error_bytes, size_of::<ParserError>())
            && is(self.tensor_bytes, size_of::<Tensor>())
    }

    pub(crate) fn flavour(&self) -> Flavour {
        if self.is_rtx == 0 { Flavour::Enterprise } else { Flavour::Rtx }
    }
}

/// The compiled shims; those of another interface, which only a broken build leaves behind, are left out.
pub(crate) fn shims() -> impl Iterator<Item = &'static Api> {
    SHIMS
        .iter()
        // SAFETY: the entry points take nothing and return a pointer to a constant table of the shim. Its first fields,
        // which `agrees` reads, do not move between versions of the interface.
        .filter_map(|entry| unsafe { entry().as_ref() })
        .filter(|api| api.agrees())
}

/// A text of the shim; empty for none.
///
/// # Safety
/// `pointer` is null or a C string that lives for the duration of the call.
pub(crate) unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shim_agrees_with_this_crate() {
        assert_eq!(shims().count(), SHIMS.len());
        let mut served: Vec<_> = shims().map(|api| (api.flavour(), api.major)).collect();
        served.dedup();
        assert_eq!(served.len(), SHIMS.len(), "two shims for one version");
    }
}
