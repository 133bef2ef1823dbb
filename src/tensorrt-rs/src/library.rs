//! A loaded TensorRT library.

#![allow(unsafe_code, reason = "loads shared libraries and calls the shim")]

use std::fmt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use libloading::os::unix::{Library as Handle, RTLD_LOCAL, RTLD_NOW};

use crate::complaint::LogLines;
use crate::error::TensorRtError;
use crate::ffi;
use crate::locations::{Candidate, Locations};
use crate::messages::{self, Mark};
use crate::version::{Flavour, Support, Version};

const VERSION: &str = "getInferLibVersion";
const BUILD_VERSION: &str = "getInferLibBuildVersion";
const CREATE_RUNTIME: &str = "createInferRuntime_INTERNAL";
const CREATE_BUILDER: &str = "createInferBuilder_INTERNAL";
const CREATE_PARSER: &str = "createNvOnnxParser_INTERNAL";
const PARSER_VERSION: &str = "getNvOnnxParserVersion";

/// TensorRT, loaded and ready. Clones share it; engines keep it alive.
///
/// The library itself stays in the process once it was loaded: TensorRT starts threads and registers functions that run
/// when the process ends.
#[derive(Clone)]
pub struct TensorRt {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) api: &'static ffi::Api,
    pub(crate) raw: *mut ffi::Library,
    pub(crate) path: PathBuf,
    /// Which parser is loaded, and what was tried where none is.
    pub(crate) parser: Result<PathBuf, Vec<PathBuf>>,
    version: Version,
    has_builder: bool,
    /// Choosing a DLA core and loading a plan for it are two calls on one object.
    pub(crate) loading: Mutex<()>,
}

// SAFETY: the pointer is to an object on the heap that owns an `IRuntime`, which TensorRT allows to be used from any
// thread; the calls that change it are made under `loading`, the others are const.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: `raw` came from `library_open` and engines, which hold an `Arc` of this, are gone.
        unsafe { (self.api.library_close)(self.raw) }
    }
}

impl fmt::Debug for TensorRt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} at {}", self.flavour(), self.version(), self.inner.path.display())
    }
}

/// Creating objects of the library touches the process-wide logger of a shim.
static OPENING: Mutex<()> = Mutex::new(());

impl TensorRt {
    /// Loads the first library of `locations` that this crate serves.
    ///
    /// # Errors
    /// [`TensorRtError::NotFound`] where there is none. Where some are there but none can be used, the reason of the first:
    /// [`TensorRtError::Load`], [`TensorRtError::NotTensorRt`], [`TensorRtError::TooNew`], [`TensorRtError::TooOld`],
    /// [`TensorRtError::NotCompiled`], [`TensorRtError::Create`].
    pub fn open(locations: &Locations) -> Result<Self, TensorRtError> {
        let mut refusal = None;
        for candidate in locations.candidates() {
            match Self::open_one(candidate) {
                Ok(Some(library)) => {
                    log::debug!("loaded {library:?}");
                    return Ok(library);
                }
                Ok(None) => {}
                Err(error) => {
                    log::debug!("{error}");
                    refusal.get_or_insert(error);
                }
            }
        }
        Err(refusal.unwrap_or_else(|| TensorRtError::NotFound { tried: locations.searched.clone() }))
    }

    /// `None` where there is no such file.
    fn open_one(candidate: &Candidate) -> Result<Option<Self>, TensorRtError> {
        let path = &candidate.library;
        let Some(library) = load(path)? else { return Ok(None) };
        let symbol_missing = |symbol| TensorRtError::NotTensorRt { path: path.clone(), symbol };
        // SAFETY: every version of the library declares these functions with these types.
        let (number, build, create_runtime, create_builder) = unsafe {
            (
                call_version(&library, VERSION).ok_or_else(|| symbol_missing(VERSION))?,
                call_version(&library, BUILD_VERSION),
                symbol::<ffi::CreateRuntime>(&library, CREATE_RUNTIME).ok_or_else(|| symbol_missing(CREATE_RUNTIME))?,
                symbol::<ffi::CreateRuntime>(&library, CREATE_BUILDER),
            )
        };
        let mut version = Version::from_number(number);
        version.build = build.and_then(|build| u32::try_from(build).ok()).unwrap_or(0);
        let api = shim_for(path, version)?;
        let (parser, create_parser, parser_version) = find_parser(&candidate.parsers);

        let entry = ffi::EntryPoints {
            create_runtime: Some(create_runtime),
            create_builder,
            create_parser,
            version: number,
            parser_version,
            minor: i32::try_from(version.minor).unwrap_or(i32::MAX),
            reserved: 0,
        };
        let mark = Mark::now();
        let mut raw = ptr::null_mut();
        let _opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the functions are of the library whose major version the shim was compiled for, the callback keeps
        // `TrtLogCallback`'s promise, and both pointers are valid for the call.
        let status = unsafe { (api.library_open)(&entry, messages::on_line, &mut raw) };
        if status != ffi::OK || raw.is_null() {
            return Err(TensorRtError::Create { what: "runtime", log: LogLines(mark.since()) });
        }
        let has_builder = create_builder.is_some();
        let inner = Inner { api, raw, path: path.clone(), parser, version, has_builder, loading: Mutex::new(()) };
        Ok(Some(Self { inner: Arc::new(inner) }))
    }

