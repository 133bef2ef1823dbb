//! From the model to its values, and the end of everything in any order.

use std::thread;

use tensorrt_fake::Library;
use tensorrt_rs::cuda::{Memory, Stream};
use tensorrt_rs::{DataType, Direction, Flavour, Shape, TensorRtError};

use crate::support::{Network, begin, build, cuda, engine, everywhere, open};

#[test]
fn a_model_becomes_a_plan_an_engine_and_values() {
    everywhere(|session, library| {
        let tensorrt = open(library);
        let [major, minor, patch, build_number] = library.default_version();
        assert_eq!(tensorrt.version().to_string(), {
            let build = if build_number == 0 { String::new() } else { format!(".{build_number}") };
            format!("{major}.{minor}.{patch}{build}")
        });
        assert_eq!(tensorrt.flavour() == Flavour::Rtx, library == Library::Rtx);
        assert_eq!(tensorrt.strongly_typed(), matches!(library, Library::TensorRt11 | Library::Rtx));

        let built = build(&tensorrt, "scale 3 4").unwrap();
        let engine = tensorrt.deserialize(&built.plan, None).unwrap();
        let tensors: Vec<_> = engine
            .tensors()
            .iter()
            .map(|tensor| (tensor.name.as_str(), tensor.direction, tensor.data_type, tensor.shape.to_string()))
            .collect();
        let f32 = DataType::F32;
        assert_eq!(
            tensors,
            [
                ("x", Direction::Input, f32, "[1x4]".to_owned()),
                ("y", Direction::Output, f32, "[1x4]".to_owned()),
                ("sum", Direction::Output, f32, "[1x1]".to_owned())
            ]
        );

        let cuda = cuda();
        let stream = Stream::new(&cuda).unwrap();
        let mut network = Network::new(&cuda, library, "scale 3 4", 4);
        for round in [1.0_f32, 2.0] {
            network.x.write(&[round, 2.0, 3.0, 4.0]).unwrap();
            network.enqueue(&stream).unwrap();
            assert_eq!(network.read().unwrap(), (vec![3.0 * round, 6.0, 9.0, 12.0], 3.0 * round + 27.0));
        }
        let copies = if cuda.device().integrated { (0, 0) } else { (2, 4) };
        let counts = session.counts();
        assert_eq!((counts.executions, counts.copies_to_device, counts.copies_to_host), (2, copies.0, copies.1));
    });
}

/// Handles keep alive what they need: TensorRT crashes where a runtime goes before its engines, and a GPU writes into memory that was
/// freed.
#[test]
fn handles_may_be_dropped_in_any_order() {
    everywhere(|session, library| {
        let tensorrt = open(library);
        let built = build(&tensorrt, "scale 2 3").unwrap();
        let engine = tensorrt.deserialize(&built.plan, None).unwrap();
        drop(tensorrt);
        let mut context = engine.context().unwrap();
        drop(engine);
        let cuda = cuda();
        let stream = Stream::new(&cuda).unwrap();
        let memory = |elements: usize| Memory::new(&cuda, 4 * elements).unwrap();
        let (x, y) = (memory(3), memory(3));
        context.bind("x", &x).unwrap();
        context.bind("y", &y).unwrap();
        context.bind("sum", &memory(1)).unwrap();
        x.write(&[1.0_f32, 2.0, 3.0]).unwrap();
        x.upload(&stream).unwrap();
        context.enqueue(&stream).unwrap();
        y.download(&stream).unwrap();
        // Nothing has run yet: the fake works only when it is waited for.
        assert_eq!(session.counts().executions, 0);
        drop((x, cuda, stream));
        drop(context);
        assert_eq!(session.counts().executions, 1, "the end of a context waits for its work");
        let mut values = [0.0_f32; 3];
        y.read(&mut values).unwrap();
        assert_eq!(values, [2.0, 4.0, 6.0]);
    });
}

#[test]
fn one_network_feeds_the_next_without_a_copy() {
    everywhere(|session, library| {
        let cuda = cuda();
        let stream = Stream::new(&cuda).unwrap();
        let mut first = Network::new(&cuda, library, "scale 2 4", 4);
        let mut second = Network::new(&cuda, library, "scale 5 4", 4);
        second.context.bind("x", &first.y).unwrap();
        first.x.write(&[1.0_f32, 2.0, 3.0, 4.0]).unwrap();
        first.x.upload(&stream).unwrap();
        first.context.enqueue(&stream).unwrap();
        second.context.enqueue(&stream).unwrap();
        second.y.download(&stream).unwrap();
        let mut values = [0.0_f32; 4];
        second.y.read(&mut values).unwrap();
        assert_eq!(values, [10.0, 20.0, 30.0, 40.0]);
        assert_eq!(session.counts().executions, 2);
    });
}

