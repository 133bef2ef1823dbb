//! The fan rule on drawn screens, on the demo cine and on random frames.

use std::path::PathBuf;

use proptest::prelude::*;
use ushydra_bundle::fan::FanFinder;
use ushydra_bundle::{Crop, CropFinder, Rect};
use ushydra_core::{FrameGeometry, FrameView, PixelFormat};

/// Ships with the project.
const DEMO: &str = "../../models/demo/sonosite-a4c.dcm";

/// A grey canvas.
struct Screen {
    width: u32,
    height: u32,
    samples: Vec<u8>,
}

impl Screen {
    fn new(width: u32, height: u32, level: u8) -> Self {
        Self { width, height, samples: vec![level; width as usize * height as usize] }
    }

    /// Sets every pixel for which `level` gives one.
    fn draw(mut self, level: impl Fn(u32, u32) -> Option<u8>) -> Self {
        for y in 0..self.height {
            for x in 0..self.width {
                if let Some(level) = level(x, y) {
                    self.samples[(y * self.width + x) as usize] = level;
                }
            }
        }
        self
    }

    fn panel(self, level: u8, rect: Rect) -> Self {
        self.draw(|x, y| holds(rect, x, y).then_some(level))
    }

    /// Speckle of 10 to 73 grey levels.
    fn tissue(self, inside: impl Fn(u32, u32) -> bool) -> Self {
        self.draw(|x, y| inside(x, y).then(|| 10 + speckle(x, y) % 64))
    }

    fn tissue_box(self, rect: Rect) -> Self {
        self.tissue(|x, y| holds(rect, x, y))
    }

    /// Letters of 6 x 9 pixels with strokes of two pixels.
    fn text(self, rect: Rect) -> Self {
        self.draw(|x, y| {
            let stroke = x % 8 < 2 || (x % 8 < 6 && y % 12 < 2);
            (holds(rect, x, y) && y % 12 < 9 && stroke).then_some(240)
        })
    }

    /// A toolbar above, below, left and right with labels, a grey wedge and a trace, as scanners have them.
    fn interface(self) -> Self {
        let (w, h) = (self.width, self.height);
        let trace = move |x: u32, y: u32| (x > w / 5 && x < w - w / 8 && y == h - h / 7 - x % 9 / 3).then_some(200);
        self.panel(58, rect(0, 0, w, h / 11))
            .panel(58, rect(0, h - h / 11, w, h / 11))
            .panel(40, rect(0, 0, w / 20, h))
            .panel(80, rect(w - w / 20, 0, w / 20, h))
            .text(rect(w / 4, 10, w / 5, 9))
            .text(rect(w / 2, h - 40, w / 6, 9))
            .text(rect(4, h / 3, w / 24, 9))
            .draw(|x, y| holds(rect(w / 7, h / 8, w / 80, h / 4), x, y).then(|| 255 - (y - h / 8) as u8))
            .draw(trace)
    }

    fn grey(&self) -> (Rect, Vec<bool>) {
        find(self.width, self.height, PixelFormat::Grey8, &self.samples)
    }

    fn rgb(&self) -> (Rect, Vec<bool>) {
        let samples: Vec<u8> = self.samples.iter().flat_map(|&v| [v; 3]).collect();
        find(self.width, self.height, PixelFormat::Rgb8, &samples)
    }
}

fn find(width: u32, height: u32, format: PixelFormat, samples: &[u8]) -> (Rect, Vec<bool>) {
    let view = FrameView::new(FrameGeometry::new(width, height, format).unwrap(), samples).unwrap();
    let mut finder = FanFinder::new();
    let found = finder.find(view);
    (found, kept(width, height, finder.patches()))
}

/// Kept pixels; no pixel is kept twice.
fn kept(width: u32, height: u32, patches: impl Iterator<Item = Rect>) -> Vec<bool> {
    let mut kept = vec![false; width as usize * height as usize];
    for patch in patches {
        for y in patch.y..patch.y + patch.height {
            for x in patch.x..patch.x + patch.width {
                assert!(!std::mem::replace(&mut kept[(y * width + x) as usize], true));
            }
        }
    }
    kept
}

const fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
    Rect { x, y, width, height }
}

fn holds(rect: Rect, x: u32, y: u32) -> bool {
    (rect.x..rect.x + rect.width).contains(&x) && (rect.y..rect.y + rect.height).contains(&y)
}

/// A hash of the place.
fn speckle(x: u32, y: u32) -> u8 {
    let mixed = (u64::from(x) << 32 | u64::from(y)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56) as u8
}

/// A fan of 45 degrees to both sides with its tip at (`x`, `y`).
fn fan(tip: (u32, u32), radius: i64) -> impl Fn(u32, u32) -> bool + Copy {
    move |x, y| {
        let (dx, dy) = (i64::from(x) - i64::from(tip.0), i64::from(y) - i64::from(tip.1));
        dy > 0 && dx.abs() <= dy && dx * dx + dy * dy < radius * radius
    }
}

