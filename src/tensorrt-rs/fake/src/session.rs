//! A test's hold on the fake libraries.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::control::Control;
use crate::host::{self, Host};
use crate::library::{LIBRARIES, LOADED, Library};

/// `CUDA_ERROR_NO_DEVICE`.
const NO_DEVICE: i32 = 100;
const GIB: u64 = 1 << 30;

static LOCK: Mutex<()> = Mutex::new(());

/// What the TensorRT side of the fake is set to.
pub(crate) struct State {
    pub(crate) versions: Mutex<[[u32; 4]; LIBRARIES]>,
    pub(crate) driver_present: AtomicBool,
    pub(crate) dla_cores: AtomicI32,
    pub(crate) refuse_plans: AtomicBool,
    pub(crate) fail_builds: AtomicBool,
    pub(crate) live: [AtomicI32; TENSORRT_KINDS],
}

/// Number of `FakeKind`s.
pub(crate) const TENSORRT_KINDS: usize = 9;
const KIND_NAMES: [&str; TENSORRT_KINDS] = [
    "runtimes",
    "engines",
    "contexts",
    "builders",
    "networks",
    "configurations",
    "parsers",
    "timing caches",
    "host memories",
];

pub(crate) static STATE: State = State {
    versions: Mutex::new([[0; 4]; LIBRARIES]),
    driver_present: AtomicBool::new(true),
    dla_cores: AtomicI32::new(0),
    refuse_plans: AtomicBool::new(false),
    fail_builds: AtomicBool::new(false),
    live: [const { AtomicI32::new(0) }; TENSORRT_KINDS],
};

/// Holds the fake libraries for one test. Its beginning and its end put everything back: versions of the headers, one discrete GPU
/// `Fake GPU` of compute capability 8.6, no faults, no host, counters at zero.
pub struct Session {
    control: &'static Control,
    /// What was alive when it began: left behind by a test that failed, or held by the process.
    before: Vec<(&'static str, i32)>,
    _lock: MutexGuard<'static, ()>,
}

/// Calls and work since the session began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Memory that was allocated.
    pub allocations: u32,
    /// Starts of networks and graphs.
    pub launches: u32,
    /// Starts of graphs.
    pub graph_launches: u32,
    /// Copies to the GPU that were made.
    pub copies_to_device: u32,
    /// Copies from the GPU that were made.
    pub copies_to_host: u32,
    /// Networks that were computed.
    pub executions: u32,
    /// Times that somebody waited for a stream.
    pub synchronizations: u32,
}

/// Objects that are alive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Kind of object and how many, without the kinds of which there are none.
    pub objects: Vec<(&'static str, i32)>,
}

impl Live {
    /// Whether nothing is alive.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// How many of a kind are alive.
    #[must_use]
    pub fn of(&self, kind: &str) -> i32 {
        self.objects.iter().find(|(name, _)| *name == kind).map_or(0, |(_, count)| *count)
    }
}

impl Session {
    /// Waits until no other test of this process holds the libraries, and takes them.
    #[must_use]
    pub fn begin() -> Self {
        // A test that failed while it held them leaves nothing that `reset` does not put back.
        let lock = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
        let session = Self { control: LOADED.control, before: alive(LOADED.control), _lock: lock };
        session.reset();
        session
    }

    fn reset(&self) {
        host::uninstall();
        *versions() =
            [Library::TensorRt8, Library::TensorRt10, Library::TensorRt11, Library::Rtx].map(Library::default_version);
        STATE.driver_present.store(true, Ordering::SeqCst);
        STATE.dla_cores.store(0, Ordering::SeqCst);
        STATE.refuse_plans.store(false, Ordering::SeqCst);
        STATE.fail_builds.store(false, Ordering::SeqCst);
        // SAFETY: takes nothing; clears the error of an earlier test.
        unsafe { (LOADED.reset)() };
        let control = self.control;
        self.set_gpu("Fake GPU", (8, 6));
        let values = [
            (&control.init_result, 0),
            (&control.device_count, 1),
            (&control.integrated, 0),
            (&control.driver_version, 12_040),
            (&control.fail_allocation, 0),
            (&control.fail_launch, 0),
            (&control.allocations, 0),
            (&control.launches, 0),
            (&control.graph_launches, 0),
            (&control.copies_to_device, 0),
            (&control.copies_to_host, 0),
            (&control.executions, 0),
            (&control.synchronizations, 0),
        ];
        for (number, value) in values {
            number.store(value, Ordering::SeqCst);
        }
        control.free_bytes.store(6 * GIB, Ordering::SeqCst);
        control.total_bytes.store(8 * GIB, Ordering::SeqCst);
    }

