//! Finding, telling apart and setting up cameras.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use ushydra_v4l2::fake::{Camera, Fake};
use ushydra_v4l2::{
    Device, FourCc, Fraction, Identity, Likeness, Linux, Quantization, Sizes, System, UsbPlace, V4l2Error, Wanted, abi,
    list,
};

const NODE: &str = "/dev/video0";

fn with(change: impl FnOnce(&mut Camera)) -> Fake {
    let fake = Fake::new();
    let mut camera = Camera::default();
    change(&mut camera);
    fake.plug(NODE, camera);
    fake
}

#[test]
fn cameras_are_listed_with_what_they_can() {
    let fake = with(|_| {});
    fake.plug("/dev/video1", Camera { capabilities: 0x0080_0000 | abi::CAP_STREAMING, ..Camera::default() });
    fake.plug("/dev/video2", Camera::default());
    fake.close("/dev/video2", Some(libc::EACCES));
    let found = list(&fake).unwrap();
    // The metadata node is none of the operator's business.
    let paths: Vec<_> = found.iter().map(|candidate| candidate.path.to_str().unwrap()).collect();
    assert_eq!(paths, ["/dev/video0", "/dev/video2"]);
    let (identity, formats) = found[0].camera.as_ref().unwrap();
    assert_eq!(identity.to_string(), "Pocket Scanner (USB 1209:0001 serial A1 at port 1-1)");
    let codes: Vec<_> = formats.iter().map(|format| (format.fourcc, format.compressed)).collect();
    assert_eq!(codes, [(FourCc::YUYV, false), (FourCc::MJPEG, true), (FourCc::GREY, false)]);
    assert_eq!(formats[0].sizes[0].sizes, Sizes::One(8, 4));
    assert_eq!(formats[0].sizes[0].most_rate(), 30.0);
    let error = found[1].camera.as_ref().err().unwrap().to_string();
    assert!(error.contains("group") && error.contains("udev") && error.contains("video"), "{error}");
    assert_eq!(found[1].name.as_deref(), Some("Pocket Scanner"));
    assert!(found[1].usb.is_some());
    assert_eq!(fake.counts(), Default::default());
}

#[test]
fn what_is_no_camera_is_said() {
    for (error, part) in [
        (libc::ENOENT, "no such device"),
        (libc::ENXIO, "no such device"),
        (libc::EACCES, "permission"),
        (libc::EPERM, "permission"),
        (libc::EBUSY, "another program"),
        (libc::EMFILE, "open the camera"),
    ] {
        let fake = with(|_| {});
        fake.close(NODE, Some(error));
        let message = Device::open(&fake, Path::new(NODE)).err().unwrap().to_string();
        assert!(message.contains(part) && message.contains(';'), "{error}: {message}");
    }
    let fake = with(|camera| camera.capabilities = abi::CAP_STREAMING);
    let message = Device::open(&fake, Path::new(NODE)).err().unwrap().to_string();
    assert!(message.contains("`Pocket Scanner` does not stream") && message.contains("0x04000000"), "{message}");
    let fake = with(|_| {});
    fake.fail(NODE, abi::QUERYCAP, &[libc::ENOTTY]);
    assert!(matches!(Device::open(&fake, Path::new(NODE)), Err(V4l2Error::NotVideo)));
}

