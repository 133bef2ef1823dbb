//! Memory: what there is, what is left, and whether the system suffers from the lack of it.

use serde::Serialize;

use crate::root::Root;

/// Memory of the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Memory {
    /// MiB in all.
    pub total_mib: Option<u64>,
    /// MiB that can be had without swapping.
    pub available_mib: Option<u64>,
    /// MiB of swap.
    pub swap_mib: Option<u64>,
    /// Whether the swap is compressed memory (zram) alone, which wears no flash memory.
    pub zram_only: bool,
    /// Part of the last ten seconds in which some task waited for memory, in percent; none where the kernel does not count it.
    pub pressure_some: Option<f32>,
    /// The same for all tasks at once.
    pub pressure_full: Option<f32>,
}

/// Asks for the memory.
#[must_use]
pub fn memory(root: &Root) -> Memory {
    let info = root.text("/proc/meminfo").unwrap_or_default();
    let mebibytes = |field: &str| {
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        value.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib / 1024)
    };
    let pressure = root.text("/proc/pressure/memory").unwrap_or_default();
    let share = |kind: &str| {
        let line = pressure.lines().find_map(|line| line.strip_prefix(kind))?;
        let percent = line.split_whitespace().find_map(|word| word.strip_prefix("avg10="))?.parse::<f32>().ok()?;
        (0.0..=100.0).contains(&percent).then_some(percent)
    };
    let swaps = root.text("/proc/swaps").unwrap_or_default();
    let mut devices = swaps.lines().skip(1).filter_map(|line| line.split_whitespace().next()).peekable();
    Memory {
        total_mib: mebibytes("MemTotal"),
        available_mib: mebibytes("MemAvailable"),
        swap_mib: mebibytes("SwapTotal"),
        zram_only: devices.peek().is_some() && devices.all(|device| device.contains("zram")),
        pressure_some: share("some"),
        pressure_full: share("full"),
    }
}
