//! Gestational age from the head circumference.

use std::fmt;

use crate::MeasureError;

/// Which published curve dates the pregnancy. Ages are weeks since the first day of the last menstrual period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    /// `GA = 8.96 + 0.540 HC + 0.0003 HC^3`, GA in weeks, HC in cm.
    ///
    /// F. P. Hadlock, R. L. Deter, R. B. Harrist, S. K. Park, "Estimating fetal age: computer-assisted analysis of multiple fetal
    /// growth parameters", Radiology 152, 1984: 361 fetuses, 14 to 42 weeks, one population (Texas). Accepted here: HC 68 to
    /// 360 mm, the range of the charts made with it (12.7 to 42.4 weeks). Interval: +/- 2 SD by age, 1.19
    /// weeks up to 18 weeks, 1.48 to 24, 2.06 to 30, 2.98 to 36, 3.20 beyond, as a scanner's reference tables reprint the paper's
    /// (SuperSonic MACH obstetrical references, 2020). The paper itself was not at hand to check them; 3.20 is the cautious
    /// one where other reprints may give a narrower last band.
    Hadlock1984,
    /// `ln GA = 0.05970 (ln HC)^2 + 6.409e-9 HC^3 + 3.3258`, GA in days, HC in mm.
    ///
    /// A. T. Papageorghiou et al., "Ultrasound-based gestational-age estimation in late pregnancy", Ultrasound Obstet. Gynecol. 48,
    /// 2016 (INTERGROWTH-21st; the equation for HC alone). Accepted: results of 14 to 40 weeks.
    ///
    /// Interval: the ages at which this circumference lies within mean +/- 1.96 SD of INTERGROWTH-21st's HC for age
    /// ([`intergrowth_hc_mean_mm`], [`intergrowth_hc_sd_mm`]), that is, between the 2.5th and 97.5th centiles; cut at the ends of
    /// the standard (14 and 40 weeks), where the age says so.
    Intergrowth21,
}

/// Hadlock's +/- 2 SD in weeks, for ages below the first number.
const HADLOCK_BANDS: [(f64, f64); 4] = [(18.0, 1.19), (24.0, 1.48), (30.0, 2.06), (36.0, 2.98)];
const HADLOCK_LAST_BAND: f64 = 3.20;
const HADLOCK_HC_MM: (f64, f64) = (68.0, 360.0);
/// Ages that INTERGROWTH-21st's fetal standards cover, weeks.
const INTERGROWTH_WEEKS: (f64, f64) = (14.0, 40.0);
/// Circumferences that give those ages by the dating equation (to 0.01 mm).
const INTERGROWTH_HC_MM: (f64, f64) = (97.68, 346.67);
/// Standard deviations either side that hold 95 % of a normal distribution.
const NORMAL_95: f64 = 1.96;
const DAYS_PER_WEEK: f64 = 7.0;

impl Curve {
    /// Both curves.
    pub const ALL: [Self; 2] = [Self::Hadlock1984, Self::Intergrowth21];

    /// The name for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hadlock1984 => "Hadlock 1984",
            Self::Intergrowth21 => "INTERGROWTH-21st",
        }
    }

    /// Circumferences that the curve covers, mm.
    #[must_use]
    pub const fn hc_range_mm(self) -> (f64, f64) {
        match self {
            Self::Hadlock1984 => HADLOCK_HC_MM,
            Self::Intergrowth21 => INTERGROWTH_HC_MM,
        }
    }

    /// The age for a head circumference in mm.
    ///
    /// # Errors
    /// [`MeasureError::HeadCircumference`] outside [`hc_range_mm`](Self::hc_range_mm).
    pub fn age(self, hc_mm: f64) -> Result<GestationalAge, MeasureError> {
        let (from_mm, to_mm) = self.hc_range_mm();
        if !(from_mm..=to_mm).contains(&hc_mm) {
            return Err(MeasureError::HeadCircumference { hc_mm, from_mm, to_mm, curve: self.name() });
        }
        Ok(match self {
            Self::Hadlock1984 => hadlock(hc_mm),
            Self::Intergrowth21 => intergrowth(hc_mm),
        })
    }
}

fn hadlock(hc_mm: f64) -> GestationalAge {
    let hc = hc_mm / 10.0;
    let weeks = 8.96 + 0.540 * hc + 0.0003 * hc.powi(3);
    let deviation =
        HADLOCK_BANDS.iter().find(|&&(below, _)| weeks < below).map_or(HADLOCK_LAST_BAND, |&(_, deviation)| deviation);
    GestationalAge {
        weeks,
        from_weeks: weeks - deviation,
        to_weeks: weeks + deviation,
        from_open: false,
        to_open: false,
        curve: Curve::Hadlock1984,
    }
}

