//! Weights files of every container, and what is said of everything else.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::weights::{Weights, listed};

/// Fixtures of `tests/baselines/make_pretrained.py`: ZIP with an optimiser and `module.`, the format before PyTorch 1.6, ZIP in f16.
const FIXTURES: [&str; 3] = ["resnet18-checkpoint.pth", "resnet18-legacy.pth", "vgg16-timm.pth"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/baselines/pretrained").join(name)
}

/// Opens the bytes as a file and reads all that it holds; the first problem.
fn read(bytes: &[u8], name: &str) -> Result<usize, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let text = |e: crate::error::HostError| e.to_string();
    let file = Weights::read(&path).map_err(text)?;
    let floats: Vec<&str> = file.names().filter(|name| !name.ends_with("num_batches_tracked")).collect();
    for name in &floats {
        file.any(name).map_err(text)?;
    }
    Ok(floats.len())
}

#[test]
fn both_containers_hold_the_same_network() {
    let [checkpoint, legacy, _] = FIXTURES.map(|name| Weights::read(&fixture(name)).unwrap());
    assert!(checkpoint.has("conv1.weight") && !checkpoint.has("module.conv1.weight"));
    assert!(checkpoint.names().eq(legacy.names()));
    for name in checkpoint.names().filter(|name| !name.ends_with("num_batches_tracked")) {
        let [full, half] = [&checkpoint, &legacy].map(|file| file.any(name).unwrap());
        assert_eq!(full.shape, half.shape, "{name}");
        // The second file is in f16.
        let rounded = full.values.iter().map(|v| half::f16::from_f32(*v).to_f32());
        assert!(rounded.eq(half.values), "{name}");
    }
    assert_eq!((checkpoint.taken(), checkpoint.left()), (102, Vec::<&str>::new()));
}

/// The same tensors from safetensors, by other code.
#[test]
fn round_trip_through_safetensors() {
    let file = Weights::read(&fixture("vit-timm.pth")).unwrap();
    let tensors: Vec<_> = file.names().map(|name| (name.to_owned(), file.any(name).unwrap())).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vit");
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|(_, t)| t.values.iter().flat_map(|v| f64::from(*v).to_le_bytes()).collect()).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, tensor), bytes)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F64, tensor.shape.clone(), bytes);
        (name.as_str(), view.unwrap())
    });
    // The content tells the kind, not the name.
    std::fs::write(&path, safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap()).unwrap();
    let again = Weights::read(&path).unwrap();
    for (name, tensor) in &tensors {
        assert_eq!(again.shaped(name, &tensor.shape).unwrap(), tensor.values, "{name}");
    }
    assert_eq!(again.taken(), tensors.len());
}

#[test]
fn foreign_files_are_named() {
    let zip = std::fs::read(fixture(FIXTURES[0])).unwrap();
    let text = |s: &str| s.as_bytes().to_vec();
    let cases: [(&str, Vec<u8>, &str); 13] = [
        ("a.pth", Vec::new(), "it is empty"),
        ("a.pth", text("\n<!DOCTYPE html><html>"), "a web page"),
        ("a.pth", text("<html>"), "a web page"),
        ("a.pth", text("<?xml version=\"1.0\"?><Error>AccessDenied"), "an error message of a server"),
        ("a.safetensors", text("version https://git-lfs.github.com/spec/v1\noid sha256:0"), "a pointer of Git LFS"),
        ("a.h5", b"\x89HDF\r\n\x1a\n".to_vec(), "Keras"),
        ("a.npy", b"\x93NUMPY\x01\x00".to_vec(), "NumPy"),
        ("a.pth.gz", vec![0x1f, 0x8b, 8, 0], "gzip"),
        ("a.safetensors", text("no weights"), "no intact safetensors"),
        ("a.pth", text("no weights"), "cannot be read as safetensors or as a file of torch.save"),
        ("a.pth", zip[..zip.len() / 2].to_vec(), "download it again"),
        // A pickle of an empty dictionary, and one of a dictionary without tensors.
        ("a.pth", b"\x80\x02}q\x00.".to_vec(), "holds no tensor"),
        ("a.pth", b"\x80\x02}q\x00U\x05epochK\x03s.".to_vec(), "holds no tensor"),
    ];
    for (name, bytes, expected) in cases {
        let problem = read(&bytes, name).unwrap_err();
        assert!(problem.contains(expected), "{expected}: {problem}");
    }
    let folder = Weights::read(Path::new(env!("CARGO_MANIFEST_DIR"))).err().unwrap().to_string();
    assert!(folder.contains("it is no file"), "{folder}");
    // PyTorch's file under the other name is read all the same.
    assert_eq!(read(&zip, "a.safetensors"), Ok(102));
}

#[test]
fn a_pickle_is_never_run() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    // What `pickle.loads` would run as os.system("touch made").
    let command = format!("touch {}", made.display());
    let mut pickle = b"\x80\x02}U\x01acposix\nsystem\nX".to_vec();
    pickle.extend((command.len() as u32).to_le_bytes());
    pickle.extend(command.as_bytes());
    pickle.extend(b"\x85Rs.");
    let problem = read(&pickle, "a.pth").unwrap_err();
    assert!(problem.contains("holds no tensor"), "{problem}");
    assert!(!made.exists());
}

#[test]
fn damage_anywhere_is_an_error() {
    for name in FIXTURES {
        let whole = std::fs::read(fixture(name)).unwrap();
        assert!(read(&whole, "a.pth").is_ok(), "{name}");
        for part in 0..64 {
            let end = whole.len() * part / 64;
            let problem = read(&whole[..end], "a.pth").unwrap_err();
            assert!(["download", "save"].iter().any(|remedy| problem.contains(remedy)), "{name} to {end}: {problem}");
        }
    }
}

#[test]
fn long_lists_are_cut() {
    assert_eq!(listed(&[] as &[&str]), "no tensor");
    assert_eq!(listed(&["a", "b"]), "`a`, `b`");
    assert_eq!(listed(&["a", "b", "c", "d", "e", "f"]), "`a`, `b`, `c`, `d` and 2 more");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever a file holds, reading it ends in values or in a message.
    #[test]
    fn random_bytes_never_panic(
        start in prop::sample::select(vec![
            &b""[..], b"PK\x03\x04", b"PK\x05\x06", b"\x80\x02", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", b"(lp0\n", b"\x10\0\0\0\0\0\0\0{",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..2048),
    ) {
        let bytes = [start, &rest].concat();
        let _ = read(&bytes, "a.pth");
        let _ = read(&bytes, "a.safetensors");
    }

    /// Changed bytes anywhere, most often in the pickle and the index.
    #[test]
    fn changed_fixtures_never_panic(
        which in 0..FIXTURES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..8),
    ) {
        let mut bytes = std::fs::read(fixture(FIXTURES[which])).unwrap();
        for (place, value, region) in changes {
            // The beginning, the end or anywhere.
            let at = match region {
                0 => place.index(bytes.len().min(8192)),
                1 => bytes.len() - 1 - place.index(bytes.len().min(8192)),
                _ => place.index(bytes.len()),
            };
            bytes[at] = value;
        }
        let _ = read(&bytes, "a.pth");
    }
}
