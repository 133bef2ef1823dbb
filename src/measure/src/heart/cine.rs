//! End-diastole, end-systole and ejection fraction over a cine.

use super::beats::{Turn, median, turning_points};
use super::quality::{Concern, Concerns, Grade};
use super::ventricle::Ventricle;

/// Frames below which no beat is looked for.
const FEWEST_FRAMES: usize = 10;
/// The area curve is averaged over about this long, in seconds: shorter than systole (300 ms) by far, longer than noise.
const AVERAGE_S: f64 = 0.08;
/// Widest average in frames.
const WIDEST_AVERAGE: usize = 9;
/// A rise or fall counts as a half beat from this share of the curve's range on ...
const TURN_SHARE: f64 = 0.35;
/// ... and from this share of the median area on, so that a still picture has no beats.
const TURN_LEAST: f64 = 0.03;
/// Half the second difference of the area, as a share of the median, from which a frame counts as a jump. A heart at 120 beats per minute and 15
/// frames per second stays below 0.07.
const JUMP: f64 = 0.10;
/// Shares of frames above which a concern refuses the ejection fraction, and above which it is told.
const JUMPS: (f64, f64) = (0.2, 0.05);
const CUT_OFF: (f64, f64) = (0.5, 0.1);
const OUT_OF_DOMAIN: (f64, f64) = (0.5, 0.1);
const LOST: f64 = 0.2;
/// Spread of the end-diastolic long axis between beats, as a share of its median.
const AXIS_SPREAD: f64 = 0.15;
/// Systolic shortening of the long axis: hearts shorten by 5 to 25 %; negative is lengthening.
const AXIS_SHORTENING: (f64, f64) = (-0.05, 0.35);
/// Length over mean breadth (breadth of the ellipse of that area and length) below which the plane misses the apex.
const LEAST_SLENDER: f64 = 1.15;
/// Frames per second below which end-systole is not caught.
const SLOW_FPS: f64 = 15.0;
/// Ejection fractions that occur, percent.
const PLAUSIBLE_EF: (f64, f64) = (5.0, 90.0);

/// What a frame contributes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CineFrame {
    /// Number of the frame in its source.
    pub index: u64,
    /// Capture time in seconds; not a number where unknown (then there is no heart rate).
    pub time_s: f64,
    /// Area of the ventricle (mm^2 or px^2); 0 where none was found.
    pub area: f64,
    /// Long axis (mm or px).
    pub long_axis: f64,
    /// Single-plane volume (mm^3 or px^3).
    pub volume: f64,
    /// Whether lengths are millimetres.
    pub calibrated: bool,
    /// Whether the mask reaches the border of the picture or sector.
    pub cut_off: bool,
    /// Whether the gate knew the frame's domain.
    pub in_domain: bool,
}

impl CineFrame {
    /// From a measured frame; `None` stands for a frame without a ventricle.
    #[must_use]
    pub fn new(index: u64, time_s: f64, ventricle: Option<&Ventricle>, cut_off: bool, in_domain: bool) -> Self {
        let of = |value: fn(&Ventricle) -> f64| ventricle.map_or(0.0, value);
        Self {
            index,
            time_s,
            area: of(|found| found.area),
            long_axis: of(|found| found.long_axis),
            volume: of(|found| found.volume),
            calibrated: ventricle.is_some_and(|found| found.calibrated),
            cut_off,
            in_domain,
        }
    }

    fn found(&self) -> bool {
        self.area.is_finite() && self.area > 0.0 && self.volume.is_finite()
    }
}

