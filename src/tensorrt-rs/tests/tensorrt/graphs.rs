//! Recorded work.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tensorrt_fake::Library;
use tensorrt_rs::TensorRtError;
use tensorrt_rs::cuda::{Graph, Memory, Stream};

use crate::support::{Network, begin, cuda, everywhere};

#[test]
fn a_graph_replays_with_new_values() {
    everywhere(|session, library| {
        let cuda = cuda();
        let stream = Stream::new(&cuda).unwrap();
        let mut network = Network::new(&cuda, library, "scale 3 4", 4);
        network.enqueue(&stream).unwrap();
        let mut graph = Graph::capture(&stream, |stream| network.enqueue(stream)).unwrap();
        let before = session.counts();
        assert_eq!(before.executions, 1, "recording does not run");
        for round in 1..=3_u8 {
            network.x.write(&[f32::from(round), 0.0, 0.0, 1.0]).unwrap();
            graph.launch(&stream).unwrap();
            let y = 3.0 * f32::from(round);
            assert_eq!(network.read().unwrap(), (vec![y, 0.0, 0.0, 3.0], y + 3.0));
        }
        let counts = session.counts();
        assert_eq!((counts.graph_launches, counts.executions), (3, 4));
        assert_eq!(counts.launches - before.launches, 3, "a graph is one launch");
        assert_eq!(counts.allocations, before.allocations);
    });
}

#[test]
fn a_graph_keeps_alive_what_it_works_with() {
    everywhere(|_, library| {
        let cuda = cuda();
        let stream = Stream::new(&cuda).unwrap();
        let mut network = Network::new(&cuda, library, "scale 2 2", 2);
        network.x.write(&[1.0_f32, 2.0]).unwrap();
        network.enqueue(&stream).unwrap();
        let mut graph = Graph::capture(&stream, |stream| network.enqueue(stream)).unwrap();
        // Other values than those of the first run, which are still in `y`.
        network.x.write(&[3.0_f32, 4.0]).unwrap();
        let Network { context, x, y, sum } = network;
        drop((context, x, sum));
        graph.launch(&stream).unwrap();
        drop((stream, cuda));
        let mut values = [0.0_f32; 2];
        y.read(&mut values).unwrap();
        assert_eq!(values, [6.0, 8.0]);
        drop(y);
        drop(graph);
    });
}

#[test]
fn a_graph_that_is_under_way_is_waited_for() {
    everywhere(|session, library| {
        let cuda = cuda();
        let stream = Stream::new(&cuda).unwrap();
        let mut network = Network::new(&cuda, library, "scale 2 2", 2);
        network.enqueue(&stream).unwrap();
        let mut graph = Graph::capture(&stream, |stream| network.enqueue(stream)).unwrap();
        graph.launch(&stream).unwrap();
        drop((graph, network));
        assert_eq!(session.counts().executions, 2);
    });
}

#[test]
fn the_first_start_cannot_be_recorded() {
    everywhere(|_, library| {
        let cuda = cuda();
        let stream = Stream::new(&cuda).unwrap();
        let mut network = Network::new(&cuda, library, "scale 2 2", 2);
        let error = Graph::capture(&stream, |stream| network.enqueue(stream)).unwrap_err();
        assert!(matches!(error, TensorRtError::Enqueue { .. }), "{error}");
        assert!(error.to_string().contains("run once before capturing"), "{error}");
        network.enqueue(&stream).unwrap();
        assert!(Graph::capture(&stream, |stream| network.enqueue(stream)).is_ok());
    });
}