#[test]
fn drawn_screens() {
    struct Case {
        what: &'static str,
        screen: Screen,
        expected: Rect,
    }
    let black = || Screen::new(640, 480, 0);
    let boxed = || black().tissue_box(rect(160, 40, 300, 400));
    let sector = fan((640, 86), 520);
    let chamber = |x: u32, y: u32| (x.abs_diff(480) as f32).hypot(y.abs_diff(260) as f32) < 60.0;
    let cases = [
        Case { what: "black", screen: black(), expected: rect(0, 0, 640, 480) },
        Case { what: "white", screen: Screen::new(640, 480, 255), expected: rect(0, 0, 640, 480) },
        Case { what: "one pixel", screen: Screen::new(1, 1, 90), expected: rect(0, 0, 1, 1) },
        Case { what: "one column", screen: Screen::new(1, 700, 0).tissue(|_, _| true), expected: rect(0, 0, 1, 700) },
        Case { what: "one line", screen: Screen::new(700, 1, 0).tissue(|_, _| true), expected: rect(0, 0, 700, 1) },
        Case {
            what: "faint noise",
            screen: black().draw(|x, y| Some(speckle(x, y) % 4)),
            expected: rect(0, 0, 640, 480),
        },
        Case {
            what: "tissue all over",
            screen: Screen::new(112, 112, 0).tissue(|_, _| true),
            expected: rect(0, 0, 112, 112),
        },
        Case {
            what: "tissue all over, with a last line and column of their own",
            screen: Screen::new(641, 481, 0).tissue(|_, _| true),
            expected: rect(0, 0, 641, 481),
        },
        Case { what: "a linear probe", screen: boxed(), expected: rect(160, 40, 300, 400) },
        Case {
            what: "text above and a bright bar aside",
            screen: boxed().text(rect(20, 18, 500, 9)).panel(200, rect(540, 100, 60, 250)),
            expected: rect(160, 40, 300, 400),
        },
        Case {
            what: "a small patch",
            screen: black().tissue_box(rect(200, 200, 100, 80)),
            expected: rect(0, 0, 640, 480),
        },
        Case {
            what: "a shadow that divides the sector",
            screen: boxed().panel(0, rect(160, 200, 300, 60)),
            expected: rect(160, 40, 300, 400),
        },
        Case {
            what: "a textured bar of an interface below the sector",
            screen: boxed().tissue_box(rect(60, 450, 520, 20)),
            expected: rect(160, 40, 300, 400),
        },
        Case {
            what: "an interface without a sector",
            screen: Screen::new(1280, 720, 0).interface(),
            expected: rect(0, 0, 1280, 720),
        },
        Case {
            what: "an interface around a fan",
            screen: Screen::new(1280, 720, 0).interface().tissue(sector),
            expected: rect(280, 80, 720, 540),
        },
        Case {
            what: "the same with a dark chamber that reaches over the fan's straight edge",
            screen: Screen::new(1280, 720, 0).interface().tissue(|x, y| sector(x, y) && !chamber(x, y)),
            expected: rect(280, 80, 720, 540),
        },
    ];
    for case in cases {
        let grey = case.screen.grey();
        assert_eq!(grey.0, case.expected, "{}", case.what);
        assert!(grey == case.screen.rgb(), "{} in colour", case.what);
    }
}

#[test]
fn a_fan_is_kept_and_the_interface_is_masked() {
    let sector = fan((640, 86), 520);
    let (_, kept) = Screen::new(1280, 720, 0).interface().tissue(sector).grey();
    let (mut inside, mut missing, mut spare) = (0_u32, 0_u32, 0_u32);
    for y in 0..720 {
        for x in 0..1280 {
            let kept = kept[(y * 1280 + x) as usize];
            inside += u32::from(sector(x, y));
            missing += u32::from(sector(x, y) && !kept);
            spare += u32::from(!sector(x, y) && kept);
            assert!(!kept || (66..655).contains(&y), "toolbar at {x}, {y}");
        }
    }
    assert!(missing * 200 < inside, "{missing} of {inside} pixels of the fan are masked");
    assert!(spare * 8 < inside, "{spare} pixels beside the fan's {inside} are kept");
}

/// Thin walls of a chamber above bright tissue: a sector of which little is seen.
#[test]
fn thin_walls_in_a_dark_sector_are_part_of_it() {
    let sector = fan((640, 86), 520);
    let wall = |x: u32, y: u32| (220..420).contains(&y) && (x.abs_diff(560) < 14 || x.abs_diff(700) < 14);
    let seen = move |x: u32, y: u32| wall(x, y) || (sector(x, y) && y > 480);
    let (_, kept) = Screen::new(1280, 720, 0).interface().tissue(seen).grey();
    for (y, x) in (240..400).flat_map(|y| [(y, 560), (y, 630), (y, 700)]) {
        assert!(kept[y * 1280 + x], "the chamber at {x}, {y} is masked");
    }
    assert!((0..66 * 1280).all(|at| !kept[at]), "toolbar");
}

