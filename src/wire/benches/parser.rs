//! Payload throughput of the parser against `memcpy` of the same bytes: whole frames in one piece, which is how the USB
//! session reads them, and frames in pieces of 16 KiB, which have to be gathered.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that fails may panic")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ushydra_wire::{Event, Format, HEADER_BYTES, Header, Parser, checksum, encode_frame};

const PIECE: usize = 16 << 10;

fn frame(width: u16, height: u16) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let payload: Vec<u8> = (0..u32::from(width) * u32::from(height))
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    let format = Format::Grey8;
    let header = Header { format, flags: 0, setup: 0, sequence: 0, width, height, payload: 0, captured_ns: 0, crc: 0 };
    [encode_frame(header, &payload).unwrap().as_slice(), &payload].concat()
}

/// Sums first and last bytes of payloads, so that they are needed.
fn parse(parser: &mut Parser<Vec<u8>>, bytes: &[u8], piece: usize) -> u64 {
    let mut sum = 0;
    for piece in bytes.chunks(piece) {
        let mut input = piece;
        while let Some(event) = parser.next(&mut input) {
            if let Event::Frame { payload, .. } = event {
                sum += u64::from(payload[0]) + u64::from(payload[payload.len() - 1]);
            }
        }
    }
    parser.end_of_transfer();
    sum
}

fn throughput(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parser");
    for (width, height) in [(640, 480), (1920, 1080)] {
        let bytes = frame(width, height);
        let mut copy = vec![0; bytes.len()];
        let mut parser = Parser::new(vec![0; bytes.len()]);
        let size = format!("{width}x{height}");
        group.throughput(Throughput::Bytes((bytes.len() - HEADER_BYTES) as u64));
        group.bench_function(BenchmarkId::new("memcpy", &size), |bencher| {
            bencher.iter(|| {
                copy.copy_from_slice(black_box(&bytes));
                black_box(copy.as_ptr())
            });
        });
        group.bench_function(BenchmarkId::new("checksum alone", &size), |bencher| {
            bencher.iter(|| checksum(black_box(&bytes)));
        });
        group.bench_function(BenchmarkId::new("whole frames", &size), |bencher| {
            bencher.iter(|| parse(&mut parser, black_box(&bytes), usize::MAX));
        });
        group.bench_function(BenchmarkId::new("pieces of 16 KiB", &size), |bencher| {
            bencher.iter(|| parse(&mut parser, black_box(&bytes), PIECE));
        });
    }
    group.finish();
}

criterion_group!(benches, throughput);
criterion_main!(benches);
