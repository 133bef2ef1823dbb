//! The real kernel. All system calls that have no safe form are here.

#![allow(unsafe_code, reason = "ioctl, ppoll, mmap and clock_gettime have no safe form")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};
use std::time::Duration;

use crate::abi::{BUF_TYPE_VIDEO_CAPTURE, MEMORY_MMAP};
use crate::identity::UsbPlace;
use crate::kernel::{Call, Kernel, Memory, Readiness, System};
use crate::sysfs;

/// Longest wait of one poll; longer ones are a mistake of the caller, and the kernel refuses absurd values.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The video devices of this machine.
#[derive(Clone, Debug)]
pub struct Linux {
    /// Folder of the device nodes.
    pub dev: PathBuf,
    /// Where sysfs is mounted. Without it cameras still work, but their USB identity is not known.
    pub sysfs: PathBuf,
}

impl Default for Linux {
    /// `/dev` and `/sys`.
    fn default() -> Self {
        Self { dev: PathBuf::from("/dev"), sysfs: PathBuf::from("/sys") }
    }
}

impl System for Linux {
    type Kernel = Node;

    fn nodes(&self) -> io::Result<Vec<PathBuf>> {
        sysfs::nodes(&self.dev)
    }

    fn open(&self, path: &Path) -> io::Result<Node> {
        // Close-on-exec is the standard library's default; said here because a leaked camera stays busy.
        let file =
            OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path)?;
        Ok(Node { file })
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        path.canonicalize()
    }

    fn name(&self, node: &Path) -> Option<String> {
        sysfs::name(&self.sysfs, node)
    }

    fn usb(&self, node: &Path) -> Option<UsbPlace> {
        sysfs::usb(&self.sysfs, node)
    }
}

/// An opened device node.
#[derive(Debug)]
pub struct Node {
    file: File,
}

impl Kernel for Node {
    type Memory = Mapping;

    fn call(&self, call: &mut Call<'_>) -> io::Result<()> {
        if !is_plain(call) {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let request = call.request();
        let argument: *mut libc::c_void = match call {
            Call::QueryCap(a) => ptr::from_mut(*a).cast(),
            Call::EnumFmt(a) => ptr::from_mut(*a).cast(),
            Call::EnumFrameSizes(a) => ptr::from_mut(*a).cast(),
            Call::EnumFrameIntervals(a) => ptr::from_mut(*a).cast(),
            Call::GetFormat(a) | Call::SetFormat(a) => ptr::from_mut(*a).cast(),
            Call::SetParm(a) => ptr::from_mut(*a).cast(),
            Call::RequestBuffers(a) => ptr::from_mut(*a).cast(),
            Call::QueryBuffer(a) | Call::Queue(a) | Call::Dequeue(a) => ptr::from_mut(*a).cast(),
            Call::StreamOn(a) | Call::StreamOff(a) => ptr::from_mut(*a).cast(),
        };
        // SAFETY: the descriptor is open for as long as `self` lives. `argument` points to a live, exclusively borrowed
        // structure of exactly the size that the number states (checked when compiling), and `is_plain` made sure that the
        // structure holds no pointer that the kernel would follow. Every bit pattern is a valid value of the structures,
        // which consist of integers.
        let result = unsafe { libc::ioctl(self.file.as_raw_fd(), request as _, argument) };
        if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    fn poll(&self, timeout: Duration) -> io::Result<Option<Readiness>> {
        let timeout = timeout.min(MAX_WAIT);
        let mut entry = libc::pollfd { fd: self.file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let wait = libc::timespec { tv_sec: timeout.as_secs() as _, tv_nsec: timeout.subsec_nanos() as _ };
        // SAFETY: one entry is passed and one is there; the time is valid and only read; no signal mask is given.
        let result = unsafe { libc::ppoll(&raw mut entry, 1, &raw const wait, ptr::null()) };
        match result {
            -1 => Err(io::Error::last_os_error()),
            0 => Ok(None),
            _ => Ok(Some(Readiness {
                readable: entry.revents & libc::POLLIN != 0,
                failed: entry.revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0,
            })),
        }
    }

    fn map(&self, offset: u32, length: usize) -> io::Result<Mapping> {
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours. The kernel checks offset
        // and length against the buffers of this node.
        let address = unsafe {
            libc::mmap(
                ptr::null_mut(),
                length,
                libc::PROT_READ,
                libc::MAP_SHARED,
                self.file.as_raw_fd(),
                libc::off_t::from(offset),
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let address = NonNull::new(address.cast()).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        Ok(Mapping { address, length })
    }

    fn now(&self) -> Duration {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the structure is live and exclusively borrowed; this clock always exists, and on failure the zeros stay.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
        Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
    }
}

/// Whether the argument is of the kind that holds no pointers: planes, clip lists and buffers in user memory do.
fn is_plain(call: &Call<'_>) -> bool {
    match call {
        Call::GetFormat(format) | Call::SetFormat(format) => format.kind == BUF_TYPE_VIDEO_CAPTURE,
        Call::RequestBuffers(request) => request.kind == BUF_TYPE_VIDEO_CAPTURE && request.memory == MEMORY_MMAP,
        Call::QueryBuffer(buffer) | Call::Queue(buffer) | Call::Dequeue(buffer) => {
            buffer.kind == BUF_TYPE_VIDEO_CAPTURE && buffer.memory == MEMORY_MMAP
        }
        _ => true,
    }
}

/// A mapped buffer.
#[derive(Debug)]
pub struct Mapping {
    address: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread, and the value is its only owner.
unsafe impl Send for Mapping {}

impl Memory for Mapping {
    unsafe fn bytes(&self) -> &[u8] {
        // SAFETY: the range was mapped readable and stays so until `self` is dropped; that nobody writes to it meanwhile is
        // the caller's promise. Pages of a pulled camera stay mapped, because the kernel keeps them for the mapping.
        unsafe { std::slice::from_raw_parts(self.address.as_ptr(), self.length) }
    }

    fn length(&self) -> usize {
        self.length
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly the range that `map` returned, once; slices of it borrow `self` and are gone.
        unsafe { libc::munmap(self.address.as_ptr().cast(), self.length) };
    }
}
