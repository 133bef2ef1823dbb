//! Numbers of `linux/videodev2.h`, as a C compiler prints them on x86-64 and arm64.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use ushydra_v4l2::{FourCc, Fraction, abi};

#[test]
fn ioctl_numbers_are_those_of_the_kernel() {
    for (name, ours, kernel) in [
        ("VIDIOC_QUERYCAP", abi::QUERYCAP, 0x8068_5600),
        ("VIDIOC_ENUM_FMT", abi::ENUM_FMT, 0xc040_5602),
        ("VIDIOC_G_FMT", abi::G_FMT, 0xc0d0_5604),
        ("VIDIOC_S_FMT", abi::S_FMT, 0xc0d0_5605),
        ("VIDIOC_REQBUFS", abi::REQBUFS, 0xc014_5608),
        ("VIDIOC_QUERYBUF", abi::QUERYBUF, 0xc058_5609),
        ("VIDIOC_QBUF", abi::QBUF, 0xc058_560f),
        ("VIDIOC_DQBUF", abi::DQBUF, 0xc058_5611),
        ("VIDIOC_STREAMON", abi::STREAMON, 0x4004_5612),
        ("VIDIOC_STREAMOFF", abi::STREAMOFF, 0x4004_5613),
        ("VIDIOC_S_PARM", abi::S_PARM, 0xc0cc_5616),
        ("VIDIOC_ENUM_FRAMESIZES", abi::ENUM_FRAMESIZES, 0xc02c_564a),
        ("VIDIOC_ENUM_FRAMEINTERVALS", abi::ENUM_FRAMEINTERVALS, 0xc034_564b),
    ] {
        assert_eq!(ours, kernel, "{name}: {ours:#010x}");
    }
}

#[test]
fn four_characters_are_printed_without_harm() {
    for (fourcc, text, code) in [
        (FourCc::GREY, "GREY", 0x5945_5247),
        (FourCc(*b"Y8  "), "Y8", 0x2020_3859),
        (FourCc(*b"\x1b[2J"), "\\x1b[2J", 0x4a32_5b1b),
        (FourCc([0; 4]), "\\x00\\x00\\x00\\x00", 0),
    ] {
        assert_eq!((fourcc.to_string().as_str(), fourcc.code()), (text, code));
        assert_eq!(FourCc::from_code(code), fourcc);
    }
}

#[test]
fn rates_become_intervals() {
    for (rate, denominator) in [(30.0, 30_000), (29.97, 29_970), (0.5, 500), (1e6, 1_000_000_000)] {
        let interval = Fraction::from_rate(rate).unwrap();
        assert_eq!((interval.numerator, interval.denominator), (1000, denominator));
        assert!((interval.rate() - rate).abs() <= rate * 1e-5);
    }
    for rate in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-6, 1e9] {
        assert_eq!(Fraction::from_rate(rate), None, "{rate}");
    }
    let open = Fraction { numerator: 0, denominator: 0 };
    assert_eq!((open.rate(), open.interval()), (0.0, None));
}
