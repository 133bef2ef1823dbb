//! The system around the program: root file system, groups, rules, swap. Read only, like everything here.

use std::path::Path;

use serde::Serialize;

use crate::root::Root;

/// Places of udev rules; the first of equal names wins.
const RULE_FOLDERS: [&str; 4] =
    ["/etc/udev/rules.d", "/run/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d"];
/// The rule of the project.
pub const RULE: &str = "70-ushydra.rules";

/// A mounted file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// Where it is mounted.
    pub place: String,
    /// Its kind, such as `ext4`.
    pub kind: String,
    /// Whether nothing can be written.
    pub read_only: bool,
}

/// Every mount, in order; a later one hides an earlier one of the same place.
#[must_use]
pub fn mounts(root: &Root) -> Vec<Mount> {
    let mount = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (place, kind, options) = (words.next()?, words.next()?, words.next()?);
        let read_only = options.split(',').any(|option| option == "ro");
        // The kernel writes a blank in a path as \040.
        Some(Mount { place: place.replace("\\040", " "), kind: kind.to_owned(), read_only })
    };
    root.text("/proc/self/mounts").unwrap_or_default().lines().filter_map(mount).collect()
}

/// The mount that holds `path`: of the deepest place the last one.
#[must_use]
pub fn mount_of<'a>(mounts: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    let holding = mounts.iter().filter(|mount| path.starts_with(&mount.place));
    holding.max_by_key(|mount| Path::new(&mount.place).components().count())
}

/// Where the project's udev rule is installed.
#[must_use]
pub fn udev_rule(root: &Root) -> Option<String> {
    RULE_FOLDERS.iter().map(|folder| format!("{folder}/{RULE}")).find(|path| root.exists(path))
}

/// Who runs this program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Whether it is the superuser, who needs no group.
    pub superuser: bool,
    /// Names of the groups, where the system has names for them.
    pub groups: Vec<String>,
}

/// The account of this process; none where the system does not tell.
#[must_use]
pub fn account(root: &Root) -> Option<Account> {
    let status = root.text("/proc/self/status")?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    // Real, effective, saved, file system.
    let effective = |name: &str| field(name)?.split_whitespace().nth(1)?.parse::<u32>().ok();
    let user = effective("Uid")?;
    let mut numbers = field("Groups")?.split_whitespace().filter_map(|n| n.parse().ok()).collect::<Vec<u32>>();
    numbers.extend(effective("Gid"));
    let names = root.text("/etc/group").unwrap_or_default();
    let name = |line: &str| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?.parse::<u32>().ok()?);
        numbers.contains(&number).then(|| name.to_owned())
    };
    Some(Account { superuser: user == 0, groups: names.lines().filter_map(name).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_holds_a_path_and_the_last_one_counts() {
        let mount = |place: &str, read_only| Mount { place: place.to_owned(), kind: "ext4".to_owned(), read_only };
        let mounts = [
            mount("/", false),
            mount("/var", false),
            mount("/", true),
            mount("/variable", false),
            mount("/data", false),
        ];
        let read_only = |path: &str| mount_of(&mounts, Path::new(path)).map(|m| (m.place.as_str(), m.read_only));
        assert_eq!(read_only("/etc"), Some(("/", true)));
        assert_eq!(read_only("/var/lib/ushydra"), Some(("/var", false)));
        assert_eq!(read_only("relative"), None);
        assert_eq!(mount_of(&[], Path::new("/")), None);
    }
}