/// The figures of a cine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CineReport {
    /// Ejection fraction in percent, `100 (EDV - ESV) / EDV`, median over the beats; `None` where the cine is unfit.
    pub ef_percent: Option<f64>,
    /// End-diastolic volume in mL, median over the beats; `None` without a spacing or where the cine is unfit.
    pub edv_ml: Option<f64>,
    /// End-systolic volume in mL, likewise.
    pub esv_ml: Option<f64>,
    /// Beats per minute from the times between equal phases; `None` with less than one whole interval or without times.
    pub heart_rate: Option<f64>,
    /// Beats that the medians are taken over.
    pub beats: usize,
    /// Frame of end-diastole (largest area) of the beat nearest to the median, as its source numbers it.
    pub ed_frame: Option<u64>,
    /// Frame of end-systole (smallest area) of that beat.
    pub es_frame: Option<u64>,
    /// Frames looked at.
    pub frames: usize,
    /// What speaks against the figures.
    pub concerns: Concerns,
}

impl CineReport {
    /// The quality statement.
    #[must_use]
    pub fn grade(&self) -> Grade {
        self.concerns.grade()
    }
}

/// The last frames of a cine and their analysis. Capacity is fixed: the oldest frame gives way, and nothing is allocated after
/// construction.
///
/// The area curve is averaged over 80 ms and its turning points ([`turning_points`]) are the phases: maxima are end-diastole, minima
/// end-systole. A beat is a minimum that the curve was seen to fall to and rise from; its end-diastole is the maximum
/// before it, or after it where the recording begins in between. Volumes are medians of three frames around a phase, the
/// figures medians over the beats.
#[derive(Clone, Debug)]
pub struct CineTracker {
    frames: Vec<CineFrame>,
    capacity: usize,
    /// Where the next frame goes once the ring is full; the oldest frame.
    next: usize,
    curve: Vec<f64>,
    values: Vec<f64>,
    turns: Vec<Turn>,
    beats: Vec<Beat>,
}

/// One beat: positions in the cine and volumes.
#[derive(Clone, Copy, Debug)]
struct Beat {
    diastole: usize,
    systole: usize,
    edv: f64,
    esv: f64,
}

impl Beat {
    fn ef_percent(&self) -> f64 {
        100.0 * (self.edv - self.esv) / self.edv
    }
}

impl CineTracker {
    /// Frames that suffice for ten seconds at 30 frames per second.
    pub const USUAL_CAPACITY: usize = 300;

