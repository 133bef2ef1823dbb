//! What a simulated device shows.

mod cine;
#[cfg(feature = "files")]
mod file;
mod payload;
mod phantom;
mod polar;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

pub use cine::Cine;
pub(crate) use payload::Layout;
pub use payload::{Payloads, WHITE};
pub use polar::Geometry;
use ushydra_phantom::View;

use crate::SimError;
use crate::pattern::{Grain, Pattern};

const WANTED: &str = "use pattern[:SEED], phantom:VIEW[:DOMAIN[:SEED]] with the views a4c and fetal-head and the domains \
    low and high, or file:PATH";

/// What is shown: `pattern[:SEED]`, `phantom:VIEW[:DOMAIN[:SEED]]` or `file:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentSpec {
    /// The test pattern of a seed.
    Pattern(u64),
    /// A simulated cine: anatomy, whether of a cart scanner's quality, seed.
    Phantom(View, bool, u64),
    /// A recorded cine, picture or folder.
    File(PathBuf),
}

impl ContentSpec {
    /// The same with another seed, where there is one.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        match self {
            Self::Pattern(_) => Self::Pattern(seed),
            Self::Phantom(view, high, _) => Self::Phantom(view, high, seed),
            Self::File(path) => Self::File(path),
        }
    }
}

impl FromStr for ContentSpec {
    type Err = SimError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || SimError::setting("content", text, WANTED);
        let (kind, rest) = text.split_once(':').map_or((text, None), |(kind, rest)| (kind, Some(rest)));
        let seed = |word: Option<&str>| word.map_or(Ok(1), |word| word.parse::<u64>().map_err(|_| wrong()));
        match (kind, rest) {
            ("pattern", rest) => Ok(Self::Pattern(seed(rest)?)),
            ("file", Some(path)) if !path.is_empty() => Ok(Self::File(path.into())),
            ("phantom", Some(rest)) => {
                let mut parts = rest.split(':');
                let view = parts.next().and_then(|view| view.parse().ok()).ok_or_else(wrong)?;
                let high = match parts.next() {
                    None | Some("low") => false,
                    Some("high") => true,
                    Some(_) => return Err(wrong()),
                };
                let seed = seed(parts.next())?;
                if parts.next().is_some() { Err(wrong()) } else { Ok(Self::Phantom(view, high, seed)) }
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for ContentSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern(seed) => write!(f, "pattern:{seed}"),
            Self::Phantom(view, high, seed) => {
                write!(f, "phantom:{view}:{}:{seed}", if *high { "high" } else { "low" })
            }
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// Grey pictures of one size, numbered without end.
#[derive(Clone, Debug)]
pub enum Content {
    /// The test pattern of a seed.
    Pattern(u64),
    /// A cine that repeats.
    Cine(Cine),
}

impl Content {
    /// Prepares pictures of `size` (columns, rows): phantoms are drawn and files read now, so that streaming costs little.
    ///
    /// # Errors
    /// [`SimError::Content`] where there is nothing to show.
    pub fn prepare(spec: &ContentSpec, size: (u16, u16)) -> Result<Self, SimError> {
        match spec {
            ContentSpec::Pattern(seed) => Ok(Self::Pattern(*seed)),
            ContentSpec::Phantom(view, high, seed) => {
                phantom::prepare(spec, (*view, *high, *seed), size).map(Self::Cine)
            }
            #[cfg(feature = "files")]
            ContentSpec::File(path) => file::prepare(spec, path, size).map(Self::Cine),
            #[cfg(not(feature = "files"))]
            ContentSpec::File(_) => Err(SimError::Content {
                content: spec.to_string(),
                message: "this program was built without the feature `files`".into(),
            }),
        }
    }

    /// The grey picture of a sequence number; `out` becomes as long as it.
    pub fn grey(&self, sequence: u32, grain: Grain, (width, height): (u16, u16), out: &mut Vec<u8>) {
        out.clear();
        match self {
            Self::Pattern(seed) => {
                let pattern = Pattern { seed: *seed, width, height, grain };
                out.resize(pattern.pixels(), 0);
                pattern.fill(sequence, out);
            }
            Self::Cine(cine) => out.extend_from_slice(cine.frame(sequence)),
        }
    }

    /// Number of the picture in its repetition: what may be kept of one picture holds for all of this number. None for
    /// content that never repeats.
    #[must_use]
    pub fn repeats(&self, sequence: u32) -> Option<usize> {
        match self {
            Self::Pattern(_) => None,
            Self::Cine(cine) => Some(sequence as usize % cine.len()),
        }
    }

    /// Distance of pixels in um, along a row and between rows.
    #[must_use]
    pub fn spacing_um(&self) -> Option<[f32; 2]> {
        match self {
            Self::Pattern(_) => Some([200.0, 200.0]),
            Self::Cine(cine) => cine.spacing_um,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn specifications_parse_and_print_back() {
        for (text, full) in [
            ("pattern", "pattern:1"),
            ("pattern:77", "pattern:77"),
            ("phantom:a4c", "phantom:a4c:low:1"),
            ("phantom:fetal-head:high:9", "phantom:fetal-head:high:9"),
            ("file:a:b.dcm", "file:a:b.dcm"),
        ] {
            assert_eq!(text.parse::<ContentSpec>().unwrap().to_string(), full);
        }
        for text in
            ["", "pattern:x", "phantom", "phantom:liver", "phantom:a4c:best", "phantom:a4c:low:1:2", "file:", "film"]
        {
            assert!(text.parse::<ContentSpec>().is_err(), "{text}");
        }
    }

    #[test]
    fn phantoms_give_pictures_of_the_size_and_repeat() {
        let content = Content::prepare(&"phantom:a4c".parse().unwrap(), (96, 80)).unwrap();
        let (mut first, mut again) = (Vec::new(), Vec::new());
        content.grey(0, Grain::Pixel, (96, 80), &mut first);
        let Content::Cine(cine) = &content else { unreachable!() };
        content.grey(cine.len() as u32, Grain::Pixel, (96, 80), &mut again);
        assert_eq!((first.len(), &first), (96 * 80, &again));
        assert!(first.iter().any(|value| *value > 60) && content.spacing_um().is_some());
    }
}
