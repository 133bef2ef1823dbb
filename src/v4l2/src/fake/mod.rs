//! Cameras without hardware: a [`System`] whose nodes, answers and faults a test decides.
//!
//! Cameras are plugged and unplugged by path; what a stream delivers is a list of [`Event`]s per camera. [`Fake::counts`]
//! tells whether nodes, mappings and streams were given back.

mod kernel;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::abi;
use crate::format::FourCc;
use crate::identity::UsbPlace;
use crate::kernel::System;

pub use kernel::{FakeMemory, FakeNode};

/// A format with its sizes and frames per second.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Pixel format.
    pub fourcc: FourCc,
    /// Sizes, each with its rates.
    pub sizes: Vec<((u32, u32), Vec<u32>)>,
}

/// A camera's answers. The fields behind `offers` make a driver that errs.
#[derive(Clone, Debug)]
pub struct Camera {
    /// `driver`.
    pub driver: String,
    /// `card`.
    pub card: String,
    /// `bus_info`.
    pub bus: String,
    /// What sysfs says.
    pub usb: Option<UsbPlace>,
    /// `device_caps`.
    pub capabilities: u32,
    /// Formats; the first size of the first is in force at first.
    pub offers: Vec<Offer>,
    /// Bytes behind every row.
    pub padding: u32,
    /// `quantization`.
    pub quantization: u32,
    /// `field` of every format.
    pub field: u32,
    /// Greatest number of buffers.
    pub buffers: u32,
    /// Length that buffers are said to have.
    pub buffer_length: Option<u32>,
    /// Added to the offsets of buffers.
    pub offset_error: u32,
}

impl Default for Camera {
    /// A UVC camera with 8x4 and 16x8 pixels in GREY, YUYV and MJPEG.
    fn default() -> Self {
        let sizes = vec![((8, 4), vec![30, 15]), ((16, 8), vec![30])];
        let offer = |fourcc| Offer { fourcc, sizes: sizes.clone() };
        Self {
            driver: "uvcvideo".to_owned(),
            card: "Pocket Scanner".to_owned(),
            bus: "usb-fake-1".to_owned(),
            usb: Some(UsbPlace {
                vendor: 0x1209,
                product: 0x0001,
                serial: Some("A1".to_owned()),
                port: "1-1".to_owned(),
                interface: "1.0".to_owned(),
                index: 0,
                speed: Some(480),
            }),
            capabilities: abi::CAP_VIDEO_CAPTURE | abi::CAP_STREAMING,
            offers: [FourCc::YUYV, FourCc::MJPEG, FourCc::GREY].map(offer).to_vec(),
            padding: 0,
            quantization: 0,
            field: abi::FIELD_NONE,
            buffers: 32,
            buffer_length: None,
            offset_error: 0,
        }
    }
}

/// A filled buffer. By default it is whole, in sequence, and of this moment.
#[derive(Clone, Debug, Default)]
pub struct Shot {
    /// Data; what does not fit the buffer is cut.
    pub bytes: Vec<u8>,
    /// `flags` beside that of the monotonic time.
    pub flags: u32,
    /// Frames lost before this one.
    pub lost: u32,
    /// `bytesused` where it lies.
    pub used: Option<u32>,
    /// `index` where it lies.
    pub index: Option<u32>,
    /// `timestamp`, as seconds and microseconds, where it lies.
    pub time: Option<(i64, i64)>,
}

impl Shot {
    /// A good frame.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), ..Self::default() }
    }
}

/// What happens next on a stream.
#[derive(Clone, Debug)]
pub enum Event {
    /// A frame.
    Frame(Shot),
    /// A poll that runs out of time.
    Nothing,
    /// A frame that is announced but not there (`EAGAIN`).
    Withdrawn,
    /// A poll that fails with this error number.
    Poll(i32),
    /// A dequeue that fails with this error number.
    Dequeue(i32),
    /// A poll that reports `POLLERR`.
    Failed,
    /// The camera is pulled out.
    Unplug,
}

/// What is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Opened nodes.
    pub nodes: u32,
    /// Mapped buffers.
    pub mappings: u32,
    /// Running streams.
    pub streams: u32,
}