    /// A tracker for at least one and at most `capacity` frames.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            frames: Vec::with_capacity(capacity),
            capacity,
            next: 0,
            curve: Vec::with_capacity(capacity),
            values: Vec::with_capacity(capacity),
            // One more than frames: the end of the recording.
            turns: Vec::with_capacity(capacity + 1),
            beats: Vec::with_capacity(capacity),
        }
    }

    /// Forgets the cine: to be called when the source changes.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.next = 0;
    }

    /// Frames held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether no frame is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Adds a frame; the oldest gives way where the tracker is full.
    pub fn push(&mut self, frame: CineFrame) {
        if self.frames.len() < self.capacity {
            self.frames.push(frame);
        } else {
            self.frames[self.next] = frame;
            self.next = (self.next + 1) % self.capacity;
        }
    }

    /// The figures of the frames held. Scratch is reused; nothing is allocated.
    pub fn report(&mut self) -> CineReport {
        // The ring turned so that the oldest frame is first costs one move and spares every index below a modulo.
        self.frames.rotate_left(self.next);
        self.next = 0;
        let mut concerns = Concerns::NONE;
        let count = self.frames.len();
        let interval = self.interval();
        let typical = self.typical_area();
        if let Some(typical) = typical {
            self.smooth(interval);
            self.find_beats(typical);
        } else {
            self.turns.clear();
            self.beats.clear();
        }
        self.judge_frames(typical, interval, &mut concerns);
        concerns.add_if(count < FEWEST_FRAMES, Concern::TooFewFrames);
        concerns.add_if(self.beats.is_empty(), Concern::NotOneBeat);
        self.judge_axis(&mut concerns);
        let ef = self.median_of(Beat::ef_percent);
        concerns.add_if(ef.is_some_and(|ef| !(PLAUSIBLE_EF.0..=PLAUSIBLE_EF.1).contains(&ef)), Concern::Implausible);
        let calibrated = count > 0 && self.frames.iter().all(|frame| frame.calibrated || !frame.found());
        concerns.add_if(!calibrated, Concern::NoSpacing);
        let fit = concerns.grade() != Grade::Unfit;
        let volumes = fit && calibrated;
        let edv = self.median_of(|beat| beat.edv);
        let esv = self.median_of(|beat| beat.esv);
        let shown = self.shown(ef);
        CineReport {
            ef_percent: ef.filter(|_| fit),
            edv_ml: edv.filter(|_| volumes).map(|volume| volume / 1000.0),
            esv_ml: esv.filter(|_| volumes).map(|volume| volume / 1000.0),
            heart_rate: self.heart_rate(),
            beats: self.beats.len(),
            ed_frame: shown.map(|beat| self.frames[beat.diastole].index),
            es_frame: shown.map(|beat| self.frames[beat.systole].index),
            frames: count,
            concerns,
        }
    }

    /// Median time between frames in seconds.
    fn interval(&mut self) -> Option<f64> {
        self.values.clear();
        let steps = self.frames.windows(2).map(|pair| pair[1].time_s - pair[0].time_s);
        self.values.extend(steps.filter(|step| step.is_finite() && *step > 0.0));
        median(&mut self.values)
    }

    fn typical_area(&mut self) -> Option<f64> {
        self.values.clear();
        self.values.extend(self.frames.iter().filter(|frame| frame.found()).map(|frame| frame.area));
        median(&mut self.values)
    }

    /// Centred moving average of the found areas; a stretch without any takes the value before it.
    fn smooth(&mut self, interval: Option<f64>) {
        let width = interval.map_or(3.0, |interval| (AVERAGE_S / interval).round());
        let half = (width as usize).min(WIDEST_AVERAGE) / 2;
        self.curve.clear();
        let first = self.frames.iter().find(|frame| frame.found()).map_or(0.0, |frame| frame.area);
        for at in 0..self.frames.len() {
            let window = at.saturating_sub(half)..(at + half + 1).min(self.frames.len());
            let (sum, count) = self.frames[window]
                .iter()
                .filter(|frame| frame.found())
                .fold((0.0, 0_u32), |(sum, count), frame| (sum + frame.area, count + 1));
            let value = if count > 0 { sum / f64::from(count) } else { *self.curve.last().unwrap_or(&first) };
            self.curve.push(value);
        }
    }

    fn find_beats(&mut self, typical: f64) {
        self.values.clear();
        self.values.extend_from_slice(&self.curve);
        self.values.sort_unstable_by(f64::total_cmp);
        // The range without its extreme twentieths: single wild frames must not hide the beats.
        let last = self.values.len().saturating_sub(1);
        let range = self.values[last - last / 20] - self.values[last / 20];
        turning_points(&self.curve, (TURN_SHARE * range).max(TURN_LEAST * typical), &mut self.turns);
        self.beats.clear();
        for at in 1..self.turns.len().saturating_sub(1) {
            let [before, systole, after] = [self.turns[at - 1], self.turns[at], self.turns[at + 1]];
            if systole.maximum {
                continue;
            }
            let diastole = match (before.confirmed, after.confirmed) {
                (true, _) => before,
                (false, true) => after,
                (false, false) => {
                    if before.value >= after.value {
                        before
                    } else {
                        after
                    }
                }
            };
            let (edv, esv) = (self.volume_near(diastole.at), self.volume_near(systole.at));
            if let (Some(edv), Some(esv)) = (edv, esv) {
                self.beats.push(Beat { diastole: diastole.at, systole: systole.at, edv, esv });
            }
        }
    }

    /// Median of the volumes of a frame and its neighbours.
    fn volume_near(&self, at: usize) -> Option<f64> {
        let mut three = [0.0; 3];
        let mut count = 0;
        let around = &self.frames[at.saturating_sub(1)..(at + 2).min(self.frames.len())];
        for (place, frame) in three.iter_mut().zip(around.iter().filter(|frame| frame.found())) {
            *place = frame.volume;
            count += 1;
        }
        median(&mut three[..count])
    }

    fn judge_frames(&self, typical: Option<f64>, interval: Option<f64>, concerns: &mut Concerns) {
        let count = self.frames.len().max(1) as f64;
        let share =
            |test: fn(&CineFrame) -> bool| self.frames.iter().filter(|frame| test(frame)).count() as f64 / count;
        let mut graded = |share: f64, (refuse, tell): (f64, f64), grave: Concern, mild: Concern| {
            concerns.add_if(share > refuse, grave);
            concerns.add_if(share > tell && share <= refuse, mild);
        };
        graded(share(|frame| frame.found() && frame.cut_off), CUT_OFF, Concern::CutOff, Concern::SometimesCutOff);
        graded(share(|frame| !frame.in_domain), OUT_OF_DOMAIN, Concern::OutOfDomain, Concern::SometimesOutOfDomain);
        if let Some(typical) = typical {
            let jumps = self.frames.windows(3).filter(|three| {
                let second = three[0].area - 2.0 * three[1].area + three[2].area;
                three.iter().all(CineFrame::found) && second.abs() / 2.0 > JUMP * typical
            });
            graded(jumps.count() as f64 / count, JUMPS, Concern::Flicker, Concern::SomeFlicker);
        }
        concerns.add_if(share(|frame| !frame.found()) > LOST, Concern::Lost);
        concerns.add_if(interval.is_some_and(|interval| interval > 1.0 / SLOW_FPS), Concern::SlowFrames);
    }

    fn judge_axis(&mut self, concerns: &mut Concerns) {
        self.values.clear();
        self.values.extend(self.beats.iter().map(|beat| self.frames[beat.diastole].long_axis));
        let Some(typical) = median(&mut self.values) else { return };
        let spread = self.values.last().unwrap_or(&0.0) - self.values.first().unwrap_or(&0.0);
        self.values.clear();
        self.values.extend(
            self.beats
                .iter()
                .map(|beat| 1.0 - self.frames[beat.systole].long_axis / self.frames[beat.diastole].long_axis),
        );
        let shortening = median(&mut self.values).unwrap_or(0.0);
        let steady = (AXIS_SHORTENING.0..=AXIS_SHORTENING.1).contains(&shortening);
        concerns.add_if(spread > AXIS_SPREAD * typical || !steady, Concern::LongAxisVaries);
        self.values.clear();
        self.values.extend(self.beats.iter().map(|beat| {
            let frame = &self.frames[beat.diastole];
            // Breadth of the ellipse with this area and length: 4 A / (pi L).
            std::f64::consts::FRAC_PI_4 * frame.long_axis * frame.long_axis / frame.area
        }));
        let slender = median(&mut self.values).unwrap_or(f64::INFINITY);
        concerns.add_if(slender < LEAST_SLENDER, Concern::Foreshortened);
    }

    fn median_of(&mut self, value: impl Fn(&Beat) -> f64) -> Option<f64> {
        self.values.clear();
        self.values.extend(self.beats.iter().map(value));
        median(&mut self.values)
    }

    /// The beat whose ejection fraction lies nearest to the median.
    fn shown(&self, ef: Option<f64>) -> Option<Beat> {
        let ef = ef?;
        let away = |beat: &Beat| (beat.ef_percent() - ef).abs();
        self.beats.iter().copied().min_by(|a, b| away(a).total_cmp(&away(b)))
    }

    /// From the times between confirmed turns of one kind.
    fn heart_rate(&mut self) -> Option<f64> {
        self.values.clear();
        let pairs = self.turns.iter().zip(self.turns.iter().skip(2));
        let steps = pairs
            .filter(|(from, to)| from.confirmed && to.confirmed)
            .map(|(from, to)| self.frames[to.at].time_s - self.frames[from.at].time_s);
        self.values.extend(steps.filter(|step| step.is_finite() && *step > 0.0));
        median(&mut self.values).map(|step| 60.0 / step)
    }
}

#[cfg(test)]
#[path = "cine_tests.rs"]
mod tests;