    /// Version of the loaded library.
    #[must_use]
    pub fn version(&self) -> Version {
        self.inner.version
    }

    /// Which product it is.
    #[must_use]
    pub fn flavour(&self) -> Flavour {
        self.inner.api.flavour()
    }

    /// The library's file, as it was asked for.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Whether the types of the ONNX model alone decide the precision ([`crate::Precision`] then changes nothing): in
    /// TensorRT for RTX and in TensorRT 11 and newer.
    #[must_use]
    pub fn strongly_typed(&self) -> bool {
        const FIRST_STRONGLY_TYPED_MAJOR: u32 = 11;
        self.flavour() == Flavour::Rtx || self.inner.version.major >= FIRST_STRONGLY_TYPED_MAJOR
    }

    /// Whether plans can be built; see [`TensorRtError::NoBuilder`].
    #[must_use]
    pub fn can_build(&self) -> bool {
        self.inner.has_builder && self.inner.parser.is_ok()
    }

    /// Number of deep-learning accelerators that TensorRT can use here.
    #[must_use]
    pub fn dla_cores(&self) -> u32 {
        // SAFETY: the pointer lives as long as `inner`.
        let count = unsafe { (self.inner.api.dla_cores)(self.inner.raw) };
        u32::try_from(count).unwrap_or(0)
    }
}

fn shim_for(path: &Path, version: Version) -> Result<&'static ffi::Api, TensorRtError> {
    let flavour = version.flavour();
    let major = |api: &ffi::Api| u32::try_from(api.major).unwrap_or(0);
    let compiled = || ffi::shims().filter(move |api| api.flavour() == flavour);
    let path = path.to_owned();
    match Support::of(version, compiled().map(major)) {
        Support::Served => {
            compiled().find(|api| major(api) == version.major).ok_or(TensorRtError::NotCompiled { path, version })
        }
        Support::NotCompiled => Err(TensorRtError::NotCompiled { path, version }),
        Support::Old => Err(TensorRtError::TooOld { path, version }),
        Support::New => Err(TensorRtError::TooNew { path, version }),
    }
}

type FoundParser = (Result<PathBuf, Vec<PathBuf>>, Option<ffi::CreateParser>, i32);

/// A missing or strange parser keeps plans from being built, not from being run.
fn find_parser(paths: &[PathBuf]) -> FoundParser {
    for path in paths {
        let library = match load(path) {
            Ok(Some(library)) => library,
            Ok(None) => continue,
            Err(error) => {
                log::warn!("{error}");
                continue;
            }
        };
        // SAFETY: the parser library declares both with these types.
        let found =
            unsafe { (symbol::<ffi::CreateParser>(&library, CREATE_PARSER), call_version(&library, PARSER_VERSION)) };
        if let (Some(create), Some(version)) = found {
            return (Ok(path.clone()), Some(create), version);
        }
        log::warn!("{} is not TensorRT's ONNX parser: it has no function `{CREATE_PARSER}`", path.display());
    }
    (Err(paths.to_vec()), None, 0)
}

/// Loads a library for the rest of the process; `None` where there is no such file.
pub(crate) fn load(path: &Path) -> Result<Option<std::mem::ManuallyDrop<Handle>>, TensorRtError> {
    // SAFETY: the operator names the library, or it is NVIDIA's; its constructors are trusted as the driver is.
    match unsafe { Handle::open(Some(path), RTLD_NOW | RTLD_LOCAL) } {
        Ok(library) => Ok(Some(std::mem::ManuallyDrop::new(library))),
        Err(error) => {
            let reason = dlopen_reason(&error);
            // Where the file itself is missing the linker names it first; otherwise it names what the file needs.
            let missing =
                reason.starts_with(&format!("{}: cannot open shared object file: No such file", path.display()));
            if missing { Ok(None) } else { Err(TensorRtError::Load { path: path.to_owned(), reason }) }
        }
    }
}

fn dlopen_reason(error: &libloading::Error) -> String {
    use std::error::Error;
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// # Safety
/// `T` is the type of the function of this name.
pub(crate) unsafe fn symbol<T: Copy>(library: &Handle, name: &str) -> Option<T> {
    // SAFETY: as the caller promises. The library is never unloaded, so the copy of the pointer stays valid.
    unsafe { library.get::<T>(name) }.ok().map(|found| *found)
}

/// # Safety
/// The function of this name, if there is one, takes nothing and returns an `int`.
unsafe fn call_version(library: &Handle, name: &str) -> Option<i32> {
    // SAFETY: as the caller promises.
    unsafe { symbol::<unsafe extern "C" fn() -> i32>(library, name).map(|function| function()) }
}
