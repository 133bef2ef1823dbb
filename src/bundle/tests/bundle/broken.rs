//! Documents that must be refused, each with the file, the field and the remedy.

use std::fs;

use ushydra_bundle::{Bundle, BundleError, FileSpec, NoveltyStatistics, Statistics};

use crate::fixture::Fixture;

/// What the error must be: a name for its variant, so that a table can hold it.
fn kind(error: &BundleError) -> &'static str {
    match error {
        BundleError::Missing { .. } => "missing file",
        BundleError::Syntax { .. } => "syntax",
        BundleError::NewerSchema { .. } => "newer schema",
        BundleError::UnknownField { .. } => "unknown field",
        BundleError::MissingField { .. } => "missing field",
        BundleError::Value { .. } => "value",
        BundleError::Outside { .. } => "outside",
        BundleError::Hash { .. } => "hash",
        BundleError::Length { .. } => "length",
        BundleError::Domains { .. } => "domains",
        BundleError::OtherBundle { .. } => "other bundle",
        BundleError::OtherEncoder { .. } => "other encoder",
        BundleError::OtherPreprocessing { .. } => "other preprocessing",
        BundleError::Picture { .. } => "picture",
        BundleError::Router { .. } => "router",
        _ => "another",
    }
}

struct Edit {
    from: &'static str,
    to: &'static str,
    kind: &'static str,
    says: &'static str,
}

const fn edit(from: &'static str, to: &'static str, kind: &'static str, says: &'static str) -> Edit {
    Edit { from, to, kind, says }
}

