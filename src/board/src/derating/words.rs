//! Derating in words and in records.

use std::fmt;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::{Change, Derating, Step};

/// `reduced rate, at most 15 fps (82 °C)`: what is given up, why, and what else is to be known.
impl fmt::Display for Derating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Parts { f, any: false };
        match self.step {
            Step::Full => {}
            Step::ReducedRate => parts.add(format_args!("reduced rate"))?,
            Step::LowRate => parts.add(format_args!("low rate"))?,
            Step::Paused => parts.add(format_args!("PAUSED, no frame is judged"))?,
        }
        if let Some(fps) = self.max_fps {
            parts.add(format_args!("at most {fps} fps"))?;
        }
        if self.cheaper {
            parts.add(format_args!("int8 decoders"))?;
        }
        match self.temperature_c {
            Some(celsius) if self.hot => parts.add(format_args!("{celsius:.0} °C"))?,
            None if self.hot => parts.add(format_args!("temperature lost"))?,
            _ => {}
        }
        match self.battery_percent {
            Some(percent) if self.battery_low => {
                parts.add(format_args!("battery at {percent:.0} %, plug the charger in"))?
            }
            None if self.battery_low => parts.add(format_args!("battery low, plug the charger in"))?,
            _ => {}
        }
        if self.memory_low {
            parts.add(format_args!("memory is short, close other programs"))?;
        }
        if parts.any { Ok(()) } else { f.write_str("nothing is given up") }
    }
}

/// Parts with commas between them.
struct Parts<'a, 'b> {
    f: &'a mut fmt::Formatter<'b>,
    any: bool,
}

impl Parts<'_, '_> {
    fn add(&mut self, part: fmt::Arguments<'_>) -> fmt::Result {
        if std::mem::replace(&mut self.any, true) {
            self.f.write_str(", ")?;
        }
        self.f.write_fmt(part)
    }
}

/// `derating: reduced rate, at most 15 fps, 82 °C`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "derating: {}", self.after)
    }
}

/// `{"step":"reduced-rate","max_fps":15.0,"decoders":"int8","causes":["temperature"],"warnings":["battery"],"temperature_c":82.0,
/// "battery_percent":9.0}`; what does not apply is left out.
impl Serialize for Derating {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("step", &self.step)?;
        if let Some(fps) = self.max_fps {
            map.serialize_entry("max_fps", &fps)?;
        }
        if self.cheaper {
            map.serialize_entry("decoders", "int8")?;
        }
        let causes = Words([self.hot.then_some("temperature"), self.drained.then_some("battery")]);
        map.serialize_entry("causes", &causes)?;
        let warnings = Words([self.battery_low.then_some("battery"), self.memory_low.then_some("memory")]);
        map.serialize_entry("warnings", &warnings)?;
        if let Some(celsius) = self.temperature_c {
            map.serialize_entry("temperature_c", &celsius)?;
        }
        if let Some(percent) = self.battery_percent {
            map.serialize_entry("battery_percent", &percent)?;
        }
        map.end()
    }
}

/// The words that apply.
struct Words([Option<&'static str>; 2]);

impl Serialize for Words {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for word in self.0.iter().flatten() {
            list.serialize_element(word)?;
        }
        list.end()
    }
}
