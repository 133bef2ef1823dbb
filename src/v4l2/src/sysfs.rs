//! What `/dev` and `/sys` say about video nodes without opening them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::identity::UsbPlace;

/// Longest attribute that is used. Strings of USB descriptors have at most 126 characters.
const MAX_TEXT: usize = 512;

/// The nodes `videoN` of a folder, in the order of their numbers.
pub(crate) fn nodes(dev: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dev)? {
        let path = entry?.path();
        let number = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("video"));
        if let Some(number) = number.and_then(|digits| digits.parse::<u32>().ok()) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// `name` of the node: the driver's name of the camera.
pub(crate) fn name(sysfs: &Path, node: &Path) -> Option<String> {
    text(&class(sysfs, node)?.join("name"))
}

/// The USB device above the node: the nearest folder with `idVendor` on the way up from its `device` link.
pub(crate) fn usb(sysfs: &Path, node: &Path) -> Option<UsbPlace> {
    let class = class(sysfs, node)?;
    let interface = class.join("device").canonicalize().ok()?;
    let root = sysfs.canonicalize().ok()?;
    let device = interface
        .ancestors()
        .take_while(|folder| **folder != root && folder.starts_with(&root))
        .find(|folder| folder.join("idVendor").is_file())?;
    let port = device.file_name()?.to_str()?.to_owned();
    // The interface's folder is named PORT:CONFIGURATION.INTERFACE.
    let interface = interface.file_name()?.to_str()?.rsplit_once(':').map_or("", |(_, interface)| interface).to_owned();
    let hex = |attribute: &str| u16::from_str_radix(&text(&device.join(attribute))?, 16).ok();
    Some(UsbPlace {
        vendor: hex("idVendor")?,
        product: hex("idProduct")?,
        serial: text(&device.join("serial")),
        port,
        interface,
        index: text(&class.join("index")).and_then(|index| index.parse().ok()).unwrap_or(0),
        speed: text(&device.join("speed")).and_then(|speed| speed.parse().ok()),
    })
}

fn class(sysfs: &Path, node: &Path) -> Option<PathBuf> {
    Some(sysfs.join("class/video4linux").join(node.file_name()?))
}

/// An attribute without surrounding blanks; none where it is missing or empty.
fn text(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_TEXT)]).trim().to_owned();
    (!text.is_empty()).then_some(text)
}