#[test]
fn manifests() {
    let edits = [
        edit("name = \"tiny\"", "name = \"tiny", "syntax", "line 2"),
        edit("name = \"tiny\"", "name = \"tiny\"\nname = \"two\"", "syntax", "line 3"),
        edit(
            "schema_version = 1",
            "schema_version = 2\nshiny = true",
            "newer schema",
            "schema version 2, this program reads up to 1; update ushydra",
        ),
        edit("schema_version = 1", "schema_version = 0", "value", "`schema_version`: 0"),
        edit("schema_version = 1\n", "", "missing field", "`schema_version`"),
        edit("schema_version = 1", "schema_version = \"1\"", "value", "`schema_version`: invalid type: string"),
        edit("licence = ", "license = ", "unknown field", "`license`; known here: schema_version, name"),
        edit("[gate]", "[gate]\nspeed = 3", "unknown field", "`gate.speed`; known here: min_probability, max_age_ms"),
        edit("domain = \"high\"", "domian = \"high\"", "unknown field", "`decoders[1].domian`"),
        edit("weight = 10.0\n", "", "missing field", "`routing.weight`"),
        edit("domain = \"high\"\n", "", "missing field", "`decoders[1].domain`"),
        edit(
            "weight = 10.0",
            "weight = \"10\"",
            "value",
            "`routing.weight`: invalid type: string \"10\", expected f64",
        ),
        edit("weight = 10.0", "weight = nan", "value", "`routing.weight`: NaN is outside"),
        edit("weight = 10.0", "weight = 1979-05-27", "value", "`routing.weight`: invalid type: date 1979-05-27"),
        edit("weight = 10.0", "weight = -1", "value", "`routing.weight`: -1 is outside"),
        edit(
            "mode = \"vector\"",
            "mode = \"magic\"",
            "value",
            "`routing.mode`: unknown variant `magic`, expected one of `vector`, `paper`, `released`",
        ),
        edit("mode = \"vector\"", "mode = 3", "value", "`routing.mode`: invalid type: integer"),
        edit("name = \"tiny\"", "name = \"../tiny\"", "value", "`name`: \"../tiny\" is no name"),
        edit("version = \"1.2.3\"", "version = \"1.2\"", "value", "`version`: \"1.2\" is no semantic version"),
        edit(
            "labels = [\"brain\", \"femur\"]",
            "labels = [\"brain\"]",
            "value",
            "`labels`: 1 labels; a classifier needs at least 2",
        ),
        edit(
            "labels = [\"brain\", \"femur\"]",
            "labels = [\"brain\", \"brain\"]",
            "value",
            "`labels`: \"brain\" stands there twice",
        ),
        edit("labels = [\"brain\", \"femur\"]", "labels = [\"brain\", \" \"]", "value", "`labels`: \" \" is no name"),
        edit(
            "labels = [\"brain\", \"femur\"]",
            "labels = [\"brain\", 7]",
            "value",
            "`labels[1]`: invalid type: integer `7`",
        ),
        edit("domains = [\"low\", \"high\"]", "domains = []", "value", "`domains`: 0 domains; 1 to 8"),
        edit(
            "domains = [\"low\", \"high\"]",
            "domains = [\"high\", \"low\"]",
            "domains",
            "`decoders` names the domains [low, high], the manifest's list is [high, low]",
        ),
        edit("domains = [\"low\", \"high\"]", "domains = [\"low\"]", "domains", "[low, high]"),
        edit("width = 16", "width = 0", "value", "`input.width`: 0 is outside 1 to 2048"),
        edit("height = 12", "height = 4096", "value", "`input.height`: 4096 is outside"),
        edit("height = 12", "height = -1", "value", "`input.height`: invalid value: integer `-1`"),
        edit("channels = 3", "channels = 2", "value", "`input.channels`: 2 channels of grey"),
        edit("channels = 3", "channels = 1", "value", "`input.mean`: 3 values for 1 channels"),
        edit("colour = \"grey\"", "colour = \"rgb\"", "other preprocessing", "colour=rgb"),
        edit("0.229", "0.0", "value", "`input.std`: 0 is not a positive number"),
        edit("0.485", "inf", "value", "`input.mean`: inf is not a finite number"),
        edit("window = 8", "window = 33", "value", "`hysteresis.window`: 33 is outside 1 to 32"),
        edit("needed = 5", "needed = 9", "value", "`hysteresis.needed`: 9 is outside 1 to the window of 8"),
        edit("min_probability = 0.6", "min_probability = 60", "value", "`gate.min_probability`: 60 is outside 0 to 1"),
        edit("features = 6", "features = 0", "value", "`encoder.features`: 0 is outside 1 to 4094"),
        edit("features = 6", "features = 7", "length", "`vector.entries` has 8 entries, expected 9"),
        edit("feature_output = \"features\"", "feature_output = \"\"", "value", "`encoder.feature_output`: is empty"),
        edit(
            "file = \"encoder.onnx\"",
            "file = \"../encoder.onnx\"",
            "outside",
            "`encoder.file` is the path \"../encoder.onnx\"",
        ),
        edit("file = \"encoder.onnx\"", "file = \"/etc/passwd\"", "outside", "\"/etc/passwd\""),
        edit("file = \"encoder.onnx\"", "file = \"a//b\"", "outside", "\"a//b\""),
        edit("file = \"encoder.onnx\"", "file = \"c:\\\\x\"", "outside", "c:"),
        edit("file = \"encoder.onnx\"", "file = \"\"", "outside", "\"\""),
        edit("file = \"encoder.onnx\"", "file = \"other.onnx\"", "missing file", "other.onnx: not found"),
        edit("file = \"decoders/high.onnx\"", "file = \"decoders/./high.onnx\"", "outside", "`decoders[1].file`"),
        edit("file = \"decoders/high.onnx\"", "file = \"decoders/low.onnx\"", "hash", "decoders/low.onnx: sha256 is"),
        edit("file = \"calibration/tiny.toml\"", "file = \"calibration/../../x.toml\"", "outside", "`statistics.file`"),
        edit(
            "file = \"calibration/tiny.toml\"",
            "file = \"calibration/big.toml\"",
            "missing file",
            "big.toml: not found",
        ),
        edit("[card]", "[card]\nsha = 1", "unknown field", "`card.sha`"),
    ];
    let fixture = Fixture::new();
    let file = fixture.root().join("bundle.toml");
    let whole = fs::read_to_string(&file).unwrap();
    for edit in edits {
        assert!(whole.contains(edit.from), "{whole}\nhas no {}", edit.from);
        fs::write(&file, whole.replacen(edit.from, edit.to, 1)).unwrap();
        let error = Bundle::open(&fixture.root()).unwrap_err();
        assert_eq!(kind(&error), edit.kind, "{}: {error}", edit.to);
        assert!(error.to_string().contains(edit.says), "{error}\ndoes not say {:?}", edit.says);
        assert!(error.to_string().contains(".toml") || edit.kind == "missing file" || edit.kind == "hash", "{error}");
    }
    fs::write(&file, [0xFF, 0xFE]).unwrap();
    assert!(Bundle::open(&fixture.root()).unwrap_err().to_string().contains("not UTF-8"));
    fs::write(&file, whole.replace("encoder.onnx\"\nsha256 = \"", "encoder.onnx\"\nsha256 = \"X")).unwrap();
    let error = Bundle::open(&fixture.root()).unwrap_err().to_string();
    assert!(error.contains("`encoder.sha256`: a sha256 is 64 lowercase hexadecimal digits"), "{error}");
}

