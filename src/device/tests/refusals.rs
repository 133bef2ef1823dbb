//! Everything that can be wrong: arguments, configuration, inputs, bundles, backends. Each has its exit code and a message
//! with cause and remedy, and the other inputs are still judged.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod common;

use std::path::PathBuf;

use common::{Scene, finish, program};
use image::{DynamicImage, ImageBuffer, Luma, Rgba};
use ushydra_tests::pictures::{LOW, TILT, plane};

/// A PNG whose header promises 10,000 x 10,000 pixels of 16-bit RGBA, 800 MB, and that holds nothing.
fn bomb() -> Vec<u8> {
    let header = [&10_000_u32.to_be_bytes()[..], &10_000_u32.to_be_bytes(), &[16, 6, 0, 0, 0]].concat();
    // An empty zlib stream: two header bytes, one final stored block of length 0, Adler-32 of nothing.
    let data = [0x78, 0x01, 0x01, 0x00, 0x00, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01];
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, content) in [(b"IHDR", &header[..]), (b"IDAT", &data), (b"IEND", &[])] {
        let chunk = [&name[..], content].concat();
        bytes.extend((content.len() as u32).to_be_bytes());
        bytes.extend(&chunk);
        bytes.extend(crc32(&chunk).to_be_bytes());
    }
    bytes
}

/// CRC-32 of ISO 3309, as PNG wants it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

