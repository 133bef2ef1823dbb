//! Faults that a simulated device was told to have.

use std::collections::VecDeque;
use std::time::Duration;

use crate::script::Fault;

/// What is to go wrong: faults of the next transfer, silence, refused control requests.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    transfer: VecDeque<Fault>,
    silent_until: Duration,
    refuse: u32,
    refuse_until: Duration,
}

impl Troubles {
    pub(crate) fn add(&mut self, fault: &Fault, now: Duration) {
        match fault {
            Fault::Silence(time) => self.silent_until = now + *time,
            Fault::Refuse(count) => self.refuse = *count,
            Fault::RefuseFor(time) => self.refuse_until = now + *time,
            other => self.transfer.push_back(other.clone()),
        }
    }

    /// Whether a control request is refused on purpose.
    pub(crate) fn refuses(&mut self, now: Duration) -> bool {
        if now < self.refuse_until {
            return true;
        }
        let refused = self.refuse > 0;
        self.refuse = self.refuse.saturating_sub(1);
        refused
    }

    /// Until when nothing is sent; none where frames flow.
    pub(crate) fn silence(&self, now: Duration) -> Option<Duration> {
        (now < self.silent_until).then_some(self.silent_until)
    }

    /// The next fault of the transfer that is made now.
    pub(crate) fn next(&mut self) -> Option<Fault> {
        self.transfer.pop_front()
    }

    /// Whether the endpoint halts before the next transfer, once.
    pub(crate) fn take_stall(&mut self) -> bool {
        let at = self.transfer.iter().position(|fault| *fault == Fault::Stall);
        at.is_some_and(|at| self.transfer.remove(at).is_some())
    }

    /// No transfer is made any more that could have a fault.
    pub(crate) fn forget_transfer(&mut self) {
        self.transfer.clear();
    }

    pub(crate) fn end_silence(&mut self) {
        self.silent_until = Duration::ZERO;
    }
}
