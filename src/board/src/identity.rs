//! Which board this is.

use serde::Serialize;

use crate::error::BoardError;
use crate::profile::{Profile, profiles};
use crate::root::Root;

/// Folders of the device tree.
const DEVICE_TREES: [&str; 2] = ["/proc/device-tree", "/sys/firmware/devicetree/base"];
/// Name of machines without a device tree.
const DMI_NAME: &str = "/sys/class/dmi/id/product_name";
/// The name that asks for recognition.
pub const AUTO: &str = "auto";

/// A board and the profile that it is treated by.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Identity {
    /// What the device tree, or the firmware, calls it.
    pub model: Option<String>,
    /// Entries of the device tree's `compatible`.
    pub compatible: Vec<String>,
    /// The profile.
    pub profile: Profile,
    /// Whether the profile was asked for by name instead of recognised.
    pub chosen: bool,
    /// What is to be said of the recognition: the board is none that is known.
    pub warning: Option<String>,
}

impl Identity {
    /// Takes the profile `wanted`, or recognises the board where it is none or `auto`. `architecture` is that of the program.
    ///
    /// # Errors
    /// [`BoardError::Unknown`] for a name that no profile has.
    pub fn find(root: &Root, architecture: &str, wanted: Option<&str>) -> Result<Self, BoardError> {
        let (model, compatible) = names(root);
        let (profile, chosen, warning) = match wanted.filter(|&name| name != AUTO) {
            Some(name) => (Profile::named(name)?, true, None),
            None => {
                let (profile, warning) = recognise(model.as_deref(), &compatible, architecture)?;
                (profile, false, warning)
            }
        };
        Ok(Self { model, compatible, profile, chosen, warning })
    }
}

/// Model and `compatible` entries.
fn names(root: &Root) -> (Option<String>, Vec<String>) {
    let read = |file: &str| DEVICE_TREES.iter().find_map(|tree| root.text(format!("{tree}/{file}")));
    let printable = |text: &str| text.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned();
    let model = read("model").or_else(|| root.text(DMI_NAME)).map(|name| printable(&name));
    let compatible = read("compatible").unwrap_or_default();
    let entries = compatible.split('\0').map(printable).filter(|entry| !entry.is_empty()).collect();
    (model.filter(|name| !name.is_empty()), entries)
}

/// The model goes first, because some trees list every module that their carrier takes. Entries of `compatible` go from the most
/// special to the most general, so the first that is known decides.
fn recognise(
    model: Option<&str>,
    compatible: &[String],
    architecture: &str,
) -> Result<(Profile, Option<String>), BoardError> {
    let all = profiles()?;
    let by_model = |profile: &&Profile| {
        model.is_some_and(|m| profile.recognise.model.iter().any(|part| m.contains(part.as_str())))
    };
    let lists =
        |profile: &Profile, entry: &str| profile.recognise.compatible.iter().any(|word| names_word(entry, word));
    let by_entry = || compatible.iter().find_map(|entry| all.iter().find(|profile| lists(profile, entry)));
    if let Some(known) = all.iter().find(by_model).or_else(by_entry) {
        return Ok((known.clone(), None));
    }
    let general = |profile: &&Profile| profile.recognise.model.is_empty() && profile.recognise.compatible.is_empty();
    let same = |profile: &&Profile| general(profile) && profile.recognise.architecture == architecture;
    // Every architecture but those two is treated as the more careful of them.
    let fallback = all.iter().find(same).or_else(|| all.iter().find(general));
    let Some(profile) = fallback.cloned() else {
        return Err(BoardError::Unknown { name: AUTO.to_owned(), known: "none for this architecture".to_owned() });
    };
    // A PC is not expected to be a known board; anything with a device tree might be.
    let warning = (!compatible.is_empty() || architecture != "x86_64").then(|| {
        let name = model.unwrap_or("without a name");
        format!(
            "the board `{name}` is not known; it is treated as {}, see docs/boards.md for a profile of its own",
            profile.name
        )
    });
    Ok((profile, warning))
}

/// Whether an entry such as `nvidia,p3768-0000+p3767-0005-super` names the module `word`.
fn names_word(entry: &str, word: &str) -> bool {
    entry
        .split([',', '+'])
        .any(|part| part.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn tree(model: Option<&str>, compatible: &str) -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("proc/device-tree");
        std::fs::create_dir_all(&place).unwrap();
        if let Some(model) = model {
            std::fs::write(place.join("model"), format!("{model}\0")).unwrap();
        }
        std::fs::write(place.join("compatible"), compatible).unwrap();
        let root = Root::at(folder.path());
        (folder, root)
    }

    #[test]
    fn boards_are_recognised_by_model_then_by_module() {
        struct Case {
            model: Option<&'static str>,
            compatible: &'static str,
            profile: &'static str,
            warns: bool,
        }
        let cases = [
            Case {
                model: Some("NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super"),
                compatible: "nvidia,p3768-0000+p3767-0005-super\0nvidia,p3767-0005\0nvidia,tegra234\0",
                profile: "orin-nano",
                warns: false,
            },
            Case {
                model: Some("Somebody's scanner"),
                compatible: "nvidia,p3768-0000+p3767-0000\0nvidia,tegra234\0",
                profile: "orin-nx",
                warns: false,
            },
            // A tree that lists every module of its carrier: the model decides.
            Case {
                model: Some("NVIDIA Jetson Orin NX"),
                compatible: "nvidia,p3768-0000+p3767-0003\0nvidia,p3768-0000+p3767-0000\0",
                profile: "orin-nx",
                warns: false,
            },
            Case {
                model: None,
                compatible: "nvidia,p3737-0000+p3701-0005\0nvidia,tegra234",
                profile: "agx-orin",
                warns: false,
            },
            Case {
                model: None,
                compatible: "nvidia,p3509-0000+p3668-0001\0nvidia,tegra194",
                profile: "xavier-nx",
                warns: false,
            },
            Case {
                model: Some("Raspberry Pi 5"),
                compatible: "raspberrypi,5-model-b\0brcm,bcm2712",
                profile: "generic-aarch64",
                warns: true,
            },
            Case { model: None, compatible: "nvidia,p37670-0005", profile: "generic-aarch64", warns: true },
            Case { model: None, compatible: "\0\0,,++\0\u{1}", profile: "generic-aarch64", warns: true },
        ];
        for case in cases {
            let (_folder, root) = tree(case.model, case.compatible);
            let found = Identity::find(&root, "aarch64", None).unwrap();
            assert_eq!((found.profile.name.as_str(), found.chosen), (case.profile, false), "{:?}", case.compatible);
            assert_eq!(found.warning.is_some(), case.warns, "{:?}", found.warning);
        }
    }

    #[test]
    fn machines_without_a_tree_are_general_and_names_override() {
        let root = Root::at("/nonexistent");
        let pc = Identity::find(&root, "x86_64", Some("auto")).unwrap();
        assert_eq!((pc.profile.name.as_str(), pc.model, pc.warning), ("generic-x86-64", None, None));
        assert!(Identity::find(&root, "aarch64", None).unwrap().warning.is_some());
        assert_eq!(Identity::find(&root, "riscv64", None).unwrap().profile.name, "generic-aarch64");
        let chosen = Identity::find(&root, "x86_64", Some("agx-orin")).unwrap();
        assert!(chosen.chosen && chosen.profile.name == "agx-orin");
        assert!(matches!(Identity::find(&root, "x86_64", Some("orin")), Err(BoardError::Unknown { .. })));
    }
}