/// A DICOM file of explicit little endian with a SOP class and a modality and nothing else.
fn report_without_pixels() -> Vec<u8> {
    fn element(group: u16, element: u16, vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
        let mut bytes = group.to_le_bytes().to_vec();
        bytes.extend(element.to_le_bytes());
        bytes.extend(vr);
        let mut value = value.to_vec();
        if value.len() % 2 == 1 {
            value.push(if vr == b"UI" { 0 } else { b' ' });
        }
        bytes.extend((value.len() as u16).to_le_bytes());
        bytes.extend(value);
        bytes
    }
    let meta: Vec<u8> = [
        element(2, 2, b"UI", b"1.2.840.10008.5.1.4.1.1.88.11"),
        element(2, 3, b"UI", b"1.2.3.4"),
        element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1"),
        element(2, 0x12, b"UI", b"1.2.3"),
    ]
    .concat();
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM");
    bytes.extend(element(2, 0, b"UL", &(meta.len() as u32).to_le_bytes()));
    bytes.extend(meta);
    bytes.extend(element(8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.88.11"));
    bytes.extend(element(8, 0x60, b"CS", b"SR"));
    bytes
}

#[test]
fn bad_inputs_are_named_and_the_good_ones_judged() {
    let scene = Scene::new();
    let good = scene.save("good.png", &plane(LOW, TILT, 3));
    let whole = std::fs::read(&good).unwrap();
    let folder = scene.pictures.join("empty");
    std::fs::create_dir(&folder).unwrap();
    struct Case {
        path: PathBuf,
        /// What the message says, in lower case; empty where the input is unusual but good.
        says: &'static str,
    }
    let one = scene.save("one.png", &image::GrayImage::from_pixel(1, 1, Luma([90])));
    let deep = scene.pictures.join("deep.png");
    DynamicImage::ImageLuma16(ImageBuffer::from_fn(80, 60, |x, y| Luma([(x * 700 + y) as u16]))).save(&deep).unwrap();
    let rgba = scene.pictures.join("rgba.png");
    DynamicImage::ImageRgba8(ImageBuffer::from_fn(80, 60, |x, y| Rgba([x as u8, y as u8, 9, 128])))
        .save(&rgba)
        .unwrap();
    let cases = [
        Case { path: scene.write("cut.png", &whole[..whole.len() / 2]), says: "png" },
        Case { path: scene.write("text.png", b"hello, I am no picture"), says: "png" },
        Case { path: scene.write("nothing.png", b""), says: "empty" },
        Case { path: scene.write("bomb.png", &bomb()), says: "10000x10000" },
        Case { path: scene.write("report.dcm", &report_without_pixels()), says: "no pixel" },
        Case { path: folder, says: "no frame file" },
        Case { path: scene.pictures.join("absent.png"), says: "absent.png" },
        Case { path: one, says: "" },
        Case { path: deep, says: "" },
        Case { path: rgba, says: "" },
    ];
    for case in &cases {
        let answer = scene.ushydra(arguments!["infer", "--json", case.path, good]);
        let lines = answer.json();
        let name = case.path.to_str().unwrap();
        assert_eq!(lines.len(), 2, "{name}: {}{}", answer.stdout, answer.stderr);
        assert_eq!(lines[0]["source"], name);
        assert!(lines[1]["result"].is_object(), "the good one after {name} is judged");
        if case.says.is_empty() {
            assert_eq!(answer.code, 0, "{name}: {}", answer.stdout);
            assert!(lines[0]["result"]["label"].is_string());
        } else {
            assert_eq!(answer.code, 3, "{name}");
            assert_eq!(lines[0].as_object().unwrap().len(), 2, "{name}: source and error only");
            let error = lines[0]["error"].as_str().unwrap().to_lowercase();
            assert!(error.contains(case.says) || name.to_lowercase().contains(case.says), "{name}: {error}");
        }
    }
    // As text the refusals go to standard error, and the table to standard output.
    let bad: Vec<_> = cases.iter().filter(|c| !c.says.is_empty()).map(|c| c.path.clone().into_os_string()).collect();
    let answer = scene.ushydra([arguments!["infer", good], bad.clone()].concat());
    assert_eq!(answer.code, 3);
    assert!(bad.iter().all(|path| answer.stderr.contains(path.to_str().unwrap())), "{}", answer.stderr);
    assert!(answer.stdout.contains("good.png") && answer.stdout.contains("1 frames"), "{}", answer.stdout);
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new();
    let path = scene.save("secret.png", &plane(LOW, TILT, 3));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&path).is_ok() {
        eprintln!("SKIPPED an_unreadable_file_is_refused: this user may read everything");
        return;
    }
    let answer = scene.ushydra(arguments!["infer", "--json", path]);
    assert_eq!(answer.code, 3);
    assert!(answer.json()[0]["error"].as_str().unwrap().contains("may read"), "{}", answer.stdout);
}

#[test]
fn wrong_arguments_are_usage_errors() {
    let scene = Scene::new();
    let good = scene.save("good.png", &plane(LOW, TILT, 3));
    let file = scene.write("file", b"");
    struct Case {
        line: Vec<std::ffi::OsString>,
        says: &'static str,
    }
    let cases = [
        Case { line: arguments!["frobnicate"], says: "frobnicate" },
        Case { line: vec![], says: "Usage" },
        Case { line: arguments!["infer"], says: "INPUT" },
        Case { line: arguments!["infer", good, "--backend", "cuda"], says: "tensorrt" },
        Case { line: arguments!["infer", good, "--routing", "fixed:"], says: "fixed:<domain>" },
        Case { line: arguments!["infer", good, "--threads", "many"], says: "threads" },
        Case { line: arguments!["infer", good, "--threads", "100000"], says: "256" },
        Case { line: arguments!["infer", good, "--masks", "out"], says: "segmentation" },
        Case { line: arguments!["infer", good, "--overlay", file], says: "--overlay" },
        Case { line: arguments!["run", "--frames", "0"], says: "--frames" },
        Case { line: arguments!["run", "--replay", "slow"], says: "recorded" },
        Case { line: arguments!["run", "--source", "hdmi"], says: "file:PATH" },
        Case { line: arguments!["bench", "--source", "usb"], says: "probe test" },
        Case { line: arguments!["bundle"], says: "verify" },
    ];
    for case in cases {
        let answer = scene.ushydra(&case.line);
        assert_eq!(answer.code, 2, "{:?}: {}", case.line, answer.stderr);
        assert!(answer.stderr.contains(case.says), "{:?}: {}", case.line, answer.stderr);
        assert!(answer.stdout.is_empty(), "{:?}", case.line);
    }
    for line in [arguments!["--help"], arguments!["--version"], arguments!["infer", "--help"]] {
        let answer = finish(program().args(&line));
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{line:?}");
        assert!(!answer.stdout.is_empty());
    }
}

#[test]
fn configuration_is_checked_and_used() {
    let scene = Scene::new();
    let good = scene.save("good.png", &plane(LOW, TILT, 3));
    let bundle = scene.miniature.folder();
    let text = format!("bundle = {bundle:?}\nrouting = 'fixed:high'\njson = true\n[gate]\nmin_probability = 1.0\n");
    let config = scene.write("ushydra.toml", text.as_bytes());
    let answer = finish(program().args(arguments!["--config", config, "infer", good]));
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let record = &answer.json()[0];
    assert_eq!(record["routing"]["decoder"], "high");
    assert_eq!(record["result"]["abstained"], true, "the configuration's gate is stricter");
    let answer = finish(program().args(arguments!["--config", config, "infer", good, "--routing", "vector"]));
    assert_eq!(answer.json()[0]["routing"]["decoder"], "low", "the command line wins");

    for (text, says) in
        [("bundel = 'x'", "bundel"), ("[run]\nreplay = 3", "replay"), ("backend = 'cuda'", "cuda"), ("=", "line 1")]
    {
        let config = scene.write("wrong.toml", text.as_bytes());
        let answer = finish(program().args(arguments!["--config", config, "infer", good]));
        assert_eq!(answer.code, 2, "{text}");
        assert!(answer.stderr.contains(says) && answer.stderr.contains("wrong.toml"), "{text}: {}", answer.stderr);
    }
    let answer = finish(program().args(arguments!["--config", scene.pictures.join("absent.toml"), "infer", good]));
    assert_eq!(answer.code, 2);
}

#[test]
fn a_damaged_bundle_is_never_run() {
    let scene = Scene::new();
    let good = scene.save("good.png", &plane(LOW, TILT, 3));
    let folder = scene.miniature.folder();
    for file in
        ["encoder.onnx", "decoders/high.onnx", "calibration/miniature.toml", "golden/input.pgm", "MODEL_CARD.md"]
    {
        let path = folder.join(file);
        let whole = std::fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &flipped).unwrap();
        for command in [
            arguments!["infer", "--json", good],
            arguments!["bundle", "verify"],
            arguments!["selftest"],
            arguments!["bundle", "inspect"],
        ] {
            let answer = scene.ushydra(&command);
            assert_eq!(answer.code, 4, "{file}, {command:?}: {}{}", answer.stdout, answer.stderr);
            let said = answer.stdout + &answer.stderr;
            assert!(said.contains(file) && said.contains("sha256"), "{file}: {said}");
            assert!(!said.contains("probability"), "nothing is judged");
        }
        std::fs::write(&path, whole).unwrap();
    }
    assert_eq!(scene.ushydra(arguments!["infer", good]).code, 0, "whole again");
    std::fs::remove_file(folder.join("decoders/low.onnx")).unwrap();
    let answer = scene.ushydra(arguments!["infer", good]);
    assert_eq!(answer.code, 4);
    assert!(answer.stderr.contains("low.onnx"), "{}", answer.stderr);
    for command in [
        arguments!["infer", good],
        arguments!["run"],
        arguments!["bench"],
        arguments!["selftest"],
        arguments!["doctor"],
    ] {
        let answer = common::ushydra("no-such-bundle".as_ref(), &command);
        assert_eq!(answer.code, 4, "{command:?}");
        let said = answer.stdout + &answer.stderr;
        assert!(said.contains("no-such-bundle") && said.contains("USHYDRA_MODELS"), "{said}");
    }
}

