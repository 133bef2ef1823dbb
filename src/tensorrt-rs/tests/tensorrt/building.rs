//! Building plans: what the options do, what the parser says, progress and its end.

use std::ops::ControlFlow;
use std::thread;

use tensorrt_fake::{Library, plan_info};
use tensorrt_rs::{BuildOptions, Dla, Locations, Precision, Progress, TensorRt, TensorRtError};

use crate::support::{build, everywhere, go_on, locations, open};

#[test]
fn the_parsers_complaints_come_with_node_and_operator() {
    everywhere(|_, library| {
        let tensorrt = open(library);
        let error = build(&tensorrt, "broken").unwrap_err();
        let TensorRtError::Parse { errors } = &error else { panic!("{error}") };
        assert_eq!(errors.len(), 1);
        assert_eq!((errors[0].index, errors[0].code), (Some(1), 8));
        assert_eq!(errors[0].description, "no importer registered for op: Foo");
        if library == Library::TensorRt8 {
            assert!(error.to_string().contains("node 1: no importer"), "{error}");
        } else {
            assert!(error.to_string().contains("node `/block/3/Foo` (Foo): no importer"), "{error}");
        }

        let error = build(&tensorrt, "nothing").unwrap_err();
        assert!(error.to_string().contains("cannot read the model: Failed to parse ONNX model (code 3)"), "{error}");
        let error = tensorrt.build(&BuildOptions::default(), &[], &mut go_on).unwrap_err();
        assert!(matches!(error, TensorRtError::Parse { .. }), "{error}");
    });
}

#[test]
fn options_reach_the_builder() {
    struct Case {
        options: BuildOptions,
        fp16: bool,
        int8: bool,
    }
    let cases = [
        Case { options: BuildOptions::default(), fp16: false, int8: false },
        Case {
            options: BuildOptions { precision: Precision::Fp16, workspace_bytes: Some(1 << 28), ..Default::default() },
            fp16: true,
            int8: false,
        },
        Case {
            options: BuildOptions { precision: Precision::Int8, optimization_level: Some(5), ..Default::default() },
            fp16: true,
            int8: true,
        },
    ];
    everywhere(|_, library| {
        let tensorrt = open(library);
        for case in &cases {
            let built = tensorrt.build(&case.options, b"scale 1 1", &mut go_on).unwrap();
            let info = plan_info(&built.plan).unwrap();
            let flags = !tensorrt.strongly_typed();
            assert_eq!((info.fp16, info.int8), (case.fp16 && flags, case.int8 && flags), "{library:?}");
            assert_eq!(info.workspace, case.options.workspace_bytes.unwrap_or(0));
            // TensorRT 8.5 has no levels.
            if library != Library::TensorRt8 {
                assert_eq!(info.optimization_level, case.options.optimization_level.map(u32::from));
            }
            assert_eq!(info.onnx, b"scale 1 1");
        }
    });
}

#[test]
fn compute_capabilities_are_named_in_tensorrt_for_rtx_only() {
    everywhere(|_, library| {
        let tensorrt = open(library);
        let named = |capability| {
            let options = BuildOptions { compute_capability: Some(capability), ..Default::default() };
            let built = tensorrt.build(&options, b"scale 1 1", &mut go_on)?;
            Ok(plan_info(&built.plan).unwrap().compute_capability)
        };
        if library == Library::Rtx {
            assert_eq!(named((8, 9)).unwrap(), 89);
            assert_eq!(named((12, 0)).unwrap(), 120);
            let error: TensorRtError = named((8, 7)).unwrap_err();
            assert!(
                error.to_string().starts_with("TensorRT for RTX 1.7.1.116 cannot build for compute capability 8.7"),
                "{error}"
            );
        } else {
            assert_eq!(named((8, 9)).unwrap(), 0);
        }
    });
}

#[test]
fn accelerators_are_used_where_there_are_some() {
    everywhere(|session, library| {
        let tensorrt = open(library);
        let options = |core, gpu_fallback| BuildOptions { dla: Some(Dla { core, gpu_fallback }), ..Default::default() };
        let with = |options: &BuildOptions| tensorrt.build(options, b"scale 1 1", &mut go_on);
        let error = with(&options(0, false)).unwrap_err();
        assert!(matches!(error, TensorRtError::Dla { core: 0, count: 0 }), "{error}");
        session.set_dla_cores(2);
        if library == Library::Rtx {
            assert!(matches!(with(&options(0, false)), Err(TensorRtError::Dla { core: 0, count: 0 })));
            return;
        }
        assert_eq!(tensorrt.dla_cores(), 2);
        for (core, gpu_fallback) in [(0, false), (1, true)] {
            let built = with(&options(core, gpu_fallback)).unwrap();
            let info = plan_info(&built.plan).unwrap();
            assert_eq!((info.dla_core, info.gpu_fallback), (Some(core), gpu_fallback));
            let error = tensorrt.deserialize(&built.plan, Some(2)).unwrap_err();
            assert!(matches!(error, TensorRtError::Dla { core: 2, count: 2 }), "{error}");
            assert!(tensorrt.deserialize(&built.plan, Some(core)).is_ok());
        }
        assert!(matches!(with(&options(2, true)), Err(TensorRtError::Dla { core: 2, count: 2 })));
        assert!(matches!(with(&options(u32::MAX, true)), Err(TensorRtError::Dla { .. })));
    });
}

