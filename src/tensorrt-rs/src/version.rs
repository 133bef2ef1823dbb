//! Versions of TensorRT, and which of them this crate serves.

use std::fmt;

/// Which of NVIDIA's two products a library is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// TensorRT, as on Jetson boards and servers.
    Enterprise,
    /// TensorRT for RTX: desktop GPUs, plans that are finished when they are loaded.
    Rtx,
}

impl fmt::Display for Flavour {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Enterprise => "TensorRT",
            Self::Rtx => "TensorRT for RTX",
        })
    }
}

/// Version of a TensorRT library.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Interfaces differ between majors.
    pub major: u32,
    /// Interfaces grow between minors.
    pub minor: u32,
    /// Corrections.
    pub patch: u32,
    /// Build; 0 where the library does not say.
    pub build: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if self.build == 0 { Ok(()) } else { write!(formatter, ".{}", self.build) }
    }
}

impl Version {
    /// From the number of `getInferLibVersion`: thousands up to TensorRT 9, ten thousands since 10 and in TensorRT for RTX.
    #[must_use]
    pub fn from_number(number: i32) -> Self {
        let number = number.unsigned_abs();
        if number < 10_000 {
            Self { major: number / 1000, minor: number / 100 % 10, patch: number % 100, build: 0 }
        } else {
            Self { major: number / 10_000, minor: number / 100 % 100, patch: number % 100, build: 0 }
        }
    }

    /// Which product has this version. TensorRT for RTX counts from 1, and TensorRT had no such library before 4.
    #[must_use]
    pub fn flavour(&self) -> Flavour {
        if self.major < FIRST_ENTERPRISE_MAJOR { Flavour::Rtx } else { Flavour::Enterprise }
    }
}

const FIRST_ENTERPRISE_MAJOR: u32 = 4;

/// What can be said about a version before its library is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Support {
    /// Major and minor are served.
    Served,
    /// Served in principle, but its headers were not there when this program was compiled.
    NotCompiled,
    Old,
    New,
}

/// Majors of TensorRT that the shim knows, with the oldest minor of each.
///
/// 8.5 is the first with named tensors. 9 was a preview for language models that no board received.
pub(crate) const ENTERPRISE: [(u32, u32); 3] = [(8, 5), (10, 0), (11, 0)];
/// Likewise of TensorRT for RTX: 1.5 took slots out of the interfaces, see `headers/README.md`.
pub(crate) const RTX: [(u32, u32); 1] = [(1, 5)];

impl Support {
    /// `compiled` are majors of this flavour whose shim is there.
    pub(crate) fn of(version: Version, mut compiled: impl Iterator<Item = u32>) -> Self {
        let known: &[(u32, u32)] = match version.flavour() {
            Flavour::Enterprise => &ENTERPRISE,
            Flavour::Rtx => &RTX,
        };
        match known.iter().find(|(major, _)| *major == version.major) {
            Some((_, minor)) if version.minor < *minor => Self::Old,
            Some((major, _)) if compiled.any(|found| found == *major) => Self::Served,
            Some(_) => Self::NotCompiled,
            None if known.iter().all(|(major, _)| *major < version.major) => Self::New,
            None => Self::Old,
        }
    }
}

/// "8.5 and newer of 8, 10, 11", for messages.
pub(crate) fn known(flavour: Flavour) -> String {
    let known: &[(u32, u32)] = match flavour {
        Flavour::Enterprise => &ENTERPRISE,
        Flavour::Rtx => &RTX,
    };
    let names: Vec<String> = known
        .iter()
        .map(|(major, minor)| if *minor == 0 { major.to_string() } else { format!("{major} from {major}.{minor}") })
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_library() {
        struct Case {
            number: i32,
            text: &'static str,
            flavour: Flavour,
        }
        let cases = [
            Case { number: 7103, text: "7.1.3", flavour: Flavour::Enterprise },
            Case { number: 8502, text: "8.5.2", flavour: Flavour::Enterprise },
            Case { number: 8601, text: "8.6.1", flavour: Flavour::Enterprise },
            Case { number: 9300, text: "9.3.0", flavour: Flavour::Enterprise },
            Case { number: 100_001, text: "10.0.1", flavour: Flavour::Enterprise },
            Case { number: 101_600, text: "10.16.0", flavour: Flavour::Enterprise },
            Case { number: 110_400, text: "11.4.0", flavour: Flavour::Enterprise },
            Case { number: 10_701, text: "1.7.1", flavour: Flavour::Rtx },
        ];
        for case in cases {
            let version = Version::from_number(case.number);
            assert_eq!(version.to_string(), case.text);
            assert_eq!(version.flavour(), case.flavour, "{}", case.text);
        }
    }

    #[test]
    fn what_is_served() {
        struct Case {
            version: (u32, u32),
            support: Support,
        }
        let cases = [
            Case { version: (7, 1), support: Support::Old },
            Case { version: (8, 4), support: Support::Old },
            Case { version: (8, 5), support: Support::NotCompiled },
            Case { version: (9, 3), support: Support::Old },
            Case { version: (10, 0), support: Support::Served },
            Case { version: (10, 99), support: Support::Served },
            Case { version: (11, 4), support: Support::Served },
            Case { version: (12, 1), support: Support::New },
            Case { version: (1, 4), support: Support::Old },
            Case { version: (1, 5), support: Support::Served },
            Case { version: (2, 0), support: Support::New },
        ];
        for case in cases {
            let (major, minor) = case.version;
            let version = Version { major, minor, patch: 0, build: 0 };
            assert_eq!(Support::of(version, [1, 10, 11].into_iter()), case.support, "{version}");
        }
    }
}
