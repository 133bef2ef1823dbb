//! Running the program and looking at what it said.

#![allow(dead_code, reason = "every test file uses its own part")]

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use image::GrayImage;
use serde_json::Value;
use ushydra_tests::miniature::{Miniature, Segmenting};
use ushydra_tests::patience;

/// Longest run of a command in these tests, in seconds.
const PATIENCE: u64 = 120;

/// What a command answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    /// Standard output as JSON, one value per line.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in {line}"))).collect()
    }
}

/// The program with nothing of the caller's environment that it would listen to.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ushydra"));
    for variable in
        ["USHYDRA_MODELS", "USHYDRA_TENSORRT_LIB", "USHYDRA_CUDA_LIB", "RUST_LOG", "RUST_BACKTRACE", "NOTIFY_SOCKET"]
    {
        command.env_remove(variable);
    }
    // No test finds what another one, or the operator, has left.
    for variable in ["USHYDRA_CACHE", "USHYDRA_STORE", "USHYDRA_KEYS", "USHYDRA_STATE", "USHYDRA_SYSROOT"] {
        command.env(variable, "/nonexistent/ushydra");
    }
    command.stdin(Stdio::null());
    command
}

/// Runs `command` to its end.
pub(crate) fn finish(command: &mut Command) -> Answer {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    answer(child)
}

/// Waits for `child` and kills it where it takes too long.
pub(crate) fn answer(mut child: Child) -> Answer {
    let mut stdout = child.stdout.take();
    let mut stderr = child.stderr.take();
    std::thread::scope(|scope| {
        let out = scope.spawn(|| read(stdout.as_mut()));
        let err = scope.spawn(|| read(stderr.as_mut()));
        let (begin, longest) = (Instant::now(), patience(PATIENCE));
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begin.elapsed() > longest {
                child.kill().unwrap();
                panic!("the command did not end within {longest:?}");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Answer { code: status.code().unwrap_or(-1), stdout: out.join().unwrap(), stderr: err.join().unwrap() }
    })
}

fn read(pipe: Option<&mut impl Read>) -> String {
    let mut text = String::new();
    if let Some(pipe) = pipe {
        pipe.read_to_string(&mut text).unwrap();
    }
    text
}

/// `ushydra ARGUMENTS... --bundle FOLDER`.
pub(crate) fn ushydra(bundle: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Answer {
    finish(program().args(arguments).arg("--bundle").arg(bundle))
}

/// A folder with pictures that the miniature knows.
pub(crate) struct Scene {
    pub(crate) miniature: Miniature,
    pub(crate) pictures: PathBuf,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::of(Miniature::new().unwrap())
    }

    /// With a bundle that segments.
    pub(crate) fn segmenting(kind: &Segmenting) -> Self {
        Self::of(Miniature::segmenting(kind).unwrap())
    }

    fn of(miniature: Miniature) -> Self {
        let pictures = miniature.scratch().join("pictures");
        std::fs::create_dir(&pictures).unwrap();
        Self { miniature, pictures }
    }

    /// Saves a picture and returns its path.
    pub(crate) fn save(&self, name: &str, picture: &GrayImage) -> PathBuf {
        let path = self.pictures.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture.save(&path).unwrap();
        path
    }

    /// Writes any file and returns its path.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.pictures.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Runs the program on the miniature.
    pub(crate) fn ushydra(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Answer {
        ushydra(&self.miniature.folder(), arguments)
    }
}

/// Arguments of different kinds in one list.
#[macro_export]
macro_rules! arguments {
    ($($argument:expr),* $(,)?) => { vec![$(std::ffi::OsString::from(&$argument)),*] };
}
