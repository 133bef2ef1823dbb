//! The decoders of every shipped bundle in f32 and in int8 on tract, one thread and two, on the golden picture.
//!
//! `cargo bench -p ushydra-tests --bench decoders`; both forms of a decoder are measured one after the other in the same run.

#![allow(clippy::unwrap_used, reason = "a benchmark without its input has nothing to measure")]
#![allow(missing_docs, reason = "criterion writes the functions")]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ushydra_bundle::{Bundle, Preprocessor};
use ushydra_engine::{Backend, EngineOptions, Models, Precision};
use ushydra_tests::data;

const BUNDLES: [&str; 3] = ["fetal-planes", "fetal-head", "cardiac-lv"];
const THREADS: [usize; 2] = [1, 2];
/// Samples: a decoder of a UNet takes tens of milliseconds.
const FEW: usize = 20;

fn decoders(criterion: &mut Criterion) {
    for name in BUNDLES {
        let Some(folder) = data::bundle(name, "its decoders are not measured") else { continue };
        let bundle = Bundle::open(&folder).unwrap();
        if bundle.quantisation().is_none() {
            println!("{name} has no int8 decoders; its decoders are not measured");
            continue;
        }
        let input = &bundle.manifest().input;
        let golden = bundle.golden().unwrap();
        let mut tensor = vec![0.0; input.values()];
        Preprocessor::new(input).unwrap().run(golden.frame().unwrap(), &mut tensor).unwrap();
        let mut group = criterion.benchmark_group(bundle.id());
        group.sample_size(FEW);
        for threads in THREADS {
            for precision in [Precision::F32, Precision::Int8] {
                let options = EngineOptions { precision: Some(precision), ..EngineOptions::with_threads(threads) };
                let mut models = Models::load(&bundle, Backend::Tract, &options).unwrap();
                models.encode(&tensor).unwrap();
                for (index, decoder) in bundle.manifest().decoders.iter().enumerate() {
                    if decoder.int8.is_none() {
                        continue;
                    }
                    let id = BenchmarkId::new(format!("{} {precision}", decoder.domain), format!("{threads} threads"));
                    group.bench_function(id, |b| b.iter(|| models.decode(index).unwrap().len()));
                }
            }
        }
        group.finish();
    }
}

criterion_group!(benches, decoders);
criterion_main!(benches);
