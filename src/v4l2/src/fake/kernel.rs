//! The opened fake node: ioctls answered from the camera's description.

#![allow(unsafe_code, reason = "buffers are shared with the fake driver as real ones are with the kernel")]

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Camera, Event, Plugged, Shot, State};
use crate::abi;
use crate::format::FourCc;
use crate::kernel::{Call, Kernel, Memory, Readiness};

/// Distance of the offsets of buffers.
const PAGE: u32 = 0x1000;

/// An opened fake node.
pub struct FakeNode {
    state: Arc<Mutex<State>>,
    path: PathBuf,
    id: u64,
    own: Mutex<Own>,
}

/// What belongs to the descriptor.
struct Own {
    camera: Camera,
    format: abi::PixFormat,
    buffers: Vec<Arc<Page>>,
    queued: VecDeque<u32>,
    streaming: bool,
    sequence: u32,
}

/// A buffer. Written only while the driver has it.
struct Page(UnsafeCell<Box<[u8]>>);

// SAFETY: the fake driver writes only to queued buffers and the promise of `Memory::bytes` is that those are not read.
unsafe impl Send for Page {}
// SAFETY: as above.
unsafe impl Sync for Page {}

/// A mapped fake buffer.
pub struct FakeMemory {
    page: Arc<Page>,
    length: usize,
    state: Arc<Mutex<State>>,
}

impl Memory for FakeMemory {
    unsafe fn bytes(&self) -> &[u8] {
        // SAFETY: the caller promises that the buffer is not queued, and only queued buffers are written to.
        unsafe { &*self.page.0.get() }
    }

    fn length(&self) -> usize {
        self.length
    }
}

