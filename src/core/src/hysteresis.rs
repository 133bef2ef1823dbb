//! Decoder switching over a cine: a switch needs K of the last N frames.

use heapless::HistoryBuf;

/// Longest window in frames.
pub const MAX_WINDOW: usize = 32;

/// Keeps the current decoder until another one won at least `needed` of the last `window` frames.
#[derive(Clone, Debug)]
pub struct Hysteresis {
    history: HistoryBuf<u8, MAX_WINDOW>,
    window: usize,
    needed: usize,
    current: Option<usize>,
}

impl Hysteresis {
    /// A switch needs `needed` of the last `window` frames. Both are clamped to 1..=[`MAX_WINDOW`], `needed` to
    /// `window`; `new(1, 1)` follows every frame.
    #[must_use]
    pub fn new(needed: usize, window: usize) -> Self {
        let window = window.clamp(1, MAX_WINDOW);
        Self { history: HistoryBuf::new(), window, needed: needed.clamp(1, window), current: None }
    }

    /// Feeds the frame's own choice and returns the decoder to use. The first frame's choice is taken at once.
    pub fn update(&mut self, choice: usize) -> usize {
        // Domain tables hold at most 8 entries, so the index fits a byte.
        let code = choice.min(usize::from(u8::MAX)) as u8;
        self.history.write(code);
        let recent = self.history.oldest_ordered().rev().take(self.window);
        let votes = recent.filter(|&&vote| vote == code).count();
        match self.current {
            Some(current) if votes < self.needed => current,
            _ => {
                self.current = Some(choice);
                choice
            }
        }
    }

    /// Forgets everything, for a new cine or a replugged probe.
    pub fn reset(&mut self) {
        self.history.clear();
        self.current = None;
    }
}
