//! Which libraries are taken, and how the others are refused.

use std::fs;
use std::path::Path;

use tensorrt_fake::Library;
use tensorrt_rs::{Locations, TensorRt, TensorRtError};

use crate::support::{begin, everywhere, locations, open};

#[test]
fn versions_are_refused_by_name() {
    struct Case {
        library: Library,
        version: [u32; 4],
        says: &'static str,
    }
    let cases = [
        Case {
            library: Library::TensorRt11,
            version: [12, 1, 0, 7],
            says: "TensorRT 12.1.0.7 at PATH is newer than this program knows (8 from 8.5, 10, 11); update this program",
        },
        Case { library: Library::TensorRt10, version: [9, 3, 0, 0], says: "TensorRT 9.3.0 at PATH is too old" },
        Case { library: Library::TensorRt10, version: [7, 1, 3, 0], says: "TensorRT 7.1.3 at PATH is too old" },
        Case { library: Library::TensorRt10, version: [8, 4, 1, 0], says: "TensorRT 8.4.1 at PATH is too old" },
        Case { library: Library::Rtx, version: [1, 4, 0, 76], says: "TensorRT for RTX 1.4.0.76 at PATH is too old" },
        Case {
            library: Library::Rtx,
            version: [2, 0, 0, 1],
            says: "TensorRT for RTX 2.0.0.1 at PATH is newer than this program knows (1 from 1.5)",
        },
    ];
    let session = begin();
    for case in cases {
        session.set_version(case.library, case.version);
        let error = TensorRt::open(&locations(case.library)).unwrap_err();
        let text = error.to_string().replace(&case.library.path().display().to_string(), "PATH");
        assert!(text.starts_with(case.says), "{text}");
        assert!(session.live().is_empty(), "{:?}: nothing is created before the version is known", case.version);
    }
    if !Library::all().contains(&Library::TensorRt8) {
        session.set_version(Library::TensorRt10, [8, 6, 2, 0]);
        let error = TensorRt::open(&locations(Library::TensorRt10)).unwrap_err();
        assert!(matches!(error, TensorRtError::NotCompiled { .. }), "{error}");
        assert!(error.to_string().contains("USHYDRA_TENSORRT8_INCLUDE"), "{error}");
    }
}

#[test]
fn every_minor_of_a_known_major_is_taken() {
    let session = begin();
    for (library, version) in [
        (Library::TensorRt10, [10, 0, 1, 6]),
        (Library::TensorRt10, [10, 3, 0, 30]),
        (Library::TensorRt10, [10, 99, 0, 1]),
        (Library::TensorRt11, [11, 0, 0, 1]),
        (Library::TensorRt11, [11, 9, 2, 1]),
        (Library::Rtx, [1, 5, 0, 114]),
        (Library::Rtx, [1, 12, 0, 1]),
    ] {
        session.set_version(library, version);
        assert_eq!(open(library).version().to_string(), version.map(|part| part.to_string()).join("."));
    }
}

#[test]
fn a_machine_without_a_driver_gets_no_runtime_and_no_crash() {
    // The library then returns the bad pointer 0x228.
    everywhere(|session, library| {
        session.no_driver();
        let error = TensorRt::open(&locations(library)).unwrap_err();
        assert!(matches!(error, TensorRtError::Create { what: "runtime", .. }), "{error}");
        assert!(error.to_string().contains("check the GPU driver"), "{error}");
    });
}

#[test]
fn what_is_no_tensorrt_library_is_refused() {
    let _session = begin();
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("libnvinfer.so.10");
    fs::write(&text, "not a library").unwrap();
    let error = TensorRt::open(&Locations::at(&text)).unwrap_err();
    assert!(matches!(error, TensorRtError::Load { .. }), "{error}");

    let error = TensorRt::open(&Locations::at(tensorrt_fake::cuda_path())).unwrap_err();
    assert!(matches!(error, TensorRtError::NotTensorRt { symbol: "getInferLibVersion", .. }), "{error}");

    let nowhere = folder.path().join("none");
    let error = TensorRt::open(&Locations::at(&nowhere)).unwrap_err();
    assert!(
        matches!(&error, TensorRtError::NotFound { tried } if tried == &[nowhere.display().to_string()]),
        "{error}"
    );
    assert!(error.to_string().contains("sudo apt install tensorrt"), "{error}");
}

#[test]
fn a_folder_is_searched_for_a_library_that_is_served() {
    let session = begin();
    let tensorrt = TensorRt::open(&Locations::at(Library::TensorRt10.path().parent().unwrap())).unwrap();
    assert_eq!(tensorrt.path(), Library::TensorRt10.path());
    assert!(tensorrt.can_build(), "the parser stands beside it");
    drop(tensorrt);

    // The newest is refused, the next is taken.
    let folder = tempfile::tempdir().unwrap();
    let link = |from: &Path, name: &str| std::os::unix::fs::symlink(from, folder.path().join(name)).unwrap();
    link(Library::TensorRt11.path(), "libnvinfer.so.12");
    link(Library::TensorRt10.path(), "libnvinfer.so.10");
    link(Library::TensorRt10.parser_path(), "libnvonnxparser.so.10");
    session.set_version(Library::TensorRt11, [12, 0, 0, 1]);
    let tensorrt = TensorRt::open(&Locations::at(folder.path())).unwrap();
    assert_eq!(tensorrt.version().major, 10);
    assert!(tensorrt.can_build());
    drop(tensorrt);

    // Where none is left, the first refusal is what is said.
    session.set_version(Library::TensorRt10, [7, 0, 0, 0]);
    let error = TensorRt::open(&Locations::at(folder.path())).unwrap_err();
    assert!(matches!(error, TensorRtError::TooNew { .. }), "{error}");
}

#[test]
fn libraries_of_several_versions_live_side_by_side() {
    let session = begin();
    let open: Vec<_> = Library::all().iter().map(|library| open(*library)).collect();
    assert_eq!(session.live().of("runtimes"), i32::try_from(open.len()).unwrap());
    for tensorrt in &open {
        let built = crate::support::build(tensorrt, "scale 1 1").unwrap();
        assert!(tensorrt.deserialize(&built.plan, None).is_ok());
    }
    drop(open);
    assert!(session.live().is_empty());
}