fn intergrowth(hc_mm: f64) -> GestationalAge {
    let days = (0.05970 * hc_mm.ln().powi(2) + 6.409e-9 * hc_mm.powi(3) + 3.3258).exp();
    let (first, last) = INTERGROWTH_WEEKS;
    // The centiles rise with age, so the youngest age at which the head is not too large lies on the upper centile.
    let (from_weeks, from_open) =
        invert(|weeks| intergrowth_hc_mean_mm(weeks) + NORMAL_95 * intergrowth_hc_sd_mm(weeks), hc_mm);
    let (to_weeks, to_open) =
        invert(|weeks| intergrowth_hc_mean_mm(weeks) - NORMAL_95 * intergrowth_hc_sd_mm(weeks), hc_mm);
    // Rounding of the range's ends must not leave it.
    let weeks = (days / DAYS_PER_WEEK).clamp(first, last);
    GestationalAge {
        weeks,
        from_weeks: from_weeks.min(weeks),
        to_weeks: to_weeks.max(weeks),
        from_open,
        to_open,
        curve: Curve::Intergrowth21,
    }
}

/// Mean head circumference in mm at an age of 14 to 40 weeks:
/// `-28.2849 + 1.69267 GA^2 - 0.397485 GA^2 ln GA`.
///
/// (A. T. Papageorghiou et al., "International standards for fetal growth based on serial ultrasound measurements", Lancet 384,
/// 2014.)
#[must_use]
pub fn intergrowth_hc_mean_mm(weeks: f64) -> f64 {
    -28.2849 + weeks * weeks * (1.69267 - 0.397485 * weeks.ln())
}

/// Standard deviation of the head circumference in mm at an age of 14 to 40 weeks:
/// `1.98735 + 0.0136772 GA^3 - 0.00726264 GA^3 ln GA + 0.000976253 GA^3 (ln GA)^2` (same source).
#[must_use]
pub fn intergrowth_hc_sd_mm(weeks: f64) -> f64 {
    let ln = weeks.ln();
    1.98735 + weeks.powi(3) * (0.0136772 - 0.00726264 * ln + 0.000976253 * ln * ln)
}

/// The age at which a rising curve takes a value, by bisection over the standard's ages; the nearer end, and `true`, where
/// it does not.
fn invert(curve: impl Fn(f64) -> f64, value: f64) -> (f64, bool) {
    let (mut low, mut high) = INTERGROWTH_WEEKS;
    if curve(low) >= value {
        return (low, true);
    }
    if curve(high) <= value {
        return (high, true);
    }
    // 26 weeks / 2^30 is far below a second.
    for _ in 0..30 {
        let middle = f64::midpoint(low, high);
        if curve(middle) < value { low = middle } else { high = middle }
    }
    (f64::midpoint(low, high), false)
}

/// A gestational age with the interval that about 95 % of pregnancies with such a head fall into.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GestationalAge {
    /// Best estimate, weeks.
    pub weeks: f64,
    /// Start of the interval, weeks.
    pub from_weeks: f64,
    /// End of the interval, weeks.
    pub to_weeks: f64,
    /// The interval was cut at the start of the standard: it may begin earlier.
    pub from_open: bool,
    /// The interval was cut at the end of the standard: it may reach further.
    pub to_open: bool,
    /// The curve it comes from.
    pub curve: Curve,
}

impl GestationalAge {
    /// The estimate in completed weeks and days.
    #[must_use]
    pub fn weeks_days(&self) -> WeeksDays {
        WeeksDays::from_weeks(self.weeks)
    }
}

impl fmt::Display for GestationalAge {
    /// `20+1 (18+5 to 21+4, Hadlock 1984)`; a cut end is marked `<` or `>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = |open: bool, sign: &'static str| if open { sign } else { "" };
        write!(
            f,
            "{} ({}{} to {}{}, {})",
            self.weeks_days(),
            mark(self.from_open, "<"),
            WeeksDays::from_weeks(self.from_weeks),
            mark(self.to_open, ">"),
            WeeksDays::from_weeks(self.to_weeks),
            self.curve.name()
        )
    }
}

/// An age in weeks and days, rounded to the nearest day, as obstetrics writes it: `20+3`, with `{:#}` `20 weeks 3 days`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WeeksDays {
    /// Whole weeks.
    pub weeks: u32,
    /// Days beyond them, 0 to 6.
    pub days: u32,
}

impl WeeksDays {
    /// Rounds to the nearest day; negative ages and such that are not numbers become 0.
    #[must_use]
    pub fn from_weeks(weeks: f64) -> Self {
        let days = (weeks * DAYS_PER_WEEK).round().max(0.0) as u32;
        Self { weeks: days / 7, days: days % 7 }
    }
}

