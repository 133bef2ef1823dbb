//! The same work on many items, side by side.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use crate::error::{HostError, Result};
use crate::progress::Bar;

/// `work` on every item by up to `jobs` threads; results in the order of the items. `tools` makes what one thread needs for
/// itself. The first failure, or the operator's wish to stop, ends the others after their current item.
///
/// # Errors
/// The first error of `work`, [`HostError::Stopped`].
pub fn map<I: Sync, T: Send, W>(
    items: &[I],
    jobs: usize,
    bar: &Bar,
    tools: impl Fn() -> W + Sync,
    work: impl Fn(&mut W, &I) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let (next, halt) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (sender, receiver) = mpsc::channel();
    let mut done: Vec<Option<T>> = items.iter().map(|_| None).collect();
    let mut failure: Option<HostError> = None;
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            let sender = sender.clone();
            let (next, halt, tools, work) = (&next, &halt, &tools, &work);
            scope.spawn(move || {
                let mut own = tools();
                while !halt.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    if sender.send((index, work(&mut own, item))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for (index, result) in receiver {
            match result.and_then(|value| bar.step().map(|()| value)) {
                Ok(value) => done[index] = Some(value),
                Err(error) => {
                    halt.store(true, Ordering::Relaxed);
                    failure.get_or_insert(error);
                }
            }
        }
    });
    bar.done();
    match failure {
        Some(error) => Err(error),
        None => Ok(done.into_iter().flatten().collect()),
    }
}
