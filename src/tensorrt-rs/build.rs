//! Compiles the shim once per set of TensorRT headers and lists what was compiled for `src/ffi.rs`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Folder with `NvInfer.h` and `NvOnnxParser.h` of TensorRT 8.5 or 8.6, which are not free and therefore not here.
const TENSORRT8_INCLUDE: &str = "USHYDRA_TENSORRT8_INCLUDE";

const SOURCES: [&str; 4] = ["library.cpp", "build.cpp", "engine.cpp", "support.cpp"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=shim");
    println!("cargo:rerun-if-changed=headers");
    println!("cargo:rerun-if-env-changed={TENSORRT8_INCLUDE}");

    let headers = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("headers");
    let mut sets = vec![("trt10", headers.join("10")), ("trt11", headers.join("11")), ("rtx", headers.join("rtx"))];
    if let Some(folder) = env::var_os(TENSORRT8_INCLUDE) {
        let folder = PathBuf::from(folder);
        check_tensorrt8(&folder)?;
        sets.push(("trt8", folder));
    }
    for (tag, folder) in &sets {
        compile(tag, folder, &headers.join("cuda"));
    }
    let list = PathBuf::from(env::var("OUT_DIR")?).join("shims.rs");
    fs::write(list, shims(sets.iter().map(|(tag, _)| *tag)))?;
    Ok(())
}

/// The folder must hold headers of 8.5 or 8.6: older ones have no named tensors, and no other major may be renamed to 8.
fn check_tensorrt8(folder: &Path) -> Result<(), Box<dyn Error>> {
    let file = folder.join("NvInferVersion.h");
    let text = fs::read_to_string(&file).map_err(|error| {
        format!("{TENSORRT8_INCLUDE} names {}, where {} cannot be read: {error}", folder.display(), file.display())
    })?;
    let number = |name: &str| -> Option<u32> {
        let line = text.lines().find(|line| line.starts_with(&format!("#define {name} ")))?;
        line.split_whitespace().nth(2)?.parse().ok()
    };
    match (number("NV_TENSORRT_MAJOR"), number("NV_TENSORRT_MINOR")) {
        (Some(8), Some(minor)) if minor >= 5 => Ok(()),
        (major, minor) => Err(format!(
            "{TENSORRT8_INCLUDE} names headers of TensorRT {major:?}.{minor:?} in {}; name those of 8.5 or 8.6 (JetPack 5: \
             /usr/include/aarch64-linux-gnu)",
            folder.display()
        )
        .into()),
    }
}

fn compile(tag: &str, headers: &Path, cuda: &Path) {
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++17")
        // The shim needs no C++ runtime, see `shim/common.h`: a program with it runs where there is none.
        .cpp_link_stdlib(None)
        .opt_level(2)
        .include("shim")
        // As system headers: their own warnings are not ours to mend.
        .flag("-isystem")
        .flag(headers)
        .flag("-isystem")
        .flag(cuda)
        .flag("-fno-exceptions")
        .flag("-fno-rtti")
        .flag("-fno-threadsafe-statics")
        .flag("-fvisibility=hidden")
        // What newer versions call deprecated is what older ones have.
        .flag("-Wno-deprecated-declarations")
        .warnings(true)
        .define("TRT_TAG", tag)
        // Keeps the inline functions of several header sets apart within one binary.
        .define("nvinfer1", &*format!("nvinfer1_{tag}"))
        .define("nvonnxparser", &*format!("nvonnxparser_{tag}"));
    for source in SOURCES {
        build.file(Path::new("shim").join(source));
    }
    build.compile(&format!("tensorrt_rs_{tag}"));
}

fn shims<'a>(tags: impl Iterator<Item = &'a str> + Clone) -> String {
    let declarations: String =
        tags.clone().map(|tag| format!("    fn tensorrt_rs_api_{tag}() -> *const Api;\n")).collect();
    let entries: String = tags.map(|tag| format!("    tensorrt_rs_api_{tag},\n")).collect();
    format!(
        "unsafe extern \"C\" {{\n{declarations}}}\n\n/// Entry points of the compiled shims.\n\
         const SHIMS: &[unsafe extern \"C\" fn() -> *const Api] = &[\n{entries}];\n"
    )
}
