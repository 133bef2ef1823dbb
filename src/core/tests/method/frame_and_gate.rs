//! Frame geometry, domain table and gate, case by case.

use ushydra_core::{
    DomainError, DomainTable, FrameError, FrameGeometry, FrameView, Gate, MAX_DOMAINS, PixelFormat, ScalarStatistics,
    Verdict,
};

#[test]
fn geometry_limits() {
    struct Case {
        width: u32,
        height: u32,
        format: PixelFormat,
        expected: Result<usize, FrameError>,
    }
    let empty = |width, height| Err(FrameError::Empty { width, height });
    let cases = [
        Case { width: 1, height: 1, format: PixelFormat::Grey8, expected: Ok(1) },
        Case { width: 640, height: 480, format: PixelFormat::Rgb8, expected: Ok(921_600) },
        Case { width: 0, height: 480, format: PixelFormat::Grey8, expected: empty(0, 480) },
        Case { width: 640, height: 0, format: PixelFormat::Grey8, expected: empty(640, 0) },
        Case { width: 65_535, height: 65_537, format: PixelFormat::Grey8, expected: Ok(u32::MAX as usize) },
        Case {
            width: 65_536,
            height: 65_536,
            format: PixelFormat::Grey8,
            expected: Err(FrameError::TooLarge { width: 65_536, height: 65_536 }),
        },
        Case {
            width: u32::MAX,
            height: u32::MAX,
            format: PixelFormat::Rgb8,
            expected: Err(FrameError::TooLarge { width: u32::MAX, height: u32::MAX }),
        },
    ];
    for case in cases {
        let found = FrameGeometry::new(case.width, case.height, case.format).map(FrameGeometry::bytes);
        assert_eq!(found, case.expected, "{}x{} {:?}", case.width, case.height, case.format);
    }
}

#[test]
fn a_view_needs_data_that_fits_a_possible_geometry() {
    let geometry = FrameGeometry::new(2, 2, PixelFormat::Rgb8).unwrap();
    assert!(FrameView::new(geometry, &[0; 12]).is_ok());
    assert_eq!(FrameView::new(geometry, &[0; 11]).unwrap_err(), FrameError::Length { expected: 12, found: 11 });
    let by_hand = FrameGeometry { width: 0, height: 5, format: PixelFormat::Grey8 };
    assert_eq!(FrameView::new(by_hand, &[]).unwrap_err(), FrameError::Empty { width: 0, height: 5 });
}

#[test]
fn the_domain_table_refuses_what_it_cannot_keep_apart() {
    struct Case {
        name: &'static str,
        statistics: ScalarStatistics,
        expected: Result<(), DomainError>,
    }
    let fine = ScalarStatistics { mean: -0.6, std: 0.4, released_std: 0.3 };
    let long = "a domain name of thirty-two bytes";
    let cases = [
        Case { name: "low", statistics: fine, expected: Ok(()) },
        Case { name: "low", statistics: fine, expected: Err(DomainError::Duplicate { index: 1 }) },
        Case { name: "", statistics: fine, expected: Err(DomainError::Name { index: 1 }) },
        Case { name: long, statistics: fine, expected: Err(DomainError::Name { index: 1 }) },
        Case { name: &long[..32], statistics: fine, expected: Ok(()) },
        Case {
            name: "high",
            statistics: ScalarStatistics { released_std: f64::NAN, ..fine },
            expected: Err(DomainError::NotFinite { index: 2 }),
        },
    ];
    let mut table = DomainTable::new();
    for case in cases {
        assert_eq!(table.push(case.name, case.statistics), case.expected, "{:?}", case.name);
    }
    assert_eq!((table.len(), table.index_of("low"), table.name(2)), (2, Some(0), None));
    for index in table.len()..MAX_DOMAINS {
        table.push(&format!("d{index}"), fine).unwrap();
    }
    assert_eq!(table.push("one more", fine), Err(DomainError::Full));
    assert_eq!((table.len(), table.statistics().len()), (MAX_DOMAINS, MAX_DOMAINS));
}

#[test]
fn the_gate_withholds_what_must_not_be_shown() {
    struct Case {
        in_domain: bool,
        probability: f64,
        age_ms: u64,
        expected: Verdict,
    }
    let gate = Gate { min_probability: 0.6, max_age_ms: 500 };
    let cases = [
        Case { in_domain: true, probability: 0.6, age_ms: 500, expected: Verdict::Show },
        Case { in_domain: true, probability: 0.599, age_ms: 0, expected: Verdict::Unsure },
        Case { in_domain: true, probability: f64::NAN, age_ms: 0, expected: Verdict::Unsure },
        Case { in_domain: false, probability: 0.99, age_ms: 0, expected: Verdict::OutOfDomain },
        Case { in_domain: false, probability: 0.1, age_ms: 501, expected: Verdict::Stale },
        Case { in_domain: true, probability: 0.99, age_ms: u64::MAX, expected: Verdict::Stale },
    ];
    for case in cases {
        let verdict = gate.judge(case.in_domain, case.probability, case.age_ms);
        assert_eq!(verdict, case.expected);
        assert_eq!(verdict.abstained(), case.expected != Verdict::Show);
    }
}