#[test]
// One fault of a driver: its name, what was asked for, and how the camera misbehaves.
#[allow(clippy::type_complexity, reason = "a table")]
fn a_substituted_or_impossible_format_is_refused() {
    let cases: [(&str, Wanted, fn(&mut Camera)); 6] = [
        ("asked for H264 8x4 but gave YUYV 8x4", Wanted { fourcc: FourCc(*b"H264"), size: Some((8, 4)) }, |_| {}),
        ("asked for GREY 9x9 but gave GREY 8x4", Wanted { fourcc: FourCc::GREY, size: Some((9, 9)) }, |_| {}),
        ("single fields", Wanted { fourcc: FourCc::GREY, size: None }, |camera| camera.field = 7),
        ("0x0 pixels", Wanted { fourcc: FourCc::GREY, size: None }, |camera| {
            camera.offers[2].sizes = vec![((0, 0), vec![])];
            camera.offers.rotate_right(1);
        }),
        ("exceed 4 GiB", Wanted { fourcc: FourCc::GREY, size: None }, |camera| {
            camera.offers[2].sizes = vec![((1 << 17, 1 << 14), vec![])];
            camera.padding = 1 << 20;
            camera.offers.rotate_right(1);
        }),
        ("asked for GREY 8x4 but gave MJPG 8x4", Wanted { fourcc: FourCc::GREY, size: None }, |camera| {
            camera.offers = vec![camera.offers[1].clone()];
        }),
    ];
    for (part, wanted, change) in cases {
        let fake = with(change);
        let mut device = Device::open(&fake, Path::new(NODE)).unwrap();
        let message = device.set_format(wanted).unwrap_err().to_string();
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn strides_and_ranges_are_read() {
    for (quantization, expected) in
        [(0, Quantization::Unsaid), (1, Quantization::Full), (2, Quantization::Limited), (9, Quantization::Unsaid)]
    {
        let fake = with(|camera| {
            camera.padding = 6;
            camera.quantization = quantization;
        });
        let mut device = Device::open(&fake, Path::new(NODE)).unwrap();
        let format = device.set_format(Wanted { fourcc: FourCc::YUYV, size: Some((16, 8)) }).unwrap();
        assert_eq!((format.stride, format.quantization), (38, expected));
        let layout = format.layout().unwrap();
        assert_eq!((layout.row, layout.rows, layout.stride, layout.bytes), (32, 8, 38, 7 * 38 + 32));
    }
}

#[test]
fn a_rate_that_cannot_be_set_is_no_fault() {
    let fake = with(|_| {});
    let mut device = Device::open(&fake, Path::new(NODE)).unwrap();
    let interval = Fraction::from_rate(15.0).unwrap();
    assert_eq!(device.set_interval(interval).unwrap(), Some(interval));
    fake.fail(NODE, abi::S_PARM, &[libc::ENOTTY, libc::EBUSY]);
    assert_eq!(device.set_interval(interval).unwrap(), None);
    assert!(matches!(device.set_interval(interval), Err(V4l2Error::Busy { .. })));
}

#[test]
fn cameras_are_told_apart() {
    let usb = |serial: Option<&str>, port: &str| UsbPlace {
        vendor: 1,
        product: 2,
        serial: serial.map(str::to_owned),
        port: port.to_owned(),
        interface: "1.0".to_owned(),
        index: 0,
        speed: None,
    };
    let identity = |usb: Option<UsbPlace>| Identity {
        card: "C".to_owned(),
        driver: "uvcvideo".to_owned(),
        bus: "usb-1".to_owned(),
        usb,
    };
    let known = identity(Some(usb(Some("A"), "1-1")));
    let nameless = identity(Some(usb(None, "1-1")));
    let other_product = UsbPlace { product: 3, ..usb(Some("A"), "1-1") };
    let other_interface = UsbPlace { interface: "1.2".to_owned(), ..usb(Some("A"), "1-1") };
    let other_index = UsbPlace { index: 1, ..usb(Some("A"), "1-1") };
    for (a, b, expected) in [
        (&known, identity(Some(usb(Some("A"), "1-1"))), Likeness::Same),
        (&known, identity(Some(usb(Some("A"), "2-4"))), Likeness::Moved),
        (&known, identity(Some(usb(Some("B"), "1-1"))), Likeness::Different),
        (&known, identity(Some(usb(None, "1-1"))), Likeness::Different),
        (&known, identity(Some(other_product)), Likeness::Different),
        (&known, identity(Some(other_interface)), Likeness::Different),
        (&known, identity(Some(other_index)), Likeness::Different),
        (&known, identity(None), Likeness::Different),
        (&nameless, identity(Some(usb(None, "1-1"))), Likeness::Same),
        (&nameless, identity(Some(usb(None, "1-2"))), Likeness::Model),
        (&identity(None), identity(None), Likeness::Same),
        (&identity(None), Identity { bus: "usb-2".to_owned(), ..identity(None) }, Likeness::Different),
    ] {
        assert_eq!(a.likeness(&b), expected, "{a} and {b}");
        assert_eq!(b.likeness(a), expected, "{b} and {a}");
    }
}

#[test]
fn the_real_system_reads_dev_and_sysfs() {
    let root = tempfile::tempdir().unwrap();
    let (dev, sysfs) = (root.path().join("dev"), root.path().join("sys"));
    let port = sysfs.join("devices/pci0/usb1/1-2");
    let interface = port.join("1-2:1.0");
    let class = sysfs.join("class/video4linux");
    let node = interface.join("video4linux/video10");
    for folder in [&dev, &node, &class] {
        fs::create_dir_all(folder).unwrap();
    }
    for (file, text) in [
        (port.join("idVendor"), "1209\n"),
        (port.join("idProduct"), "00af\n"),
        (port.join("serial"), " S7 \n"),
        (port.join("speed"), "480\n"),
        (port.parent().unwrap().join("idVendor"), "1d6b\n"),
        (node.join("name"), "Scanner\n"),
        (node.join("index"), "1\n"),
    ] {
        fs::write(file, text).unwrap();
    }
    symlink("../../../1-2:1.0", node.join("device")).unwrap();
    symlink("../../devices/pci0/usb1/1-2/1-2:1.0/video4linux/video10", class.join("video10")).unwrap();
    for name in ["video10", "video2", "videoX", "audio0"] {
        fs::write(dev.join(name), "").unwrap();
    }
    symlink("video10", dev.join("by-id")).unwrap();

    let system = Linux { dev: dev.clone(), sysfs };
    assert_eq!(system.nodes().unwrap(), [dev.join("video2"), dev.join("video10")]);
    let found = system.resolve(&dev.join("by-id")).unwrap();
    assert_eq!(found.file_name().unwrap(), "video10");
    assert_eq!(system.name(&found).as_deref(), Some("Scanner"));
    let usb = system.usb(&found).unwrap();
    let expected = UsbPlace {
        vendor: 0x1209,
        product: 0x00af,
        serial: Some("S7".to_owned()),
        port: "1-2".to_owned(),
        interface: "1.0".to_owned(),
        index: 1,
        speed: Some(480),
    };
    assert_eq!(usb, expected);
    assert_eq!((system.usb(&dev.join("video2")), system.name(&dev.join("video2"))), (None, None));
    // Files answer the first ioctl with ENOTTY, through the real system call.
    let opened = Device::open(&system, &dev.join("video2"));
    if matches!(&opened, Err(V4l2Error::System { error, .. }) if error.raw_os_error() == Some(libc::ENOSYS)) {
        eprintln!("SKIPPED the rest of the_real_system_reads_dev_and_sysfs: qemu-user passes no ioctl of V4L2 on");
        return;
    }
    assert!(matches!(opened, Err(V4l2Error::NotVideo)));
    assert!(matches!(Device::open(&system, &dev.join("video3")), Err(V4l2Error::Missing)));
    assert!(matches!(Device::open(&system, &dev), Err(V4l2Error::NotVideo)));
    assert!(list(&system).unwrap().is_empty());
}
