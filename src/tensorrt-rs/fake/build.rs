//! Compiles the fake libraries, each pair into a folder of its own under the names of the real ones.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// As in `tensorrt-rs`.
const TENSORRT8_INCLUDE: &str = "USHYDRA_TENSORRT8_INCLUDE";

/// Interfaces that the fake implements in part: every pure virtual function gets a body that does nothing.
const INFER: [&str; 10] = [
    "VHostMemory",
    "VRuntime",
    "VCudaEngine",
    "VExecutionContext",
    "VTensor",
    "VNetworkDefinition",
    "VBuilder",
    "VBuilderConfig",
    "VTimingCache",
    "VOptimizationProfile",
];
const PARSER: [&str; 2] = ["IParserError", "IParser"];

/// One pair of libraries. `number` is `Library` in `src/control.rs`.
struct Set {
    number: i32,
    tag: &'static str,
    headers: PathBuf,
    infer: &'static str,
    parser: &'static str,
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=cpp");
    println!("cargo:rerun-if-env-changed={TENSORRT8_INCLUDE}");
    println!("cargo:rustc-check-cfg=cfg(tensorrt8)");

    let headers = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../headers");
    println!("cargo:rerun-if-changed={}", headers.display());
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let enterprise = |number, tag, headers, infer, parser| Set { number, tag, headers, infer, parser };
    let mut sets = vec![
        enterprise(1, "trt10", headers.join("10"), "libnvinfer.so.10", "libnvonnxparser.so.10"),
        enterprise(2, "trt11", headers.join("11"), "libnvinfer.so.11", "libnvonnxparser.so.11"),
        enterprise(3, "rtx", headers.join("rtx"), "libtensorrt_rtx.so.1", "libtensorrt_onnxparser_rtx.so.1"),
    ];
    if let Some(folder) = env::var_os(TENSORRT8_INCLUDE) {
        sets.push(enterprise(0, "trt8", folder.into(), "libnvinfer.so.8", "libnvonnxparser.so.8"));
        println!("cargo:rustc-cfg=tensorrt8");
    }
    for set in &sets {
        let folder = out.join(set.tag);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("stubs.h"), stubs(&set.headers.join("NvInferImpl.h"), "nvinfer1::apiv", &INFER)?)?;
        fs::write(folder.join("parser_stubs.h"), stubs(&set.headers.join("NvOnnxParser.h"), "nvonnxparser", &PARSER)?)?;
        let includes = [folder.as_path(), &set.headers, &headers.join("cuda")];
        compile(&["nvinfer.cpp"], &folder.join(set.infer), &includes, set.number)?;
        compile(&["parser.cpp"], &folder.join(set.parser), &includes, set.number)?;
    }
    let folder = out.join("cuda");
    fs::create_dir_all(&folder)?;
    compile(&["cuda_device.cpp", "cuda_stream.cpp", "cuda_graph.cpp"], &folder.join("libcuda.so.1"), &[], 0)
}

fn compile(sources: &[&str], library: &Path, includes: &[&Path], number: i32) -> Result<(), Box<dyn Error>> {
    let compiler = cc::Build::new()
        .cpp(true)
        .std("c++17")
        .opt_level(1)
        .pic(true)
        .warnings(false)
        .flag_if_supported("-fno-gnu-unique")
        .try_get_compiler()?;
    let mut command = compiler.to_command();
    command.args(["-shared", "-w", "-fvisibility=hidden", "-Icpp"]).arg(format!("-DFAKE_LIBRARY={number}"));
    for include in includes {
        command.arg("-isystem").arg(include);
    }
    let status = command
        .args(sources.iter().map(|source| Path::new("cpp").join(source)))
        .arg("-o")
        .arg(library)
        .arg("-pthread")
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("{} does not compile", library.display()).into()) }
}

/// `Stub<class>` for every class: the pure virtual functions of a header with bodies that return nothing.
fn stubs(header: &Path, namespace: &str, classes: &[&str]) -> Result<String, Box<dyn Error>> {
    println!("cargo:rerun-if-changed={}", header.display());
    let text = without_comments(&fs::read_to_string(header)?);
    let include = header.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    // The implementation header is included by the public ones only.
    let include = if include == "NvInferImpl.h" { "NvInfer.h" } else { include };
    let mut stubs = format!(
        "#pragma once\n#include <{include}>\n#include <cstdlib>\nnamespace fake {{\nusing namespace nvinfer1;\n"
    );
    if namespace == "nvonnxparser" {
        // TensorRT itself has an `ErrorCode` too.
        stubs.push_str("using namespace nvonnxparser;\nusing nvonnxparser::ErrorCode;\n");
    }
    for class in classes {
        let body = class_body(&text, class).ok_or_else(|| format!("{} has no class {class}", header.display()))?;
        writeln!(stubs, "struct Stub{class} : {namespace}::{class} {{")?;
        for signature in pure_virtuals(body) {
            let result = signature.split('(').next().unwrap_or_default();
            let (result, _name) = result.trim().rsplit_once(' ').unwrap_or_default();
            let does = match result.trim() {
                "void" => "",
                reference if reference.ends_with('&') => "std::abort();",
                _ => "return {};",
            };
            writeln!(stubs, "    {signature} override {{ {does} }}")?;
        }
        stubs.push_str("};\n");
    }
    stubs.push_str("}\n");
    Ok(stubs)
}

fn without_comments(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("/*") {
        plain.push_str(&rest[..start]);
        rest = rest[start..].split_once("*/").map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    let mut kept = String::new();
    // Functions behind a feature that is off in the public headers.
    let mut off = false;
    for line in plain.lines() {
        let code = line.split("//").next().unwrap_or_default();
        let directive = code.trim_start();
        if directive.starts_with("#if ENABLE_FEATURE") {
            off = true;
        } else if directive.starts_with("#endif") {
            off = false;
        } else if !directive.starts_with('#') && !off {
            kept.push_str(code);
            kept.push('\n');
        }
    }
    kept
}

/// What stands between the braces of `class NAME`.
fn class_body<'a>(text: &'a str, class: &str) -> Option<&'a str> {
    text.match_indices(&format!("class {class}")).find_map(|(at, found)| {
        let rest = &text[at + found.len()..];
        let head = rest.split('{').next()?;
        // A declaration, or a class whose name only begins alike.
        if head.contains(';') || rest.starts_with(|next: char| next.is_alphanumeric() || next == '_') {
            return None;
        }
        rest[head.len() + 1..].split("\n};").next()
    })
}

/// Signatures of `virtual ... = 0;`, on one line each and without `virtual`.
fn pure_virtuals(body: &str) -> Vec<String> {
    body.split(';')
        .filter_map(|statement| {
            let signature = statement.trim_end().strip_suffix('0')?.trim_end().strip_suffix('=')?;
            let (_, signature) = signature.split_once("virtual ")?;
            Some(signature.split_whitespace().collect::<Vec<_>>().join(" "))
        })
        .collect()
}
