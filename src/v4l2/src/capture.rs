//! A camera that streams into mapped buffers.

use std::time::{Duration, Instant};

use crate::abi;
use crate::device::{call, retry};
use crate::error::V4l2Error;
use crate::format::ImageFormat;
use crate::kernel::{Call, Kernel, Memory};

/// With one buffer the driver has none to write to while a frame is read.
const LEAST_BUFFERS: u32 = 2;
/// More buffers only hold older pictures (`VIDEO_MAX_FRAME`).
const MOST_BUFFERS: u32 = 32;
/// Longest buffer that is mapped; an uncompressed 8K picture has 64 MiB.
const MAX_BUFFER: u32 = 256 << 20;

/// A running stream. Dropping it stops the stream, unmaps and frees the buffers and closes the camera.
pub struct Capture<K: Kernel> {
    // Dropped in this order: the buffers before the node that they belong to.
    slots: Vec<Slot<K::Memory>>,
    kernel: K,
    format: ImageFormat,
    /// A fault that was met while giving a buffer back, or behind a frame that was still good.
    pending: Option<V4l2Error>,
}

struct Slot<M> {
    memory: M,
    /// Whether the driver has it, and then since when.
    queued: Option<Instant>,
}

/// What the driver says about a filled buffer.
#[derive(Clone, Copy, Debug)]
struct Filled {
    index: usize,
    used: usize,
    flags: u32,
    sequence: u32,
    captured: Instant,
}

impl<K: Kernel> Capture<K> {
    /// Allocates and maps `buffers` buffers (2 to 32; the driver may give another number), gives them to the driver and
    /// starts the stream.
    ///
    /// # Errors
    /// [`V4l2Error::Busy`] where another program streams, [`V4l2Error::Bandwidth`] where the bus is full,
    /// [`V4l2Error::Buffers`] for fewer than two buffers, [`V4l2Error::BadBuffer`] for lengths that cannot hold a picture,
    /// [`V4l2Error::Gone`], [`V4l2Error::System`]. Everything that was allocated until then is freed.
    pub fn start(kernel: K, format: ImageFormat, buffers: u32) -> Result<Self, V4l2Error> {
        let mut request = abi::RequestBuffers {
            count: buffers.clamp(LEAST_BUFFERS, MOST_BUFFERS),
            kind: abi::BUF_TYPE_VIDEO_CAPTURE,
            memory: abi::MEMORY_MMAP,
            ..Default::default()
        };
        call(&kernel, Call::RequestBuffers(&mut request))?;
        let count = request.count;
        // From here on dropping cleans up.
        let mut capture = Self { slots: Vec::new(), kernel, format, pending: None };
        if !(LEAST_BUFFERS..=MOST_BUFFERS).contains(&count) {
            return Err(V4l2Error::Buffers { found: count, least: LEAST_BUFFERS });
        }
        for index in 0..count {
            let memory = capture.map(index)?;
            capture.slots.push(Slot { memory, queued: None });
        }
        for index in 0..capture.slots.len() {
            capture.queue(index)?;
        }
        let mut kind = abi::BUF_TYPE_VIDEO_CAPTURE as i32;
        call(&capture.kernel, Call::StreamOn(&mut kind)).map_err(|error| match error {
            V4l2Error::System { error, .. } if error.raw_os_error() == Some(libc::ENOSPC) => V4l2Error::Bandwidth,
            other => other,
        })?;
        Ok(capture)
    }

    fn map(&self, index: u32) -> Result<K::Memory, V4l2Error> {
        let mut buffer = abi::BufferDesc::mapped(index);
        call(&self.kernel, Call::QueryBuffer(&mut buffer))?;
        if buffer.length == 0 || buffer.length < self.format.image_bytes || buffer.length > MAX_BUFFER {
            let detail = format!(
                "buffer {index} has {} bytes, a frame up to {} and a buffer at most {MAX_BUFFER}",
                buffer.length, self.format.image_bytes
            );
            return Err(V4l2Error::BadBuffer { detail });
        }
        retry(|| self.kernel.map(buffer.offset, buffer.length as usize))
            .map_err(|error| V4l2Error::from_call("map a frame buffer", error))
    }

