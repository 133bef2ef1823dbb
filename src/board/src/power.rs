//! Power: the mode of `nvpmodel`, rails, fans. `nvpmodel` itself is never run: it would ask for more than it tells.

use serde::Serialize;

use crate::root::Root;

const MODE_STATUS: &str = "/var/lib/nvpmodel/status";
const MODE_TABLE: &str = "/etc/nvpmodel.conf";
const HWMON: &str = "/sys/class/hwmon";
/// Sensor of the rails on Jetson modules and carriers.
const RAIL_SENSOR: &str = "ina3221";
/// Inputs of that sensor; the fourth is the sum.
const RAIL_INPUTS: u32 = 4;
/// Greatest power of a rail that is believed, in watts.
const MAX_WATTS: f32 = 500.0;
/// Fans and their duty cycles in one device.
const MAX_FANS: u32 = 8;
/// Full duty cycle of a fan.
const FULL_PWM: f32 = 255.0;

/// A mode of the power model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mode {
    /// Its number, as `nvpmodel -m` takes it.
    pub id: u32,
    /// Its name, where the table has it.
    pub name: Option<String>,
}

/// The modes that `/etc/nvpmodel.conf` lists, in its order.
#[must_use]
pub fn modes(root: &Root) -> Vec<Mode> {
    root.text(MODE_TABLE).map(|table| parse_modes(&table)).unwrap_or_default()
}

/// The mode that is set; none where the board has no power model or never had a mode set.
#[must_use]
pub fn mode(root: &Root) -> Option<Mode> {
    let status = root.text(MODE_STATUS)?;
    let digits = status.split_whitespace().find_map(|word| word.strip_prefix("pmode:"))?;
    let id = digits.parse().ok()?;
    let known = modes(root).into_iter().find(|mode| mode.id == id);
    Some(known.unwrap_or(Mode { id, name: None }))
}

/// Lines `< POWER_MODEL ID=2 NAME=MAXN_SUPER >`; their attributes stand in any order.
fn parse_modes(table: &str) -> Vec<Mode> {
    let mode = |line: &str| {
        let inner = line.trim().strip_prefix('<')?.strip_suffix('>')?.trim();
        let attributes = inner.strip_prefix("POWER_MODEL")?;
        let value =
            |key: &str| attributes.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        Some(Mode { id: value("ID")?.parse().ok()?, name: value("NAME").map(str::to_owned) })
    };
    table.lines().filter_map(mode).collect()
}

/// A power rail.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rail {
    /// Its name, such as `VDD_IN`.
    pub name: String,
    /// Volts.
    pub volts: Option<f32>,
    /// Watts.
    pub watts: Option<f32>,
}

/// A fan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fan {
    /// The device that drives it.
    pub name: String,
    /// Revolutions per minute.
    pub rpm: Option<u32>,
    /// Duty cycle, 0 to 1.
    pub duty: Option<f32>,
}

/// Rails of every INA3221.
#[must_use]
pub fn rails(root: &Root) -> Vec<Rail> {
    let sensors = devices(root).filter(|(name, _)| name.starts_with(RAIL_SENSOR));
    sensors.flat_map(|(_, folder)| (1..=RAIL_INPUTS).filter_map(move |input| rail(root, &folder, input))).collect()
}

fn rail(root: &Root, folder: &str, input: u32) -> Option<Rail> {
    let number = |file: String| root.number::<f32>(format!("{folder}/{file}")).filter(|value| value.is_finite());
    // Millivolts and milliamperes; some kernels give microwatts as well.
    let volts = number(format!("in{input}_input")).map(|mv| mv / 1e3);
    let amperes = number(format!("curr{input}_input")).map(|ma| ma / 1e3);
    let watts = number(format!("power{input}_input")).map(|uw| uw / 1e6).or_else(|| Some(volts? * amperes?));
    let watts = watts.filter(|w| (0.0..=MAX_WATTS).contains(w));
    let name = ["in", "power", "curr"].iter().find_map(|kind| root.text(format!("{folder}/{kind}{input}_label")))?;
    // What is not connected has no name or this one.
    (name != "NC" && (volts.is_some() || watts.is_some())).then_some(Rail { name, volts, watts })
}

/// Every fan that tells its speed or its duty cycle.
#[must_use]
pub fn fans(root: &Root) -> Vec<Fan> {
    let fans = |(name, folder): (String, String)| {
        (1..=MAX_FANS).filter_map(move |n| {
            let number = |file: String| root.number::<u32>(format!("{folder}/{file}"));
            let rpm = number(format!("fan{n}_input")).or_else(|| (n == 1).then(|| number("rpm".to_owned())).flatten());
            let duty = number(format!("pwm{n}")).map(|pwm| pwm as f32 / FULL_PWM).filter(|duty| *duty <= 1.0);
            (rpm.is_some() || duty.is_some()).then(|| Fan { name: name.clone(), rpm, duty })
        })
    };
    devices(root).flat_map(fans).collect()
}

/// Name and folder of every device with sensors.
fn devices(root: &Root) -> impl Iterator<Item = (String, String)> {
    let folders = root.entries(HWMON).into_iter().map(|entry| format!("{HWMON}/{entry}"));
    folders.filter_map(|folder| Some((root.text(format!("{folder}/name"))?, folder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_models_are_read_in_any_order_and_nothing_else_is() {
        let table = "# comment\n< PARAM TYPE=FILE NAME=CPU_ONLINE >\nCORE_1 /sys/x\n< POWER_MODEL ID=0 NAME=15W >\nCPU_ONLINE CORE_0 1\n\
                     < POWER_MODEL NAME=MAXN_SUPER ID=2 >\n< POWER_MODEL ID=x NAME=BAD >\n< POWER_MODEL NAME=NONE >\n<POWER_MODEL ID=3>\n\
                     < PM_CONFIG DEFAULT=2 >\n< POWER_MODEL ID=7";
        let found = parse_modes(table);
        let name = |name: &str| Some(name.to_owned());
        let expected =
            [Mode { id: 0, name: name("15W") }, Mode { id: 2, name: name("MAXN_SUPER") }, Mode { id: 3, name: None }];
        assert_eq!(found, expected);
    }
}
