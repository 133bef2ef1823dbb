//! The sector rule on drawn frames.

use proptest::prelude::*;
use ushydra_bundle::Rect;
use ushydra_bundle::crop::SectorFinder;
use ushydra_core::{FrameGeometry, FrameView, PixelFormat};

/// A grey canvas.
struct Canvas {
    width: u32,
    height: u32,
    samples: Vec<u8>,
}

impl Canvas {
    fn new(width: u32, height: u32, level: u8) -> Self {
        Self { width, height, samples: vec![level; width as usize * height as usize] }
    }

    /// Fills every pixel for which `inside` holds.
    fn draw(mut self, level: u8, inside: impl Fn(u32, u32) -> bool) -> Self {
        for y in 0..self.height {
            for x in 0..self.width {
                if inside(x, y) {
                    self.samples[(y * self.width + x) as usize] = level;
                }
            }
        }
        self
    }

    fn rect(self, level: u8, rect: Rect) -> Self {
        self.draw(level, |x, y| {
            (rect.x..rect.x + rect.width).contains(&x) && (rect.y..rect.y + rect.height).contains(&y)
        })
    }

    fn grey(&self) -> Rect {
        find(self.width, self.height, PixelFormat::Grey8, &self.samples)
    }

    fn rgb(&self) -> Rect {
        let samples: Vec<u8> = self.samples.iter().flat_map(|&v| [v; 3]).collect();
        find(self.width, self.height, PixelFormat::Rgb8, &samples)
    }
}

fn find(width: u32, height: u32, format: PixelFormat, samples: &[u8]) -> Rect {
    let geometry = FrameGeometry::new(width, height, format).unwrap();
    SectorFinder::new().find(FrameView::new(geometry, samples).unwrap())
}

const fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
    Rect { x, y, width, height }
}

#[test]
fn drawn_frames() {
    struct Case {
        what: &'static str,
        canvas: Canvas,
        expected: Rect,
    }
    let black = || Canvas::new(640, 480, 0);
    let box_only = || black().rect(60, rect(160, 40, 300, 400));
    // A fan from the top centre: 45 degrees to both sides, radius 400.
    let fan = |x: u32, y: u32| {
        let (dx, dy) = (i64::from(x) - 320, i64::from(y) - 20);
        dy > 0 && dx.abs() <= dy && dx * dx + dy * dy < 400 * 400
    };
    let cases = [
        Case { what: "all black", canvas: black(), expected: rect(0, 0, 640, 480) },
        Case { what: "all white", canvas: Canvas::new(640, 480, 255), expected: rect(0, 0, 640, 480) },
        Case { what: "darker than a lit cell", canvas: Canvas::new(640, 480, 3), expected: rect(0, 0, 640, 480) },
        Case { what: "one pixel", canvas: Canvas::new(1, 1, 90), expected: rect(0, 0, 1, 1) },
        Case { what: "one column", canvas: Canvas::new(1, 700, 90), expected: rect(0, 0, 1, 700) },
        Case { what: "a bright box", canvas: box_only(), expected: rect(160, 40, 300, 400) },
        Case {
            what: "a box with a line of text above and a grey bar at the right",
            canvas: box_only().rect(255, rect(20, 18, 500, 8)).rect(200, rect(600, 100, 10, 250)),
            expected: rect(160, 40, 300, 400),
        },
        Case {
            what: "text that lights the two outermost rows of cells, which is too much like tissue",
            canvas: box_only().rect(255, rect(20, 8, 500, 8)),
            expected: rect(160, 0, 300, 440),
        },
        Case {
            what: "a box joined to the frame's edge by a caliper line",
            canvas: box_only().rect(255, rect(460, 200, 180, 2)),
            expected: rect(160, 40, 300, 400),
        },
        Case {
            what: "a small lit patch",
            canvas: black().rect(80, rect(200, 200, 100, 80)),
            expected: rect(0, 0, 640, 480),
        },
        Case {
            what: "two views side by side",
            canvas: black().rect(60, rect(40, 60, 250, 360)).rect(60, rect(350, 60, 250, 360)),
            expected: rect(40, 60, 560, 360),
        },
        // Tip and corners are thinner than three cells.
        Case { what: "a fan", canvas: black().draw(50, fan), expected: rect(50, 40, 540, 380) },
    ];
    for case in cases {
        assert_eq!(case.canvas.grey(), case.expected, "{}", case.what);
        assert_eq!(case.canvas.rgb(), case.expected, "{} in colour", case.what);
    }
}

#[test]
fn a_finder_forgets_the_frame_before() {
    let first = Canvas::new(640, 480, 0).rect(60, rect(160, 40, 300, 400));
    let second = Canvas::new(200, 100, 0).rect(60, rect(40, 20, 100, 60));
    let view = |canvas: &Canvas| {
        let geometry = FrameGeometry::new(canvas.width, canvas.height, PixelFormat::Grey8).unwrap();
        (geometry, canvas.samples.clone())
    };
    let mut finder = SectorFinder::new();
    let mut found = Vec::new();
    for canvas in [&first, &second, &first] {
        let (geometry, samples) = view(canvas);
        found.push(finder.find(FrameView::new(geometry, &samples).unwrap()));
    }
    assert_eq!(found, [first.grey(), second.grey(), first.grey()]);
}

proptest! {
    /// Any frame gives a rectangle inside it that is the whole frame or at least a tenth of it.
    #[test]
    fn the_rectangle_is_plausible(
        width in 1_u32..300,
        height in 1_u32..300,
        colour in any::<bool>(),
        boxes in prop::collection::vec((0_u32..300, 0_u32..300, 1_u32..200, 1_u32..200, any::<u8>()), 0..6),
    ) {
        let mut canvas = Canvas::new(width, height, 0);
        for (x, y, w, h, level) in boxes {
            canvas = canvas.rect(level, rect(x, y, w, h));
        }
        let found = if colour { canvas.rgb() } else { canvas.grey() };
        prop_assert!(found.width > 0 && found.height > 0);
        prop_assert!(found.x + found.width <= width && found.y + found.height <= height);
        prop_assert!(found.area() * 10 >= u64::from(width) * u64::from(height));
    }
}
