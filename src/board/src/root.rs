//! Reading small files of the system, below a folder that tests replace.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Environment variable that names another root than `/`, for tests and for looking at a tree that was copied from a board.
pub const ROOT_VARIABLE: &str = "USHYDRA_SYSROOT";
/// Most that is read of one file, in bytes.
const MAX_BYTES: u64 = 1 << 18;
/// Most entries of one folder that are looked at.
const MAX_ENTRIES: usize = 1024;

/// The root of the tree that is read: `/`, or a folder in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root(PathBuf);

impl Default for Root {
    fn default() -> Self {
        Self(PathBuf::from("/"))
    }
}

impl Root {
    /// The tree below `folder`.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// The tree that `$USHYDRA_SYSROOT` names, else that of the machine.
    #[must_use]
    pub fn from_environment() -> Self {
        std::env::var_os(ROOT_VARIABLE).filter(|v| !v.is_empty()).map_or_else(Self::default, |v| Self(v.into()))
    }

    /// Whether it is the machine's own tree.
    #[must_use]
    pub fn is_machine(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// Where the absolute path `path` of the machine lies in this tree.
    #[must_use]
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.0.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The text of a file without white space and NULs around it; none where it is missing, unreadable, empty or no ordinary file. Only
    /// the first 256 KiB count.
    #[must_use]
    pub fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        let path = self.path(path);
        // A pipe would wait for its writer.
        if !fs::metadata(&path).ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        File::open(&path).ok()?.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The number that a file holds, alone.
    #[must_use]
    pub fn number<T: FromStr>(&self, path: impl AsRef<Path>) -> Option<T> {
        self.text(path)?.parse().ok()
    }

    /// Names in a folder, sorted; none where it cannot be read.
    #[must_use]
    pub fn entries(&self, path: impl AsRef<Path>) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(path)) else { return Vec::new() };
        let names = entries.take(MAX_ENTRIES).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names = names.collect::<Vec<_>>();
        names.sort_unstable();
        names
    }

    /// Whether there is anything at `path`.
    #[must_use]
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.path(path).exists()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn files_are_read_below_the_root_and_nonsense_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        fs::create_dir_all(folder.path().join("sys/a")).unwrap();
        fs::write(folder.path().join("sys/a/temp"), "45500\n").unwrap();
        fs::write(folder.path().join("sys/a/model"), "A board\0").unwrap();
        fs::write(folder.path().join("sys/a/empty"), "\0\n").unwrap();
        fs::write(folder.path().join("sys/a/bytes"), [0xFF, 0xFE, b'x']).unwrap();
        assert_eq!(root.number::<i64>("/sys/a/temp"), Some(45_500));
        assert_eq!(root.text("/sys/a/model").as_deref(), Some("A board"));
        assert_eq!(root.number::<i64>("/sys/a/model"), None);
        assert!(root.text("/sys/a/bytes").unwrap().ends_with('x'));
        for path in ["/sys/a/empty", "/sys/a/absent", "/sys/a", "/sys/a/temp/below"] {
            assert_eq!(root.text(path), None, "{path}");
        }
        assert_eq!(root.entries("/sys/a"), ["bytes", "empty", "model", "temp"]);
        assert!(root.entries("/absent").is_empty() && root.exists("/sys/a") && !root.is_machine());
    }
}
