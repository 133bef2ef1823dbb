//! `ushydra infer` and `run` end to end on the segmenting miniatures: masks, measurements, spacing, overlays.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod common;

use std::path::{Path, PathBuf};

use common::Scene;
use image::GrayImage;
use serde_json::Value;
use ushydra_tests::miniature::Segmenting;
use ushydra_tests::pictures::{DISC, Disc, HIGH, LOW, stranger, with_disc};

/// A clear disc in a picture of 320 x 240 pixels.
const HEAD: Disc = Disc { centre: [170.0, 110.0], axes: [80.0, 60.0], brightness: DISC };
const SIZE: (u32, u32) = (320, 240);
/// The networks see 10 x 7.5 pixels as one, so a radius is right to about this many pixels.
const RADIUS_PX: f64 = 2.5;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn near(value: &Value, expected: f64, tolerance: f64) {
    let found = number(value);
    assert!((found - expected).abs() <= tolerance, "{found} instead of {expected} +- {tolerance}");
}

/// The order of fields is read from the text, because a parsed object may have another.
fn in_order(line: &str, fields: &[&str]) {
    let mut from = 0;
    for field in fields {
        let quoted = format!("\"{field}\":");
        let at = line[from..].find(&quoted).unwrap_or_else(|| panic!("{field} is missing or out of order in {line}"));
        from += at + quoted.len();
    }
}

/// The mask as a picture of 0 and 255 only.
fn mask(path: &Path) -> GrayImage {
    let mask = image::open(path).unwrap();
    assert_eq!(mask.color(), image::ColorType::L8);
    let mask = mask.to_luma8();
    assert!(mask.pixels().all(|p| p.0[0] == 0 || p.0[0] == 255));
    mask
}