/// The tissue of the demo cine lies in every frame's crop, the interface in none, and the crop moves by two cells at most.
#[test]
fn the_demo_cine() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(DEMO);
    let file = std::fs::read(path).unwrap();
    let mut finder = CropFinder::new(Crop::Fan);
    let mut crops: Vec<[u32; 4]> = Vec::new();
    let geometry = FrameGeometry::new(320, 240, PixelFormat::Rgb8).unwrap();
    // Every frame is a JPEG picture, which begins with this marker.
    for start in (0..file.len()).filter(|&at| file[at..].starts_with(&[0xff, 0xd8, 0xff])) {
        let frame = jpeg_decoder::Decoder::new(&file[start..]).decode().unwrap();
        let view = FrameView::new(geometry, &frame).unwrap();
        let crop = finder.find(view);
        crops.push([crop.x, crop.y, crop.x + crop.width, crop.y + crop.height]);
        let kept = kept(320, 240, finder.patches());
        // The scanner's own lines: sector between 12 and 206, texts to the left, to the right and below.
        let bright = |x: u32, y: u32| frame[3 * (y * 320 + x) as usize] >= 16;
        let tissue: Vec<bool> = (24..200)
            .flat_map(|y| (50..260).map(move |x| (x, y)))
            .filter(|&(x, y)| bright(x, y))
            .map(|(x, y)| kept[(y * 320 + x) as usize])
            .collect();
        let missing = tissue.iter().filter(|&&kept| !kept).count();
        assert!(missing * 1000 < tissue.len(), "frame {}: {missing} of {} masked", crops.len(), tissue.len());
    }
    assert_eq!(crops.len(), 30);
    for (side, (least, most)) in [(70, 95), (15, 15), (230, 255), (205, 205)].into_iter().enumerate() {
        assert!(crops.iter().all(|crop| (least..=most).contains(&crop[side])), "side {side}: {crops:?}");
        assert!(crops.windows(2).all(|pair| pair[0][side].abs_diff(pair[1][side]) <= 10), "side {side}: {crops:?}");
    }
}

#[test]
fn a_finder_forgets_the_frame_before() {
    let screens = [
        Screen::new(640, 480, 0).tissue_box(rect(160, 40, 300, 400)),
        Screen::new(200, 100, 0).tissue_box(rect(40, 20, 100, 60)),
        Screen::new(640, 480, 0),
        Screen::new(640, 480, 0).tissue_box(rect(160, 40, 300, 400)),
    ];
    let mut finder = FanFinder::new();
    for screen in &screens {
        let geometry = FrameGeometry::new(screen.width, screen.height, PixelFormat::Grey8).unwrap();
        let found = finder.find(FrameView::new(geometry, &screen.samples).unwrap());
        assert!((found, kept(screen.width, screen.height, finder.patches())) == screen.grey());
    }
}

proptest! {
    /// Any frame gives a rectangle inside it that is the whole frame or at least a tenth of it, the patches lie in it and
    /// touch its four sides, and colour changes nothing.
    #[test]
    fn the_crop_is_plausible(
        width in 1_u32..300,
        height in 1_u32..300,
        boxes in prop::collection::vec((0_u32..300, 0_u32..300, 1_u32..200, 1_u32..200, any::<Option<u8>>()), 0..6),
    ) {
        let mut screen = Screen::new(width, height, 0);
        for (x, y, w, h, level) in boxes {
            screen = match level {
                Some(level) => screen.panel(level, rect(x, y, w, h)),
                None => screen.tissue_box(rect(x, y, w, h)),
            };
        }
        let (found, kept) = screen.grey();
        prop_assert!((found, kept.clone()) == screen.rgb());
        prop_assert!(found.x + found.width <= width && found.y + found.height <= height);
        prop_assert!(found.area() * 10 >= u64::from(width) * u64::from(height));
        let places: Vec<(u32, u32)> =
            (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).filter(|&(x, y)| kept[(y * width + x) as usize]).collect();
        prop_assert!(places.iter().all(|&(x, y)| holds(found, x, y)));
        prop_assert!(places.iter().any(|&(x, _)| x == found.x));
        prop_assert!(places.iter().any(|&(x, _)| x == found.x + found.width - 1));
        prop_assert!(places.iter().any(|&(_, y)| y == found.y));
        prop_assert!(places.iter().any(|&(_, y)| y == found.y + found.height - 1));
    }
}
