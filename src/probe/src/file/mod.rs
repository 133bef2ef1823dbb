//! Replay of files.

mod inputs;
mod order;
mod pace;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Fault, ProbeError};
use crate::frame::{Frame, FrameSource, Next};
use crate::guard::guarded;
use crate::limits::Limits;
use crate::media::{Media, Scratch};
use crate::stream::Stream;
use inputs::{Input, Origin};
pub(crate) use pace::{Clock, wait_until};

pub use pace::{FALLBACK_INTERVAL, Pace};

/// How files are replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileOptions {
    /// At the recorded rate, or as fast as possible (the default).
    pub pace: Pace,
    /// Begin again after the last file.
    pub looping: bool,
    /// Bounds on memory.
    pub limits: Limits,
}

/// Frames of pictures, DICOM cines, AVI files and volumes, one file after the other.
///
/// A file that cannot be read, or not to its end, gives one error; the next call goes on with the next file. A looping
/// replay reports a fault once, not in every round, and ends when a whole round delivered nothing.
///
/// Reading a file takes no memory that grows with its length, except for volumes, which are read at once. Its buffers are reused from frame to frame and from file
/// to file; what the image codecs allocate for themselves they allocate and free for each picture.
pub struct FileSource {
    inputs: Vec<Input>,
    options: FileOptions,
    clock: Clock,
    scratch: Scratch,
    current: Option<Media>,
    /// Index of the current input, or of the next one.
    at: usize,
    sequence: u64,
    /// Frames delivered since the first input.
    in_round: u64,
    ended: bool,
}

impl FileSource {
    /// Replays `inputs`: files in the order given; folders with their subfolders, in natural order of the names
    /// (`frame2.png` before `frame10.png`), without hidden files and files of other types.
    ///
    /// What is wrong with a single input is reported by [`FrameSource::next`] in its turn.
    ///
    /// # Errors
    /// [`Fault::NoInputs`] without inputs.
    pub fn open(inputs: &[PathBuf], pace: Pace, looping: bool) -> Result<Self, ProbeError> {
        Self::open_with(inputs, FileOptions { pace, looping, ..FileOptions::default() })
    }

    /// [`Self::open`] with all options.
    ///
    /// # Errors
    /// [`Fault::NoInputs`] without inputs.
    pub fn open_with(inputs: &[PathBuf], options: FileOptions) -> Result<Self, ProbeError> {
        if inputs.is_empty() {
            return Err(ProbeError::new(Arc::from(""), Fault::NoInputs));
        }
        Ok(Self::new(inputs::expand(inputs), options))
    }

    /// Replays the content of one file that is in memory already. `name` stands for its path in frames and errors.
    #[must_use]
    pub fn from_bytes(name: &str, bytes: impl Into<Arc<[u8]>>, options: FileOptions) -> Self {
        Self::new(vec![Input::new(name, Origin::Memory(bytes.into()))], options)
    }

    fn new(inputs: Vec<Input>, options: FileOptions) -> Self {
        Self {
            inputs,
            options,
            clock: Clock::new(options.pace),
            scratch: Scratch::default(),
            current: None,
            at: 0,
            sequence: 0,
            in_round: 0,
            ended: false,
        }
    }

    /// Files found, including those that cannot be read.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// Opens the current input if it is not open; `false` if there is none left.
    fn open_current(&mut self) -> Result<bool, ProbeError> {
        while self.current.is_none() {
            if self.ended || (self.at >= self.inputs.len() && !self.begin_round()) {
                return Ok(false);
            }
            let Some(input) = self.inputs.get_mut(self.at) else { return Ok(false) };
            let limits = &self.options.limits;
            let opened = match &mut input.origin {
                Origin::Path(path) => Stream::open(path).and_then(|stream| open(stream, path.parent(), limits)),
                Origin::Memory(bytes) => open(Stream::memory(Arc::clone(bytes)), None, limits),
                Origin::Faulty(fault) => match fault.take() {
                    Some(fault) => Err(fault),
                    None => {
                        self.at += 1;
                        continue;
                    }
                },
            };
            match opened {
                Ok(media) => self.current = Some(media),
                Err(fault) => self.fail(fault)?,
            }
        }
        Ok(true)
    }

    /// Goes back to the first input, if the replay loops and that would deliver anything.
    fn begin_round(&mut self) -> bool {
        let again = self.options.looping && self.in_round > 0;
        self.at = 0;
        self.in_round = 0;
        self.ended = !again;
        again
    }

    /// Leaves the current input; reports its fault unless it was reported in an earlier round.
    fn fail(&mut self, fault: Fault) -> Result<(), ProbeError> {
        self.current = None;
        let Some(input) = self.inputs.get_mut(self.at) else { return Ok(()) };
        self.at += 1;
        if std::mem::replace(&mut input.failed, true) {
            return Ok(());
        }
        Err(ProbeError::new(Arc::clone(&input.name), fault))
    }
}

fn open(stream: Stream, folder: Option<&Path>, limits: &Limits) -> Result<Media, Fault> {
    guarded("file", || Media::open(stream, folder, limits))
}

impl FrameSource for FileSource {
    fn next(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Next, ProbeError> {
        let called = Instant::now();
        while self.open_current()? {
            let Some(media) = self.current.as_mut() else { continue };
            let time_of = |media: &Media, index: u32| {
                media.time_of(index).unwrap_or_else(|| FALLBACK_INTERVAL.saturating_mul(index))
            };
            let due = self.clock.due(time_of(media, media.position()));
            if let Some(due) = due {
                let left = timeout.saturating_sub(called.elapsed());
                if !wait_until(due, left) {
                    return Ok(Next::Timeout);
                }
            }
            let begun = Instant::now();
            match media.next(frame, &mut self.scratch, &self.options.limits) {
                Ok(true) => {
                    frame.captured = due.unwrap_or(begun);
                    frame.decode = begun.elapsed();
                    frame.sequence = self.sequence;
                    if let Some(input) = self.inputs.get(self.at) {
                        frame.source = Arc::clone(&input.name);
                    }
                    self.sequence += 1;
                    self.in_round += 1;
                    return Ok(Next::Frame);
                }
                Ok(false) => {
                    self.clock.end_file(time_of(media, media.position()));
                    self.current = None;
                    self.at += 1;
                }
                Err(fault) => {
                    self.clock.end_file(time_of(media, media.position()));
                    self.fail(fault)?;
                }
            }
        }
        Ok(Next::End)
    }

    fn describe(&self) -> String {
        let first = self.inputs.first().map_or("", |input| &input.name);
        let what = match self.inputs.len() {
            1 => first.to_owned(),
            count => format!("{count} files from {first} on"),
        };
        let pace = match self.options.pace {
            Pace::Recorded => "at the recorded rate",
            Pace::AsFastAsPossible => "as fast as possible",
        };
        format!("replay of {what} {pace}{}", if self.options.looping { ", again and again" } else { "" })
    }
}