#[test]
fn a_capture_ends_however_its_work_ends() {
    everywhere(|session, library| {
        let cuda = cuda();
        let stream = Stream::new(&cuda).unwrap();
        let mut network = Network::new(&cuda, library, "scale 2 2", 2);
        network.enqueue(&stream).unwrap();

        let error = Graph::capture(&stream, |_| Err(TensorRtError::NoBytes)).unwrap_err();
        assert!(matches!(error, TensorRtError::NoBytes));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _ = Graph::capture(&stream, |stream| {
                network.enqueue(stream)?;
                std::panic::resume_unwind(Box::new("the work's own"))
            });
        }));
        assert!(panicked.is_err());
        let nested = Graph::capture(&stream, |stream| Graph::capture(stream, |_| Ok(())).map(drop));
        assert!(matches!(nested, Err(TensorRtError::Capturing)));

        network.x.write(&[1.0_f32, 2.0]).unwrap();
        network.enqueue(&stream).unwrap();
        assert_eq!(network.read().unwrap().0, [2.0, 4.0]);
        assert_eq!(session.live().of("graphs"), 0);
    });
}

#[test]
fn waiting_within_a_capture_is_refused_and_does_not_break_it() {
    everywhere(|_, library| {
        let cuda = cuda();
        let stream = Stream::new(&cuda).unwrap();
        let mut network = Network::new(&cuda, library, "scale 2 2", 2);
        network.enqueue(&stream).unwrap();
        let mut graph = Graph::capture(&stream, |stream| {
            assert!(matches!(stream.synchronize(), Err(TensorRtError::Capturing)));
            network.enqueue(stream)
        })
        .unwrap();
        network.x.write(&[1.0_f32, 2.0]).unwrap();
        graph.launch(&stream).unwrap();
        assert_eq!(network.read().unwrap().0, [2.0, 4.0]);
    });
}

#[test]
fn a_failed_launch_is_an_error_of_its_frame_only() {
    everywhere(|session, library| {
        let cuda = cuda();
        let stream = Stream::new(&cuda).unwrap();
        let mut network = Network::new(&cuda, library, "scale 2 2", 2);
        network.enqueue(&stream).unwrap();
        let mut graph = Graph::capture(&stream, |stream| network.enqueue(stream)).unwrap();
        session.fail_launch(2);
        graph.launch(&stream).unwrap();
        let error = graph.launch(&stream).unwrap_err();
        assert!(matches!(error, TensorRtError::Cuda { call: "cuGraphLaunch", code: 719, .. }), "{error}");
        network.read().unwrap();
        graph.launch(&stream).unwrap();
        session.fail_launch(1);
        let error = network.enqueue(&stream).unwrap_err();
        assert!(matches!(error, TensorRtError::Enqueue { .. }), "{error}");
        network.enqueue(&stream).unwrap();
    });
}

#[test]
fn an_error_on_the_gpu_comes_out_where_its_values_are_read() {
    everywhere(|_, library| {
        let cuda = cuda();
        let stream = Stream::new(&cuda).unwrap();
        let mut network = Network::new(&cuda, library, "overheat 2 2", 2);
        network.enqueue(&stream).unwrap();
        let error = network.read().unwrap_err();
        let text = "CUDA's cuStreamSynchronize failed with CUDA_ERROR_LAUNCH_FAILED (719): unspecified launch failure";
        assert!(error.to_string().starts_with(text), "{error}");
        // It stays, as on a real GPU, and everything can still be dropped.
        assert!(matches!(network.enqueue(&stream), Err(TensorRtError::Cuda { .. } | TensorRtError::Enqueue { .. })));
        assert!(Memory::new(&cuda, 4).is_err());
    });
}

#[test]
fn graphs_are_launched_from_other_threads() {
    let session = begin();
    let cuda = cuda();
    let stream = Stream::new(&cuda).unwrap();
    let mut network = Network::new(&cuda, Library::TensorRt10, "scale 2 2", 2);
    network.enqueue(&stream).unwrap();
    let mut graph = Graph::capture(&stream, |stream| network.enqueue(stream)).unwrap();
    network.x.write(&[5.0_f32, 6.0]).unwrap();
    let y = network.y.clone();
    std::thread::spawn(move || graph.launch(&stream).unwrap()).join().unwrap();
    let mut values = [0.0_f32; 2];
    y.read(&mut values).unwrap();
    assert_eq!(values, [10.0, 12.0]);
    drop((network, y, cuda));
    assert!(session.live().is_empty(), "{:?}", session.live());
}