fn novelty(statistics: &mut Statistics) -> &mut NoveltyStatistics {
    statistics.novelty.as_mut().unwrap()
}

#[test]
fn statistics() {
    struct Case {
        change: fn(&mut Statistics),
        kind: &'static str,
        says: &'static str,
    }
    let cases = [
        Case {
            change: |s| s.bundle = "big".to_owned(),
            kind: "other bundle",
            says: "statistics of the bundle \"big\", expected \"tiny\"",
        },
        Case {
            change: |s| s.encoder_sha256 = "00".repeat(32).parse().unwrap(),
            kind: "other encoder",
            says: "0000000000",
        },
        Case { change: |s| s.preprocessing.push('!'), kind: "other preprocessing", says: "calibrate" },
        Case { change: |s| s.schema_version = 9, kind: "newer schema", says: "schema version 9" },
        Case { change: |s| s.domains.swap(0, 1), kind: "domains", says: "[high, low]" },
        Case { change: |s| s.domains.truncate(1), kind: "domains", says: "[low]" },
        Case { change: |s| s.thresholds.quantile = 1.5, kind: "value", says: "`thresholds.quantile`: 1.5" },
        Case { change: |s| s.thresholds.vector = f64::NAN, kind: "value", says: "`thresholds.vector`: NaN" },
        Case { change: |s| s.thresholds.paper = -1.0, kind: "value", says: "`thresholds.paper`: -1" },
        Case { change: |s| s.domains[1].std = f64::INFINITY, kind: "another", says: "domain 1 has a mean" },
        Case { change: |s| s.vector.entries = 7, kind: "length", says: "`vector.entries` has 7 entries, expected 8" },
        Case {
            change: |s| s.vector.components = 3,
            kind: "length",
            says: "`vector.variance` has 2 entries, expected 3",
        },
        Case { change: |s| s.vector.centre = vec![0.0; 7].into(), kind: "length", says: "`vector.centre` has 7" },
        Case { change: |s| s.vector.scale = vec![0.0; 9].into(), kind: "length", says: "`vector.scale` has 9" },
        Case {
            change: |s| s.vector.projection = vec![0.0; 15].into(),
            kind: "length",
            says: "`vector.projection` has 15 entries, expected 16",
        },
        Case {
            change: |s| s.vector.domains = vec![0.0; 6].into(),
            kind: "length",
            says: "`vector.domains` has 6 entries, expected 4",
        },
        Case { change: |s| s.vector.components = usize::MAX / 2, kind: "length", says: "`vector.variance`" },
        Case { change: |s| s.vector.centre = vec![f32::NAN; 8].into(), kind: "router", says: "not finite" },
        Case { change: |s| s.vector.variance[0] = 0.0, kind: "router", says: "must be positive" },
        Case {
            change: |s| (s.vector.components, s.vector.variance) = (0, vec![]),
            kind: "length",
            says: "`vector.projection`",
        },
        Case { change: |s| novelty(s).quantile = 2.0, kind: "value", says: "`novelty.quantile`: 2" },
        Case { change: |s| novelty(s).threshold = f64::NAN, kind: "value", says: "`novelty.threshold`: NaN" },
        Case {
            change: |s| novelty(s).start = 4,
            kind: "value",
            says: "`novelty.entries`: entries 3 from 4 on end beyond the 6 features",
        },
        Case { change: |s| novelty(s).start = usize::MAX >> 1, kind: "value", says: "`novelty.entries`" },
        Case {
            change: |s| novelty(s).centre = vec![0.0; 2].into(),
            kind: "length",
            says: "`novelty.centre` has 2 entries, expected 3",
        },
        Case { change: |s| novelty(s).scale = vec![0.0; 4].into(), kind: "length", says: "`novelty.scale` has 4" },
        Case {
            change: |s| novelty(s).prototypes = vec![0.0; 4].into(),
            kind: "length",
            says: "`novelty.prototypes` has 4 entries, expected 6",
        },
        Case { change: |s| novelty(s).prototypes = vec![].into(), kind: "router", says: "0 prototypes" },
        Case { change: |s| novelty(s).prototypes = vec![f32::NAN; 3].into(), kind: "router", says: "not finite" },
        Case {
            change: |s| (novelty(s).entries, novelty(s).centre, novelty(s).scale) = (0, vec![].into(), vec![].into()),
            kind: "value",
            says: "`novelty.entries`: entries 0",
        },
    ];
    let mut fixture = Fixture::new();
    for case in cases {
        let mut changed = fixture.statistics.clone();
        (case.change)(&mut changed);
        fixture.replace_statistics(&changed);
        let error = Bundle::open(&fixture.root()).unwrap_err();
        assert_eq!(kind(&error), case.kind, "{error}");
        assert!(error.to_string().contains(case.says), "{error}\ndoes not say {:?}", case.says);
        assert!(error.to_string().contains("calibration/tiny.toml"), "{error}");
    }
}