impl fmt::Display for WeeksDays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            write!(f, "{} weeks {} days", self.weeks, self.days)
        } else {
            write!(f, "{}+{}", self.weeks, self.days)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hadlock_by_hand() {
        // 8.96 + 0.54 * 17.5 + 0.0003 * 17.5^3 = 8.96 + 9.45 + 1.6078 = 20.0178, and so on.
        let cases = [
            (68.0, 12.7263, 1.19),
            (100.0, 14.66, 1.19),
            (175.0, 20.0178, 1.48),
            (250.0, 27.1475, 2.06),
            (300.0, 33.26, 2.98),
            (340.0, 39.1112, 3.2),
            (360.0, 42.3968, 3.2),
        ];
        for (hc, weeks, deviation) in cases {
            let age = Curve::Hadlock1984.age(hc).unwrap();
            assert!((age.weeks - weeks).abs() < 1e-4, "{hc}: {age:?}");
            assert!((age.to_weeks - age.weeks - deviation).abs() < 1e-9, "{hc}: {age:?}");
        }
    }

    #[test]
    fn hadlock_against_its_published_chart() {
        // Predicted circumference (cm) at an age (weeks), Radiology 152, table of fetal measurements. The regressions of age on
        // circumference and of circumference on age are two fits, at most 1.4 weeks apart (at 32 weeks).
        let chart = [
            (13.0, 8.2),
            (16.0, 12.4),
            (20.0, 17.7),
            (24.0, 22.4),
            (28.0, 26.6),
            (32.0, 30.1),
            (36.0, 32.8),
            (40.0, 34.6),
        ];
        for (weeks, hc_cm) in chart {
            let age = Curve::Hadlock1984.age(hc_cm * 10.0).unwrap();
            assert!((age.weeks - weeks).abs() < 1.5, "{weeks}: {age:?}");
            assert!((age.from_weeks..=age.to_weeks).contains(&weeks));
        }
    }

    #[test]
    fn intergrowth_by_hand() {
        // The 50th centile of the standard, mm (equation evaluated independently), and the age that the dating equation gives.
        let cases = [
            (14.0, 97.88, 5.582, 14.016),
            (20.0, 172.48, 7.440, 20.012),
            (28.0, 260.36, 8.935, 28.217),
            (36.0, 319.40, 10.761, 35.654),
            (40.0, 333.95, 12.924, 37.883),
        ];
        for (weeks, mean, deviation, dated) in cases {
            assert!((intergrowth_hc_mean_mm(weeks) - mean).abs() < 0.005, "{weeks}");
            assert!((intergrowth_hc_sd_mm(weeks) - deviation).abs() < 5e-4, "{weeks}");
            let age = Curve::Intergrowth21.age(intergrowth_hc_mean_mm(weeks)).unwrap();
            assert!((age.weeks - dated).abs() < 1e-3, "{weeks}: {age:?}");
            assert!((age.from_weeks..=age.to_weeks).contains(&weeks), "{weeks}: {age:?}");
        }
        let age = Curve::Intergrowth21.age(172.48).unwrap();
        assert!(!age.from_open && !age.to_open);
        // 18.77 and 21.29 weeks: where 172.48 is the 97.5th and the 2.5th centile.
        assert!(
            (intergrowth_hc_mean_mm(age.from_weeks) + 1.96 * intergrowth_hc_sd_mm(age.from_weeks) - 172.48).abs()
                < 1e-4
        );
        assert!(
            (intergrowth_hc_mean_mm(age.to_weeks) - 1.96 * intergrowth_hc_sd_mm(age.to_weeks) - 172.48).abs() < 1e-4
        );
        assert!(Curve::Intergrowth21.age(340.0).unwrap().to_open);
    }

    #[test]
    fn refuses_outside_the_range() {
        for (curve, hc) in [
            (Curve::Hadlock1984, 67.9),
            (Curve::Hadlock1984, 360.1),
            (Curve::Hadlock1984, f64::NAN),
            (Curve::Intergrowth21, 97.0),
            (Curve::Intergrowth21, 347.0),
            (Curve::Intergrowth21, -5.0),
        ] {
            assert!(curve.age(hc).is_err(), "{curve:?} {hc}");
        }
        let message = Curve::Hadlock1984.age(40.0).unwrap_err().to_string();
        assert!(
            message.contains("40.0 mm") && message.contains("68 to 360 mm") && message.contains("spacing"),
            "{message}"
        );
        let (from, to) = Curve::Intergrowth21.hc_range_mm();
        assert!((Curve::Intergrowth21.age(from).unwrap().weeks - 14.0).abs() < 2e-3);
        assert!((Curve::Intergrowth21.age(to).unwrap().weeks - 40.0).abs() < 2e-3);
    }

    #[test]
    fn written_as_weeks_and_days() {
        let cases = [(20.0, "20+0"), (20.5, "20+4"), (20.99, "21+0"), (0.0, "0+0"), (-1.0, "0+0")];
        for (weeks, text) in cases {
            assert_eq!(WeeksDays::from_weeks(weeks).to_string(), text);
        }
        assert_eq!(format!("{:#}", WeeksDays { weeks: 20, days: 3 }), "20 weeks 3 days");
        let age = Curve::Hadlock1984.age(175.0).unwrap();
        assert_eq!(age.to_string(), "20+0 (18+4 to 21+3, Hadlock 1984)");
    }

    proptest! {
        #[test]
        fn age_rises_with_the_head(hc in 98.0_f64..345.0, more in 0.1_f64..1.0) {
            for curve in Curve::ALL {
                let (young, old) = (curve.age(hc).unwrap(), curve.age(hc + more).unwrap());
                prop_assert!(young.weeks < old.weeks);
                prop_assert!(young.from_weeks <= young.weeks && young.weeks <= young.to_weeks);
            }
        }
    }
}