#[test]
fn golden_values_that_do_not_fit_are_refused() {
    // Hashes that are right do not help a model that computes something else: the decoders are exchanged, with their
    // hashes.
    let scene = Scene::new();
    let good = scene.save("good.png", &plane(LOW, TILT, 3));
    let manifest = scene.miniature.folder().join("bundle.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let exchanged = text
        .replace("decoders/low.onnx", "decoders/swap.onnx")
        .replace("decoders/high.onnx", "decoders/low.onnx")
        .replace("decoders/swap.onnx", "decoders/high.onnx");
    let digest = |name: &str| {
        let at = text.find(name).unwrap();
        let from = at + text[at..].find("sha256 = \"").unwrap() + "sha256 = \"".len();
        text[from..from + 64].to_owned()
    };
    let (low, high) = (digest("decoders/low.onnx"), digest("decoders/high.onnx"));
    let exchanged = exchanged.replace(&low, "SWAP").replace(&high, &low).replace("SWAP", &high);
    assert_ne!(text, exchanged);
    std::fs::write(&manifest, exchanged).unwrap();
    for command in [arguments!["infer", "--json", good], arguments!["bundle", "verify"]] {
        let answer = scene.ushydra(&command);
        assert_eq!(answer.code, 4, "{}{}", answer.stdout, answer.stderr);
        assert!((answer.stdout + &answer.stderr).contains("self-test"));
    }
}

#[test]
fn a_missing_backend_is_named() {
    let scene = Scene::new();
    let good = scene.save("good.png", &plane(LOW, TILT, 3));
    let run = arguments!["run", "--source", format!("file:{}", good.display())];
    for command in [arguments!["infer", good], run, arguments!["bundle", "verify"], arguments!["doctor"]] {
        let answer = scene.ushydra([command.clone(), arguments!["--backend", "tensorrt"]].concat());
        assert_eq!(answer.code, 5, "{command:?}: {}{}", answer.stdout, answer.stderr);
        assert!((answer.stdout + &answer.stderr).contains("--backend tract"), "the remedy is named: {command:?}");
    }
}
