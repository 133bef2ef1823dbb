//! Everything that can go wrong on the way to the GPU: a clear message, the CPU where `auto` was asked, a refusal where `tensorrt`
//! was demanded.

use std::fs;
use std::path::{Path, PathBuf};

use tensorrt_fake::{Library, Session};
use ushydra_bundle::Bundle;
use ushydra_engine::{Backend, EngineCache, EngineError, EngineOptions, Models, Precision, prepare};
use ushydra_tests::miniature::Miniature;

use crate::host::TractHost;
use crate::{answers, in_precision, options};

struct Scene {
    session: Session,
    miniature: Miniature,
    bundle: Bundle,
    options: EngineOptions,
}

impl Scene {
    fn new() -> Self {
        let session = Session::begin();
        session.install(Box::new(TractHost::default()));
        let miniature = Miniature::new().unwrap();
        let bundle = Bundle::open(&miniature.folder()).unwrap();
        let options = options(Library::TensorRt10, &miniature.scratch().join("cache"));
        Self { session, miniature, bundle, options }
    }

    fn load(&self, backend: Backend) -> Result<Models, EngineError> {
        Models::load(&self.bundle, backend, &self.options)
    }

    fn cache(&self) -> PathBuf {
        self.miniature.scratch().join("cache")
    }

    fn files(&self, extension: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.cache()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
    }

    /// Whether everything comes out of the cache.
    fn is_kept(&self) -> bool {
        self.session.fail_builds(true);
        let loaded = self.load(Backend::Tensorrt);
        self.session.fail_builds(false);
        loaded.is_ok()
    }
}

#[test]
fn what_is_missing_is_named_and_the_cpu_steps_in() {
    struct Case {
        name: &'static str,
        fault: fn(&mut Scene),
        says: &'static [&'static str],
    }
    let cases = [
        Case {
            name: "no library",
            fault: |s| s.options.libraries.tensorrt = Some(PathBuf::from("/nonexistent/libnvinfer.so.10")),
            says: &["/nonexistent/libnvinfer.so.10", "apt install tensorrt", "--backend tract"],
        },
        Case {
            name: "no driver",
            fault: |s| s.options.libraries.driver = Some(PathBuf::from("/nonexistent/libcuda.so.1")),
            says: &["/nonexistent/libcuda.so.1", "install the GPU driver", "--backend tract"],
        },
        Case { name: "no GPU", fault: |s| s.session.no_device(), says: &["no GPU 0", "--backend tract"] },
        Case {
            name: "too new",
            fault: |s| s.session.set_version(Library::TensorRt10, [12, 1, 0, 5]),
            says: &["TensorRT 12.1.0", "newer than this program knows", "update this program"],
        },
        Case {
            name: "too old",
            fault: |s| s.session.set_version(Library::TensorRt10, [7, 2, 3, 4]),
            says: &["TensorRT 7.2.3", "too old", "update TensorRT"],
        },
        Case {
            name: "out of GPU memory",
            fault: |s| s.session.fail_allocation(1),
            says: &["the GPU has no", "close other programs"],
        },
        Case { name: "build fails", fault: |s| s.session.fail_builds(true), says: &["could not build a plan"] },
        Case {
            name: "answers are wrong",
            fault: |s| s.session.install(Box::new(TractHost::distorted(|values| values.reverse(), None))),
            says: &["parity gate", "is the limit", "pictures", "--backend tract"],
        },
    ];
    for case in cases {
        let mut scene = Scene::new();
        (case.fault)(&mut scene);
        let error = scene.load(Backend::Tensorrt).err().unwrap_or_else(|| panic!("{} was accepted", case.name));
        let text = error.to_string();
        for part in case.says {
            assert!(text.contains(part), "{}: {part:?} is not in {text:?}", case.name);
        }
        // The next allocation is the one that fails, once.
        (case.fault)(&mut scene);
        let mut models = scene.load(Backend::Auto).unwrap();
        assert_eq!(models.backend(), "tract", "{}", case.name);
        assert!(!answers(&mut models).is_empty());
        drop(models);
        assert!(scene.session.live().is_empty(), "{}: {:?}", case.name, scene.session.live());
    }
}

