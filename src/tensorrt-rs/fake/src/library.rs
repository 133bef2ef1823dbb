//! Where the fake libraries are, and loading them.

use std::path::Path;
use std::sync::LazyLock;

use libloading::os::unix::{Library as Handle, RTLD_LOCAL, RTLD_NOW};

use crate::control::Control;
use crate::hooks::Hooks;

/// One of the fake TensorRT libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Library {
    /// TensorRT 8, only where `USHYDRA_TENSORRT8_INCLUDE` named its headers at build time.
    TensorRt8,
    /// TensorRT 10.
    TensorRt10,
    /// TensorRT 11.
    TensorRt11,
    /// TensorRT for RTX.
    Rtx,
}

/// Number of variants of [`Library`].
pub(crate) const LIBRARIES: usize = 4;

macro_rules! built {
    ($file:literal) => {
        concat!(env!("OUT_DIR"), "/", $file)
    };
}

impl Library {
    /// Those that were built.
    #[must_use]
    pub fn all() -> &'static [Self] {
        if cfg!(tensorrt8) {
            &[Self::TensorRt8, Self::TensorRt10, Self::TensorRt11, Self::Rtx]
        } else {
            &[Self::TensorRt10, Self::TensorRt11, Self::Rtx]
        }
    }

    /// The fake `libnvinfer` or `libtensorrt_rtx`.
    #[must_use]
    pub fn path(self) -> &'static Path {
        Path::new(match self {
            Self::TensorRt8 => built!("trt8/libnvinfer.so.8"),
            Self::TensorRt10 => built!("trt10/libnvinfer.so.10"),
            Self::TensorRt11 => built!("trt11/libnvinfer.so.11"),
            Self::Rtx => built!("rtx/libtensorrt_rtx.so.1"),
        })
    }

    /// Its ONNX parser.
    #[must_use]
    pub fn parser_path(self) -> &'static Path {
        Path::new(match self {
            Self::TensorRt8 => built!("trt8/libnvonnxparser.so.8"),
            Self::TensorRt10 => built!("trt10/libnvonnxparser.so.10"),
            Self::TensorRt11 => built!("trt11/libnvonnxparser.so.11"),
            Self::Rtx => built!("rtx/libtensorrt_onnxparser_rtx.so.1"),
        })
    }

    /// The version that it says it has unless a test sets another: that of its headers.
    #[must_use]
    pub fn default_version(self) -> [u32; 4] {
        match self {
            Self::TensorRt8 => [8, 5, 2, 0],
            Self::TensorRt10 => [10, 16, 0, 72],
            Self::TensorRt11 => [11, 4, 0, 106],
            Self::Rtx => [1, 7, 1, 116],
        }
    }

    /// By the number that the library was compiled with.
    pub(crate) fn from_number(number: i32) -> Self {
        match number {
            0 => Self::TensorRt8,
            1 => Self::TensorRt10,
            2 => Self::TensorRt11,
            _ => Self::Rtx,
        }
    }
}

/// The fake `libcuda.so.1`.
#[must_use]
pub fn cuda_path() -> &'static Path {
    Path::new(built!("cuda/libcuda.so.1"))
}

/// The loaded fake driver.
pub(crate) struct Cuda {
    pub(crate) control: &'static Control,
    pub(crate) reset: unsafe extern "C" fn(),
}

/// Loads every library and gives it the hooks; once in a process.
pub(crate) static LOADED: LazyLock<Cuda> = LazyLock::new(|| {
    let driver = open(cuda_path());
    // SAFETY: the types are those of `cuda_device.cpp`.
    let (cuda, hooks) = unsafe {
        let control = symbol::<unsafe extern "C" fn() -> *const Control>(&driver, "fakeCudaControl")();
        let reset = symbol(&driver, "fakeCudaReset");
        let hooks = Hooks::new(
            symbol(&driver, "fakeCudaSubmit"),
            symbol(&driver, "fakeCudaIsCapturing"),
            symbol(&driver, "fakeCudaLaunchFails"),
        );
        (Cuda { control: &*control, reset }, hooks)
    };
    for library in Library::all() {
        for path in [library.path(), library.parser_path()] {
            let handle = open(path);
            // SAFETY: the type is that of `nvinfer.cpp` and `parser.cpp`, which copy the hooks.
            unsafe { symbol::<unsafe extern "C" fn(*const Hooks)>(&handle, "fakeSetHooks")(&raw const hooks) };
        }
    }
    cuda
});

/// For the rest of the process, as `tensorrt-rs` does.
#[allow(clippy::panic, reason = "a test support crate without its own libraries is broken")]
fn open(path: &Path) -> std::mem::ManuallyDrop<Handle> {
    // SAFETY: built by this crate; their constructors only fill tables.
    match unsafe { Handle::open(Some(path), RTLD_NOW | RTLD_LOCAL) } {
        Ok(handle) => std::mem::ManuallyDrop::new(handle),
        Err(error) => panic!("cannot load {}: {error}", path.display()),
    }
}

/// # Safety
/// `T` is the type of the function of this name.
#[allow(clippy::panic, reason = "as above")]
unsafe fn symbol<T: Copy>(library: &Handle, name: &str) -> T {
    // SAFETY: as the caller promises.
    match unsafe { library.get::<T>(name) } {
        Ok(symbol) => *symbol,
        Err(error) => panic!("{name}: {error}"),
    }
}