#[derive(Default)]
pub(crate) struct State {
    plugged: BTreeMap<PathBuf, Plugged>,
    links: BTreeMap<PathBuf, PathBuf>,
    counts: Counts,
    time: Duration,
    next_id: u64,
}

pub(crate) struct Plugged {
    id: u64,
    camera: Camera,
    events: VecDeque<Event>,
    /// Error numbers by ioctl number, each for one call; 0 lets a call through.
    faults: BTreeMap<u32, VecDeque<i32>>,
    /// Error number of opening the node.
    closed: Option<i32>,
}

/// A machine with fake cameras. Clones are the same machine.
#[derive(Clone, Default)]
pub struct Fake {
    state: Arc<Mutex<State>>,
}

impl Fake {
    /// A machine without cameras, an hour after it was started.
    #[must_use]
    pub fn new() -> Self {
        let fake = Self::default();
        fake.lock().time = Duration::from_secs(3600);
        fake
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plugs a camera in.
    pub fn plug(&self, path: &str, camera: Camera) {
        let mut state = self.lock();
        state.next_id += 1;
        let plugged =
            Plugged { id: state.next_id, camera, events: VecDeque::new(), faults: BTreeMap::new(), closed: None };
        state.plugged.insert(PathBuf::from(path), plugged);
    }

    /// Pulls a camera out.
    pub fn unplug(&self, path: &str) {
        self.lock().plugged.remove(Path::new(path));
    }

    /// Makes a link to a node.
    pub fn link(&self, from: &str, to: &str) {
        self.lock().links.insert(PathBuf::from(from), PathBuf::from(to));
    }

    /// Adds events to the stream of a camera.
    pub fn push(&self, path: &str, events: impl IntoIterator<Item = Event>) {
        self.with(path, |plugged| plugged.events.extend(events));
    }

    /// Lets the next calls of an ioctl (`abi::QBUF`) fail, one per error number; 0 lets a call through.
    pub fn fail(&self, path: &str, request: u32, errors: &[i32]) {
        self.with(path, |plugged| plugged.faults.entry(request).or_default().extend(errors));
    }

    /// Refuses to open the node with this error number, or no longer.
    pub fn close(&self, path: &str, error: Option<i32>) {
        self.with(path, |plugged| plugged.closed = error);
    }

    fn with(&self, path: &str, change: impl FnOnce(&mut Plugged)) {
        if let Some(plugged) = self.lock().plugged.get_mut(Path::new(path)) {
            change(plugged);
        }
    }

    /// What is open now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// Events of a camera that were not used up.
    #[must_use]
    pub fn left(&self, path: &str) -> usize {
        self.lock().plugged.get(Path::new(path)).map_or(0, |plugged| plugged.events.len())
    }
}

impl System for Fake {
    type Kernel = FakeNode;

    fn nodes(&self) -> io::Result<Vec<PathBuf>> {
        Ok(self.lock().plugged.keys().cloned().collect())
    }

    fn open(&self, path: &Path) -> io::Result<FakeNode> {
        let path = self.resolve(path)?;
        let mut state = self.lock();
        let missing = || io::Error::from_raw_os_error(libc::ENOENT);
        let plugged = state.plugged.get(&path).ok_or_else(missing)?;
        if let Some(error) = plugged.closed {
            return Err(io::Error::from_raw_os_error(error));
        }
        let node = FakeNode::new(Arc::clone(&self.state), path, plugged);
        state.counts.nodes += 1;
        Ok(node)
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        let state = self.lock();
        let target = state.links.get(path).map_or(path, PathBuf::as_path);
        if state.plugged.contains_key(target) {
            Ok(target.to_path_buf())
        } else {
            Err(io::Error::from_raw_os_error(libc::ENOENT))
        }
    }

    fn name(&self, node: &Path) -> Option<String> {
        self.lock().plugged.get(node).map(|plugged| plugged.camera.card.clone())
    }

    fn usb(&self, node: &Path) -> Option<UsbPlace> {
        self.lock().plugged.get(node).and_then(|plugged| plugged.camera.usb.clone())
    }
}
