//! How far the figures of a cine can be trusted, and why not.

use std::fmt;

/// The verdict on a cine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// No concern.
    Good,
    /// Figures are given; the reasons stand beside them.
    Caution,
    /// The ejection fraction is refused.
    Unfit,
}

impl Grade {
    /// For reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Caution => "caution",
            Self::Unfit => "unfit",
        }
    }
}

/// One reason against a cine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Concern {
    /// Too few frames to see a beat.
    TooFewFrames,
    /// Not one whole filling, emptying and filling again.
    NotOneBeat,
    /// Too many frames without a ventricle.
    Lost,
    /// Area jumps to and fro between frames by more than a heart can.
    Flicker,
    /// Some of that.
    SomeFlicker,
    /// The mask reaches the border of the picture or sector in most frames.
    CutOff,
    /// In some frames.
    SometimesCutOff,
    /// Most frames lie outside the known domains.
    OutOfDomain,
    /// Some frames do.
    SometimesOutOfDomain,
    /// The long axis at end-diastole varies between beats, or shortens in systole by more than a heart does: the plane slides.
    LongAxisVaries,
    /// The ventricle is nearly as broad as long: the plane misses the apex.
    Foreshortened,
    /// Too few frames per second for the true end of systole.
    SlowFrames,
    /// Fraction outside what is seen in people.
    Implausible,
    /// No pixel spacing: volumes are missing, the ejection fraction is not affected.
    NoSpacing,
}

impl Concern {
    /// Every reason, the gravest first.
    pub const ALL: [Self; 14] = [
        Self::TooFewFrames,
        Self::NotOneBeat,
        Self::Lost,
        Self::Flicker,
        Self::CutOff,
        Self::OutOfDomain,
        Self::Implausible,
        Self::LongAxisVaries,
        Self::Foreshortened,
        Self::SomeFlicker,
        Self::SometimesCutOff,
        Self::SometimesOutOfDomain,
        Self::SlowFrames,
        Self::NoSpacing,
    ];

    /// Whether the ejection fraction is refused for it.
    #[must_use]
    pub const fn refuses(self) -> bool {
        matches!(
            self,
            Self::TooFewFrames
                | Self::NotOneBeat
                | Self::Lost
                | Self::Flicker
                | Self::CutOff
                | Self::OutOfDomain
                | Self::Implausible
        )
    }

    /// A word for machines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooFewFrames => "too-few-frames",
            Self::NotOneBeat => "not-one-beat",
            Self::Lost => "lost",
            Self::Flicker => "flicker",
            Self::SomeFlicker => "some-flicker",
            Self::CutOff => "cut-off",
            Self::SometimesCutOff => "sometimes-cut-off",
            Self::OutOfDomain => "out-of-domain",
            Self::SometimesOutOfDomain => "sometimes-out-of-domain",
            Self::LongAxisVaries => "long-axis-varies",
            Self::Foreshortened => "foreshortened",
            Self::SlowFrames => "slow-frames",
            Self::Implausible => "implausible",
            Self::NoSpacing => "no-spacing",
        }
    }
}

impl fmt::Display for Concern {
    /// The reason with its remedy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooFewFrames => "too few frames; record at least two beats",
            Self::NotOneBeat => "no whole beat in the cine; record at least two beats",
            Self::Lost => "the ventricle was not found in many frames; centre it and adjust depth and gain",
            Self::Flicker => "the outline jumps between frames; hold the probe still and adjust the gain",
            Self::SomeFlicker => "the outline jumps in some frames; look at the overlay",
            Self::CutOff => "the ventricle reaches the border of the picture; increase the depth or move the probe",
            Self::SometimesCutOff => "the ventricle reaches the border in some frames; increase the depth",
            Self::OutOfDomain => "most frames lie outside the known domains; the figures would be guesses",
            Self::SometimesOutOfDomain => "some frames lie outside the known domains; look at the overlay",
            Self::LongAxisVaries => "the long axis varies; the plane slides over the heart, hold the probe still",
            Self::Foreshortened => "the ventricle looks foreshortened; move the probe one rib lower",
            Self::SlowFrames => "few frames per second; end-systole may lie between two frames, reduce depth or width",
            Self::Implausible => "the ejection fraction is not plausible; look at the overlay",
            Self::NoSpacing => "the pixel spacing is unknown; volumes in mL are not given",
        })
    }
}

/// A set of reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Concerns(u16);

impl Concerns {
    /// No reason.
    pub const NONE: Self = Self(0);

    /// Adds a reason.
    pub fn add(&mut self, concern: Concern) {
        self.0 |= 1 << concern as u8;
    }

    /// Adds a reason where a condition holds.
    pub fn add_if(&mut self, condition: bool, concern: Concern) {
        if condition {
            self.add(concern);
        }
    }

    /// Whether the reason is in the set.
    #[must_use]
    pub const fn contains(self, concern: Concern) -> bool {
        self.0 & (1 << concern as u8) != 0
    }

    /// Whether there is no reason.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The reasons, the gravest first.
    pub fn iter(self) -> impl Iterator<Item = Concern> {
        Concern::ALL.into_iter().filter(move |&concern| self.contains(concern))
    }

    /// The verdict they make together. A missing spacing alone does not lower it: the ejection fraction is a ratio.
    #[must_use]
    pub fn grade(self) -> Grade {
        if self.iter().any(Concern::refuses) {
            Grade::Unfit
        } else if self.iter().any(|concern| concern != Concern::NoSpacing) {
            Grade::Caution
        } else {
            Grade::Good
        }
    }
}

impl fmt::Display for Concerns {
    /// The reasons, joined by semicolons.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().enumerate().try_for_each(|(index, concern)| {
            if index > 0 {
                f.write_str("; ")?;
            }
            concern.fmt(f)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades() {
        let mut concerns = Concerns::NONE;
        assert_eq!((concerns.grade(), concerns.is_empty()), (Grade::Good, true));
        concerns.add(Concern::NoSpacing);
        assert_eq!(concerns.grade(), Grade::Good);
        concerns.add(Concern::SlowFrames);
        assert_eq!(concerns.grade(), Grade::Caution);
        concerns.add_if(false, Concern::Flicker);
        assert_eq!(concerns.grade(), Grade::Caution);
        concerns.add_if(true, Concern::Flicker);
        assert_eq!(concerns.grade(), Grade::Unfit);
        assert!(concerns.iter().next() == Some(Concern::Flicker));
        assert!(concerns.to_string().starts_with("the outline jumps between frames"));
    }

    #[test]
    fn every_reason_is_listed_once() {
        let mut all = Concerns::NONE;
        Concern::ALL.into_iter().for_each(|concern| all.add(concern));
        assert_eq!(all.iter().count(), Concern::ALL.len());
        for (index, concern) in Concern::ALL.iter().enumerate() {
            assert!(Concern::ALL[index + 1..].iter().all(|other| other.name() != concern.name()));
        }
    }
}