#[test]
fn plans_are_kept_and_built_again_where_they_do_not_fit() {
    struct Case {
        name: &'static str,
        change: fn(&mut Scene),
        kept: bool,
    }
    let cases = [
        Case { name: "nothing changed", change: |_| {}, kept: true },
        Case { name: "another GPU", change: |s| s.session.set_gpu("Other GPU", (8, 9)), kept: false },
        Case {
            name: "another build of TensorRT",
            change: |s| s.session.set_version(Library::TensorRt10, [10, 3, 0, 31]),
            kept: false,
        },
        Case {
            name: "cut plans",
            change: |s| s.files("plan").iter().for_each(|file| fs::write(file, "cut").unwrap()),
            kept: false,
        },
        Case {
            name: "no records",
            change: |s| s.files("toml").iter().for_each(|file| fs::remove_file(file).unwrap()),
            kept: false,
        },
        Case {
            name: "another precision",
            change: |s| s.options = in_precision(Precision::F32, &s.options),
            kept: false,
        },
    ];
    for case in cases {
        let mut scene = Scene::new();
        let expected = answers(&mut scene.load(Backend::Tensorrt).unwrap());
        assert!(scene.is_kept(), "the second start builds nothing");
        (case.change)(&mut scene);
        assert_eq!(scene.is_kept(), case.kept, "{}", case.name);
        assert_eq!(answers(&mut scene.load(Backend::Tensorrt).unwrap()), expected, "{}", case.name);
        assert!(scene.is_kept(), "{}: built again and kept", case.name);
    }
}

#[test]
fn a_plan_that_the_library_refuses_is_built_again() {
    let scene = Scene::new();
    scene.load(Backend::Tensorrt).unwrap();
    // Whole by its hash, yet of another machine: as after a library that was replaced under the same version.
    for record in scene.files("toml") {
        let text = fs::read_to_string(&record).unwrap();
        if text.contains("plan_sha256") {
            let plan = record.with_extension("plan");
            fs::write(&plan, "a plan of another machine").unwrap();
            let found = ushydra_bundle::Digest::of_file(&plan).unwrap();
            let digest = text.lines().find(|line| line.starts_with("plan_sha256")).unwrap().to_owned();
            fs::write(&record, text.replace(&digest, &format!("plan_sha256 = \"{found}\""))).unwrap();
        }
    }
    assert!(!scene.is_kept());
    scene.load(Backend::Tensorrt).unwrap();
    assert!(scene.is_kept());
}

#[test]
fn a_cache_that_cannot_be_written_costs_time_only() {
    let mut scene = Scene::new();
    let file = scene.miniature.scratch().join("a file");
    fs::write(&file, "").unwrap();
    scene.options.cache = EngineCache::in_folder(file.join("below"));
    let first = answers(&mut scene.load(Backend::Tensorrt).unwrap());
    assert_eq!(answers(&mut scene.load(Backend::Tensorrt).unwrap()), first);
    assert!(!scene.is_kept());
}

#[test]
fn preparing_compares_on_more_pictures_and_a_failure_stays_known() {
    let scene = Scene::new();
    let golden = scene.bundle.golden().unwrap();
    let mut more = |comparison: &mut ushydra_engine::Comparison<'_>| comparison.add(golden.frame().unwrap());
    let before = prepare(&scene.bundle, Backend::Tensorrt, &scene.options, &mut |_| Ok(())).unwrap().parity.unwrap();
    let after = prepare(&scene.bundle, Backend::Tensorrt, &scene.options, &mut more).unwrap().parity.unwrap();
    assert_eq!(after.pictures, before.pictures + 1);
    assert_eq!((after.agreement, after.routing_agreement), (1.0, 1.0));

    scene.session.install(Box::new(TractHost::distorted(|values| values.reverse(), None)));
    let refused = prepare(&scene.bundle, Backend::Tensorrt, &scene.options, &mut |_| Ok(()));
    assert!(matches!(refused, Err(EngineError::Parity { .. })), "{refused:?}");
    scene.session.install(Box::new(TractHost::default()));
    let refused = scene.load(Backend::Tensorrt).err();
    assert!(matches!(refused, Some(EngineError::Parity { .. })), "{refused:?}");
}

#[test]
fn a_run_that_fails_is_reported_and_the_next_one_works() {
    let scene = Scene::new();
    let mut models = scene.load(Backend::Tensorrt).unwrap();
    let expected = answers(&mut models);
    let image = vec![0.0; models.encoder().info().inputs[0].elements()];
    scene.session.fail_launch(1);
    let error = models.encode(&image).unwrap_err().to_string();
    assert!(error.contains("tensorrt failed while it computed"), "{error}");
    assert!(matches!(models.decode(0), Err(EngineError::NotEncoded)), "no decoder works on a frame that failed");
    assert_eq!(answers(&mut models), expected);
}

#[test]
fn the_cpu_engine_refuses_f16_and_int8_that_is_not_there() {
    let scene = Scene::new();
    for (backend, precision, says) in [
        (Backend::Tract, Precision::F16, "f32 or int8"),
        (Backend::Tract, Precision::Int8, "no int8 decoders"),
        (Backend::Tensorrt, Precision::Int8, "no int8 decoders"),
    ] {
        let options = in_precision(precision, &scene.options);
        let error = Models::load(&scene.bundle, backend, &options).err().unwrap().to_string();
        assert!(error.contains(says) && error.contains("--precision auto"), "{error}");
    }
    assert!(Path::new(&scene.cache()).parent().is_some());
}
