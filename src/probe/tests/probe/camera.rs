//! Settings of cameras, and cameras of a machine that may have none.

use proptest::prelude::*;
use std::time::Duration;
use ushydra_probe::{CameraFormat, CameraSettings, Frame, LiveChoice, Next, Range, Rect};

#[test]
fn settings_parse_and_print_back() {
    for text in [
        "/dev/video0",
        "/dev/v4l/by-id/usb-Scanner_A1-video-index0",
        "/dev/video2?format=mjpeg&size=1280x720&rate=30&crop=100,50,800,600",
        "/dev/video2?format=grey",
        "/dev/video2?rate=29.97&range=limited",
        "relative path",
    ] {
        assert_eq!(text.parse::<CameraSettings>().unwrap().to_string(), text);
    }
    let settings: CameraSettings = "/dev/video0?crop=1,2,3,4&format=yuyv&range=full&size=640x480".parse().unwrap();
    assert_eq!(settings.format, Some(CameraFormat::Yuyv));
    assert_eq!(settings.crop, Some(Rect { x: 1, y: 2, width: 3, height: 4 }));
    assert_eq!((settings.size, settings.range, settings.rate), (Some((640, 480)), Some(Range::Full), None));
    for text in [
        "",
        "?format=grey",
        "/dev/video0?format=png",
        "/dev/video0?format",
        "/dev/video0?size=640",
        "/dev/video0?size=0x480",
        "/dev/video0?size=640x70000",
        "/dev/video0?size=+640x480",
        "/dev/video0?rate=0",
        "/dev/video0?rate=nan",
        "/dev/video0?rate=1e9",
        "/dev/video0?crop=1,2,3",
        "/dev/video0?crop=1,2,3,4,5",
        "/dev/video0?crop=1,2,0,4",
        "/dev/video0?crop=-1,2,3,4",
        "/dev/video0?range=half",
        "/dev/video0?gain=3",
    ] {
        let message = text.parse::<CameraSettings>().unwrap_err();
        assert!(message.contains("use v4l:/dev/videoN"), "{text}: {message}");
    }
}

#[test]
fn rectangles_lie_in_the_picture_or_not() {
    for (text, fits) in [
        ([0, 0, 640, 480], true),
        ([639, 479, 1, 1], true),
        ([1, 0, 640, 480], false),
        ([0, 1, 1, 480], false),
        ([u32::MAX, 0, 2, 1], false),
        ([0, u32::MAX, 1, u32::MAX], false),
    ] {
        let [x, y, width, height] = text;
        assert_eq!(Rect { x, y, width, height }.fits(640, 480), fits, "{text:?}");
    }
}

#[test]
fn a_camera_that_is_not_there_is_waited_for() {
    let choice: LiveChoice = "v4l:/dev/there-is-no-such-camera".parse().unwrap();
    let mut source = choice.open();
    let mut frame = Frame::new();
    assert_eq!(source.next(&mut frame, Duration::from_millis(20)).unwrap(), Next::Lost);
    assert!(source.is_live() && source.describe().contains("there-is-no-such-camera"));
}

proptest! {
    #[test]
    fn all_settings_print_back(
        format in prop::option::of(0_usize..3),
        size in prop::option::of((1_u32..65_536, 1_u32..65_536)),
        rate in prop::option::of(0.1_f32..1000.0),
        crop in prop::option::of((any::<u32>(), any::<u32>(), 1_u32..65_536, 1_u32..65_536)),
        range in prop::option::of(any::<bool>()),
    ) {
        let mut settings = CameraSettings::new("/dev/video3");
        settings.format = format.map(|index| CameraFormat::ALL[index]);
        settings.size = size;
        settings.rate = rate;
        settings.crop = crop.map(|(x, y, width, height)| Rect { x, y, width, height });
        settings.range = range.map(|full| if full { Range::Full } else { Range::Limited });
        prop_assert_eq!(settings.to_string().parse::<CameraSettings>(), Ok(settings));
    }

    #[test]
    fn no_text_makes_settings_panic(text in "(/dev/video0)?\\?(format|size|rate|crop|range|&|=|,|x|[0-9.-]){0,12}") {
        let _ = text.parse::<CameraSettings>();
    }
}
