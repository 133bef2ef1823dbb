//! File names in a gallery: `<stem>.png` for a picture, `<stem>_<frame>.png` for a frame of a cine.
//!
//! Where two sources would share a name, the later one gets the names of its folders in front, then a number behind.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

/// Endings of files that hold one picture; everything else is a cine.
const PICTURES: [&str; 9] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "pgm", "ppm", "pnm"];

/// Names given out so far.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Which source owns a stem.
    owners: HashMap<String, String>,
    files: HashSet<String>,
}

impl Names {
    /// The path for one frame in `folder`. `foreign` says whether an existing file must not be overwritten.
    pub(crate) fn path(&mut self, folder: &Path, source: &str, frame: u32, foreign: impl Fn(&Path) -> bool) -> PathBuf {
        let path = Path::new(source);
        let single = path
            .extension()
            .and_then(|e| e.to_str())
            .is_some_and(|e| PICTURES.iter().any(|known| known.eq_ignore_ascii_case(e)));
        let mut chosen = None;
        for stem in stems(path) {
            if self.owners.get(&stem).is_some_and(|owner| owner != source) {
                continue;
            }
            let file = if single { format!("{stem}.png") } else { format!("{stem}_{frame}.png") };
            let target = folder.join(&file);
            if !self.files.contains(&file) && !foreign(&target) {
                chosen = Some((stem, file, target));
                break;
            }
        }
        // The candidates never end, so one was chosen.
        let (stem, file, target) = chosen.unwrap_or_default();
        self.owners.insert(stem, source.to_owned());
        self.files.insert(file);
        target
    }
}

/// Candidates, best first; endless.
fn stems(path: &Path) -> impl Iterator<Item = String> {
    let stem = path.file_stem().map_or_else(|| "frame".to_owned(), |s| s.to_string_lossy().into_owned());
    let folders: Vec<String> = path
        .parent()
        .into_iter()
        .flat_map(|parent| parent.components().rev())
        .filter_map(|c| if let Component::Normal(name) = c { Some(name.to_string_lossy().into_owned()) } else { None })
        .collect();
    let with_folders: Vec<String> = (0..=folders.len())
        .map(|depth| folders[..depth].iter().fold(stem.clone(), |name, folder| format!("{folder}_{name}")))
        .collect();
    with_folders.into_iter().chain((2_u64..).map(move |n| format!("{stem}-{n}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_predictable_and_unique() {
        struct Case {
            source: &'static str,
            frame: u32,
            name: &'static str,
        }
        let cases = [
            Case { source: "a/x.png", frame: 0, name: "x.png" },
            Case { source: "b/x.png", frame: 0, name: "b_x.png" },
            Case { source: "c/b/x.JPG", frame: 0, name: "c_b_x.png" },
            Case { source: "x.bmp", frame: 0, name: "x-2.png" },
            Case { source: "../x.tif", frame: 0, name: "x-3.png" },
            Case { source: "a/cine.dcm", frame: 0, name: "cine_0.png" },
            Case { source: "a/cine.dcm", frame: 1, name: "cine_1.png" },
            Case { source: "b/cine.dcm", frame: 0, name: "b_cine_0.png" },
            // The second cine keeps its own stem where the first one has no frame of that number.
            Case { source: "b/cine.dcm", frame: 7, name: "b_cine_7.png" },
            Case { source: "cine_7.png", frame: 0, name: "cine_7.png" },
            // A picture took the name of this frame.
            Case { source: "a/cine.dcm", frame: 7, name: "a_cine_7.png" },
            Case { source: "IM0001", frame: 3, name: "IM0001_3.png" },
            Case { source: "taken.png", frame: 0, name: "taken-2.png" },
        ];
        let mut names = Names::default();
        for case in cases {
            let path = names.path(Path::new("out"), case.source, case.frame, |p| p.ends_with("taken.png"));
            assert_eq!(path, Path::new("out").join(case.name), "{}", case.source);
        }
    }
}