#[test]
fn a_free_batch_gets_its_size_at_build_time_and_its_shape_at_run_time() {
    everywhere(|_, library| {
        let tensorrt = open(library);
        let options = tensorrt_rs::BuildOptions { batch: 2, ..Default::default() };
        let built = tensorrt.build(&options, b"batch 2 3", &mut crate::support::go_on).unwrap();
        let engine = tensorrt.deserialize(&built.plan, None).unwrap();
        assert_eq!(engine.tensors()[0].shape, Shape(vec![-1, 3]));
        let mut context = engine.context().unwrap();
        let cuda = cuda();
        let memory = |elements: usize| Memory::new(&cuda, 4 * elements).unwrap();
        let (x, y, sum) = (memory(6), memory(6), memory(2));
        assert!(matches!(context.bind("x", &x), Err(TensorRtError::ShapeUnknown { .. })));
        let other = context.set_shape("x", &Shape(vec![4, 3])).unwrap_err();
        assert!(other.to_string().contains("optimization profile"), "{other}");
        assert!(context.set_shape("y", &Shape(vec![2, 3])).is_err(), "outputs have no shape of their own");
        assert!(context.set_shape("x", &Shape(vec![1; 9])).is_err(), "TensorRT knows 8 dimensions");
        context.set_shape("x", &Shape(vec![2, 3])).unwrap();
        assert_eq!(context.shape("sum").unwrap(), Shape(vec![2, 1]));
        context.bind("x", &x).unwrap();
        context.bind("y", &y).unwrap();
        context.bind("sum", &sum).unwrap();
        let stream = Stream::new(&cuda).unwrap();
        x.write(&[1.0_f32, 1.0, 1.0, 2.0, 2.0, 2.0]).unwrap();
        x.upload(&stream).unwrap();
        context.enqueue(&stream).unwrap();
        sum.download(&stream).unwrap();
        let mut sums = [0.0_f32; 2];
        sum.read(&mut sums).unwrap();
        assert_eq!(sums, [6.0, 12.0]);
    });
}

#[test]
fn wrong_bindings_are_refused_before_the_gpu_sees_them() {
    everywhere(|session, library| {
        let cuda = cuda();
        let stream = Stream::new(&cuda).unwrap();
        let mut context = engine(library, "scale 2 4").context().unwrap();
        let right = Memory::new(&cuda, 16).unwrap();
        let small = Memory::new(&cuda, 12).unwrap();

        let error = context.bind("z", &right).unwrap_err();
        assert_eq!(error.to_string(), "the engine has no tensor `z`, only `x`, `y`, `sum`; use one of these");
        let error = context.bind("x", &small).unwrap_err();
        assert!(error.to_string().starts_with("tensor `x` (f32 [1x4]) needs 16 bytes, the memory has 12"), "{error}");
        context.bind("x", &right).unwrap();
        let error = context.enqueue(&stream).unwrap_err();
        assert!(matches!(&error, TensorRtError::Unbound { name } if name == "y"), "{error}");
        assert_eq!(session.counts().launches, 0);
    });
}

#[test]
fn engines_are_shared_between_threads() {
    let session = begin();
    let engine = engine(Library::TensorRt10, "scale 2 4");
    let cuda = cuda();
    thread::scope(|scope| {
        for number in 0..4_u8 {
            let (engine, cuda) = (engine.clone(), cuda.clone());
            scope.spawn(move || {
                let stream = Stream::new(&cuda).unwrap();
                let mut context = engine.context().unwrap();
                let memory = |elements: usize| Memory::new(&cuda, 4 * elements).unwrap();
                let (x, y, sum) = (memory(4), memory(4), memory(1));
                context.bind("x", &x).unwrap();
                context.bind("y", &y).unwrap();
                context.bind("sum", &sum).unwrap();
                for round in 0..20_u8 {
                    x.write(&[f32::from(number), f32::from(round), 0.0, 1.0]).unwrap();
                    x.upload(&stream).unwrap();
                    context.enqueue(&stream).unwrap();
                    sum.download(&stream).unwrap();
                    let mut total = [0.0_f32];
                    sum.read(&mut total).unwrap();
                    assert_eq!(total[0], 2.0 * (f32::from(number) + f32::from(round) + 1.0));
                }
            });
        }
    });
    drop((engine, cuda));
    assert!(session.live().is_empty(), "{:?}", session.live());
}
