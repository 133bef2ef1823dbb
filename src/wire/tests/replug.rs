//! A probe that is pulled out and plugged in again and again costs no memory.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use ushydra_wire::{Event, HEADER_BYTES, Parser};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const REPLUGS: usize = 1000;

#[test]
fn a_thousand_replugs_allocate_nothing() {
    let frames: Vec<Vec<u8>> = (0..3).map(|sequence| common::frame(sequence, 64, 48)).collect();
    let mut parser = Parser::new(vec![0; HEADER_BYTES + 64 * 48]);
    let mut whole = 0;
    let region = Region::new(ALLOCATOR);
    for replug in 0..REPLUGS {
        parser.restart();
        for (index, frame) in frames.iter().enumerate() {
            // The last frame is cut at another place each time, sometimes with the transfer ended before the plug is pulled.
            let last = index + 1 == frames.len();
            let cut = if last { replug * 3 % frame.len() } else { frame.len() };
            for packet in frame[..cut].chunks(512) {
                let mut input = packet;
                while let Some(event) = parser.next(&mut input) {
                    whole += usize::from(matches!(event, Event::Frame { .. }));
                }
            }
            if !last || replug % 2 == 0 {
                parser.end_of_transfer();
            }
        }
    }
    let change = region.change();
    assert_eq!((change.allocations, change.reallocations, change.deallocations), (0, 0, 0));
    assert_eq!((whole, parser.counters().received), (2 * REPLUGS, 2 * REPLUGS as u64));
    assert_eq!((parser.counters().dropped, parser.counters().out_of_sequence), (0, 0));
}