    /// Installs the host, see [`crate::install`].
    pub fn install(&self, host: Box<dyn Host>) {
        host::install(host);
    }

    /// The version that a library says it has: major, minor, patch, build.
    pub fn set_version(&self, library: Library, version: [u32; 4]) {
        if let Some(slot) = versions().get_mut(library as usize) {
            *slot = version;
        }
    }

    /// Name of the GPU, at most 63 bytes, and its compute capability.
    pub fn set_gpu(&self, name: &str, compute_capability: (i32, i32)) {
        self.control.set_name(name);
        self.control.capability_major.store(compute_capability.0, Ordering::SeqCst);
        self.control.capability_minor.store(compute_capability.1, Ordering::SeqCst);
    }

    /// Whether the GPU shares the processor's memory, as on a Jetson.
    pub fn set_integrated(&self, integrated: bool) {
        self.control.integrated.store(i32::from(integrated), Ordering::SeqCst);
    }

    /// Number of deep-learning accelerators.
    pub fn set_dla_cores(&self, count: i32) {
        STATE.dla_cores.store(count, Ordering::SeqCst);
    }

    /// What `cuInit` returns; 0 is success.
    pub fn set_init_result(&self, result: i32) {
        self.control.init_result.store(result, Ordering::SeqCst);
    }

    /// A driver that finds no GPU.
    pub fn no_device(&self) {
        self.control.device_count.store(0, Ordering::SeqCst);
        self.set_init_result(NO_DEVICE);
    }

    /// TensorRT as on a machine without a driver: it creates neither runtime nor builder. (A missing driver itself is a path that does
    /// not exist.)
    pub fn no_driver(&self) {
        STATE.driver_present.store(false, Ordering::SeqCst);
    }

    /// Allocation number `nth` from now on finds no memory. 1 is the next.
    pub fn fail_allocation(&self, nth: i32) {
        self.control.fail_allocation.store(nth, Ordering::SeqCst);
    }

    /// Start number `nth` of a network or graph from now on fails. 1 is the next.
    pub fn fail_launch(&self, nth: i32) {
        self.control.fail_launch.store(nth, Ordering::SeqCst);
    }

    /// Whether every plan is refused.
    pub fn refuse_plans(&self, refuse: bool) {
        STATE.refuse_plans.store(refuse, Ordering::SeqCst);
    }

    /// Whether every build fails after the model was read.
    pub fn fail_builds(&self, fail: bool) {
        STATE.fail_builds.store(fail, Ordering::SeqCst);
    }

    /// Calls and work since the session began.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let control = self.control;
        Counts {
            allocations: read(&control.allocations),
            launches: read(&control.launches),
            graph_launches: read(&control.graph_launches),
            copies_to_device: read(&control.copies_to_device),
            copies_to_host: read(&control.copies_to_host),
            executions: read(&control.executions),
            synchronizations: read(&control.synchronizations),
        }
    }

    /// Objects of TensorRT and CUDA that were created since the session began and are alive.
    #[must_use]
    pub fn live(&self) -> Live {
        let objects = alive(self.control)
            .into_iter()
            .zip(&self.before)
            .map(|((name, now), (_, before))| (name, now - before))
            .filter(|(_, count)| *count != 0)
            .collect();
        Live { objects }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.reset();
    }
}

pub(crate) fn versions() -> MutexGuard<'static, [[u32; 4]; LIBRARIES]> {
    STATE.versions.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(number: &AtomicI32) -> u32 {
    u32::try_from(number.load(Ordering::SeqCst)).unwrap_or(0)
}

/// Every kind of object with its number.
fn alive(control: &Control) -> Vec<(&'static str, i32)> {
    let cuda = [
        ("device contexts", &control.live_contexts),
        ("streams", &control.live_streams),
        ("events", &control.live_events),
        ("memories", &control.live_memory),
        ("graphs", &control.live_graphs),
        ("executable graphs", &control.live_executables),
    ];
    KIND_NAMES
        .into_iter()
        .zip(&STATE.live)
        .chain(cuda)
        .map(|(name, count)| (name, count.load(Ordering::SeqCst)))
        .collect()
}