    /// Format of the frames.
    #[must_use]
    pub fn format(&self) -> ImageFormat {
        self.format
    }

    /// Waits at most `timeout` for a frame; the oldest one that is ready. `None` where none came.
    ///
    /// # Errors
    /// [`V4l2Error::Gone`] after an unplug, [`V4l2Error::Stopped`] and [`V4l2Error::BadBuffer`] where the stream cannot go
    /// on, [`V4l2Error::Overrun`] where one frame is lost, [`V4l2Error::System`].
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Buffer<'_, K>>, V4l2Error> {
        let filled = self.take(timeout)?;
        Ok(filled.map(|filled| Buffer { capture: self, filled, passed: 0 }))
    }

    /// Waits at most `timeout` for a frame; the newest one that is ready. Older ones go back unread:
    /// [`Buffer::passed`] counts them.
    ///
    /// # Errors
    /// Those of [`Self::next`].
    pub fn newest(&mut self, timeout: Duration) -> Result<Option<Buffer<'_, K>>, V4l2Error> {
        let Some(mut filled) = self.take(timeout)? else { return Ok(None) };
        let mut passed = 0;
        // As many as there are buffers: a camera that is faster than this loop must not hold us here.
        for _ in 1..self.slots.len() {
            match self.take(Duration::ZERO) {
                Ok(Some(newer)) => {
                    passed += 1;
                    if let Err(error) = self.queue(filled.index) {
                        self.pending = Some(error);
                    }
                    filled = newer;
                }
                Ok(None) => break,
                Err(error) => {
                    // The frame at hand is good; the fault is told by the next call.
                    self.pending = Some(error);
                    break;
                }
            }
        }
        Ok(Some(Buffer { capture: self, filled, passed }))
    }

    /// Polls and dequeues until the deadline.
    fn take(&mut self, timeout: Duration) -> Result<Option<Filled>, V4l2Error> {
        const ACTION: &str = "wait for a frame";
        if let Some(error) = self.pending.take() {
            return Err(error);
        }
        let begin = Instant::now();
        loop {
            let left = timeout.saturating_sub(begin.elapsed());
            let ready = match self.kernel.poll(left) {
                Ok(Some(ready)) => ready,
                Ok(None) => return Ok(None),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
                    if left.is_zero() {
                        return Ok(None);
                    }
                    continue;
                }
                Err(error) => return Err(V4l2Error::from_call(ACTION, error)),
            };
            if ready.readable {
                // A frame that was announced may be withdrawn again; then the wait goes on.
                if let Some(filled) = self.dequeue()? {
                    return Ok(Some(filled));
                }
            }
            if ready.failed {
                // The same bits mean a pulled camera and a stream that was stopped. Only the former answers no more.
                call(&self.kernel, Call::QueryCap(&mut abi::Capability::default()))?;
                return Err(V4l2Error::Stopped);
            }
            if left.is_zero() {
                return Ok(None);
            }
        }
    }

    /// Takes a filled buffer; `None` where there is none after all.
    fn dequeue(&mut self) -> Result<Option<Filled>, V4l2Error> {
        let mut buffer = abi::BufferDesc::mapped(0);
        match call(&self.kernel, Call::Dequeue(&mut buffer)) {
            Ok(()) => {}
            Err(V4l2Error::System { error, .. }) if error.kind() == std::io::ErrorKind::WouldBlock => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let bad = |detail: String| V4l2Error::BadBuffer { detail };
        let index = buffer.index as usize;
        let count = self.slots.len();
        let Some(slot) = self.slots.get_mut(index) else {
            return Err(bad(format!("number {index} of {count}")));
        };
        let Some(queued) = slot.queued.take() else {
            return Err(bad(format!("number {index} was not in the driver's hands")));
        };
        let length = slot.memory.length();
        if buffer.bytesused as usize > length {
            self.queue(index)?;
            return Err(V4l2Error::Overrun { used: buffer.bytesused, length });
        }
        let captured = self.instant(&buffer, queued);
        let used = buffer.bytesused as usize;
        Ok(Some(Filled { index, used, flags: buffer.flags, sequence: buffer.sequence, captured }))
    }

    /// When the driver says that the frame was captured, within what is possible: not before its buffer was given to the
    /// driver, and not in the future. Clocks of cameras, which `uvcvideo` converts, are known to run wild.
    fn instant(&self, buffer: &abi::BufferDesc, queued: Instant) -> Instant {
        let now = Instant::now();
        let monotonic = buffer.flags & abi::BUF_FLAG_TIMESTAMP_MASK == abi::BUF_FLAG_TIMESTAMP_MONOTONIC;
        let time = match (u64::try_from(buffer.seconds), u32::try_from(buffer.microseconds)) {
            (Ok(seconds), Ok(micros @ 0..1_000_000)) if monotonic => Duration::new(seconds, micros * 1000),
            _ => return now,
        };
        let age = self.kernel.now().saturating_sub(time);
        now.checked_sub(age).map_or(queued, |captured| captured.max(queued))
    }

    /// Gives a buffer to the driver.
    fn queue(&mut self, index: usize) -> Result<(), V4l2Error> {
        let Some(slot) = self.slots.get_mut(index) else { return Ok(()) };
        let mut buffer = abi::BufferDesc::mapped(index as u32);
        call(&self.kernel, Call::Queue(&mut buffer))?;
        slot.queued = Some(Instant::now());
        Ok(())
    }
}

