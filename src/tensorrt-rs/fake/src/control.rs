//! `cpp/control.h` in Rust.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicI32, AtomicU64};

pub(crate) const NAME_BYTES: usize = 64;

/// What tests set and read of the fake driver, in the driver's own memory.
#[repr(C)]
pub(crate) struct Control {
    pub(crate) init_result: AtomicI32,
    pub(crate) device_count: AtomicI32,
    pub(crate) integrated: AtomicI32,
    pub(crate) capability_major: AtomicI32,
    pub(crate) capability_minor: AtomicI32,
    pub(crate) driver_version: AtomicI32,
    pub(crate) fail_allocation: AtomicI32,
    pub(crate) fail_launch: AtomicI32,
    pub(crate) free_bytes: AtomicU64,
    pub(crate) total_bytes: AtomicU64,
    /// Written by the holder of the session only.
    name: UnsafeCell<[u8; NAME_BYTES]>,

    pub(crate) allocations: AtomicI32,
    pub(crate) launches: AtomicI32,
    pub(crate) graph_launches: AtomicI32,
    pub(crate) copies_to_device: AtomicI32,
    pub(crate) copies_to_host: AtomicI32,
    pub(crate) executions: AtomicI32,
    pub(crate) synchronizations: AtomicI32,

    pub(crate) live_contexts: AtomicI32,
    pub(crate) live_streams: AtomicI32,
    pub(crate) live_events: AtomicI32,
    pub(crate) live_memory: AtomicI32,
    pub(crate) live_graphs: AtomicI32,
    pub(crate) live_executables: AtomicI32,
}

// SAFETY: all fields but the name are atomic; the name is only written by the one session there is, before the program under
// test opens the driver.
unsafe impl Sync for Control {}

impl Control {
    pub(crate) fn set_name(&self, name: &str) {
        let mut bytes = [0; NAME_BYTES];
        for (byte, given) in bytes.iter_mut().zip(name.bytes().take(NAME_BYTES - 1)) {
            *byte = given;
        }
        // SAFETY: see `Sync`.
        unsafe { *self.name.get() = bytes };
    }

    pub(crate) fn name(&self) -> String {
        // SAFETY: see `Sync`.
        let bytes = unsafe { *self.name.get() };
        let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(NAME_BYTES);
        String::from_utf8_lossy(bytes.get(..length).unwrap_or_default()).into_owned()
    }
}
