//! Simulated cines as a frame source, for demonstrations and tests where no recording may be shipped.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ushydra_core::PixelFormat;
use ushydra_phantom::{Phantom, PhantomError, Quality, Rng, View};

use crate::error::{Fault, ProbeError};
use crate::file::{Clock, Pace, wait_until};
use crate::frame::{Frame, FrameSource, Next};

/// What is simulated: `VIEW[:DOMAIN[:SEED[:FRAMES]]]`, for example `a4c:low:7` or `fetal-head:high:1:100`. Without a number
/// of frames the cine has no end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulation {
    /// Anatomy.
    pub view: View,
    /// Quality domain: `low` or `high`.
    pub domain: Domain,
    /// Decides patient and scanner settings.
    pub seed: u64,
    /// Frames until the end; none for no end.
    pub frames: Option<u32>,
}

/// Quality domain of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// A portable scanner.
    Low,
    /// A cart scanner.
    High,
}

impl FromStr for Simulation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = "use VIEW[:DOMAIN[:SEED[:FRAMES]]] with the views a4c and fetal-head and the domains low and high";
        let mut parts = text.split(':');
        let view = parts.next().unwrap_or_default();
        let view = view.parse().map_err(|e: PhantomError| format!("{e}; {wanted}"))?;
        let domain = match parts.next() {
            None | Some("low") => Domain::Low,
            Some("high") => Domain::High,
            Some(other) => return Err(format!("`{other}` is no domain of phantoms; {wanted}")),
        };
        let number = |part: Option<&str>| {
            part.map(|p| p.parse::<u64>().map_err(|_| format!("`{p}` is no whole number; {wanted}"))).transpose()
        };
        let seed = number(parts.next())?.unwrap_or(1);
        let frames = number(parts.next())?.map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        match parts.next() {
            None => Ok(Self { view, domain, seed, frames }),
            Some(rest) => Err(format!("`{rest}` is one word too many; {wanted}")),
        }
    }
}

impl fmt::Display for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = match self.domain {
            Domain::Low => "low",
            Domain::High => "high",
        };
        write!(f, "{}:{domain}:{}", self.view, self.seed)?;
        self.frames.map_or(Ok(()), |frames| write!(f, ":{frames}"))
    }
}

/// One simulated patient, frame by frame at the cine's own rate.
pub struct PhantomSource {
    simulation: Simulation,
    phantom: Phantom,
    name: Arc<str>,
    clock: Clock,
    next: u32,
}

impl PhantomSource {
    /// Starts a simulation.
    ///
    /// # Errors
    /// [`ProbeError`] where the simulator refuses the setting.
    pub fn new(simulation: Simulation, pace: Pace) -> Result<Self, ProbeError> {
        let name: Arc<str> = Arc::from(format!("phantom:{simulation}"));
        let range = match simulation.domain {
            Domain::Low => Quality::low(),
            Domain::High => Quality::high(),
        };
        let quality = range.sample(&mut Rng::new(simulation.seed));
        let phantom = Phantom::new(simulation.view, &quality, simulation.seed)
            .map_err(|e| ProbeError::new(Arc::clone(&name), Fault::Simulation(e.to_string())))?;
        Ok(Self { simulation, phantom, name, clock: Clock::new(pace), next: 0 })
    }
}

impl FrameSource for PhantomSource {
    fn next(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Next, ProbeError> {
        if self.simulation.frames.is_some_and(|frames| self.next >= frames) {
            return Ok(Next::End);
        }
        let time = Duration::from_secs_f64(f64::from(self.next) / self.phantom.frame_rate().max(1.0));
        let due = self.clock.due(time);
        if due.is_some_and(|due| !wait_until(due, timeout)) {
            return Ok(Next::Timeout);
        }
        let begin = Instant::now();
        let drawn = self.phantom.frame(self.next);
        let pixels = frame
            .shape(drawn.width, drawn.height, PixelFormat::Grey8)
            .map_err(|fault| ProbeError::new(Arc::clone(&self.name), fault))?;
        pixels.copy_from_slice(&drawn.pixels);
        frame.sequence = u64::from(self.next);
        frame.captured = due.unwrap_or_else(Instant::now);
        frame.recorded = Some(time);
        frame.spacing_mm = Some([drawn.spacing_mm[1] as f32, drawn.spacing_mm[0] as f32]);
        frame.source = Arc::clone(&self.name);
        frame.index = self.next;
        frame.decode = begin.elapsed();
        self.next = self.next.saturating_add(1);
        Ok(Next::Frame)
    }

    fn describe(&self) -> String {
        format!("{} (simulated, {:.0} frames per second)", self.name, self.phantom.frame_rate())
    }
}

impl fmt::Debug for PhantomSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PhantomSource").field("simulation", &self.simulation).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn simulations_parse_and_print_back() {
        for (text, full) in
            [("a4c", "a4c:low:1"), ("a4c:high", "a4c:high:1"), ("fetal-head:low:7:30", "fetal-head:low:7:30")]
        {
            assert_eq!(text.parse::<Simulation>().unwrap().to_string(), full);
        }
        for text in ["", "liver", "a4c:best", "a4c:low:x", "a4c:low:1:2:3", "a4c:low:-1"] {
            assert!(text.parse::<Simulation>().unwrap_err().contains("VIEW"), "{text}");
        }
    }

    #[test]
    fn frames_come_in_order_and_end() {
        let mut source = PhantomSource::new("a4c:low:3:4".parse().unwrap(), Pace::AsFastAsPossible).unwrap();
        let mut frame = Frame::new();
        for index in 0..4 {
            assert_eq!(source.next(&mut frame, Duration::ZERO).unwrap(), Next::Frame);
            assert_eq!((frame.index, frame.sequence), (index, u64::from(index)));
            assert!(frame.view().is_ok() && frame.spacing_mm.is_some() && frame.data.iter().any(|v| *v > 30));
        }
        assert_eq!(source.next(&mut frame, Duration::ZERO).unwrap(), Next::End);
        assert_eq!(source.next(&mut frame, Duration::ZERO).unwrap(), Next::End);
    }

    #[test]
    fn the_recorded_rate_is_kept() {
        let mut source = PhantomSource::new("a4c:low:3".parse().unwrap(), Pace::Recorded).unwrap();
        let mut frame = Frame::new();
        let mut next = || {
            assert_eq!(source.next(&mut frame, Duration::from_secs(60)).unwrap(), Next::Frame);
            (frame.captured, frame.recorded.unwrap())
        };
        // However late this machine is, a frame counts as captured at the moment when it was due.
        let (first, second) = (next(), next());
        assert!(second.1 > first.1);
        assert_eq!(second.0 - first.0, second.1 - first.1);
    }
}
