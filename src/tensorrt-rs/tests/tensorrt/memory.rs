//! Memory of both kinds, and the end of it.

use tensorrt_rs::TensorRtError;
use tensorrt_rs::cuda::{Event, Graph, Memory, MemoryKind, Stream};

use crate::support::{Network, begin, cuda, engine, everywhere};

#[test]
fn the_kind_follows_the_gpu() {
    for (integrated, kind) in [(false, MemoryKind::Device), (true, MemoryKind::Mapped)] {
        let session = begin();
        session.set_integrated(integrated);
        let cuda = cuda();
        assert_eq!(Memory::new(&cuda, 4).unwrap().kind(), kind);
        // The other kind works, too.
        for kind in [MemoryKind::Device, MemoryKind::Mapped] {
            let memory = Memory::of_kind(&cuda, kind, 8).unwrap();
            let stream = Stream::new(&cuda).unwrap();
            memory.write(&[1.5_f32, -2.0]).unwrap();
            memory.upload(&stream).unwrap();
            memory.write(&[0.0_f32, 0.0]).unwrap();
            memory.download(&stream).unwrap();
            let mut values = [9.0_f32; 2];
            memory.read(&mut values).unwrap();
            let expected = if kind == MemoryKind::Device { [1.5, -2.0] } else { [0.0, 0.0] };
            assert_eq!(values, expected, "{kind:?}");
        }
    }
}

#[test]
fn the_hosts_side_begins_with_zeros_and_has_types() {
    let _session = begin();
    let memory = Memory::new(&cuda(), 8).unwrap();
    assert!(memory.with_host(|bytes: &[u8]| bytes.iter().all(|byte| *byte == 0)).unwrap());
    memory.with_host_mut(|values: &mut [i32]| values[1] = -1).unwrap();
    let mut halves = [1_u16; 4];
    memory.read(&mut halves).unwrap();
    assert_eq!(halves, [0, 0, 0xffff, 0xffff]);
    assert_eq!(memory.with_host(<[i64]>::len).unwrap(), 1);
}

#[test]
fn wrong_lengths_are_refused() {
    let _session = begin();
    let cuda = cuda();
    let memory = Memory::new(&cuda, 12).unwrap();
    assert!(matches!(
        memory.write(&[0.0_f32; 2]),
        Err(TensorRtError::Length { bytes: 12, elements: 2, element_bytes: 4 })
    ));
    assert!(matches!(memory.read(&mut [0.0_f32; 4]), Err(TensorRtError::Length { .. })));
    assert!(matches!(memory.with_host(<[i64]>::len), Err(TensorRtError::Length { .. })));
    assert!(matches!(Memory::new(&cuda, 0), Err(TensorRtError::NoBytes)));
}

/// Writes wait: the GPU still reads what was there.
#[test]
fn the_host_waits_for_the_gpu_before_it_touches_memory() {
    everywhere(|session, library| {
        let cuda = cuda();
        let stream = Stream::new(&cuda).unwrap();
        let mut network = Network::new(&cuda, library, "scale 2 2", 2);
        network.x.write(&[1.0_f32, 2.0]).unwrap();
        network.enqueue(&stream).unwrap();
        network.x.write(&[100.0_f32, 100.0]).unwrap();
        let waited = session.counts().synchronizations;
        assert_eq!(network.read().unwrap().0, [2.0, 4.0]);
        assert_eq!(session.counts().synchronizations, waited, "a stream that is done is not waited for again");
    });
}

/// Whichever allocation fails, the error names it and nothing stays behind.
#[test]
fn any_allocation_may_fail() {
    everywhere(|session, library| {
        // A build and an engine allocate nothing in the fake; memory and the graph do.
        let mut failures = 0;
        for nth in 1..20 {
            session.fail_allocation(nth);
            let attempt = || -> Result<(), TensorRtError> {
                let cuda = cuda();
                let stream = Stream::new(&cuda)?;
                let mut context = engine(library, "scale 2 2").context()?;
                let (x, y, sum) = (Memory::new(&cuda, 8)?, Memory::new(&cuda, 8)?, Memory::new(&cuda, 4)?);
                context.bind("x", &x)?;
                context.bind("y", &y)?;
                context.bind("sum", &sum)?;
                context.enqueue(&stream)?;
                Graph::capture(&stream, |stream| context.enqueue(stream)).map(drop)
            };
            match attempt() {
                Ok(()) => break,
                Err(error) => {
                    failures += 1;
                    assert!(matches!(error, TensorRtError::DeviceMemory { .. }), "{error}");
                    assert!(error.to_string().contains("(6442450944 of 8589934592 are free)"), "{error}");
                    assert!(session.live().is_empty(), "allocation {nth}: {:?}", session.live());
                }
            }
        }
        // Three memories, of two allocations each on a discrete GPU, and the graph.
        assert!(failures == 4 || failures == 7, "{failures}");
        session.fail_allocation(0);
    });
}

#[test]
fn events_measure_what_lies_between_them() {
    everywhere(|_, library| {
        let cuda = cuda();
        let stream = Stream::new(&cuda).unwrap();
        let mut network = Network::new(&cuda, library, "scale 2 2", 2);
        let (start, end) = (Event::new(&cuda).unwrap(), Event::new(&cuda).unwrap());
        assert!(end.elapsed_ms(&start).is_err(), "never recorded");
        start.record(&stream).unwrap();
        network.enqueue(&stream).unwrap();
        end.record(&stream).unwrap();
        assert_eq!(end.elapsed_ms(&start).unwrap(), None, "not reached");
        end.synchronize().unwrap();
        assert!(end.elapsed_ms(&start).unwrap().unwrap() >= 0.0);
    });
}

#[test]
fn memory_and_streams_are_used_from_any_thread() {
    let session = begin();
    let cuda = cuda();
    let stream = Stream::new(&cuda).unwrap();
    let memory = Memory::new(&cuda, 4).unwrap();
    // The context of the GPU is current in the thread that opened it only; every call makes it so.
    std::thread::spawn(move || {
        memory.write(&[7.0_f32]).unwrap();
        memory.upload(&stream).unwrap();
        memory.download(&stream).unwrap();
        let mut value = [0.0_f32];
        memory.read(&mut value).unwrap();
        assert_eq!(value, [7.0]);
    })
    .join()
    .unwrap();
    drop(cuda);
    assert!(session.live().is_empty(), "{:?}", session.live());
}
