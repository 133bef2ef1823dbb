//! Plans and timing caches of the fake libraries.

use crate::hooks::PlanOptions;
use crate::library::Library;

const PLAN: &[u8; 8] = b"FAKEPLAN";
const CACHE: &[u8; 9] = b"FAKECACHE";

/// What the fake wrote into a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanInfo {
    /// Version of the library that built it.
    pub version: [u32; 4],
    /// Name of the GPU that it was built for.
    pub gpu: String,
    /// Whether 16-bit floats were allowed.
    pub fp16: bool,
    /// Whether 8-bit integers were allowed.
    pub int8: bool,
    /// Accelerator core.
    pub dla_core: Option<u32>,
    /// Whether the GPU may take what the accelerator cannot.
    pub gpu_fallback: bool,
    /// Optimisation level, where one was set.
    pub optimization_level: Option<u32>,
    /// Compute capability as major times ten plus minor; 1 is that of this machine, 0 where the library has no such choice.
    pub compute_capability: u32,
    /// Limit of scratch memory in bytes; 0 where none was set.
    pub workspace: u64,
    /// Size of free first dimensions; 0 where there are none.
    pub batch: u32,
    /// The model.
    pub onnx: Vec<u8>,
}

/// Reads a plan of the fake; `None` for anything else.
#[must_use]
pub fn plan_info(plan: &[u8]) -> Option<PlanInfo> {
    let (version, gpu, options, onnx) = read(plan).ok()?;
    let number = |value: i32| u32::try_from(value).ok();
    Some(PlanInfo {
        version,
        gpu,
        fp16: options.fp16 != 0,
        int8: options.int8 != 0,
        dla_core: number(options.dla_core),
        gpu_fallback: options.gpu_fallback != 0,
        optimization_level: number(options.optimization_level),
        compute_capability: number(options.compute_capability).unwrap_or(0),
        workspace: options.workspace,
        batch: number(options.batch).unwrap_or(0),
        onnx: onnx.to_vec(),
    })
}

/// Magic, version, GPU, options, model and a checksum, with lengths before what has one.
pub(crate) fn write(version: [u32; 4], gpu: &str, options: &PlanOptions, onnx: &[u8]) -> Vec<u8> {
    let mut plan = PLAN.to_vec();
    for part in version {
        plan.extend(part.to_le_bytes());
    }
    put(&mut plan, gpu.as_bytes());
    for value in options.numbers() {
        plan.extend(value.to_le_bytes());
    }
    plan.extend(options.workspace.to_le_bytes());
    put(&mut plan, onnx);
    let sum = checksum(&plan);
    plan.extend(sum.to_le_bytes());
    plan
}

type Read<'a> = ([u32; 4], String, PlanOptions, &'a [u8]);

/// Errors are worded like those of the real libraries.
fn read(plan: &[u8]) -> Result<Read<'_>, &'static str> {
    const BAD: &str = "Serialization assertion magicTagRead == kMAGIC_TAG failed. Magic tag does not match";
    const CUT: &str = "Serialization assertion failed: the serialized engine is shorter than its header says";
    let Some(rest) = plan.strip_prefix(PLAN) else { return Err(BAD) };
    let mut rest = rest;
    let mut version = [0; 4];
    for part in &mut version {
        *part = u32::from_le_bytes(take(&mut rest).ok_or(CUT)?);
    }
    let gpu = String::from_utf8_lossy(get(&mut rest).ok_or(CUT)?).into_owned();
    let mut numbers = [0; PlanOptions::NUMBERS];
    for number in &mut numbers {
        *number = i32::from_le_bytes(take(&mut rest).ok_or(CUT)?);
    }
    let workspace = u64::from_le_bytes(take(&mut rest).ok_or(CUT)?);
    let onnx = get(&mut rest).ok_or(CUT)?;
    let sum = u64::from_le_bytes(take(&mut rest).ok_or(CUT)?);
    let body = plan.get(..plan.len() - size_of::<u64>()).ok_or(CUT)?;
    if !rest.is_empty() || checksum(body) != sum {
        return Err("Serialization assertion failed: checksum of the serialized engine does not match");
    }
    Ok((version, gpu, PlanOptions::from_numbers(numbers, workspace), onnx))
}

/// The options and the model of a plan that this library may load on this GPU.
pub(crate) fn load(
    library: Library,
    version: [u32; 4],
    gpu: &str,
    plan: &[u8],
) -> Result<(PlanOptions, Vec<u8>), String> {
    let (built_with, built_for, options, onnx) = read(plan)?;
    let dotted = |version: [u32; 4]| version.map(|part| part.to_string()).join(".");
    if built_with != version {
        return Err(format!(
            "The engine plan file is not compatible with this version of TensorRT, expecting library version {} got {}",
            dotted(version),
            dotted(built_with)
        ));
    }
    // Plans of TensorRT for RTX are finished for the GPU when they are loaded.
    if library != Library::Rtx && built_for != gpu {
        return Err(format!(
            "The engine plan file is generated on an incompatible device, expecting {gpu} got {built_for}, please rebuild"
        ));
    }
    Ok((options, onnx.to_vec()))
}

/// A cache that continues `old`, or a new one; `None` where `old` is no cache of this library. It grows with every build,
/// as a real one does, so that a test sees whether it came through.
pub(crate) fn cache(library: Library, version: [u32; 4], old: &[u8]) -> Option<Vec<u8>> {
    let mut head = CACHE.to_vec();
    head.extend(format!("{library:?} {version:?}").bytes());
    let builds = match old {
        [] => 0,
        old => old.strip_prefix(head.as_slice())?.len(),
    };
    head.extend(std::iter::repeat_n(b'+', builds + 1));
    Some(head)
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    bytes.iter().fold(BASIS, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(PRIME))
}

fn put(plan: &mut Vec<u8>, bytes: &[u8]) {
    plan.extend((bytes.len() as u64).to_le_bytes());
    plan.extend(bytes);
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*first)
}

fn get<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(u64::from_le_bytes(take(rest)?)).ok()?;
    let (first, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(first)
}