impl<K: Kernel> Drop for Capture<K> {
    fn drop(&mut self) {
        // Nothing can be done about a refusal here, and a pulled camera refuses everything.
        let mut kind = abi::BUF_TYPE_VIDEO_CAPTURE as i32;
        let _ = call(&self.kernel, Call::StreamOff(&mut kind));
        // Mapped buffers cannot be freed.
        self.slots.clear();
        let mut none =
            abi::RequestBuffers { kind: abi::BUF_TYPE_VIDEO_CAPTURE, memory: abi::MEMORY_MMAP, ..Default::default() };
        let _ = call(&self.kernel, Call::RequestBuffers(&mut none));
    }
}

/// A frame where the driver put it. Dropping it gives the buffer back; a refusal is reported by the next call of
/// [`Capture::next`].
pub struct Buffer<'a, K: Kernel> {
    capture: &'a mut Capture<K>,
    filled: Filled,
    passed: u32,
}

impl<K: Kernel> Buffer<'_, K> {
    /// The bytes that the driver says are used.
    #[must_use]
    #[allow(unsafe_code, reason = "the one place where mapped memory is read")]
    pub fn bytes(&self) -> &[u8] {
        let Some(slot) = self.capture.slots.get(self.filled.index) else { return &[] };
        // SAFETY: the buffer was dequeued when `self` was made, and is queued again only in `drop`. The slice borrows `self`,
        // which holds the capture exclusively, so that nothing else can queue it, and the slot keeps the mapping alive.
        let bytes = unsafe { slot.memory.bytes() };
        bytes.get(..self.filled.used).unwrap_or(&[])
    }

    /// The driver's number of the frame. It counts lost frames too, and begins anew with the stream.
    #[must_use]
    pub fn sequence(&self) -> u32 {
        self.filled.sequence
    }

    /// When the frame was captured.
    #[must_use]
    pub fn captured(&self) -> Instant {
        self.filled.captured
    }

    /// Whether the driver says that the data is damaged or incomplete.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.filled.flags & abi::BUF_FLAG_ERROR != 0
    }

    /// Frames that were ready, older, and given back unread.
    #[must_use]
    pub fn passed(&self) -> u32 {
        self.passed
    }
}

impl<K: Kernel> Drop for Buffer<'_, K> {
    fn drop(&mut self) {
        if let Err(error) = self.capture.queue(self.filled.index) {
            self.capture.pending = Some(error);
        }
    }
}
