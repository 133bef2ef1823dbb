//! Measurements in words, for the console and for overlays.

use std::sync::Arc;

use ushydra_measure::heart::{CineReport, Grade};

use crate::pipeline::{Answer, FrameResult, Head, Measurements, Unit};

/// The measurements of a frame, one line each; none for a class. Whether they may be shown is the gate's affair.
#[must_use]
pub fn measured(result: &FrameResult) -> Vec<String> {
    let Answer::Mask(mask) = &result.answer else { return Vec::new() };
    match &mask.measurements {
        Measurements::None => vec![format!("area {} px", mask.area_px)],
        Measurements::Head(head) => head_lines(head),
        Measurements::Ventricle(found) => {
            let size = match (found.area_cm2(), found.long_axis_mm()) {
                (Some(area), Some(axis)) => format!("area {area:.1} cm² · long axis {axis:.0} mm"),
                _ => format!("area {:.0} px · long axis {:.0} px", found.area, found.long_axis),
            };
            let volume = found.volume_ml().map(|ml| format!("volume {ml:.0} ml"));
            let fraction = result.cine.as_ref().map(fraction);
            std::iter::once(size).chain(volume).chain(fraction).collect()
        }
    }
}

/// The one measurement that fits a column.
#[must_use]
pub(super) fn brief(result: &FrameResult) -> Option<String> {
    let mask = result.answer.mask()?;
    Some(match &mask.measurements {
        Measurements::None => format!("area {} px", mask.area_px),
        Measurements::Head(head) => circumference(head),
        Measurements::Ventricle(found) => {
            let area =
                found.area_cm2().map_or_else(|| format!("{:.0} px", found.area), |area| format!("{area:.1} cm²"));
            match result.cine.as_ref().and_then(|cine| cine.ef_percent) {
                Some(ef) => format!("{area}, EF {ef:.0} %"),
                None => area,
            }
        }
    })
}

fn circumference(head: &Head) -> String {
    match head.unit {
        Unit::Millimetres => format!("HC {:.1} mm", head.hc),
        Unit::Pixels => format!("HC {:.0} px", head.hc),
    }
}

fn head_lines(head: &Head) -> Vec<String> {
    let diameters = match head.unit {
        Unit::Millimetres => format!("BPD {:.1} · OFD {:.1} mm", head.bpd, head.ofd),
        Unit::Pixels => format!("BPD {:.0} · OFD {:.0} px", head.bpd, head.ofd),
    };
    let ages = head.ages.iter().flatten().map(|age| match age {
        Ok(age) => age.to_string(),
        Err(_) => "no age: HC is outside the curve".to_owned(),
    });
    let mut lines = vec![circumference(head), diameters];
    lines.extend(ages);
    // Both curves may refuse for the same reason.
    lines.dedup();
    lines
}

fn fraction(cine: &CineReport) -> String {
    match cine.ef_percent {
        Some(ef) => {
            let trust = if cine.grade() == Grade::Good { "" } else { " · with caution" };
            format!("EF {ef:.0} %{trust}")
        }
        None => "EF not given".to_owned(),
    }
}

/// Says the figures of a cine when it has ended.
#[derive(Debug, Default)]
pub struct Cines {
    current: Option<(Arc<str>, CineReport)>,
}

impl Cines {
    /// Takes in the result of the next frame. Gives the line of the cine before where this frame begins another.
    pub fn follow(&mut self, result: &FrameResult) -> Option<String> {
        let goes_on = match &self.current {
            Some((source, report)) => {
                **source == *result.source && result.cine.is_some_and(|cine| cine.frames >= report.frames)
            }
            None => true,
        };
        let ended = if goes_on { None } else { self.finish() };
        if let Some(cine) = result.cine {
            self.current = Some((Arc::clone(&result.source), cine));
        }
        ended
    }

    /// The line of the last cine.
    pub fn finish(&mut self) -> Option<String> {
        self.current.take().map(|(source, report)| line(&source, &report))
    }
}

fn line(source: &str, report: &CineReport) -> String {
    let mut parts = Vec::new();
    match report.ef_percent {
        Some(ef) => parts.push(format!("EF {ef:.0} %")),
        None => parts.push("EF not given".to_owned()),
    }
    if let (Some(edv), Some(esv)) = (report.edv_ml, report.esv_ml) {
        parts.push(format!("EDV {edv:.0} ml, ESV {esv:.0} ml"));
    }
    if let (Some(ed), Some(es)) = (report.ed_frame, report.es_frame) {
        parts.push(format!("ED frame {ed}, ES frame {es}"));
    }
    if let Some(rate) = report.heart_rate {
        parts.push(format!("{rate:.0} beats per minute"));
    }
    let beats = if report.beats == 1 { "beat" } else { "beats" };
    parts.push(format!("{} {beats} in {} frames", report.beats, report.frames));
    let quality = report.grade().name();
    let reasons = if report.concerns.is_empty() { String::new() } else { format!(" ({})", report.concerns) };
    format!("cine {source}: {}; quality {quality}{reasons}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use ushydra_measure::heart::{Concern, Concerns};

    use super::*;

    #[test]
    fn a_cine_is_said_in_one_line() {
        let mut concerns = Concerns::NONE;
        concerns.add(Concern::SlowFrames);
        let report = CineReport {
            ef_percent: Some(55.4),
            edv_ml: Some(120.2),
            esv_ml: Some(53.6),
            heart_rate: None,
            beats: 1,
            ed_frame: Some(3),
            es_frame: Some(14),
            frames: 30,
            concerns,
        };
        let text = line("a.dcm", &report);
        assert!(
            text.starts_with(
                "cine a.dcm: EF 55 %, EDV 120 ml, ESV 54 ml, ED frame 3, ES frame 14, 1 beat in 30 frames"
            )
        );
        assert!(text.contains("quality caution (few frames per second"), "{text}");
        let unfit = CineReport { ef_percent: None, edv_ml: None, esv_ml: None, ..report };
        assert!(line("a.dcm", &unfit).contains("EF not given"));
    }
}
