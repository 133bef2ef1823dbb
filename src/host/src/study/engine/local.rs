//! Cells in threads of this process.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{CellState, Engine, Failure, Job};
use crate::error::{HostError, Result};
use crate::progress::Progress;
use crate::study::record::CellKey;

/// Wait between looks at cells that another process works on.
const LOOK: Duration = Duration::from_millis(500);

/// The default engine: up to `jobs` cells side by side. Several such processes may share a folder; each takes the cells that
/// no other one works on, and all wait for the last.
#[derive(Clone, Copy, Debug)]
pub struct Local {
    /// Cells at the same time.
    pub jobs: usize,
}

impl Engine for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn run(&self, job: &Job<'_>, cells: &[CellKey], progress: &Progress) -> Result<Vec<Failure>> {
        let mut open = Vec::new();
        for key in cells {
            if !(job.finished)(key)? {
                open.push(key.clone());
            }
        }
        let bar = progress.bar("cells", open.len());
        let failures = Mutex::new(Vec::new());
        let mut waited = false;
        while !open.is_empty() {
            let busy = Mutex::new(Vec::new());
            let next = AtomicUsize::new(0);
            let work = || -> Result<()> {
                while let Some(key) = open.get(next.fetch_add(1, Ordering::Relaxed)) {
                    progress.check()?;
                    match (job.run)(key) {
                        Ok(CellState::Finished) => bar.step()?,
                        Ok(CellState::Busy { by }) => {
                            if !waited {
                                log::info!("{key}: {by} works on it");
                            }
                            push(&busy, key.clone());
                        }
                        Err(HostError::Stopped) => return Err(HostError::Stopped),
                        Err(error) => {
                            log::error!("{key}: {error}");
                            push(&failures, Failure { key: key.clone(), problem: error.to_string() });
                            bar.step()?;
                        }
                    }
                }
                Ok(())
            };
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..self.jobs.clamp(1, open.len())).map(|_| scope.spawn(work)).collect();
                threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Err(HostError::Stopped)))
            })?;
            let busy = busy.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
            if busy.len() == open.len() {
                waited = true;
                std::thread::sleep(LOOK);
                progress.check()?;
            }
            open = busy;
        }
        bar.done();
        let mut failures = failures.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        failures.sort_by(|a: &Failure, b| a.key.cmp(&b.key));
        Ok(failures)
    }
}

fn push<T>(to: &Mutex<Vec<T>>, value: T) {
    to.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(value);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn keys(count: u64) -> Vec<CellKey> {
        let key = |seed| CellKey { system: "s".into(), split: "p".into(), seed, variant: String::new() };
        (0..count).map(key).collect()
    }

    #[test]
    fn finished_cells_rest_failing_ones_hold_up_nobody_and_busy_ones_are_waited_for() {
        let done = Mutex::new(BTreeSet::from([0_u64]));
        let tries = AtomicUsize::new(0);
        let job = Job {
            out: Path::new(""),
            command: Vec::new(),
            finished: &|key| Ok(done.lock().unwrap().contains(&key.seed)),
            run: &|key| match key.seed {
                0 => panic!("finished cells are not computed again"),
                1 => Err(HostError::Dataset("no".into())),
                2 if tries.fetch_add(1, Ordering::Relaxed) < 2 => Ok(CellState::Busy { by: "another".into() }),
                seed => {
                    done.lock().unwrap().insert(seed);
                    Ok(CellState::Finished)
                }
            },
        };
        let failures = Local { jobs: 3 }.run(&job, &keys(5), &Progress::silent()).unwrap();
        assert_eq!(failures, [Failure { key: keys(2)[1].clone(), problem: "no".into() }]);
        assert_eq!(*done.lock().unwrap(), BTreeSet::from([0, 2, 3, 4]));
    }

    #[test]
    fn a_wish_to_stop_ends_the_work() {
        let progress = Progress::silent();
        progress.stop_flag().store(true, Ordering::Relaxed);
        let job = Job {
            out: Path::new(""),
            command: Vec::new(),
            finished: &|_| Ok(false),
            run: &|_| Ok(CellState::Finished),
        };
        assert!(matches!(Local { jobs: 1 }.run(&job, &keys(2), &progress), Err(HostError::Stopped)));
    }
}
