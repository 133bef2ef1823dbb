//! Readings from trees as boards have them, and from trees full of nonsense.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::path::Path;

use proptest::prelude::*;
use ushydra_board::battery::{self, State};
use ushydra_board::{
    Conditions, Identity, Limits, Policy, Profile, Readings, Root, Step, clocks, memory, power, system, thermal,
};

/// A tree of files.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for (path, text) in files {
            tree.write(path, text.as_bytes());
        }
        tree
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn root(&self) -> Root {
        Root::at(self.0.path())
    }
}

/// What of a Jetson Orin Nano this room reads.
fn orin_nano() -> Tree {
    Tree::new(&[
        ("proc/device-tree/model", "NVIDIA Jetson Orin Nano Developer Kit\0"),
        ("proc/device-tree/compatible", "nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0"),
        ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
        ("sys/class/thermal/thermal_zone0/temp", "51250\n"),
        ("sys/class/thermal/thermal_zone0/trip_point_0_type", "passive\n"),
        ("sys/class/thermal/thermal_zone0/trip_point_0_temp", "99000\n"),
        ("sys/class/thermal/thermal_zone0/trip_point_1_type", "critical\n"),
        ("sys/class/thermal/thermal_zone0/trip_point_1_temp", "104500\n"),
        ("sys/class/thermal/thermal_zone1/type", "gpu-thermal\n"),
        ("sys/class/thermal/thermal_zone1/temp", "49718\n"),
        ("sys/class/thermal/thermal_zone2/type", "cv0-thermal\n"),
        // Asleep: reading it fails on a board, here it is empty.
        ("sys/class/thermal/thermal_zone2/temp", ""),
        ("sys/class/thermal/thermal_zone10/type", "tj-thermal\n"),
        ("sys/class/thermal/thermal_zone10/temp", "52000\n"),
        ("sys/class/thermal/cooling_device0/type", "pwm-fan\n"),
        (
            "etc/nvpmodel.conf",
            "< POWER_MODEL ID=0 NAME=15W >\nCPU_ONLINE CORE_0 1\n< POWER_MODEL ID=1 NAME=7W >\n< PM_CONFIG DEFAULT=0 >\n",
        ),
        ("var/lib/nvpmodel/status", "pmode:0001 fmode:quiet\n"),
        ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "schedutil\n"),
        ("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "729600\n"),
        ("sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "1190400\n"),
        ("sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "1510400\n"),
        ("sys/devices/system/cpu/cpu1/online", "1\n"),
        ("sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "1190400\n"),
        ("sys/devices/system/cpu/cpu4/online", "0\n"),
        ("sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "powersave\n"),
        ("sys/class/devfreq/17000000.gpu/cur_freq", "306000000\n"),
        ("sys/class/devfreq/17000000.gpu/max_freq", "408000000\n"),
        ("sys/devices/platform/gpu.0/load", "437\n"),
        ("proc/meminfo", "MemTotal:        7620000 kB\nMemAvailable:    5000000 kB\nSwapTotal:       3810000 kB\n"),
        (
            "proc/pressure/memory",
            "some avg10=1.25 avg60=0.10 avg300=0.00 total=99\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=9\n",
        ),
        (
            "proc/swaps",
            "Filename Type Size Used Priority\n/dev/zram0 partition 650000 0 5\n/dev/zram1 partition 650000 0 5\n",
        ),
        ("sys/class/hwmon/hwmon1/name", "ina3221\n"),
        ("sys/class/hwmon/hwmon1/in1_label", "VDD_IN\n"),
        ("sys/class/hwmon/hwmon1/in1_input", "5072\n"),
        ("sys/class/hwmon/hwmon1/curr1_input", "1000\n"),
        ("sys/class/hwmon/hwmon1/in2_label", "NC\n"),
        ("sys/class/hwmon/hwmon1/in2_input", "8\n"),
        ("sys/class/hwmon/hwmon2/name", "pwmfan\n"),
        ("sys/class/hwmon/hwmon2/pwm1", "51\n"),
        ("sys/class/hwmon/hwmon3/name", "pwm_tach\n"),
        ("sys/class/hwmon/hwmon3/rpm", "2000\n"),
        ("sys/class/power_supply/BAT0/type", "Battery\n"),
        ("sys/class/power_supply/BAT0/capacity", "76\n"),
        ("sys/class/power_supply/BAT0/status", "Discharging\n"),
        ("sys/class/power_supply/BAT0/energy_now", "38000000\n"),
        ("sys/class/power_supply/BAT0/power_now", "-9500000\n"),
        ("sys/class/power_supply/mouse/type", "Battery\n"),
        ("sys/class/power_supply/mouse/scope", "Device\n"),
        ("sys/class/power_supply/mouse/capacity", "3\n"),
        ("sys/class/power_supply/usb/type", "USB\n"),
        ("sys/class/power_supply/usb/online", "0\n"),
    ])
}

#[test]
fn a_board_is_read_in_full() {
    let tree = orin_nano();
    let root = tree.root();
    let identity = Identity::find(&root, "aarch64", None).unwrap();
    assert_eq!((identity.profile.name.as_str(), identity.warning), ("orin-nano", None));
    let found = Readings::take(&root);
    let names = found.zones.iter().map(|zone| zone.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names, ["cpu-thermal", "gpu-thermal", "cv0-thermal", "tj-thermal"], "the tenth comes after the second");
    assert_eq!(thermal::hottest(&found.zones, &[]), Some(("tj-thermal", 52.0)));
    assert_eq!(thermal::hottest(&found.zones, &["tj".to_owned()]), Some(("cpu-thermal", 51.25)));
    assert_eq!(found.zones[2].temperature_c, None);
    let mode = found.mode.unwrap();
    assert_eq!((mode.id, mode.name.as_deref(), found.modes.len()), (1, Some("7W"), 2));
    let cpu = found.cpu;
    assert_eq!((cpu.online, cpu.mhz, cpu.limit_mhz, cpu.max_mhz), (2, Some(1190), Some(1190), Some(1510)));
    assert_eq!(cpu.governor.as_deref(), Some("schedutil"));
    let gpu = found.gpu.unwrap();
    assert_eq!(
        (gpu.name.as_str(), gpu.mhz, gpu.limit_mhz, gpu.load),
        ("17000000.gpu", Some(306), Some(408), Some(0.437))
    );
    let memory = found.memory;
    assert_eq!((memory.total_mib, memory.available_mib, memory.zram_only), (Some(7441), Some(4882), true));
    assert_eq!((memory.pressure_some, memory.pressure_full), (Some(1.25), Some(0.5)));
    let [rail] = &found.rails[..] else { panic!("{:?}", found.rails) };
    assert_eq!((rail.name.as_str(), rail.volts), ("VDD_IN", Some(5.072)));
    assert!((rail.watts.unwrap() - 5.072).abs() < 1e-4);
    assert_eq!(
        found.fans.iter().map(|fan| (fan.rpm, fan.duty)).collect::<Vec<_>>(),
        [(None, Some(0.2)), (Some(2000), None)]
    );
    let battery = found.battery.unwrap();
    assert_eq!((battery.percent, battery.state, battery.minutes_left), (76.0, State::Discharging, Some(240)));
    assert_eq!(found.on_mains, Some(false));
    let conditions = Conditions::of(&Readings::take(&root), &identity.profile);
    assert_eq!((conditions.temperature_c, conditions.discharging), (Some(52.0), true));
    // Trip points of 99 and 104.5 degrees lie above the profile's limits.
    assert_eq!(Limits::of(&identity.profile, &found.zones, true).critical_c, identity.profile.thermal.critical_c);
}

#[test]
fn an_empty_tree_knows_nothing_and_says_so() {
    let tree = Tree::new(&[]);
    let found = Readings::take(&tree.root());
    assert!(found.zones.is_empty() && found.mode.is_none() && found.gpu.is_none() && found.battery.is_none());
    assert_eq!((found.cpu.online, found.on_mains, found.memory.total_mib), (0, None, None));
    assert_eq!(thermal::hottest(&found.zones, &[]), None);
    let profile = Profile::named("generic-aarch64").unwrap();
    assert_eq!(Conditions::of(&found, &profile), Conditions::default());
    let mut policy = Policy::new(Limits::of(&profile, &found.zones, true), std::time::Duration::from_secs(30));
    assert!(policy.update(std::time::Duration::ZERO, &Conditions::of(&found, &profile)).is_none());
    assert_eq!(policy.state().step, Step::Full);
    assert!(system::mounts(&tree.root()).is_empty() && system::account(&tree.root()).is_none());
    assert_eq!(system::udev_rule(&tree.root()), None);
}

#[test]
fn temperatures_are_believed_within_reason() {
    struct Case {
        text: &'static str,
        celsius: Option<f32>,
    }
    let cases = [
        Case { text: "45500", celsius: Some(45.5) },
        Case { text: "-12000\n", celsius: Some(-12.0) },
        Case { text: "0", celsius: Some(0.0) },
        Case { text: "-274000", celsius: None },
        Case { text: "2147483647", celsius: None },
        Case { text: "9223372036854775807", celsius: None },
        Case { text: "99999999999999999999999", celsius: None },
        Case { text: "45.5", celsius: None },
        Case { text: "NaN", celsius: None },
        Case { text: "hot", celsius: None },
        Case { text: "45500 47000", celsius: None },
        Case { text: "", celsius: None },
    ];
    for case in cases {
        let tree = Tree::new(&[("sys/class/thermal/thermal_zone0/temp", case.text)]);
        let zones = thermal::zones(&tree.root());
        assert_eq!((zones[0].temperature_c, zones[0].name.as_str()), (case.celsius, "unnamed"), "{:?}", case.text);
    }
}

#[test]
fn batteries_of_every_gauge_are_read_and_absurd_ones_are_none() {
    struct Case {
        files: &'static [(&'static str, &'static str)],
        percent: Option<f32>,
        minutes: Option<u32>,
    }
    let cases = [
        Case { files: &[("capacity", "103")], percent: Some(100.0), minutes: None },
        Case { files: &[("capacity", "-1")], percent: None, minutes: None },
        Case { files: &[("capacity", "900")], percent: None, minutes: None },
        Case { files: &[("charge_now", "1500000"), ("charge_full", "3000000")], percent: Some(50.0), minutes: None },
        Case { files: &[("charge_now", "1500000"), ("charge_full", "0")], percent: None, minutes: None },
        Case {
            files: &[("capacity", "40"), ("charge_now", "1500000"), ("current_now", "500000")],
            percent: Some(40.0),
            minutes: Some(180),
        },
        Case { files: &[("capacity", "40"), ("time_to_empty_now", "5400")], percent: Some(40.0), minutes: Some(90) },
        Case {
            files: &[("capacity", "40"), ("energy_now", "1"), ("power_now", "0")],
            percent: Some(40.0),
            minutes: None,
        },
        Case {
            files: &[("capacity", "40"), ("energy_now", "inf"), ("power_now", "1e-300")],
            percent: Some(40.0),
            minutes: None,
        },
        Case { files: &[("capacity", "40"), ("present", "0")], percent: None, minutes: None },
        Case { files: &[("status", "Charging")], percent: None, minutes: None },
    ];
    for case in cases {
        let tree = Tree::new(&[
            ("sys/class/power_supply/b/type", "Battery"),
            ("sys/class/power_supply/b/status", "Discharging"),
        ]);
        for (name, text) in case.files {
            tree.write(&format!("sys/class/power_supply/b/{name}"), text.as_bytes());
        }
        let found = battery::battery(&tree.root());
        assert_eq!(
            (found.map(|b| b.percent), found.and_then(|b| b.minutes_left)),
            (case.percent, case.minutes),
            "{:?}",
            case.files
        );
    }
}

#[test]
fn the_system_around_is_read() {
    let tree = Tree::new(&[
        (
            "proc/self/mounts",
            "/dev/root / ext4 ro,relatime 0 0\ntmpfs /var tmpfs rw 0 0\n/dev/sda1 /media/my\\040stick vfat rw 0 0\nbroken\n",
        ),
        (
            "proc/self/status",
            "Name:\tushydra\nUid:\t998\t998\t998\t998\nGid:\t997\t997\t997\t997\nGroups:\t44 1000000 x\n",
        ),
        ("etc/group", "root:x:0:\nvideo:x:44:ushydra\nushydra:x:997:\nbad\n:::\nbad:x:y:\n"),
        ("usr/lib/udev/rules.d/70-ushydra.rules", "# rule"),
    ]);
    let root = tree.root();
    let mounts = system::mounts(&root);
    assert_eq!(mounts.len(), 3);
    assert!(system::mount_of(&mounts, Path::new("/etc")).unwrap().read_only);
    assert!(!system::mount_of(&mounts, Path::new("/var/lib")).unwrap().read_only);
    assert_eq!(mounts[2].place, "/media/my stick");
    let account = system::account(&root).unwrap();
    assert_eq!((account.superuser, account.groups), (false, vec!["video".to_owned(), "ushydra".to_owned()]));
    assert_eq!(system::udev_rule(&root).as_deref(), Some("/usr/lib/udev/rules.d/70-ushydra.rules"));
}

/// Every file that this room reads.
const FILES: [&str; 34] = [
    "proc/device-tree/model",
    "proc/device-tree/compatible",
    "sys/class/thermal/thermal_zone0/type",
    "sys/class/thermal/thermal_zone0/temp",
    "sys/class/thermal/thermal_zone0/trip_point_0_type",
    "sys/class/thermal/thermal_zone0/trip_point_0_temp",
    "etc/nvpmodel.conf",
    "var/lib/nvpmodel/status",
    "sys/devices/system/cpu/cpu0/online",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq",
    "sys/class/devfreq/17000000.gpu/cur_freq",
    "sys/devices/platform/gpu.0/load",
    "proc/meminfo",
    "proc/pressure/memory",
    "proc/swaps",
    "sys/class/hwmon/hwmon0/name",
    "sys/class/hwmon/hwmon0/in1_label",
    "sys/class/hwmon/hwmon0/in1_input",
    "sys/class/hwmon/hwmon0/curr1_input",
    "sys/class/hwmon/hwmon0/power1_input",
    "sys/class/hwmon/hwmon0/fan1_input",
    "sys/class/hwmon/hwmon0/pwm1",
    "sys/class/power_supply/b/type",
    "sys/class/power_supply/b/capacity",
    "sys/class/power_supply/b/status",
    "sys/class/power_supply/b/energy_now",
    "sys/class/power_supply/b/power_now",
    "sys/class/power_supply/b/time_to_empty_now",
    "sys/class/power_supply/b/online",
    "proc/self/mounts",
    "proc/self/status",
    "etc/group",
    "sys/class/dmi/id/product_name",
];

fn content() -> impl Strategy<Value = Vec<u8>> {
    let words = "(pmode:|MemTotal:|some avg10=|< POWER_MODEL ID=|NAME=|Battery|ina3221|passive|critical|Uid:|video:x:|ro|/|[0-9-]{1,25}|[ \n\t\0.>=:,+]){0,12}";
    prop_oneof![
        3 => words.prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..64),
        1 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        1 => any::<f64>().prop_map(|n| n.to_string().into_bytes()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever the files hold: no panic, and everything that comes out is within its range.
    #[test]
    fn nonsense_is_survived(contents in prop::collection::vec(content(), FILES.len())) {
        let tree = Tree::new(&[]);
        for (path, bytes) in FILES.iter().zip(&contents) {
            tree.write(path, bytes);
        }
        let root = tree.root();
        let identity = Identity::find(&root, "aarch64", None).unwrap();
        let found = Readings::take(&root);
        prop_assert!(found.zones.iter().all(|z| z.temperature_c.is_none_or(|c| (-60.0..=200.0).contains(&c))));
        prop_assert!(found.battery.is_none_or(|b| (0.0..=100.0).contains(&b.percent)));
        prop_assert!(found.gpu.as_ref().and_then(|g| g.load).is_none_or(|l| (0.0..=1.0).contains(&l)));
        prop_assert!(found.memory.pressure_some.is_none_or(|p| (0.0..=100.0).contains(&p)));
        prop_assert!(found.rails.iter().all(|r| r.watts.is_none_or(|w| (0.0..=500.0).contains(&w))));
        prop_assert!(found.fans.iter().all(|f| f.duty.is_none_or(|d| (0.0..=1.0).contains(&d))));
        let limits = Limits::of(&identity.profile, &found.zones, true);
        prop_assert!(limits.warm_c < limits.hot_c && limits.hot_c < limits.critical_c);
        let mut policy = Policy::new(limits, std::time::Duration::from_secs(30));
        policy.update(std::time::Duration::ZERO, &Conditions::of(&found, &identity.profile));
        prop_assert!(!policy.state().to_string().is_empty());
        let _ = (system::mounts(&root), system::account(&root));
        let _ = (memory::memory(&root), clocks::cpu(&root), power::modes(&root));
    }
}
