//! Thermal zones: `/sys/class/thermal/thermal_zone*`.

use serde::Serialize;

use crate::root::Root;

const ZONES: &str = "/sys/class/thermal";
/// Temperatures that a sensor can mean, in degrees Celsius. The ADC of an unconnected sensor gives others.
const PLAUSIBLE: (f32, f32) = (-60.0, 200.0);
/// Trip points below this are not about heat that harms: fans start there.
const LOWEST_TRIP: f32 = 65.0;

/// What the kernel does at a trip point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TripKind {
    /// Starts a fan.
    Active,
    /// Slows something down.
    Passive,
    /// Tells the driver.
    Hot,
    /// Switches the machine off.
    Critical,
}

/// A trip point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Trip {
    /// What happens there.
    pub kind: TripKind,
    /// Degrees Celsius.
    pub temperature_c: f32,
}

/// A thermal zone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Zone {
    /// Its name, such as `cpu-thermal`.
    pub name: String,
    /// Degrees Celsius; none where the sensor is asleep, unreadable or absurd.
    pub temperature_c: Option<f32>,
    /// Trip points with plausible temperatures.
    pub trips: Vec<Trip>,
}

/// Every thermal zone, in the kernel's order.
#[must_use]
pub fn zones(root: &Root) -> Vec<Zone> {
    let names = root.entries(ZONES).into_iter().filter(|name| name.starts_with("thermal_zone"));
    let mut numbered = names.collect::<Vec<_>>();
    numbered.sort_by_key(|name| (name.len(), name.clone()));
    numbered.iter().map(|name| zone(root, &format!("{ZONES}/{name}"))).collect()
}

fn zone(root: &Root, folder: &str) -> Zone {
    let trip = |name: &String| {
        let kind = match root.text(format!("{folder}/{name}"))?.as_str() {
            "active" => TripKind::Active,
            "passive" => TripKind::Passive,
            "hot" => TripKind::Hot,
            "critical" => TripKind::Critical,
            _ => return None,
        };
        let number = name.strip_suffix("_type")?;
        Some(Trip { kind, temperature_c: celsius(root, &format!("{folder}/{number}_temp"))? })
    };
    let is_trip = |name: &&String| name.starts_with("trip_point_") && name.ends_with("_type");
    Zone {
        name: root.text(format!("{folder}/type")).unwrap_or_else(|| "unnamed".to_owned()),
        temperature_c: celsius(root, &format!("{folder}/temp")),
        trips: root.entries(folder).iter().filter(is_trip).filter_map(trip).collect(),
    }
}

/// A file in thousandths of a degree.
fn celsius(root: &Root, path: &str) -> Option<f32> {
    let celsius = root.number::<i64>(path)? as f32 / 1e3;
    (PLAUSIBLE.0..=PLAUSIBLE.1).contains(&celsius).then_some(celsius)
}

/// The hottest zone that counts: its name and temperature.
#[must_use]
pub fn hottest<'a>(zones: &'a [Zone], ignored: &[String]) -> Option<(&'a str, f32)> {
    let counts = |zone: &&Zone| !ignored.iter().any(|prefix| zone.name.starts_with(prefix.as_str()));
    let known = zones.iter().filter(counts).filter_map(|zone| Some((zone.name.as_str(), zone.temperature_c?)));
    known.max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The lowest trip point of one of these kinds that is about harmful heat.
#[must_use]
pub fn lowest_trip(zones: &[Zone], ignored: &[String], kinds: &[TripKind]) -> Option<f32> {
    let counts = |zone: &&Zone| !ignored.iter().any(|prefix| zone.name.starts_with(prefix.as_str()));
    let trips = zones.iter().filter(counts).flat_map(|zone| &zone.trips);
    let harmful = trips.filter(|trip| kinds.contains(&trip.kind) && trip.temperature_c >= LOWEST_TRIP);
    harmful.map(|trip| trip.temperature_c).min_by(f32::total_cmp)
}