#[test]
fn a_mask_has_the_record_of_the_contract() {
    let kind = Segmenting::HEAD;
    let scene = Scene::segmenting(&kind);
    let path = scene.save("a.png", &with_disc(SIZE, LOW, &HEAD, 1));
    let masks = scene.miniature.scratch().join("new/masks");
    let answer = scene.ushydra(arguments!["infer", "--json", "--masks", masks, path]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let records = answer.json();
    let [record] = &records[..] else { panic!("{}", answer.stdout) };
    assert_eq!(record["bundle"], kind.id());
    assert!(record.get("cine").is_none(), "a picture is no cine");
    assert_eq!((&record["routing"]["decoder"], &record["routing"]["in_domain"]), (&"low".into(), &true.into()));
    in_order(
        answer.stdout.trim_end(),
        &[
            "source",
            "frame",
            "bundle",
            "backend",
            "quality",
            "routing",
            "result",
            "kind",
            "area_px",
            "fraction",
            "ellipse",
            "cx",
            "cy",
            "a",
            "b",
            "angle_deg",
            "measurements",
            "mask",
            "label",
            "probability",
            "abstained",
            "timing_us",
            "decode_input",
            "preprocess",
            "encode",
            "route",
            "decode",
            "measure",
            "total",
        ],
    );
    let result = &record["result"];
    assert_eq!((&result["kind"], &result["label"]), (&"mask".into(), &"head".into()));
    assert_eq!(result["abstained"], false, "{result}");
    let [a, b] = HEAD.axes;
    near(&result["area_px"], std::f64::consts::PI * a * b, 0.05 * std::f64::consts::PI * a * b);
    near(&result["fraction"], number(&result["area_px"]) / f64::from(SIZE.0 * SIZE.1), 1e-9);
    let ellipse = &result["ellipse"];
    for (field, expected) in [("cx", HEAD.centre[0]), ("cy", HEAD.centre[1]), ("a", a), ("b", b)] {
        near(&ellipse[field], expected, RADIUS_PX);
    }
    near(&ellipse["angle_deg"], 0.0, 3.0);
    assert!(number(&result["probability"]) > 0.7);
    let written = PathBuf::from(result["mask"].as_str().unwrap());
    assert_eq!(written, masks.join("a.png"));
    let written = mask(&written);
    assert_eq!(written.dimensions(), SIZE);
    let inside = written.pixels().filter(|p| p.0[0] == 255).count();
    assert_eq!(result["area_px"], inside, "the picture of the mask and its area agree");
    let right = written.enumerate_pixels().filter(|(x, y, p)| HEAD.holds(*x, *y) == (p.0[0] == 255)).count();
    assert!(right as f64 > 0.98 * f64::from(SIZE.0 * SIZE.1), "{right} pixels are right");

    // Without --masks nothing is written and the field is null.
    let plain = scene.ushydra(arguments!["infer", "--json", path]).json();
    assert_eq!(plain[0]["result"]["mask"], Value::Null);
    assert_eq!(plain[0]["result"]["area_px"], result["area_px"]);
}

#[test]
fn the_answer_follows_the_picture() {
    struct Case {
        name: &'static str,
        picture: GrayImage,
        abstained: bool,
        empty: bool,
        in_domain: bool,
    }
    let dim = Disc { brightness: 0.6, ..HEAD };
    let none = Disc { axes: [1e-6, 1e-6], ..HEAD };
    let cases = [
        Case {
            name: "dark.png",
            picture: with_disc(SIZE, LOW, &HEAD, 1),
            abstained: false,
            empty: false,
            in_domain: true,
        },
        Case {
            name: "bright.png",
            picture: with_disc(SIZE, HIGH, &HEAD, 2),
            abstained: false,
            empty: false,
            in_domain: true,
        },
        Case {
            name: "dim.png",
            picture: with_disc(SIZE, LOW, &dim, 3),
            abstained: true,
            empty: false,
            in_domain: true,
        },
        Case {
            name: "none.png",
            picture: with_disc(SIZE, LOW, &none, 4),
            abstained: true,
            empty: true,
            in_domain: true,
        },
        Case { name: "stripes.png", picture: stranger(), abstained: true, empty: false, in_domain: false },
    ];
    let scene = Scene::segmenting(&Segmenting::HEAD);
    for case in &cases {
        scene.save(case.name, &case.picture);
    }
    let out = scene.miniature.scratch().join("out");
    let answer = scene.ushydra(arguments!["infer", "--json", "--masks", out, "--overlay", out, scene.pictures]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let records = answer.json();
    assert_eq!(records.len(), cases.len());
    for case in &cases {
        let record = records.iter().find(|r| r["source"].as_str().unwrap().ends_with(case.name)).unwrap();
        let result = &record["result"];
        assert_eq!(record["routing"]["in_domain"], case.in_domain, "{record}");
        assert_eq!(result["abstained"], case.abstained, "{}: {result}", case.name);
        assert_eq!(result["ellipse"].is_null(), case.empty, "{}: {result}", case.name);
        assert_eq!(result["area_px"] == 0, case.empty, "{}: {result}", case.name);
        assert_eq!(result["measurements"].as_object().unwrap().is_empty(), case.empty, "{}: {result}", case.name);
        let written = mask(Path::new(result["mask"].as_str().unwrap()));
        assert_eq!(written.dimensions(), case.picture.dimensions(), "a mask is written whatever the verdict");
        assert_eq!(result["area_px"], written.pixels().filter(|p| p.0[0] == 255).count());
    }
    let names: Vec<_> = std::fs::read_dir(&out).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(names.len(), 2 * cases.len(), "masks and overlays do not overwrite each other: {names:?}");
    let text = scene.ushydra(arguments!["infer", scene.pictures]).stdout;
    assert!(text.contains("outside the known domains") && text.contains("unsure"), "{text}");
    assert!(text.contains("HC") && text.contains("px"), "{text}");
}

#[test]
fn decoders_are_routed_as_for_a_classifier() {
    let scene = Scene::segmenting(&Segmenting::HEAD);
    let dark = scene.save("dark.png", &with_disc(SIZE, LOW, &HEAD, 1));
    let csv = scene.write("oracle.csv", b"file,domain\ndark.png,high\n");
    let probability = |routing: &str, decoder: &str| {
        let answer = scene.ushydra(arguments!["infer", "--json", dark, "--routing", routing]);
        assert_eq!(answer.code, 0, "{routing}: {}", answer.stderr);
        let record = &answer.json()[0];
        assert_eq!(record["routing"]["decoder"], decoder, "{routing}");
        number(&record["result"]["probability"])
    };
    let low = probability("vector", "low");
    assert_eq!(low, probability("fixed:low", "low"));
    let high = probability("fixed:high", "high");
    assert!(high > low, "the decoders differ in their gain: {low} and {high}");
    assert_eq!(high, probability(&format!("oracle:{}", csv.display()), "high"));
    for mode in ["paper", "released"] {
        assert_eq!(low, probability(mode, "low"), "{mode}");
    }
}

#[test]
fn millimetres_come_with_the_spacing() {
    let scene = Scene::segmenting(&Segmenting::HEAD);
    // Half axes of 80 and 60 pixels: a head of 104 x 78 mm at 0.65 mm per pixel.
    let a = scene.save("a.png", &with_disc(SIZE, LOW, &HEAD, 1));
    let b = scene.save("b.png", &with_disc(SIZE, LOW, &HEAD, 2));
    let csv = scene.write("spacing.csv", b"image,pixel_mm\npictures/a.png,0.65\nother.png,\n");
    let measurements = |extra: Vec<std::ffi::OsString>| {
        let answer = scene.ushydra([arguments!["infer", "--json", a, b], extra].concat());
        assert_eq!(answer.code, 0, "{}{}", answer.stdout, answer.stderr);
        let lines = answer.json();
        (lines[0]["result"]["measurements"].clone(), lines[1]["result"]["measurements"].clone())
    };
    let (none, _) = measurements(vec![]);
    near(&none["ofd_px"], 160.0, 2.0 * RADIUS_PX);
    near(&none["bpd_px"], 120.0, 2.0 * RADIUS_PX);
    assert!(none["hc_mm"].is_null() && none["ga_hadlock"].is_null(), "{none}");
    let (same, too) = measurements(arguments!["--spacing", "0.65"]);
    near(&same["ofd_mm"], 104.0, 2.0 * RADIUS_PX * 0.65);
    near(&same["bpd_mm"], 78.0, 2.0 * RADIUS_PX * 0.65);
    // Ramanujan: 52 and 39 mm.
    near(&same["hc_mm"], 287.3, 8.0);
    near(&too["hc_mm"], number(&same["hc_mm"]), 5.0);
    for age in ["ga_hadlock", "ga_intergrowth"] {
        let age = &same[age];
        let [weeks, low, high] = ["weeks", "low", "high"].map(|field| number(&age[field]));
        assert!(low < weeks && weeks < high && (28.0..36.0).contains(&weeks), "{age}");
    }
    let (stretched, _) = measurements(arguments!["--spacing", "0.325,0.65"]);
    near(&stretched["ofd_mm"], 78.0, 2.0 * RADIUS_PX * 0.65);
    near(&stretched["bpd_mm"], 52.0, 2.0 * RADIUS_PX * 0.65);
    let (listed, unlisted) = measurements(arguments!["--spacing-csv", csv]);
    assert_eq!(listed["hc_mm"], same["hc_mm"]);
    assert!(unlisted["hc_mm"].is_null() && unlisted["hc_px"].is_number());
    let (listed, common) = measurements(arguments!["--spacing-csv", csv, "--spacing", "0.5"]);
    assert_eq!(listed["hc_mm"], same["hc_mm"], "the csv wins");
    near(&common["ofd_mm"], 80.0, RADIUS_PX);
    // Outside the range of the curves no age is guessed.
    let (tiny, _) = measurements(arguments!["--spacing", "0.05"]);
    assert!(tiny["hc_mm"].is_number() && tiny["ga_hadlock"].is_null() && tiny["ga_intergrowth"].is_null(), "{tiny}");
}

#[test]
fn wrong_spacings_and_wrong_tasks_are_refused() {
    let scene = Scene::segmenting(&Segmenting::HEAD);
    let good = scene.save("a.png", &with_disc(SIZE, LOW, &HEAD, 1));
    let file = scene.write("file", b"");
    let column = scene.write("column.csv", b"file,mm\na.png,1\n");
    let value = scene.write("value.csv", b"file,pixel_mm\na.png,-1\n");
    struct Case {
        line: Vec<std::ffi::OsString>,
        code: i32,
        says: &'static str,
    }
    let cases = [
        Case { line: arguments!["infer", good, "--spacing", "0"], code: 2, says: "X,Y" },
        Case { line: arguments!["infer", good, "--spacing", "wide"], code: 2, says: "X,Y" },
        Case { line: arguments!["run", "--spacing", "1,2,3"], code: 2, says: "X,Y" },
        Case { line: arguments!["infer", good, "--spacing-csv", "absent.csv"], code: 3, says: "cannot be read" },
        Case { line: arguments!["infer", good, "--spacing-csv", column], code: 3, says: "pixel_mm" },
        Case { line: arguments!["infer", good, "--spacing-csv", value], code: 3, says: "row 1" },
        Case { line: arguments!["infer", good, "--masks", file], code: 2, says: "--masks" },
        Case { line: arguments!["run", "--loop", "--overlay", "out"], code: 2, says: "--loop" },
    ];
    for case in cases {
        let answer = scene.ushydra(&case.line);
        assert_eq!(answer.code, case.code, "{:?}: {}", case.line, answer.stderr);
        assert!(answer.stderr.contains(case.says), "{:?}: {}", case.line, answer.stderr);
        assert!(answer.stdout.is_empty(), "{:?}", case.line);
    }
    let masks = scene.miniature.scratch().join("none");
    let classifier = Scene::new();
    let answer = classifier.ushydra(arguments!["infer", good, "--masks", masks]);
    assert_eq!(answer.code, 2, "{}", answer.stderr);
    assert!(answer.stderr.contains("segmentation") && !masks.exists(), "{}", answer.stderr);
}

#[test]
fn pictures_of_every_size_get_a_mask_of_their_size() {
    let scene = Scene::segmenting(&Segmenting::VENTRICLE);
    let masks = scene.miniature.scratch().join("masks");
    for (width, height) in [(1, 1), (1, 50), (7, 2), (16, 12), (31, 33), (1000, 3)] {
        let disc = Disc {
            centre: [f64::from(width) / 2.0, f64::from(height) / 2.0],
            axes: [f64::from(width) / 3.0 + 0.5, f64::from(height) / 3.0 + 0.5],
            brightness: DISC,
        };
        let path = scene.save(&format!("{width}x{height}.png"), &with_disc((width, height), LOW, &disc, 1));
        let answer = scene.ushydra(arguments!["infer", "--json", "--masks", masks, "--overlay", masks, path]);
        assert_eq!(answer.code, 0, "{width}x{height}: {}{}", answer.stdout, answer.stderr);
        let result = &answer.json()[0]["result"];
        let written = mask(Path::new(result["mask"].as_str().unwrap()));
        assert_eq!(written.dimensions(), (width, height));
        assert_eq!(result["area_px"], written.pixels().filter(|p| p.0[0] == 255).count());
    }
}

#[test]
fn overlays_show_the_outline_and_withhold_what_is_not_known() {
    let scene = Scene::segmenting(&Segmenting::HEAD);
    scene.save("known.png", &with_disc(SIZE, LOW, &HEAD, 1));
    scene.save("stripes.png", &stranger());
    let out = scene.miniature.scratch().join("overlays");
    let answer = scene.ushydra(arguments!["infer", "--spacing", "0.65", "--overlay", out, scene.pictures]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let known = image::open(out.join("known.png")).unwrap().to_rgb8();
    assert_eq!(known.dimensions(), SIZE);
    let coloured = |x: u32, y: u32| known.get_pixel(x, y).0 != [known.get_pixel(x, y).0[0]; 3];
    // The outline crosses the disc's edge; just inside of it the tissue is as it was.
    let edge = HEAD.centre[0] + HEAD.axes[0];
    assert!((0..8).any(|d| coloured(edge as u32 - 4 + d, 110)), "the outline is drawn");
    let row = 125;
    assert!((110..150).all(|x| !coloured(x, row)), "the inside is not filled");
    let red = |name: &str| {
        let overlay = image::open(out.join(name)).unwrap().to_rgb8();
        overlay.pixels().filter(|p| i32::from(p.0[0]) - i32::from(p.0[1]) > 100).count()
    };
    assert!(red("stripes.png") > 1000 && red("known.png") == 0, "the banner of an unknown picture is red");
}

#[test]
fn a_run_says_measurements_and_draws_overlays() {
    let scene = Scene::segmenting(&Segmenting::VENTRICLE);
    let cine = format!("file:{}", ushydra_tests::data::demo_cine().display());
    let out = scene.miniature.scratch().join("frames");
    let answer = scene.ushydra(arguments!["run", "--replay", "fast", "--json", "--source", cine, "--overlay", out]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let records = answer.json();
    assert_eq!(records.len(), 30);
    assert!(records.iter().all(|r| r["result"]["kind"] == "mask" && r["result"]["mask"].is_null()));
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 30);
    assert!(records[0].get("cine").is_none() && records[29]["cine"]["frames"] == 30, "{}", records[29]);
    let heart = &records[29]["cine"];
    assert_eq!((&heart["quality"], &heart["ef_percent"]), (&"unfit".into(), &Value::Null), "outside the known domains");
    assert!(heart["reasons"].as_array().unwrap().contains(&"out-of-domain".into()), "{heart}");
    assert!(answer.stderr.contains("EF not given"), "{}", answer.stderr);
    let text = scene.ushydra(arguments!["run", "--replay", "fast", "--source", cine]);
    assert_eq!(text.code, 0, "{}", text.stderr);
    assert!(text.stdout.contains("captured 30 frames"), "{}", text.stdout);
    assert_eq!(text.stdout.matches("EF not given").count(), 1, "{}", text.stdout);
    // Each cine has its own line, after its last frame.
    let picture = scene.save("after.png", &with_disc(SIZE, LOW, &HEAD, 1));
    let demo = ushydra_tests::data::demo_cine();
    let text = scene.ushydra(arguments!["infer", demo, picture, demo]).stdout;
    let lines: Vec<_> = text.lines().collect();
    let said: Vec<_> = (0..lines.len()).filter(|&i| lines[i].starts_with("cine ")).collect();
    assert_eq!(said.len(), 2, "{text}");
    assert!(lines[said[0] + 1].contains("after.png"), "{text}");
}

#[test]
fn every_command_knows_a_segmenting_bundle() {
    let scene = Scene::segmenting(&Segmenting::VENTRICLE);
    let good = scene.save("a.png", &with_disc(SIZE, LOW, &HEAD, 1));
    let source = format!("file:{}", good.display());
    struct Case {
        line: Vec<std::ffi::OsString>,
        says: &'static str,
    }
    let cases = [
        Case { line: arguments!["selftest"], says: "same frame, same answer" },
        Case { line: arguments!["doctor"], says: "miniature-lv" },
        Case { line: arguments!["bundle", "verify"], says: "golden self-test" },
        Case { line: arguments!["bundle", "inspect"], says: "segment: lv" },
        Case { line: arguments!["bundle", "inspect", "--json"], says: "\"task\":\"segment\"" },
        Case { line: arguments!["bench", "--frames", "4", "--source", source], says: "measure" },
    ];
    for case in cases {
        let answer = scene.ushydra(&case.line);
        assert_eq!(answer.code, 0, "{:?}: {}{}", case.line, answer.stdout, answer.stderr);
        assert!(
            answer.stdout.contains(case.says) && !answer.stdout.contains("FAIL"),
            "{:?}: {}",
            case.line,
            answer.stdout
        );
    }
}
