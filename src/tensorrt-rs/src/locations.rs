//! Where TensorRT's libraries are looked for.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Names a library or a folder in place of the usual ones.
pub const LIBRARY_VARIABLE: &str = "USHYDRA_TENSORRT_LIB";

/// Names as the dynamic linker knows them, the preferred first. Majors that this crate does not serve are there so that they
/// can be refused by name.
const SONAMES: [&str; 8] = [
    "libnvinfer.so.11",
    "libnvinfer.so.10",
    "libnvinfer.so.8",
    "libtensorrt_rtx.so.1",
    "libtensorrt_rtx.so",
    "libnvinfer.so.12",
    "libnvinfer.so.9",
    "libnvinfer.so.7",
];

/// Folders of JetPack, of NVIDIA's Debian packages, of its containers and of its archives that the linker may not search.
const FOLDERS: [&str; 6] = [
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu/nvidia",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/local/tensorrt/lib",
    "/opt/tensorrt/lib",
    "/usr/local/lib",
];

/// Beginnings of a library's name, with that of the parser which belongs to it.
const FAMILIES: [(&str, &str); 2] =
    [("libnvinfer.so", "libnvonnxparser.so"), ("libtensorrt_rtx.so", "libtensorrt_onnxparser_rtx.so")];

/// One library with its parser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) library: PathBuf,
    /// The first that can be loaded is taken.
    pub(crate) parsers: Vec<PathBuf>,
}

/// Where TensorRT's libraries are looked for. The default is `USHYDRA_TENSORRT_LIB` (a library or a folder), and where that is not set
/// the names that the dynamic linker knows, then the usual folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locations {
    candidates: Vec<Candidate>,
    /// What is said to have been tried where there is nothing at all.
    pub(crate) searched: Vec<String>,
}

impl Default for Locations {
    fn default() -> Self {
        match env::var_os(LIBRARY_VARIABLE) {
            Some(path) if !path.is_empty() => Self::at(Path::new(&path)),
            _ => Self::system(),
        }
    }
}

impl Locations {
    /// The usual names and folders, without regard to the environment.
    #[must_use]
    pub fn system() -> Self {
        let mut candidates: Vec<_> = SONAMES.iter().map(|name| Candidate::beside(Path::new(name))).collect();
        for folder in FOLDERS {
            candidates.extend(in_folder(Path::new(folder)));
        }
        let searched = SONAMES.iter().chain(&FOLDERS).map(|name| (*name).to_owned()).collect();
        Self { candidates, searched }
    }

    /// A library, whose parser is then looked for beside it, or every library of a folder.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        let candidates = if path.is_dir() { in_folder(path) } else { vec![Candidate::beside(path)] };
        Self { candidates, searched: vec![path.display().to_string()] }
    }

    /// This library with this parser, and no other.
    #[must_use]
    pub fn exactly(library: &Path, parser: Option<&Path>) -> Self {
        let parsers = parser.map(Path::to_owned).into_iter().collect();
        Self {
            candidates: vec![Candidate { library: library.to_owned(), parsers }],
            searched: vec![library.display().to_string()],
        }
    }

    pub(crate) fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }
}

impl Candidate {
    fn beside(library: &Path) -> Self {
        let mut parsers = Vec::new();
        let name = library.file_name().and_then(OsStr::to_str).unwrap_or_default();
        for (family, parser) in FAMILIES {
            let Some(version) = name.strip_prefix(family) else { continue };
            parsers.push(library.with_file_name(format!("{parser}{version}")));
            // `libnvinfer.so.10.3.0` stands beside `libnvonnxparser.so.10`.
            let major: String = version.chars().skip(1).take_while(char::is_ascii_digit).collect();
            parsers.push(library.with_file_name(format!("{parser}.{major}")));
            parsers.push(PathBuf::from(format!("{parser}.{major}")));
        }
        parsers.dedup();
        Self { library: library.to_owned(), parsers }
    }
}

/// The libraries of a folder, the highest major first.
fn in_folder(folder: &Path) -> Vec<Candidate> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let name = name.to_str()?;
            let version = FAMILIES.iter().find_map(|(family, _)| name.strip_prefix(family))?;
            // Only `.so.MAJOR`: the fuller names are the same files.
            Some((version.strip_prefix('.')?.parse().ok()?, entry.path()))
        })
        .collect();
    found.sort_by(|one, other| other.cmp(one));
    found.iter().map(|(_, path)| Candidate::beside(path)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn parsers_stand_beside_their_library() {
        struct Case {
            library: &'static str,
            parsers: &'static [&'static str],
        }
        let cases = [
            Case { library: "libnvinfer.so.10", parsers: &["libnvonnxparser.so.10"] },
            Case {
                library: "/a/libnvinfer.so.10.3.0",
                parsers: &["/a/libnvonnxparser.so.10.3.0", "/a/libnvonnxparser.so.10", "libnvonnxparser.so.10"],
            },
            Case {
                library: "/a/libtensorrt_rtx.so.1",
                parsers: &["/a/libtensorrt_onnxparser_rtx.so.1", "libtensorrt_onnxparser_rtx.so.1"],
            },
            Case { library: "/a/other.so", parsers: &[] },
        ];
        for case in cases {
            let parsers: Vec<_> = case.parsers.iter().map(PathBuf::from).collect();
            assert_eq!(Candidate::beside(Path::new(case.library)).parsers, parsers, "{}", case.library);
        }
    }

    #[test]
    fn a_folder_gives_its_libraries_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "libnvinfer.so.8",
            "libnvinfer.so.10",
            "libnvinfer.so.10.3.0",
            "libnvinfer.so",
            "libnvinfer_lean.so.10",
            "a",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let locations = Locations::at(folder.path());
        let names: Vec<_> =
            locations.candidates().iter().map(|found| found.library.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["libnvinfer.so.10", "libnvinfer.so.8"]);
    }
}