impl Drop for FakeMemory {
    fn drop(&mut self) {
        lock(&self.state).counts.mappings -= 1;
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        let streaming = lock(&self.own).streaming;
        let mut state = lock(&self.state);
        state.counts.nodes -= 1;
        state.counts.streams -= u32::from(streaming);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn errno<T>(number: i32) -> io::Result<T> {
    Err(io::Error::from_raw_os_error(number))
}

impl FakeNode {
    pub(super) fn new(state: Arc<Mutex<State>>, path: PathBuf, plugged: &Plugged) -> Self {
        let camera = plugged.camera.clone();
        let mut own = Own {
            camera,
            format: abi::PixFormat::default(),
            buffers: Vec::new(),
            queued: VecDeque::new(),
            streaming: false,
            sequence: 0,
        };
        own.set_format(&abi::PixFormat::default());
        Self { state, path, id: plugged.id, own: Mutex::new(own) }
    }

    /// The camera behind the node, while it is plugged in.
    fn with<T>(&self, action: impl FnOnce(&mut Plugged) -> io::Result<T>) -> io::Result<T> {
        match lock(&self.state).plugged.get_mut(&self.path) {
            Some(plugged) if plugged.id == self.id => action(plugged),
            _ => errno(libc::ENODEV),
        }
    }
}

impl Kernel for FakeNode {
    type Memory = FakeMemory;

    fn call(&self, call: &mut Call<'_>) -> io::Result<()> {
        let request = call.request();
        self.with(|plugged| match plugged.faults.get_mut(&request).and_then(VecDeque::pop_front) {
            None | Some(0) => Ok(()),
            Some(error) => errno(error),
        })?;
        let mut own = lock(&self.own);
        match call {
            Call::Dequeue(buffer) => {
                let event = self.with(|plugged| Ok(plugged.events.pop_front()))?;
                match event {
                    Some(Event::Frame(shot)) => own.fill(&shot, lock(&self.state).time, buffer),
                    Some(Event::Dequeue(error)) => errno(error),
                    Some(Event::Withdrawn) | None => errno(libc::EAGAIN),
                    Some(other) => {
                        self.with(|plugged| {
                            plugged.events.push_front(other);
                            Ok(())
                        })?;
                        errno(libc::EAGAIN)
                    }
                }
            }
            Call::StreamOn(_) if own.buffers.is_empty() => errno(libc::EINVAL),
            Call::StreamOn(_) => {
                own.streaming = true;
                lock(&self.state).counts.streams += 1;
                Ok(())
            }
            Call::StreamOff(_) => {
                lock(&self.state).counts.streams -= u32::from(own.streaming);
                own.streaming = false;
                own.queued.clear();
                Ok(())
            }
            Call::RequestBuffers(request) => own.allocate(request),
            other => own.answer(other),
        }
    }

    fn poll(&self, _timeout: Duration) -> io::Result<Option<Readiness>> {
        let failed = Ok(Some(Readiness { readable: false, failed: true }));
        let free = !lock(&self.own).queued.is_empty();
        let mut state = lock(&self.state);
        let Some(plugged) = state.plugged.get_mut(&self.path).filter(|plugged| plugged.id == self.id) else {
            return failed;
        };
        match plugged.events.front() {
            None => Ok(None),
            Some(Event::Frame(_)) if !free => Ok(None),
            Some(Event::Frame(_) | Event::Withdrawn | Event::Dequeue(_)) => {
                Ok(Some(Readiness { readable: true, failed: false }))
            }
            Some(&Event::Poll(error)) => {
                plugged.events.pop_front();
                errno(error)
            }
            Some(Event::Nothing) => {
                plugged.events.pop_front();
                Ok(None)
            }
            Some(Event::Failed) => {
                plugged.events.pop_front();
                failed
            }
            Some(Event::Unplug) => {
                state.plugged.remove(&self.path);
                failed
            }
        }
    }

    fn map(&self, offset: u32, length: usize) -> io::Result<FakeMemory> {
        let own = lock(&self.own);
        match own.buffers.get((offset / PAGE) as usize) {
            Some(page) if offset.is_multiple_of(PAGE) => {
                lock(&self.state).counts.mappings += 1;
                Ok(FakeMemory { page: Arc::clone(page), length, state: Arc::clone(&self.state) })
            }
            _ => errno(libc::EINVAL),
        }
    }

    fn now(&self) -> Duration {
        lock(&self.state).time
    }
}

impl Own {
    fn set_format(&mut self, wanted: &abi::PixFormat) {
        let fits = |offer: &&super::Offer| offer.fourcc.code() == wanted.pixelformat;
        let Some(offer) = self.camera.offers.iter().find(fits).or(self.camera.offers.first()) else { return };
        let size = (wanted.width, wanted.height);
        let found = offer.sizes.iter().map(|(size, _)| *size).find(|found| *found == size);
        let (width, height) = found.or(offer.sizes.first().map(|(size, _)| *size)).unwrap_or((0, 0));
        let stride = offer.fourcc.bytes_per_pixel().map_or(0, |bytes| bytes * width + self.camera.padding);
        self.format = abi::PixFormat {
            width,
            height,
            pixelformat: offer.fourcc.code(),
            field: self.camera.field,
            bytesperline: stride,
            sizeimage: if stride == 0 {
                width.saturating_mul(height).saturating_mul(2).max(1 << 14)
            } else {
                stride.saturating_mul(height)
            },
            private: abi::PIX_FMT_PRIV_MAGIC,
            quantization: self.camera.quantization,
            ..Default::default()
        };
    }

    fn allocate(&mut self, request: &mut abi::RequestBuffers) -> io::Result<()> {
        if self.buffers.iter().any(|page| Arc::strong_count(page) > 1) {
            return errno(libc::EBUSY);
        }
        request.count = request.count.min(self.camera.buffers);
        let length = self.length() as usize;
        let page = |_| Arc::new(Page(UnsafeCell::new(vec![0; length].into())));
        self.buffers = (0..request.count).map(page).collect();
        Ok(())
    }

    fn length(&self) -> u32 {
        self.camera.buffer_length.unwrap_or(self.format.sizeimage).min(1 << 24)
    }

    fn answer(&mut self, call: &mut Call<'_>) -> io::Result<()> {
        match call {
            Call::QueryCap(answer) => {
                put(&mut answer.driver, &self.camera.driver);
                put(&mut answer.card, &self.camera.card);
                put(&mut answer.bus_info, &self.camera.bus);
                answer.device_caps = self.camera.capabilities;
                answer.capabilities = self.camera.capabilities | abi::CAP_DEVICE_CAPS | abi::CAP_VIDEO_CAPTURE;
            }
            Call::EnumFmt(entry) => {
                let Some(offer) = self.camera.offers.get(entry.index as usize) else { return errno(libc::EINVAL) };
                entry.pixelformat = offer.fourcc.code();
                entry.flags = if offer.fourcc.bytes_per_pixel().is_none() { abi::FMT_FLAG_COMPRESSED } else { 0 };
                put(&mut entry.description, &format!("fake {}", offer.fourcc));
            }
            Call::EnumFrameSizes(entry) => {
                let offer = self.offer(entry.pixel_format)?;
                let Some(((width, height), _)) = offer.sizes.get(entry.index as usize) else {
                    return errno(libc::EINVAL);
                };
                entry.kind = abi::FRMSIZE_TYPE_DISCRETE;
                entry.size[..2].copy_from_slice(&[*width, *height]);
            }
            Call::EnumFrameIntervals(entry) => {
                let size = (entry.width, entry.height);
                let offer = self.offer(entry.pixel_format)?;
                let rates = offer.sizes.iter().find(|(found, _)| *found == size);
                let rate = rates.and_then(|(_, rates)| rates.get(entry.index as usize));
                let Some(&denominator) = rate else { return errno(libc::EINVAL) };
                entry.kind = abi::FRMIVAL_TYPE_DISCRETE;
                entry.interval[0] = abi::Fract { numerator: 1, denominator };
            }
            Call::GetFormat(answer) => answer.pix = self.format,
            Call::SetFormat(request) => {
                self.set_format(&request.pix);
                request.pix = self.format;
            }
            Call::SetParm(request) => request.capture.capability = abi::CAP_TIMEPERFRAME,
            Call::QueryBuffer(buffer) => {
                if buffer.index as usize >= self.buffers.len() {
                    return errno(libc::EINVAL);
                }
                buffer.length = self.camera.buffer_length.unwrap_or(self.format.sizeimage);
                buffer.offset = buffer.index * PAGE + self.camera.offset_error;
            }
            Call::Queue(buffer) => self.queued.push_back(buffer.index),
            _ => return errno(libc::ENOTTY),
        }
        Ok(())
    }

    fn offer(&self, code: u32) -> io::Result<&super::Offer> {
        let fourcc = FourCc::from_code(code);
        self.camera.offers.iter().find(|offer| offer.fourcc == fourcc).map_or_else(|| errno(libc::EINVAL), Ok)
    }

    fn fill(&mut self, shot: &Shot, now: Duration, buffer: &mut abi::BufferDesc) -> io::Result<()> {
        let Some(index) = self.queued.pop_front() else { return errno(libc::EAGAIN) };
        if let Some(page) = self.buffers.get(index as usize) {
            // SAFETY: the buffer was queued until now, so that nobody reads it.
            let page = unsafe { &mut *page.0.get() };
            let length = shot.bytes.len().min(page.len());
            page[..length].copy_from_slice(&shot.bytes[..length]);
            buffer.bytesused = shot.used.unwrap_or(length as u32);
        }
        self.sequence = self.sequence.wrapping_add(shot.lost);
        buffer.index = shot.index.unwrap_or(index);
        buffer.flags = shot.flags | abi::BUF_FLAG_TIMESTAMP_MONOTONIC;
        buffer.sequence = self.sequence;
        (buffer.seconds, buffer.microseconds) =
            shot.time.unwrap_or((now.as_secs() as i64, i64::from(now.subsec_micros())));
        self.sequence = self.sequence.wrapping_add(1);
        Ok(())
    }
}

/// Writes a text that ends with a zero.
fn put(field: &mut [u8], text: &str) {
    field.fill(0);
    let length = text.len().min(field.len() - 1);
    field[..length].copy_from_slice(&text.as_bytes()[..length]);
}
