//! Which camera is taken, and which one is taken again.

use ushydra_v4l2::UsbPlace;

use super::*;

fn at(serial: Option<&str>, port: &str) -> Camera {
    let camera = Camera::default();
    let usb =
        camera.usb.clone().map(|usb| UsbPlace { serial: serial.map(str::to_owned), port: port.to_owned(), ..usb });
    Camera { usb, ..camera }
}

#[test]
fn the_same_camera_is_found_again_and_never_another_one() {
    struct Case {
        name: &'static str,
        first: Camera,
        then: Vec<(&'static str, Camera)>,
        expected: Result<Option<&'static str>, &'static str>,
    }
    let serial = || at(Some("A1"), "1-1");
    let plain = || at(None, "1-1");
    let other = || at(Some("B2"), "1-1");
    let no_sysfs = |bus: &str| Camera { usb: None, bus: bus.to_owned(), ..Camera::default() };
    for case in [
        Case { name: "same node", first: serial(), then: vec![(NODE, serial())], expected: Ok(Some(NODE)) },
        Case {
            name: "another number, and another camera at the old one",
            first: serial(),
            then: vec![(NODE, other()), ("/dev/video4", serial())],
            expected: Ok(Some("/dev/video4")),
        },
        Case { name: "only another one", first: serial(), then: vec![(NODE, other())], expected: Ok(None) },
        Case {
            name: "another port",
            first: serial(),
            then: vec![("/dev/video1", at(Some("A1"), "2-3"))],
            expected: Ok(Some("/dev/video1")),
        },
        Case {
            name: "two with one serial number, elsewhere",
            first: serial(),
            then: vec![("/dev/video1", at(Some("A1"), "2-3")), ("/dev/video2", at(Some("A1"), "2-4"))],
            expected: Err("serial number of another"),
        },
        Case {
            name: "two with one serial number, one in place",
            first: serial(),
            then: vec![("/dev/video1", at(Some("A1"), "2-3")), ("/dev/video2", serial())],
            expected: Ok(Some("/dev/video2")),
        },
        Case {
            name: "no serial, in place",
            first: plain(),
            then: vec![("/dev/video7", plain())],
            expected: Ok(Some("/dev/video7")),
        },
        Case {
            name: "no serial, elsewhere",
            first: plain(),
            then: vec![(NODE, at(None, "1-2"))],
            expected: Err("no serial number"),
        },
        Case { name: "none", first: serial(), then: vec![], expected: Ok(None) },
        Case {
            name: "without sysfs, same bus",
            first: no_sysfs("usb-1"),
            then: vec![(NODE, no_sysfs("usb-2")), ("/dev/video1", no_sysfs("usb-1"))],
            expected: Ok(Some("/dev/video1")),
        },
        Case {
            name: "without sysfs, other bus",
            first: no_sysfs("usb-1"),
            then: vec![(NODE, no_sysfs("usb-2"))],
            expected: Ok(None),
        },
    ] {
        let fake = Fake::new();
        fake.plug(NODE, case.first);
        let mut driver = driver(&fake, NODE);
        drop(driver.open().unwrap().unwrap());
        fake.unplug(NODE);
        assert!(driver.open().unwrap().is_none(), "{}", case.name);
        for (path, camera) in case.then {
            fake.plug(path, camera);
        }
        match (driver.open(), case.expected) {
            (Ok(Some(session)), Ok(Some(path))) => {
                assert!(session.describe().contains(&format!("at {path}:")), "{}: {}", case.name, session.describe());
            }
            (Ok(None), Ok(None)) => {}
            (Err(fault), Err(part)) => {
                assert!(fault.to_string().contains(part), "{}: {fault}", case.name);
                // Said once; then the camera is waited for.
                assert!(driver.open().unwrap().is_none(), "{}", case.name);
            }
            (found, expected) => {
                panic!("{}: {:?}, not {expected:?}", case.name, found.map(|s| s.map(|s| s.describe())))
            }
        }
        assert_eq!(fake.counts(), Counts::default(), "{}", case.name);
    }
}

#[test]
fn a_camera_is_opened_by_a_link_and_waited_for() {
    let fake = Fake::new();
    fake.link("/dev/v4l/by-id/scanner", NODE);
    let mut driver = driver(&fake, "/dev/v4l/by-id/scanner");
    assert!(driver.open().unwrap().is_none());
    fake.plug(NODE, Camera::default());
    assert_eq!(&*driver.open().unwrap().unwrap().name(), "v4l:/dev/v4l/by-id/scanner");
    fake.close(NODE, Some(13));
    let fault = driver.open().err().unwrap();
    assert!(matches!(&fault, Fault::Permission { device } if device == NODE), "{fault}");
    assert!(fault.to_string().contains("udev"), "{fault}");
    fake.close(NODE, None);
    assert!(driver.open().unwrap().is_some());
    fake.fail(NODE, abi::S_FMT, &[16]);
    assert!(matches!(driver.open(), Err(Fault::Busy { .. })));
    // Pulled out while it was opened.
    fake.fail(NODE, abi::STREAMON, &[19]);
    assert!(driver.open().unwrap().is_none());
    assert_eq!(fake.counts(), Counts::default());
}

#[test]
fn candidates_say_what_they_have_and_what_they_lack() {
    let fake = Fake::new();
    assert!(first_of(&fake).unwrap().is_none());
    fake.plug("/dev/video0", Camera::default());
    fake.close("/dev/video0", Some(13));
    assert!(matches!(first_of(&fake), Err(Fault::Permission { .. })));
    let raw = Offer { fourcc: FourCc(*b"RG10"), sizes: vec![((640, 480), vec![30])] };
    fake.plug("/dev/video1", Camera { offers: vec![raw], ..Camera::default() });
    fake.plug("/dev/video2", Camera::default());
    assert_eq!(first_of(&fake).unwrap().unwrap().to_string(), "/dev/video2");
    let found: Vec<_> = ushydra_v4l2::list(&fake).unwrap().into_iter().map(candidate).collect();
    let problems: Vec<_> = found.iter().map(|found| found.problem.as_deref().unwrap_or("")).collect();
    assert!(problems[0].contains("permission denied for /dev/video0"), "{problems:?}");
    assert!(problems[1].contains("RG10 640x480 up to 30 Hz"), "{problems:?}");
    assert!(problems[2].is_empty(), "{problems:?}");
    assert_eq!(found[2].formats[0], "YUYV 8x4 up to 30 Hz");
    assert_eq!((found[2].source.as_str(), found[2].speed.as_deref()), ("v4l:/dev/video2", Some("480 Mbit/s")));
}
