//! What this machine is: processor, cores, memory.

use std::fs;

use serde::Serialize;

/// Description of the machine for reports.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Processor or board.
    pub processor: String,
    /// Architecture that the program was built for.
    pub architecture: &'static str,
    /// Operating system that the program was built for.
    pub system: &'static str,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory of the machine in MiB.
    pub memory_mib: Option<u64>,
    /// Memory that is free for use in MiB.
    pub available_mib: Option<u64>,
}

impl Machine {
    /// Asks the system.
    #[must_use]
    pub fn describe() -> Self {
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self {
            processor: processor(),
            architecture: std::env::consts::ARCH,
            system: std::env::consts::OS,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: kib_field(&memory, "MemTotal:").map(|kib| kib / 1024),
            available_mib: kib_field(&memory, "MemAvailable:").map(|kib| kib / 1024),
        }
    }
}

/// Largest resident size of this process so far, in MiB.
#[must_use]
pub fn peak_memory_mib() -> Option<u64> {
    kib_field(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM:").map(|kib| kib / 1024)
}

fn processor() -> String {
    // Boards such as the Jetson name themselves in the device tree, their processor info names only the core.
    let board = fs::read_to_string("/proc/device-tree/model").ok();
    let board = board.map(|name| name.trim_end_matches('\0').trim().to_owned()).filter(|name| !name.is_empty());
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    board.or_else(|| model.map(str::to_owned)).unwrap_or_else(|| "unknown processor".to_owned())
}

fn kib_field(text: &str, field: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(field)?.split_whitespace().next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_proc_files_are_read() {
        let text = "Name:\tx\nVmHWM:\t  123456 kB\nMemTotal:       2048 kB\nBad: kB\n";
        assert_eq!(kib_field(text, "VmHWM:"), Some(123_456));
        assert_eq!(kib_field(text, "MemTotal:"), Some(2048));
        assert_eq!(kib_field(text, "Bad:"), None);
        assert_eq!(kib_field(text, "Absent:"), None);
        assert!(Machine::describe().cores >= 1);
    }
}