#[test]
fn free_dimensions_other_than_the_batch_are_refused_by_name() {
    everywhere(|_, library| {
        let error = build(&open(library), "free").unwrap_err();
        assert!(matches!(&error, TensorRtError::FreeDimension { input } if input == "x"), "{error}");
    });
}

#[test]
fn a_timing_cache_goes_round() {
    everywhere(|session, library| {
        let first = build(&open(library), "scale 1 1").unwrap();
        if library == Library::Rtx {
            assert!(first.timing_cache.is_empty(), "it measures nothing");
            return;
        }
        assert!(first.timing_cache.ends_with(b"+"));
        let again = |cache: &[u8]| {
            let options = BuildOptions { timing_cache: cache.to_vec(), ..Default::default() };
            open(library).build(&options, b"scale 1 1", &mut go_on).unwrap().timing_cache
        };
        assert!(again(&first.timing_cache).ends_with(b"++"));
        // Of another version, or no cache at all: passed over, and the next one is good again.
        assert_eq!(again(b"something else"), first.timing_cache);
        session.set_version(library, [library.default_version()[0], 9, 9, 9]);
        let other = again(&first.timing_cache);
        assert!(other.ends_with(b"]+") && other != first.timing_cache);
    });
}

#[test]
fn progress_is_told_and_a_build_can_be_stopped() {
    everywhere(|_, library| {
        if library == Library::TensorRt8 {
            return;
        }
        let tensorrt = open(library);
        let caller = thread::current().id();
        let mut seen = Vec::new();
        let mut watch = |progress: &Progress| {
            assert_eq!(thread::current().id(), caller);
            seen.push(progress.clone());
            ControlFlow::Continue(())
        };
        tensorrt.build(&BuildOptions::default(), b"scale 1 1", &mut watch).unwrap();
        let started = |phase: &str, parent: Option<&str>, steps| Progress::Started {
            phase: phase.to_owned(),
            parent: parent.map(str::to_owned),
            steps,
        };
        assert_eq!(seen[0], started("Building an engine", None, 3));
        assert_eq!(seen[1], started("Timing tactics", Some("Building an engine"), 2));
        assert_eq!(seen[2], Progress::Step { phase: "Timing tactics".to_owned(), step: 0 });
        assert_eq!(seen.last(), Some(&Progress::Finished { phase: "Building an engine".to_owned() }));

        // Wherever it is stopped, nobody is asked again and nothing stays behind.
        for stop_at in 0..seen.len() - 1 {
            let mut asked = 0;
            let mut stop = |_: &Progress| {
                asked += 1;
                if asked > stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let result = tensorrt.build(&BuildOptions::default(), b"scale 1 1", &mut stop);
            assert!(matches!(result, Err(TensorRtError::Cancelled)), "stopped at {stop_at}");
            assert_eq!(asked, stop_at + 1);
        }
    });
}

#[test]
fn a_panic_of_the_caller_stops_the_build_and_comes_out() {
    everywhere(|_, library| {
        if library == Library::TensorRt8 {
            return;
        }
        let tensorrt = open(library);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut fail =
                |_: &Progress| -> ControlFlow<()> { std::panic::resume_unwind(Box::new("the caller's own")) };
            let _ = tensorrt.build(&BuildOptions::default(), b"scale 1 1", &mut fail);
        }))
        .unwrap_err();
        assert_eq!(panicked.downcast_ref(), Some(&"the caller's own"));
        assert!(build(&tensorrt, "scale 1 1").is_ok());
    });
}

#[test]
fn a_failed_build_says_what_tensorrt_logged() {
    everywhere(|session, library| {
        let tensorrt = open(library);
        session.fail_builds(true);
        let error = build(&tensorrt, "scale 1 1").unwrap_err();
        assert!(matches!(error, TensorRtError::Build { .. }), "{error}");
        assert!(error.to_string().contains("Could not find any implementation for node"), "{error}");
        session.fail_builds(false);
        session.no_driver();
        if library != Library::Rtx {
            let error = build(&tensorrt, "scale 1 1").unwrap_err();
            assert!(matches!(error, TensorRtError::Create { what: "builder", .. }), "{error}");
            assert!(error.to_string().contains("CUDA initialization failure with error: 35"), "{error}");
        }
    });
}

#[test]
fn without_a_parser_plans_run_but_are_not_built() {
    everywhere(|_, library| {
        let built = build(&open(library), "scale 1 1").unwrap();
        struct Case {
            locations: Locations,
            says: &'static str,
        }
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("libnvonnxparser.so.10");
        let cases = [
            Case { locations: Locations::exactly(library.path(), None), says: "the ONNX parser is missing" },
            Case { locations: Locations::exactly(library.path(), Some(&missing)), says: "the ONNX parser (tried " },
            // A library that is no parser.
            Case { locations: Locations::exactly(library.path(), Some(tensorrt_fake::cuda_path())), says: "(tried " },
        ];
        for case in cases {
            let tensorrt = TensorRt::open(&case.locations).unwrap();
            assert!(!tensorrt.can_build());
            let error = build(&tensorrt, "scale 1 1").unwrap_err();
            assert!(matches!(error, TensorRtError::NoBuilder { .. }), "{error}");
            assert!(error.to_string().contains(case.says), "{error}");
            assert!(tensorrt.deserialize(&built.plan, None).is_ok());
        }
        assert!(TensorRt::open(&locations(library)).unwrap().can_build());
    });
}