#[test]
fn statistics_that_are_no_base64() {
    let mut fixture = Fixture::new();
    let whole = fs::read_to_string(fixture.statistics_path()).unwrap();
    let start = whole.find("centre = \"").unwrap() + "centre = \"".len();
    for (text, says) in [("*", "not base64"), ("AAAA", "3 bytes are no whole number of f32 values")] {
        let end = start + whole[start..].find('"').unwrap();
        let broken = format!("{}{text}{}", &whole[..start], &whole[end..]);
        fs::write(fixture.statistics_path(), broken).unwrap();
        fixture.manifest.statistics = FileSpec::of(fixture.folder.path(), "calibration/tiny.toml").unwrap();
        fixture.manifest.write(&fixture.root()).unwrap();
        let error = Bundle::open(&fixture.root()).unwrap_err().to_string();
        assert!(error.contains("`vector.centre`") && error.contains(says), "{error}");
    }
}

#[test]
fn golden_files() {
    struct Case {
        file: &'static str,
        text: &'static [u8],
        kind: &'static str,
        says: &'static str,
    }
    let picture = |text, says| Case { file: "golden/input.pgm", text, kind: "picture", says };
    let cases = [
        picture(b"", "neither a binary PGM"),
        picture(b"P5", "cut short"),
        picture(b"P2\n1 1\n255\n0", "neither a binary PGM"),
        picture(b"P5\n1 1\n65535\n00", "8 bits per sample"),
        picture(b"P5\n# c\n1 1\n255\n0", "no pair of numbers"),
        picture(b"P5\n1\n255\n0", "not `width height`"),
        picture(b"P5\n0 5\n255\n", "not possible"),
        picture(b"P5\n4000000000 4000000000\n255\n0", "not possible"),
        picture(b"P5\n100000 100000\n255\n0", "not possible"),
        picture(b"P5\n10000 10000\n255\n0", "cut short or too many"),
        picture(b"P6\n1 1\n255\n0000", "cut short or too many"),
        Case {
            file: "golden/expected.toml",
            text: b"schema_version = 1\n",
            kind: "missing field",
            says: "`tolerance`",
        },
        Case { file: "golden/expected.toml", text: b"schema_version = 3\n", kind: "newer schema", says: "3" },
    ];
    let fixture = Fixture::new();
    for case in cases {
        fixture.golden.write(&fixture.root()).unwrap();
        fs::write(fixture.root().join(case.file), case.text).unwrap();
        let mut manifest = fixture.manifest.clone();
        manifest.golden.input = FileSpec::of(&fixture.root(), "golden/input.pgm").unwrap();
        manifest.golden.expected = FileSpec::of(&fixture.root(), "golden/expected.toml").unwrap();
        manifest.write(&fixture.root()).unwrap();
        let error = Bundle::open(&fixture.root()).unwrap().golden().unwrap_err();
        assert_eq!(kind(&error), case.kind, "{error}");
        assert!(error.to_string().contains(case.says) && error.to_string().contains(case.file), "{error}");
    }
}
