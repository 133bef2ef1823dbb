//! Clocks of processor and GPU.

use serde::Serialize;

use crate::root::Root;

const CPUS: &str = "/sys/devices/system/cpu";
const DEVFREQ: &str = "/sys/class/devfreq";
/// Names of the GPU among the devices with a clock: the integrated GPUs of Tegra.
const GPU_NAMES: [&str; 3] = ["gpu", "gv11b", "ga10b"];
/// Where Tegra's GPU tells its load, in thousandths.
const GPU_LOADS: [&str; 4] = [
    "/sys/devices/platform/gpu.0/load",
    "/sys/devices/gpu.0/load",
    "/sys/devices/platform/bus@0/17000000.gpu/load",
    "/sys/devices/platform/17000000.gpu/load",
];

/// The processor's clocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cpu {
    /// Cores that are online.
    pub online: usize,
    /// Rule by which clocks are chosen, of the first core.
    pub governor: Option<String>,
    /// Highest present clock of a core in MHz.
    pub mhz: Option<u32>,
    /// Highest clock that the rules allow, in MHz.
    pub limit_mhz: Option<u32>,
    /// Highest clock of the hardware in MHz.
    pub max_mhz: Option<u32>,
}

/// The GPU's clock.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gpu {
    /// Name of the device.
    pub name: String,
    /// Present clock in MHz.
    pub mhz: Option<u32>,
    /// Highest clock that the rules allow, in MHz.
    pub limit_mhz: Option<u32>,
    /// Busy part of the last moment, 0 to 1.
    pub load: Option<f32>,
}

/// Asks for the processor.
#[must_use]
pub fn cpu(root: &Root) -> Cpu {
    let is_core = |name: &String| {
        name.strip_prefix("cpu").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let cores = root.entries(CPUS).into_iter().filter(is_core).collect::<Vec<_>>();
    // The first core often cannot be switched off and has no such file.
    let online = cores.iter().filter(|core| root.number::<u8>(format!("{CPUS}/{core}/online")) != Some(0)).count();
    let highest = |file: &str| {
        let kilohertz = cores.iter().filter_map(|core| root.number::<u64>(format!("{CPUS}/{core}/cpufreq/{file}")));
        kilohertz.max().and_then(|khz| u32::try_from(khz / 1000).ok())
    };
    Cpu {
        online,
        governor: cores.iter().find_map(|core| root.text(format!("{CPUS}/{core}/cpufreq/scaling_governor"))),
        mhz: highest("scaling_cur_freq"),
        limit_mhz: highest("scaling_max_freq"),
        max_mhz: highest("cpuinfo_max_freq"),
    }
}

/// Asks for the GPU; none where the system has no such clock.
#[must_use]
pub fn gpu(root: &Root) -> Option<Gpu> {
    let is_gpu = |name: &String| GPU_NAMES.iter().any(|known| name.split('.').any(|part| part == *known));
    let name = root.entries(DEVFREQ).into_iter().find(is_gpu)?;
    let megahertz = |file: &str| {
        let hertz = root.number::<u64>(format!("{DEVFREQ}/{name}/{file}"))?;
        u32::try_from(hertz / 1_000_000).ok()
    };
    let own = format!("{DEVFREQ}/{name}/device/load");
    let load = std::iter::once(own.as_str()).chain(GPU_LOADS).find_map(|path| root.number::<u32>(path));
    Some(Gpu {
        mhz: megahertz("cur_freq"),
        limit_mhz: megahertz("max_freq"),
        load: load.filter(|&load| load <= 1000).map(|load| load as f32 / 1e3),
        name,
    })
}
